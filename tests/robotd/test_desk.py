"""The desk in front of the real tick: what becomes of acts, who steers, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from bundle_builder import real_spec
from robot_builder import CONFIG, signals_of, tilted

from contract import CommandRange, assets_dir, load_robot_config
from robotd.acts import EVENTS, outcome
from robotd.desk import MAX_GAIN, Client, Desk
from robotd.messages import (
    Activate,
    Answer,
    Arm,
    AskStatus,
    Check,
    Clear,
    Done,
    Estop,
    Refused,
    Release,
    Request,
    SlowMotion,
    Stop,
    SwitchPolicy,
    Velocity,
)
from robotd.mode import Event, Mode
from robotd.record import TickRecord
from robotd.safety import Fault
from robotd.tick import tick
from robotd.tick_state import initial_tick_state, make_setup

ANNA, BEN = Client(1, "anna"), Client(2, "ben")
SPEC = real_spec()
DT = SPEC.runtime.ctrl_dt
LEVEL, TILTED = signals_of(SPEC), signals_of(SPEC, quat_wxyz=tilted(60))
Checks = Callable[[TickRecord], tuple[Check, ...]]


class Robot:
    """Ticks with a desk as operator; its clock goes with the ticks. It starts in any mode, at home."""

    def __init__(
        self, mode: Mode = Mode.IDLE, checks: Checks = lambda record: (), walks: CommandRange | None = None
    ) -> None:
        robot_config = load_robot_config(assets_dir() / "robot_config.yaml")
        policies = {"stand": SPEC, "walk": replace(SPEC, runtime=replace(SPEC.runtime, command=walks))}
        self.setup = make_setup(SPEC, robot_config, CONFIG, policies, "stand")
        self.now_s = 0.0
        trained = {name: spec.runtime.command for name, spec in policies.items()}
        self.desk = Desk(tuple(policies), DT, CONFIG.safety, lambda: self.now_s, checks, trained)
        self.state = initial_tick_state(self.setup)._replace(mode=mode)
        self.record: TickRecord | None = None
        self.tick()

    def tick(self, signals: object = LEVEL, times: int = 1) -> TickRecord:
        """So many ticks."""
        networks = dict.fromkeys(self.setup.policies, lambda observation: np.zeros(SPEC.num_joints, np.float32))
        for _ in range(times):
            self.now_s += DT
            orders = self.desk(self.record)
            self.state, _, self.record = tick(self.setup, self.state, signals, orders, networks)  # type: ignore[arg-type]
            self.desk.settle(self.record)
        assert self.record is not None
        return self.record

    def ask(self, act: Request, client: Client = ANNA) -> list[Answer]:
        """Where the answer will stand."""
        answers: list[Answer] = []
        self.desk.ask(client, act, answers.append)
        return answers

    def act(self, act: Request, client: Client = ANNA, signals: object = LEVEL) -> Done:
        """The answer after the next tick."""
        answers = self.ask(act, client)
        assert answers == [], "it waits for the tick"
        self.tick(signals)
        (done,) = answers
        assert isinstance(done, Done) and self.record is not None
        assert (done.mode, done.tick) == (self.record.mode.value, self.record.number)
        return done


def failed(name: str, mandatory: bool) -> Check:
    return Check(name, False, f"{name} is bad", f"mend {name}", mandatory)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("act", [Arm(), Activate(), Clear(), Stop(), Estop()])
def test_an_answer_says_what_the_tick_did(act: Request, mode: Mode) -> None:
    robot = Robot(mode)
    before = robot.state.mode
    done = robot.act(act)
    after = Mode(done.mode)
    came_to_pass = {
        Arm: before is Mode.IDLE and after is Mode.HOMING,
        Activate: before is Mode.STANDBY and after is Mode.ACTIVE,
        Clear: (not before.powered and after is Mode.IDLE) or before in (Mode.HOMING, Mode.STANDBY, Mode.ACTIVE),
        Stop: after in (Mode.STOPPING, Mode.FAULT, Mode.IDLE),
        Estop: after is Mode.FAULT,
    }[type(act)]
    assert done.ok is came_to_pass, done.text
    assert after.value in done.text or before.value in done.text or done.ok
    if not done.ok:
        assert f"the robot is in {before.value}, expected" in done.text and ";" in done.text


def test_arming_while_a_condition_holds_names_it() -> None:
    done = Robot().act(Arm(), signals=TILTED)
    assert not done.ok and done.text == "not armed: there is TILT"


def test_a_stop_in_the_same_tick_wins_and_the_others_are_told() -> None:
    robot = Robot(Mode.STANDBY)
    activate, stop = robot.ask(Activate()), robot.ask(Stop(), BEN)
    robot.tick()
    assert isinstance(activate[0], Done) and isinstance(stop[0], Done)
    assert not activate[0].ok and activate[0].text == "not activated: a stop came in the same tick"
    assert stop[0].ok and stop[0].mode == "stopping"


def test_every_act_is_told_once() -> None:
    robot = Robot()
    answers = [robot.ask(Arm()), robot.ask(SlowMotion(0.5)), robot.ask(Estop())]
    robot.tick(times=5)
    assert [len(answer) for answer in answers] == [1, 1, 1]


def test_a_mandatory_check_that_fails_forbids_arming_and_all_that_fail_are_told() -> None:
    fine = Check("imu", True, "fresh", "", True)
    robot = Robot(checks=lambda record: (failed("feet", True), fine, failed("calibration", False)))
    done = robot.act(Arm())
    assert not done.ok and done.text == "not armed: feet: feet is bad" and done.mode == "idle"
    assert done.checks == (failed("feet", True), failed("calibration", False))
    assert robot.record is not None and robot.record.event is None


def test_another_check_that_fails_is_a_warning() -> None:
    robot = Robot(checks=lambda record: (failed("calibration", False),))
    done = robot.act(Arm())
    assert done.ok and done.mode == "homing" and done.checks == (failed("calibration", False),)


def test_nothing_is_checked_where_arming_is_not_asked_for_or_impossible() -> None:
    robot = Robot(Mode.STANDBY, checks=lambda record: (failed("feet", True),))
    assert robot.act(Activate()).checks == ()
    done = robot.act(Arm())
    assert not done.ok and done.checks == () and "expected idle" in done.text


def test_a_policy_that_does_not_exist_is_refused_at_once() -> None:
    answers = Robot().ask(SwitchPolicy("wlak"))
    assert answers == [Refused("policy: found 'wlak' (did you mean 'walk'?)")]


@pytest.mark.parametrize("mode", [Mode.STANDBY, Mode.ACTIVE])
def test_a_policy_is_switched_once(mode: Mode) -> None:
    robot = Robot(mode)
    done = robot.act(SwitchPolicy("walk"))
    assert done.ok and robot.record is not None and robot.record.policy == "walk"
    assert done.text == ("walk runs" if mode is Mode.ACTIVE else "walk will run")
    assert robot.desk(robot.record).policy is None


def test_slow_motion_stays() -> None:
    robot = Robot(Mode.ACTIVE)
    assert robot.act(SlowMotion(0.3)).text == "slow motion 0.3"
    assert robot.tick(times=10).slow_motion == pytest.approx(0.3)


def test_velocity_is_taken_up_at_a_bounded_rate_and_given_back() -> None:
    robot = Robot(Mode.ACTIVE)
    speeds = []
    for _ in range(60):
        robot.ask(Velocity(0.4, -0.2, 1.0))
        speeds.append(robot.tick().command.velocity)
    steps = np.diff(np.array(speeds), axis=0)
    assert np.all(abs(steps) <= np.array(MAX_GAIN) * DT + 1e-6)
    assert np.allclose(speeds[-1], (0.4, -0.2, 1.0))
    assert robot.act(Release()).ok
    assert np.allclose(robot.tick(times=60).command.velocity, 0.0)
    assert robot.desk.steering() == ("", None)
    assert robot.record is not None and not robot.record.present & Fault.LINK


def test_velocity_counts_in_active_only_and_begins_at_zero_there() -> None:
    robot = Robot(Mode.STANDBY)
    for _ in range(20):
        robot.ask(Velocity(1.0))
        assert not np.any(robot.tick().command.velocity)
    assert "counts in active" in robot.act(Velocity(1.0)).text
    robot.act(Activate())
    robot.ask(Velocity(1.0))
    assert 0 < robot.tick().command.velocity[0] <= MAX_GAIN[0] * DT + 1e-6


def test_who_asks_for_more_than_the_policy_was_trained_for_is_told_what_comes() -> None:
    robot = Robot(Mode.ACTIVE, walks=CommandRange((-0.1, 0.5), (0, 0), (-1, 1)))
    assert robot.act(Velocity(1.5, -0.2, 0.5)).text == "the command is yours"  # stand says nothing of its range
    robot.act(SwitchPolicy("walk"))
    assert robot.act(Velocity(0.5, 0, -1)).text == "the command is yours"
    held = "the command is yours; walk was not trained for that: vx_m_s 1.5 becomes 0.5, vy_m_s -0.2 becomes 0"
    for _ in range(150):
        assert robot.act(Velocity(1.5, -0.2, 0.5)).text == held
    assert robot.record is not None and np.allclose(robot.record.command.velocity, (0.5, 0, 0.5))


def test_one_steers_and_the_next_may_when_he_is_silent() -> None:
    robot = Robot(Mode.ACTIVE)
    robot.ask(Velocity(0.1))
    robot.tick()
    (refused,) = robot.ask(Velocity(0.2), BEN)
    assert refused == Refused("the command is claimed by anna; end that first")
    assert robot.desk.steering()[0] == "anna"
    robot.tick(times=round(CONFIG.safety.link_silent_s / DT) + 1)
    robot.act(Velocity(0.2), BEN)
    assert robot.desk.steering()[0] == "ben"


def test_who_does_not_steer_gives_nothing_back() -> None:
    robot = Robot(Mode.ACTIVE)
    robot.ask(Velocity(0.1))
    robot.tick()
    robot.act(Release(), BEN)
    assert robot.desk.steering()[0] == "anna"


def test_a_silent_controller_stops_the_robot_and_is_forgotten() -> None:
    bounds = CONFIG.safety
    robot = Robot(Mode.ACTIVE)
    for _ in range(30):
        robot.ask(Velocity(0.4))
        robot.tick()
    robot.tick(times=round((bounds.link_silent_s + bounds.link_decay_s) / DT) + 1)
    assert robot.record is not None and not np.any(robot.record.command.velocity)
    assert robot.tick(times=round(bounds.link_debounce_s / DT) + 1).faults & Fault.LINK
    assert robot.record.mode in (Mode.STOPPING, Mode.FAULT)
    robot.tick(times=round(bounds.link_forget_s / DT))
    assert robot.desk.steering() == ("", None)
    assert not robot.record.present & Fault.LINK


def test_a_controller_that_comes_back_goes_on_from_what_was_left() -> None:
    bounds = CONFIG.safety
    robot = Robot(Mode.ACTIVE)
    for _ in range(60):
        robot.ask(Velocity(0.4))
        robot.tick()
    robot.tick(times=round((bounds.link_silent_s + bounds.link_decay_s / 2) / DT))
    assert robot.record is not None
    left = float(robot.record.command.velocity[0])
    assert 0.05 < left < 0.35
    robot.ask(Velocity(0.4))
    assert abs(float(robot.tick().command.velocity[0]) - left) <= MAX_GAIN[0] * DT + 0.03


def test_a_question_is_no_act() -> None:
    robot = Robot()
    with pytest.raises(TypeError, match="AskStatus"):
        outcome(AskStatus(), Mode.IDLE, robot.tick())


def test_an_estop_outranks_everything() -> None:
    assert max(EVENTS.values()) is EVENTS[Estop] is Event.ESTOP
