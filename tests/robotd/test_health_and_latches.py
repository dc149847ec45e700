"""Faults that no signal shows, faults that are found after the check, and what stays of both."""

from __future__ import annotations

import numpy as np
import pytest
from safety_watch import SETUP, SPEC, Watch, signals

from robotd import safety
from robotd.fault_table import FAULT_TABLE, Fault, failing_buses
from robotd.health import Health
from robotd.mode import Event, Mode, Stop
from robotd.safety import SafetyState

POWERED = [mode for mode in Mode if mode.powered]
WAIST = SPEC.robot.actuator_names.index("waist_yaw")


# Found after the check, in the same tick


@pytest.mark.parametrize("fault", [Fault.NONFINITE, Fault.IMU_STALE, Fault.BUS, Fault.LINK])
def test_a_fault_that_is_found_later_is_latched_by_its_first_row(fault: Fault) -> None:
    row = next(i for i, row in enumerate(FAULT_TABLE) if row.fault is fault)
    before = SafetyState(missed=2, history=5, dead_buses=4)
    state, verdict = safety.latch(before, safety.Verdict(Fault.NONE, Fault.NONE, Stop.NONE), fault)
    assert state == before._replace(latched=tuple(i == row for i in range(len(FAULT_TABLE))))
    assert verdict == (fault, fault, Stop.CROUCH)


def test_a_fault_that_is_found_later_takes_nothing_away() -> None:
    watch = Watch(Mode.ACTIVE)
    first = watch.feed(signals({"imu_age_s": 0.3}), Event.STOP)
    state, verdict = safety.latch(watch.state, first, Fault.NONFINITE)
    assert verdict.faults == first.faults | Fault.NONFINITE and verdict.present == first.present | Fault.NONFINITE
    assert verdict.stop is Stop.LIMP
    assert sum(state.latched) == sum(watch.state.latched) + 1 and state.lasted == watch.state.lasted
    assert all(now for now, was in zip(state.latched, watch.state.latched, strict=True) if was)
    again, _ = safety.latch(state, verdict, Fault.NONFINITE)
    assert again == state


# Of health and link, which no signal shows


def health_of(
    degc: float = 25.0, volts: float = 12.0, errors: tuple[int, ...] = (), told_s: float = 0.0, feet_s: float = 0.0
) -> Health:
    temperature, ages = np.array(SETUP.well.temperature_degc), np.array(SETUP.well.servo_age_s)
    temperature[WAIST], ages[WAIST] = degc, told_s
    return Health(temperature, np.asarray(volts, np.float32), errors, ages, np.asarray(feet_s, np.float32))


HEALTH_CASES = [
    ("a hot servo", health_of(degc=75.0), health_of(degc=75.1), Fault.OVERHEAT, 51),
    ("a weak battery", health_of(volts=10.0), health_of(volts=9.99), Fault.UNDERVOLT, 51),
    ("the last bus", health_of(errors=(0, 0, 2)), health_of(errors=(0, 0, 3)), Fault.BUS, 1),
    ("the first bus", health_of(errors=(2,)), health_of(errors=(1000,)), Fault.BUS, 1),
    ("a servo that tells nothing", health_of(told_s=3.0), health_of(told_s=3.01), Fault.HEALTH_STALE, 1),
    ("switches nobody reads", health_of(feet_s=0.19), health_of(feet_s=0.21), Fault.FOOT_STALE, 1),
]


@pytest.mark.parametrize("mode", POWERED)
@pytest.mark.parametrize("name, below, above, fault, ticks", HEALTH_CASES, ids=[case[0] for case in HEALTH_CASES])
def test_health_just_below_and_just_above_its_bound(
    name: str, below: Health, above: Health, fault: Fault, ticks: int, mode: Mode
) -> None:
    well, ill = Watch(mode), Watch(mode)
    for _ in range(60):
        assert well.feed(signals({}), health=below) == (Fault.NONE, Fault.NONE, Stop.NONE)
    for _ in range(ticks - 1):
        assert ill.feed(signals({}), health=above) == (Fault.NONE, fault, Stop.NONE)
    assert ill.feed(signals({}), health=above) == (fault, fault, Stop.CROUCH)
    assert ill.feed(signals({}), health=below) == (fault, Fault.NONE, Stop.CROUCH)  # latched


