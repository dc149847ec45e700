"""Is torque really off, or on, and is that what is said? On the real drivers and every wire, in simulated time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from torque_walk import Robot, loaded, play, pull, walk
from wired_robot import WiredRobot

from firmware_bridge.hiwonder import Command
from robotd.daemon import Unreachable
from robotd.messages import Clear, Estop, Stop
from robotd.mode import Event, Mode
from robotd.record import Operator, Orders, TickRecord
from robotd.safety import Fault


def hold_all(wired: WiredRobot) -> None:
    """As a robotd that died has left them: at their pose, with torque."""
    for servo in wired.servos.values():
        servo._move(round(servo._joints.read(servo.joint)), 0)
    assert loaded(wired) == 11


def refuse_torque(servo: Any) -> None:
    """Its own protection keeps torque off: the supply is outside of what it was told to bear."""
    servo._registers[Command.VIN_LIMIT_WRITE] = (12_500, 14_000)
    servo._load(False)


def for_ticks(number: int) -> Operator:
    return lambda record: Orders(shutdown=record is not None and record.number >= number)


def test_servos_found_with_torque_are_unloaded_before_the_first_tick(robot: Robot) -> None:
    wired, _ = robot
    hold_all(wired)
    at_ticks: list[int] = []
    play(robot, for_ticks(3), [lambda record: at_ticks.append(loaded(wired))])
    assert set(at_ticks) == {0}


def test_where_that_cannot_be_proven_robotd_does_not_start(robot: Robot) -> None:
    wired, _ = robot
    hold_all(wired)
    servo = wired.servos["left_leg", 3]
    servo._load = lambda wanted: None  # type: ignore[method-assign] # it keeps its torque, whatever it is told
    with pytest.raises(
        Unreachable, match=r"left_leg .*torque off is NOT PROVEN at servo 3 \(left_knee_pitch\); cut the"
    ):
        play(robot, for_ticks(3))
    assert loaded(wired) == 1


@pytest.mark.parametrize("mode", [Mode.IDLE, Mode.FAULT])
def test_an_emergency_stop_unloads_also_where_this_robotd_gave_no_torque(robot: Robot, mode: Mode) -> None:
    wired, _ = robot
    left: dict[int, int] = {}

    def operator(record: TickRecord | None) -> Orders:
        number = -1 if record is None else record.number
        if number == 4 and mode is Mode.FAULT:
            return Orders((Event.ESTOP,))
        if number == 50:
            hold_all(wired)
            return Orders((Event.ESTOP,))
        return Orders(shutdown=number >= 60)

    play(robot, operator, [lambda record: left.update({record.number: loaded(wired)})])
    assert left[53] == 0, "two ticks later, before the slow round of questions can have found all"


def test_without_torque_a_servo_that_is_found_loaded_is_unloaded_again(robot: Robot) -> None:
    wired, _ = robot
    left: dict[int, int] = {}

    def look(record: TickRecord) -> None:
        if record.number == 50:
            hold_all(wired)
        left[record.number] = loaded(wired)

    play(robot, for_ticks(150), [look])
    assert left[50] == 11 and left[49] == left[120] == 0
    after_ticks = min(number for number, count in left.items() if number > 50 and not count) - 50
    print(f"all unloaded {after_ticks * 20} ms after they were loaded")


def test_torque_goes_off_before_the_log_is_written(robot: Robot, monkeypatch: pytest.MonkeyPatch) -> None:
    wired, _ = robot
    seen: list[tuple[str, int]] = []
    disable = wired.disable
    monkeypatch.setattr(wired, "disable", lambda: (seen.append(("disable", 0)), disable()))
    monkeypatch.setattr("robotd.loop.log.critical", lambda *words, **more: seen.append(("log", 0)))

    def fail(record: TickRecord) -> None:
        if record.number == 5:
            raise OSError("a hook failed")

    summary = play(robot, for_ticks(9), [fail])
    assert [what for what, _ in seen][:2] == ["disable", "log"] and summary.error == "OSError: a hook failed"


def test_an_estop_is_answered_with_the_servos_own_word(robot: Robot) -> None:
    walker = walk(robot, {50: Estop()}, 80)
    after, done = walker.said[50]
    print(
        f"loaded before, in and after the tick of the estop: {[walker.loaded[n] for n in (50, 51, 52)]}, answer {after}"
    )
    assert walker.loaded[50] == 11 and walker.loaded[52] == 0
    assert done.ok and done.text == "torque is off, latched: OPERATOR" and 1 < after <= 10
    assert walker.records[51].mode is Mode.FAULT and walker.records[51 + after - 1].health.torque_unproven == 0


def test_an_estop_that_a_pulled_bus_did_not_hear_says_so(robot: Robot) -> None:
    wired, _ = robot
    plan = {50: pull(wired, "left_leg", True), 150: Estop(), 200: Clear(), 210: Stop()}
    walker = walk(robot, plan, 240)
    for asked in (150, 200, 210):
        _, done = walker.said[asked]
        assert not done.ok and "torque off is NOT PROVEN at left_hip_pitch, left_hip_roll, " in done.text, done.text
        assert "right" not in done.text and done.text.endswith("; cut the power")
    assert walker.loaded[239] == 5


def test_a_servo_that_refuses_its_torque_stops_the_robot(robot: Robot) -> None:
    wired, _ = robot
    refuse_torque(wired.servos["left_leg", 5])
    records: list[TickRecord] = []

    def operator(record: TickRecord | None) -> Orders:
        over = record is not None and record.number > 200
        return Orders((Event.ARM,) if record is None or record.mode is Mode.IDLE else (), shutdown=over)

    play(robot, operator, [records.append])
    homing = next(record.number for record in records if record.mode is Mode.HOMING)
    stopped = next(record for record in records if record.mode is Mode.STOPPING)
    print(f"stopped {(stopped.number - homing) * 20} ms after torque was asked for")
    assert stopped.faults == Fault.TORQUE and 15 <= stopped.number - homing <= 20
    assert records[-1].mode is Mode.FAULT


def test_while_a_servo_refuses_its_torque_temperatures_are_still_read(robot: Robot) -> None:
    wired, _ = robot
    refuse_torque(wired.servos["left_leg", 5])
    ages_s: list[float] = []

    def look(record: TickRecord) -> None:
        if record.mode.powered:
            ages_s.append(float(record.health.servo_age_s.max()))

    play(robot, lambda record: Orders((Event.ARM,), shutdown=record is not None and record.number > 120), [look])
    assert max(ages_s) < 1.5


def test_feedback_stays_young_while_load_states_are_asked(robot: Robot) -> None:
    _, bundle = robot
    legs = [not name.startswith("waist") for name in bundle.spec.robot.actuator_names]
    walker = walk(robot, {}, 500)
    ages = np.array([record.signals.joint_age_s[legs] for record in walker.records.values()])
    print(f"age of legs' feedback: p95 {np.percentile(ages, 95) * 1e3:.1f} ms, most {ages.max() * 1e3:.1f} ms")
    assert np.percentile(ages, 95) < 0.06
