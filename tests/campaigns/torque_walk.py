"""A robot on real drivers and emulated wires that is led to a mode, and what is done to it there, tick by tick."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from fault_campaign import CONFIG, standing
from wired_robot import LoopClock, WiredRobot

from contract import Bundle
from robotd.daemon import run
from robotd.desk import Client, Desk
from robotd.loop import RunSummary
from robotd.messages import Answer, Done, Request
from robotd.mode import Event, Mode
from robotd.record import Operator, Orders, TickRecord

Robot = tuple[WiredRobot, Bundle]


def play(robot: Robot, operator: Operator, hooks: Sequence[Callable[[TickRecord], None]] = ()) -> RunSummary:
    wired, bundle = robot
    with asyncio.Runner(loop_factory=wired.loop) as runner:
        return runner.run(run(wired, bundle, CONFIG, operator, LoopClock(wired.clock), list(hooks)))


def loaded(wired: WiredRobot, *buses: str) -> int:
    return sum(servo.loaded for (bus, _), servo in wired.servos.items() if bus in (buses or wired.wires))


class Walker:
    """Operator and hook: leads to STANDBY on the stand or to ACTIVE on its feet; `plan` has what is done in which tick
    after that.

    said: by the tick of each act how many ticks later it was answered, and how; loaded, by_bus: servos with torque.
    """

    def __init__(self, wired: WiredRobot, plan: dict[int, Any], ticks: int, mode: Mode) -> None:
        self._wired, self._plan, self._ticks, self._mode = wired, plan, ticks, mode
        joints = standing().spec.robot.actuator_names
        self.desk = Desk(("stand",), 0.02, CONFIG.safety, wired.clock.now_s, joints=joints)
        self.since: int | None = None
        self.said: dict[int, tuple[int, Done]] = {}
        self.records: dict[int, TickRecord] = {}
        self.loaded: dict[int, int] = {}
        self.by_bus: dict[int, dict[str, int]] = {}

    def __call__(self, record: TickRecord | None) -> Orders:
        if record is not None and self.since is None and record.mode is self._mode:
            self.since = record.number
        if record is None or self.since is None:
            return self._lead(record)
        after = record.number - self.since
        act = self._plan.get(after)
        if isinstance(act, Request):
            self.desk.ask(Client(1, "anna"), act, lambda done: self._hear(after, done))
        elif act is not None:
            act()
        return self.desk(record)._replace(shutdown=after >= self._ticks)

    def hook(self, record: TickRecord) -> None:
        if self._mode is Mode.ACTIVE and record.mode is Mode.STANDBY and self._wired.twin.supported:
            self._wired.twin.release()
        self._now = record
        self.desk.settle(record)
        if self.since is not None:
            self.records[record.number - self.since] = record
            self.loaded[record.number - self.since] = loaded(self._wired)
            self.by_bus[record.number - self.since] = {bus: loaded(self._wired, bus) for bus in self._wired.wires}

    def _lead(self, record: TickRecord | None) -> Orders:
        mode = Mode.IDLE if record is None else record.mode
        if mode is Mode.STANDBY and not self._wired.twin.supported:
            return Orders((Event.ACTIVATE,))
        return Orders((Event.ARM,) if mode is Mode.IDLE else ())

    def _hear(self, asked: int, done: Answer) -> None:
        assert isinstance(done, Done) and self.since is not None
        self.said[asked] = self._now.number - self.since - asked, done


def walk(robot: Robot, plan: dict[int, Any], ticks: int, mode: Mode = Mode.ACTIVE) -> Walker:
    walker = Walker(robot[0], plan, ticks, mode)
    play(robot, walker, [walker.hook])
    return walker


def pull(wired: WiredRobot, bus: str, out: bool) -> Callable[[], None]:
    line = wired.world._lines[list(wired.wires).index(bus)]
    return lambda: setattr(line, "pulled", out)


def loaded_at(walker: Walker, number: int, bus: str) -> int:
    return walker.by_bus[number][bus]
