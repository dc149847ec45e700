"""What is said of torque while its proof is missing: answers, status, systemd's line, the log, the arming checks."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from robot_builder import setup_of, signals_of, state_in, zeros
from test_arming import FACTS

from robotd.acts import outcome
from robotd.arming import arming_checks
from robotd.config import RobotdConfig
from robotd.desk import Client, Desk
from robotd.messages import Answer, Clear, Done, Estop, Request, Stop
from robotd.mode import Event, Mode
from robotd.mode_log import ModeLog
from robotd.notify import LifeSigns, Notifier
from robotd.record import Orders, TickRecord
from robotd.tick import tick
from robotd.torque_proof import PROOF_S, unproven_joints

SETUP = setup_of()
SPEC = SETUP.spec
JOINTS = SPEC.robot.actuator_names
DT_S = SPEC.runtime.ctrl_dt
PROOF_TICKS = round(PROOF_S / DT_S)
WIRED = SETUP.well._replace(bus_errors_in_a_row=(0, 0, 0))
KNEE = JOINTS.index("left_knee_pitch")
DOUBTFUL = WIRED._replace(torque_unproven=1 << KNEE | 1)
SENTENCE = f"torque off is NOT PROVEN at {JOINTS[0]}, left_knee_pitch; cut the power"


class Robot:
    """Ticks with a desk as operator, in a world whose servos say what `health` says."""

    def __init__(self, mode: Mode) -> None:
        self.state, self.record = state_in(SETUP, mode), None
        self.desk = Desk(("stand",), DT_S, RobotdConfig().safety, lambda: 0.0, joints=JOINTS)
        self.answers: list[Answer] = []

    def tick(self, health: Any = WIRED, times: int = 1) -> TickRecord:
        for _ in range(times):
            orders = self.desk(self.record)
            signals = signals_of(SPEC, joint_pos_rad=self.state.target_rad)
            self.state, _, self.record = tick(SETUP, self.state, signals, orders, zeros(SPEC), health=health)
            self.desk.settle(self.record)
        assert self.record is not None
        return self.record

    def ask(self, act: Request) -> None:
        self.answers = []
        self.desk.ask(Client(1, "anna"), act, self.answers.append)

    @property
    def done(self) -> Done:
        (done,) = self.answers
        assert isinstance(done, Done)
        return done


@pytest.mark.parametrize("mode", [Mode.ACTIVE, Mode.STANDBY, Mode.IDLE])
def test_an_estop_is_answered_when_the_servos_have_said_so(mode: Mode) -> None:
    robot = Robot(mode)
    robot.tick()
    robot.ask(Estop())
    stopped = robot.tick(WIRED)
    assert robot.answers == [] and unproven_joints(stopped, JOINTS) == JOINTS, "what is known is older than the order"
    robot.tick(DOUBTFUL, 3)
    assert robot.answers == []
    robot.tick()
    assert robot.done.ok and robot.done.text == "torque is off, latched: OPERATOR"
    assert robot.done.tick == stopped.number


@pytest.mark.parametrize("act", [Estop(), Stop()])
def test_without_that_word_the_answer_is_a_warning_in_time(act: Request) -> None:
    robot = Robot(Mode.FAULT)
    robot.tick()
    robot.ask(act)
    robot.tick(DOUBTFUL, PROOF_TICKS)
    assert robot.answers == []
    robot.tick(DOUBTFUL)
    assert not robot.done.ok and robot.done.text.endswith(SENTENCE)


def test_clear_says_it_too_and_arming_is_refused() -> None:
    robot = Robot(Mode.FAULT)
    robot.tick()
    robot.ask(Clear())
    record = robot.tick(DOUBTFUL, PROOF_TICKS + 1)
    assert not robot.done.ok and robot.done.text == f"cleared: idle, but {SENTENCE}"
    checks = {check.name: check for check in arming_checks(SETUP, record, FACTS)}
    assert not checks["servos"].ok and checks["servos"].mandatory and checks["servos"].found == SENTENCE
    robot.tick(WIRED)
    robot.ask(Clear())
    assert robot.tick().mode is Mode.IDLE and robot.done.ok


def test_a_robot_without_wires_has_nothing_to_prove() -> None:
    robot = Robot(Mode.ACTIVE)
    robot.tick(SETUP.well)
    robot.ask(Estop())
    robot.tick(SETUP.well)
    assert robot.done.ok


def test_the_log_and_systemd_are_told_once_it_lasts(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.CRITICAL, "robotd")
    notifier, said = Notifier({}), []
    monkeypatch.setattr(notifier, "tell", lambda *lines: bool(said.extend(lines)))
    hooks = ModeLog(DT_S, JOINTS), LifeSigns(notifier, DT_S, JOINTS)
    state, records = state_in(SETUP, Mode.ACTIVE), []
    for number in range(60):
        health = DOUBTFUL if 5 < number < 50 else WIRED
        orders = Orders((Event.ESTOP,) if number == 5 else ())
        state, _, record = tick(SETUP, state, signals_of(SPEC), orders, zeros(SPEC), health=health)
        records.append(record)
        for hook in hooks:
            hook(record)
    status = [line.removeprefix("STATUS=") for line in said if line.startswith("STATUS=")]
    assert status == [
        "active, torque on",
        "fault (OPERATOR), torque is going off",
        "fault (OPERATOR), torque is going off",
        f"fault (OPERATOR), {SENTENCE}",
        "fault (OPERATOR), torque off",
    ]
    assert [record.message for record in caplog.records] == [SENTENCE]


def test_outcome_without_doubts_is_as_ever() -> None:
    robot = Robot(Mode.IDLE)
    record = robot.tick()
    assert outcome(Stop(), Mode.IDLE, record) == (True, "nothing to stop: idle, torque is off")
