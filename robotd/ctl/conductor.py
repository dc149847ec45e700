"""The dry run's operator: listens, arms, lets joints and policy move, and stops at the first trouble."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from contract import FOOT_SWITCHES
from robotd.config import RobotdConfig
from robotd.mode import Event, Mode
from robotd.record import Operator, Orders, TickRecord

LISTEN, OFF_GROUND, GROUND = "listen", "off-ground", "ground"
OFF_GROUND_RAD, GROUND_RAD = 0.15, 0.10
STALL = 0.95
"""Of the lead: a joint that stays this far behind for TRACKING's debounce has met something."""
LISTEN_S = 1.2
"""Without torque at first; the arming check of the deadlines wants a second."""
SETTLE_S = 0.5
ARM_S = 1.0
PERSON_S = 60.0
"""How long a person has to set the robot down."""
TOUCH_TICKS = 3
"""A foot switch that is pressed for so many ticks is no bounce."""


class Stage(NamedTuple):
    """What a run may do.

    seconds: of the policy; slow: factor on joint speeds; lead_rad: how far a target may lie from where its joint is;
    velocity: the command, m/s forward.
    """

    name: str
    seconds: float
    slow: float = 1.0
    lead_rad: float = math.inf
    velocity: float = 0.0

    @property
    def moves(self) -> bool:
        """Whether torque comes on."""
        return self.name != LISTEN


def bounds_of(stage: Stage, config: RobotdConfig) -> RobotdConfig:
    """The config of a run. Where nothing is sent nothing follows, so TRACKING is out; off the ground nothing needs the
    whole lead for long but a joint that is stopped by something."""
    tracking_rad = config.safety.tracking_rad
    tracking_rad = {LISTEN: math.inf, OFF_GROUND: min(STALL * stage.lead_rad, tracking_rad)}.get(
        stage.name, tracking_rad
    )
    safety = config.safety.model_copy(update={"tracking_rad": tracking_rad})
    return config.model_copy(update={"safety": safety})


class Conductor:
    """Called by the loop once a tick with the last record.

    Args:
        against: what speaks against torque, from a record; asked once, before a stage that moves.
        culprits: faults of a record with what they are about; asked in the tick that has the first.
        signs_ticks: active ticks before the policy's own, in which the joints are shown one by one.
        desk: others who may stop the robot.

    trouble: why the run ended early, in one sentence; refused: it did so before any torque, by the person's doing.
    """

    def __init__(
        self,
        stage: Stage,
        ctrl_dt: float,
        against: Callable[[TickRecord], str],
        culprits: Callable[[TickRecord], str],
        signs_ticks: int = 0,
        desk: Operator | None = None,
    ) -> None:
        self._stage, self._against, self._culprits, self._desk = stage, against, culprits, desk
        self._ticks = {
            name: round(s / ctrl_dt)
            for name, s in {"listen": LISTEN_S, "settle": SETTLE_S, "arm": ARM_S, "person": PERSON_S}.items()
        }
        self._active_ticks = signs_ticks + max(1, round(stage.seconds / ctrl_dt))
        self._in_mode, self._mode, self._settled, self._touched = 0, Mode.IDLE, 0, 0
        self._ending = self._estop = self.interrupted = False
        self.trouble, self.refused = "", False

    def __call__(self, record: TickRecord | None) -> Orders:
        """What the robot is to do in the next tick; a stop that others ask for counts as theirs."""
        orders = Orders() if record is None else self._next(record)
        asked = () if self._desk is None else self._desk(record).events
        stops = tuple(event for event in asked if event in (Event.STOP, Event.ESTOP))
        if self._estop:
            stops, self._estop = (*stops, Event.ESTOP), False
        return orders._replace(
            events=(*orders.events, *stops),
            slow_motion=self._stage.slow,
            velocity=(self._stage.velocity, 0.0, 0.0),
        )

    def interrupt(self, number: signal.Signals) -> None:
        """A person ends the run: crouch, then limp; at the second time limp at once. A terminal that is closed says so
        twice, by its shell and by the kernel, and means it once."""
        self._estop = self._estop or (self.interrupted and number is not signal.SIGHUP)
        self.interrupted = self._ending = True

    def _next(self, record: TickRecord) -> Orders:
        self._in_mode = self._in_mode + 1 if record.mode is self._mode else 0
        self._mode = record.mode
        if record.faults and not self._ending and not self.trouble:
            self.trouble = f"stopped by {self._culprits(record)}"
        if record.mode.powered and self._stage.name == OFF_GROUND:
            self._feel(record)
        if self._ending:
            return Orders(shutdown=True)
        act = {
            Mode.IDLE: self._listen,
            Mode.STANDBY: self._stand,
            Mode.ACTIVE: self._act,
            Mode.FAULT: self._faulted,
        }.get(record.mode)
        return Orders() if act is None else act(record)

    def _listen(self, record: TickRecord) -> Orders:
        if record.number < self._ticks["listen"]:
            return Orders()
        if record.number == self._ticks["listen"] and self._stage.moves:
            if self._stage.name == OFF_GROUND and (pressed := pressed_names(record)):
                self.refused = True
                return self._end(f"{pressed} pressed, expected both feet in the air; hang the robot up")
            if against := self._against(record):
                return self._end(f"not armed: {against}")
        if record.number > self._ticks["listen"] + self._ticks["arm"]:
            return self._end(f"not armed: there is {', '.join(record.present.names) or 'no answer to arm'}")
        return Orders(events=(Event.ARM,))

    def _stand(self, record: TickRecord) -> Orders:
        if self._stage.name == GROUND and not both_feet(record):
            self._settled = 0
            if self._in_mode > self._ticks["person"]:
                return self._end("nobody set the robot on both feet")
            return Orders()
        self._settled += 1
        return Orders(events=(Event.ACTIVATE,)) if self._settled > self._ticks["settle"] else Orders()

    def _act(self, record: TickRecord) -> Orders:
        return self._end("") if self._in_mode + 1 >= self._active_ticks else Orders()

    def _faulted(self, record: TickRecord) -> Orders:
        return self._end("")

    def _feel(self, record: TickRecord) -> None:
        """A foot that touches something while the robot is meant to hang: torque off."""
        pressed = pressed_names(record)
        self._touched = self._touched + 1 if pressed else 0
        if self._touched == TOUCH_TICKS:
            self._limp(f"{pressed} pressed while it moved, expected both feet in the air; torque went off at once")

    def _limp(self, trouble: str) -> Orders:
        self._estop = True
        return self._end(self.trouble or trouble)

    def _end(self, trouble: str) -> Orders:
        self.trouble, self._ending = trouble or self.trouble, True
        return Orders(shutdown=True)


def pressed_names(record: TickRecord) -> str:
    """Which foot switches are pressed, as the beginning of a sentence; empty where none is."""
    pressed = np.asarray(record.signals.foot_switches) > 0.5
    names = [name for name, down in zip(FOOT_SWITCHES, pressed, strict=True) if down]
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}" if names else ""


def both_feet(record: TickRecord) -> bool:
    """Whether at least one switch of each foot is pressed."""
    left_toe, left_heel, right_toe, right_heel = np.asarray(record.signals.foot_switches) > 0.5
    return bool((left_toe or left_heel) and (right_toe or right_heel))