@pytest.mark.parametrize("errors, dead", [((3,), 1), ((0, 3), 2), ((9, 0, 3), 5), ((2, 2, 2), 0), ((), 0)])
def test_buses_that_are_out_are_remembered_as_bits(errors: tuple[int, ...], dead: int) -> None:
    assert failing_buses(health_of(errors=errors), SETUP.config.safety) == dead
    watch = Watch(Mode.ACTIVE)
    watch.feed(signals({}), health=health_of(errors=errors))
    watch.feed(signals({}))
    assert watch.state.dead_buses == dead
    watch.mode = Mode.FAULT
    watch.feed(signals({}), Event.ARM)
    assert watch.state.dead_buses == dead
    watch.feed(signals({}), Event.CLEAR, health=health_of(errors=errors))
    assert watch.state.dead_buses == 0 and not any(watch.state.latched)


def test_a_temporary_fault_goes_with_its_condition_and_is_never_latched() -> None:
    watch = Watch(Mode.ACTIVE)
    for n in range(26):
        verdict = watch.feed(signals({}), silent_s=0.52 + n * 0.02)
        assert (verdict.faults, verdict.present) == (Fault.LINK if n == 25 else Fault.NONE, Fault.LINK)
    assert verdict.stop is Stop.CROUCH and not any(watch.state.latched)
    assert watch.feed(signals({}), silent_s=0.0) == (Fault.NONE, Fault.NONE, Stop.NONE)
    assert watch.feed(signals({}), silent_s=0.6) == (Fault.NONE, Fault.LINK, Stop.NONE)  # the debounce begins anew


def test_debounces_are_keys_of_the_config_and_rows_without_one_have_none() -> None:
    bounds = SETUP.config.safety
    for row in FAULT_TABLE:
        assert row.debounce_s(bounds) == (getattr(bounds, row.debounce) if row.debounce else 0.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_command_or_a_health_that_is_not_finite_is_seen_by_the_table(bad: float) -> None:
    for velocity in ((bad, 0.0, 0.0), (0.0, bad, 0.0), (0.0, 0.0, bad)):
        assert Fault.NONFINITE in Watch(Mode.ACTIVE).feed(signals({}), velocity=velocity).faults
    assert Fault.NONFINITE in Watch(Mode.ACTIVE).feed(signals({}), health=health_of(degc=bad)).faults
    assert Fault.NONFINITE in Watch(Mode.ACTIVE).feed(signals({}), health=health_of(volts=bad)).faults
    assert Fault.NONFINITE in Watch(Mode.ACTIVE).feed(signals({}), health=health_of(told_s=bad)).faults
    assert Fault.NONFINITE in Watch(Mode.ACTIVE).feed(signals({}), health=health_of(feet_s=bad)).faults


def test_all_conditions_that_hold_are_present() -> None:
    verdict = Watch(Mode.IDLE).feed(signals({"imu_age_s": 0.1}), health=health_of(degc=80.0, errors=(3,)))
    assert verdict.present == Fault.IMU_STALE | Fault.BUS | Fault.OVERHEAT


def test_the_debounce_begins_with_the_tick_that_first_saw_it_whatever_was_skipped_before() -> None:
    watch = Watch(Mode.ACTIVE)
    watch.feed(signals({}), health=health_of(degc=80.0), skipped=2)
    hot = FAULT_TABLE.index(next(row for row in FAULT_TABLE if row.fault is Fault.OVERHEAT))
    assert watch.state.lasted[hot] == 0
    watch.feed(signals({}), health=health_of(degc=80.0), skipped=1)
    assert watch.state.lasted[hot] == 2
    watch.feed(signals({}))
    assert watch.state.lasted[hot] == -1 == SafetyState().lasted[hot]


def test_fifty_deadlines_are_remembered_and_no_more() -> None:
    state = safety.count_deadlines(SafetyState(history=1 << 48), 0)
    assert state.history == 1 << 49
    assert safety.count_deadlines(state, 0).history == 0
    assert safety.count_deadlines(SafetyState(), 10**6).history == (1 << 50) - 2


def test_a_link_is_forgotten_at_its_bound() -> None:
    bounds = SETUP.config.safety
    gone_s = bounds.link_silent_s + bounds.link_decay_s + bounds.link_forget_s
    assert Watch(Mode.IDLE).feed(signals({}), silent_s=gone_s).present == Fault.NONE


def test_a_state_of_another_table_is_refused() -> None:
    watch = Watch(Mode.ACTIVE)
    watch.state = SafetyState(lasted=(-1,), latched=(False,))
    with pytest.raises(ValueError, match="shorter"):
        watch.feed(signals({}))
