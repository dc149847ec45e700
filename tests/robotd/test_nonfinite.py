"""NaN and inf at every place where a number comes in: neither memory nor bus ever sees it, the crouch begins at the
last good target, and NONFINITE stands in the record of the same tick."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from bundle_builder import WALKING_LAYOUT, real_spec
from robot_builder import only, setup_of, signals_of, state_in, tilted, zeros

from contract import Signals, observe
from robotd.mode import Event, Mode
from robotd.record import Orders, TickRecord
from robotd.safety import Fault
from robotd.tick import TickState, tick

SETUP = setup_of(real_spec(layout=WALKING_LAYOUT, delay=1, alpha=0.5))
SPEC = SETUP.spec
HOME = SPEC.robot.home
GO = Orders()
JOINTS = SPEC.num_joints
OBSERVED = SPEC.model.obs_dim
WELL = SETUP.well
OF_HEALTH = ("temperature_degc", "voltage_v", "servo_age_s", "foot_switch_age_s")


class Place(NamedTuple):
    """Where the bad number is: in which argument or stage, and at which of its elements."""

    what: str
    element: int

    def __str__(self) -> str:
        return f"{self.what}[{self.element}]"


def places() -> Iterator[Place]:
    """Every element of everything that comes in."""
    sizes = {name: np.size(field) for name, field in signals_of(SPEC)._asdict().items()}
    sizes |= {name: np.size(getattr(WELL, name)) for name in OF_HEALTH}
    sizes |= {"velocity": 3, "observation": OBSERVED, "action": JOINTS}
    for what, size in sizes.items():
        yield from (Place(what, element) for element in range(size))


def spoiled(values: Any, element: int, bad: float) -> np.ndarray:
    """A copy in float32 with one bad number."""
    array = np.array(values, np.float32)
    array.flat[element] = bad
    return array


class Robot:
    """Ticks whose joints are where they were told to be, with a policy that asks for something; from `spoil` on one
    number is bad, in every tick."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state: TickState = state_in(SETUP, Mode.STANDBY)
        self.bad: tuple[Place, float] | None = None
        monkeypatch.setattr("robotd.tick.observe", lambda *args: self._spoil("observation", observe(*args)))

    def step(self, events: tuple[Event, ...] = ()) -> tuple[np.ndarray | None, TickRecord]:
        """One tick."""
        good = signals_of(SPEC, joint_pos_rad=self.state.target_rad)
        signals = Signals(*(self._spoil(name, field) for name, field in good._asdict().items()))
        health = WELL._replace(**{name: self._spoil(name, getattr(WELL, name)) for name in OF_HEALTH})
        vx, vy, yaw = self._spoil("velocity", np.array([0.1, 0.0, 0.0], np.float32)).tolist()
        orders = Orders(events, velocity=(vx, vy, yaw))
        networks = only(lambda observation: self._spoil("action", np.full(JOINTS, 0.1, np.float32)))
        self.state, target, record = tick(SETUP, self.state, signals, orders, networks, health=health)
        return target, record

    def _spoil(self, what: str, values: Any) -> Any:
        if self.bad is None or self.bad[0].what != what:
            return values
        return spoiled(values, self.bad[0].element, self.bad[1])


@pytest.mark.parametrize("place", list(places()), ids=str)
def test_what_is_not_finite_reaches_neither_memory_nor_bus(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for bad in (np.nan, np.inf, -np.inf):
        robot = Robot(monkeypatch)
        robot.step((Event.ACTIVATE,))
        for _ in range(8):
            last, record = robot.step()
        assert record.mode is Mode.ACTIVE and record.faults == Fault.NONE and not np.array_equal(last, HOME)
        memory = robot.state.policy
        robot.bad = (place, bad)
        target, record = robot.step()
        assert Fault.NONFINITE in record.faults and record.filtered_action is None
        assert all(np.array_equal(a, b) for a, b in zip(robot.state.policy, memory, strict=True))
        if place.what == "imu_age_s" and bad != -np.inf:
            assert record.mode is Mode.FAULT and target is None  # an IMU that was never heard of is lost: limp
            continue
        assert record.mode is Mode.STOPPING and np.array_equal(target, last)
        for _ in range(80 if place.element == 0 else 2):
            target, record = robot.step()
            assert target is None or np.all(np.isfinite(target))
            assert np.all(np.isfinite(robot.state.target_rad))
            assert all(np.array_equal(a, b) for a, b in zip(robot.state.policy, memory, strict=True))
        assert Fault.NONFINITE in record.faults
        assert place.element or (record.mode is Mode.FAULT and target is None)


@pytest.mark.parametrize("place", [p for p in places() if p.what not in ("observation", "action")], ids=str)
def test_nothing_that_is_not_finite_gets_the_robot_armed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for bad in (np.nan, np.inf, -np.inf):
        robot = Robot(monkeypatch)
        robot.state, robot.bad = state_in(SETUP, Mode.IDLE), (place, bad)
        target, record = robot.step((Event.ARM,))
        assert target is None and record.mode is Mode.IDLE and Fault.NONFINITE in record.present


def test_an_observation_that_overflows_is_not_finite() -> None:
    state = state_in(SETUP, Mode.ACTIVE)
    huge = signals_of(SPEC, quat_wxyz=tilted(20), gyro_rad_s=np.full(3, 3e38, np.float32))
    with np.errstate(over="ignore", invalid="ignore"):
        state, target, record = tick(SETUP, state, huge, GO, zeros(SPEC))
    assert record.mode is Mode.STOPPING and record.faults == Fault.NONFINITE and record.raw_action is None
    assert np.array_equal(target, HOME)


def test_a_target_that_is_not_finite_is_a_fault_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robotd.tick.advance", lambda spec, state, raw: (state, HOME * np.float32(np.nan)))
    _, target, record = tick(SETUP, state_in(SETUP, Mode.ACTIVE), signals_of(SPEC), GO, zeros(SPEC))
    assert record.mode is Mode.STOPPING and record.faults == Fault.NONFINITE and np.array_equal(target, HOME)


def test_an_action_that_is_not_finite_is_never_filtered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robotd.tick.advance", lambda spec, state, raw: pytest.fail("filtered"))
    _, _, record = tick(
        SETUP, state_in(SETUP, Mode.ACTIVE), signals_of(SPEC), GO, only(lambda o: np.full(11, np.inf, np.float32))
    )
    assert record.mode is Mode.STOPPING and record.faults == Fault.NONFINITE
