"""What counts as a fall comes from the twin's body, whatever the policy or the safety code believe."""

from __future__ import annotations

import json
import math

import mujoco
import numpy as np
import pytest

from contract import Bundle, Command
from robotd.ctl.director import Director, Script
from robotd.ctl.outcome import exit_code, make_outcome, table, verdict
from robotd.ctl.witness import Witness, base_body, exploded
from robotd.hal.sim import SimHardware, open_twin
from robotd.loop import RunSummary
from robotd.mode import Mode
from robotd.record import TickRecord, Timings
from robotd.safety import Fault
from robotd.timing import Quantiles

DT = 0.02
HOME = (1.0, 0.0, 0.0, 0.0)


def tilted(degrees: float) -> tuple[float, float, float, float]:
    """A body turned to its right side."""
    half = math.radians(degrees) / 2
    return (math.cos(half), math.sin(half), 0.0, 0.0)


class Scene:
    """A twin, a director that wants one second, and a witness of records that are made by hand."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.twin = open_twin(bundle)
        self.twin.write(bundle.spec.robot.home)
        self.twin.enable()
        self.director = Director(Script(1.0), DT)
        self.witness = Witness(self.director, self.twin)
        self.tick(Mode.STANDBY)

    def place(self, quat_wxyz: tuple[float, ...] = HOME, lower: float = 1.0) -> None:
        """Put the robot on the floor in some attitude, its base at the part `lower` of its height."""
        self.twin.place(self.bundle.spec.robot.home, quat_wxyz, supported=False)
        self.twin.data.qpos[2] *= lower
        mujoco.mj_forward(self.twin.model, self.twin.data)

    def tick(self, mode: Mode, faults: Fault = Fault.NONE, skipped: int = 0, lateness_s: float = 1e-4) -> None:
        """One record of the twin as it is now."""
        signals = self.twin.read()
        nothing = (None,) * 6
        timings = Timings(lateness_s, 0.0, 2e-4, 0.0)
        self.witness(TickRecord(0, mode, signals, Command(np.zeros(3)), *nothing, faults, Fault.NONE, skipped, timings))

    def summary(self, error: str | None = None) -> RunSummary:
        zero = Quantiles(0, 0, 0)
        return RunSummary(0, 0, 0, Fault.NONE, Mode.FAULT, zero, zero, error)


@pytest.fixture
def scene(zero_bundle: Bundle) -> Scene:
    return Scene(zero_bundle)


@pytest.mark.parametrize(
    ("degrees", "lower", "fell"),
    [(0, 1.0, False), (40, 1.0, False), (50, 1.0, True), (180, 1.0, True), (0, 0.65, False), (0, 0.55, True)],
)
def test_fall_is_tilt_or_height(scene: Scene, degrees: float, lower: float, fell: bool) -> None:
    scene.place()
    scene.tick(Mode.ACTIVE)
    assert scene.witness.fell_at is None
    scene.place(tilted(degrees), lower)
    scene.tick(Mode.ACTIVE)
    assert (scene.witness.fell_at is not None) == fell


@pytest.mark.parametrize("mode", [Mode.IDLE, Mode.HOMING, Mode.STANDBY, Mode.FAULT])
def test_only_what_the_policy_is_answerable_for_is_judged(scene: Scene, mode: Mode) -> None:
    scene.place(tilted(90))
    scene.tick(mode)
    assert scene.witness.fell_at is None


def test_a_fall_in_the_stop_of_a_fault_counts_but_not_after_the_end(scene: Scene) -> None:
    scene.place()
    scene.tick(Mode.ACTIVE)
    scene.place(tilted(90))
    scene.director.end()
    scene.tick(Mode.STOPPING)
    assert scene.witness.fell_at is None
    scene.director.ending = False
    scene.tick(Mode.STOPPING)
    assert scene.witness.fell_at is not None


def test_numbers_out_of_bounds_are_a_fall_although_mujoco_puts_the_robot_back(scene: Scene) -> None:
    scene.place()
    scene.tick(Mode.ACTIVE)
    assert not exploded(scene.twin.data)
    scene.twin.data.qvel[base_body(scene.twin.model)] = np.inf
    scene.tick(Mode.ACTIVE)
    assert exploded(scene.twin.data)
    assert scene.witness.fell_at is not None


def test_outcome_counts_active_ticks_only(scene: Scene) -> None:
    scene.place()
    scene.tick(Mode.HOMING, skipped=7, lateness_s=1.0)
    for _ in range(50):
        scene.tick(Mode.ACTIVE)
    scene.tick(Mode.ACTIVE, skipped=2, lateness_s=3e-3)
    outcome = make_outcome(scene.witness, Script(1.0, velocity_x=0.2), DT, "b", "sim")
    assert (outcome.ticks, outcome.overruns, outcome.fell, outcome.faults) == (51, 2, False, [])
    assert outcome.lateness_us.max == pytest.approx(3000)
    assert outcome.lateness_us.p50 == pytest.approx(100)
    assert outcome.tick_us == (200.0, 200.0, 200.0)
    assert outcome.command == {"velocity": [0.2, 0.0, 0.0]}
    assert outcome.mean_abs_torque_nm is not None and outcome.distance_m is not None
    assert json.loads(json.dumps(outcome.to_json(), allow_nan=False))["lateness_us"]["max"] == pytest.approx(3000)


def test_distance_and_velocity_come_from_the_base(scene: Scene) -> None:
    scene.place()
    scene.tick(Mode.ACTIVE)
    for metres in (0.01, 0.02, 0.03, 0.04):
        scene.twin.data.qpos[:2] = (-metres, metres)
        scene.tick(Mode.ACTIVE)
    outcome = make_outcome(scene.witness, Script(1.0), DT, "b", "sim")
    assert outcome.distance_m == pytest.approx(0.04 * math.sqrt(2), abs=0.01)
    assert outcome.mean_velocity_m_s == pytest.approx(-0.04 / 0.08, abs=0.1)


def test_exit_code_and_verdict(scene: Scene) -> None:
    def result(scene: Scene, error: str | None = None) -> tuple[int, str]:
        outcome = make_outcome(scene.witness, Script(1.0), DT, "b", "sim")
        summary = scene.summary(error)
        assert outcome.bundle in table(outcome, "r", "none", 0.1, DT)
        word = verdict(outcome, summary, scene.witness, DT, scene.director.interrupted)
        return exit_code(outcome, summary, scene.director), word

    assert result(scene) == (1, "never active")
    scene.place()
    for _ in range(49):
        scene.tick(Mode.ACTIVE)
    assert result(scene)[0] == 1  # one tick short
    scene.tick(Mode.ACTIVE)
    assert result(scene) == (0, "stayed up")
    assert result(scene, "ValueError: no") == (1, "robotd failed: ValueError: no")
    scene.tick(Mode.STOPPING, Fault.TRACKING)
    assert result(scene) == (1, "stopped: TRACKING")
    scene.place(tilted(90))
    scene.tick(Mode.STOPPING, Fault.TRACKING)
    assert result(scene) == (1, "fell after 1.0 s")
    scene.director.interrupt()
    assert result(scene)[0] == 130


def test_without_physics_nothing_falls_and_nothing_is_measured(zero_bundle: Bundle) -> None:
    from robotd.hal.mock import MockHardware

    hardware = MockHardware(zero_bundle.spec)
    witness = Witness(Director(Script(1.0), DT), None)
    nothing = (None,) * 6
    for _ in range(50):
        witness(TickRecord(0, Mode.ACTIVE, hardware.read(), Command(np.zeros(3)), *nothing, Fault.NONE, Fault.NONE, 0))
    outcome = make_outcome(witness, Script(1.0), DT, "b", "mock")
    assert outcome.fell is False
    measured = (outcome.distance_m, outcome.mean_velocity_m_s, outcome.mean_abs_torque_nm, outcome.max_abs_torque_nm)
    assert measured == (None, None, None, None)
    assert isinstance(witness.tape.qpos[0], np.ndarray) and len(witness.tape.qpos) == 50


def test_base_body_is_the_one_with_the_free_joint(scene: Scene) -> None:
    assert isinstance(scene.twin, SimHardware)
    assert scene.twin.model.body(base_body(scene.twin.model)).name == "pelvis"
