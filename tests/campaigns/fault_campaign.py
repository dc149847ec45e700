"""Every device with every kind of fault in every mode, at random moments, on the real drivers and the twin; each run is
judged on the wires. A run is its number: the same number gives the same run, bit by bit.

`python tests/campaigns/fault_campaign.py 17` tells run 17.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import logging
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from wire_judge import Duty, Place, Tick, Verdict, joint_facts, judge
from wired_robot import SWITCHES, LoopClock, WiredRobot

from contract import Bundle, assets_dir, load_deployment
from firmware_bridge.emulator.fault import FaultKind
from robotd.config import RobotdConfig, SafetyConfig
from robotd.daemon import run
from robotd.hal.servo_frame import check_wiring, unclamped_units
from robotd.mode import Event, Mode
from robotd.policy import open_session
from robotd.record import Orders, TickRecord

CONFIG = RobotdConfig()
BUSES = CONFIG.hardware.used_buses
SERVOS = tuple(f"{bus}/{i}" for bus in BUSES for i in CONFIG.hardware.on_bus(bus).values())
DEVICES = (*SERVOS, *BUSES, "imu", *SWITCHES)
KINDS = tuple(kind for kind in FaultKind if kind is not FaultKind.OK)
MODES = tuple(Mode)
PATIENCE_S, END_S = 3.0, 12.0
COMMAND_S = 0.04
CROUCH_S = CONFIG.motion.crouch_s + 0.7  # a crouch that the speed limits slow down


class Plan(NamedTuple):
    """One run: device, kind and mode of the fault, how long in that mode before it, after how long it is healed (None:
    never), a second fault (device, kind, how long after the first; None: none), and how long to look on."""

    number: int
    device: str
    kind: FaultKind
    mode: Mode
    wait_s: float
    heal_s: float | None
    second: tuple[str, FaultKind, float] | None
    watch_s: float

    def __str__(self) -> str:
        more = "" if self.second is None else f", then {self.second[0]} {self.second[1]}"
        healed = "" if self.heal_s is None else f", healed after {self.heal_s:.2f} s"
        return f"run {self.number}: {self.device} {self.kind} in {self.mode.value}{healed}{more}"


def plans() -> list[tuple[str, FaultKind, Mode]]:
    """All devices x kinds x modes in an order that mixes them, so that the first few are a sample."""
    everything = list(itertools.product(DEVICES, KINDS, MODES))
    random.Random("faults").shuffle(everything)
    return everything


def plan_of(number: int) -> Plan:
    """What run `number` does."""
    dice, everything = random.Random(f"fault run {number}"), plans()
    device, kind, mode = everything[number % len(everything)]
    longest_s = {Mode.IDLE: 0.4, Mode.HOMING: 2.0, Mode.STANDBY: 0.6, Mode.ACTIVE: 1.2, Mode.STOPPING: 1.4}
    second = (dice.choice(DEVICES), dice.choice(KINDS), dice.uniform(0.0, 1.0)) if dice.random() < 0.25 else None
    return Plan(
        number,
        device,
        kind,
        mode,
        dice.uniform(0, longest_s.get(mode, 0.3)),
        dice.uniform(0.05, 1.0) if dice.random() < 0.4 else None,
        second,
        dice.uniform(0.5, 1.5),
    )


def duty_of(plan: Plan, since_s: float, mode: Mode, bounds: SafetyConfig) -> Duty:
    """What a fault owes that began in this mode; nothing where it may go unnoticed or passes before its time."""
    nothing = Duty(since_s, None, None)
    lasts_s = plan.heal_s if plan.heal_s is not None else 99.0
    if not mode.powered or plan.kind is not FaultKind.OFF:
        return nothing
    if plan.device == "imu":
        due_s, off_s = bounds.imu_stale_s + COMMAND_S, bounds.imu_lost_s + COMMAND_S
        return Duty(since_s, due_s, off_s) if lasts_s > off_s else nothing
    if plan.device in SWITCHES:
        return nothing
    # of a bus the third question in a row fails at the latest when its servos' answers are too old anyway
    due_s = bounds.joint_stale_s + COMMAND_S + CONFIG.hardware.move_time_s
    return Duty(since_s, due_s, due_s + CROUCH_S) if lasts_s > due_s else nothing


class Person:
    """Operator and hook of one run: leads the robot into the mode, has the fault injected, looks on, ends it."""

    def __init__(self, robot: WiredRobot, plan: Plan, bundle: Bundle) -> None:
        self._robot, self._plan = robot, plan
        self._frame = check_wiring(bundle.spec, CONFIG.hardware)
        names = bundle.spec.robot.actuator_names
        self._places = [(CONFIG.hardware.joints[n].bus, CONFIG.hardware.joints[n].servo_id) for n in names]
        self._since_s = 0.0  # when the mode began that the fault is for
        self._mode: Mode | None = None
        self.injected_s: float | None = None
        self.injected_in = Mode.IDLE
        self.ticks: list[Tick] = []
        self.modes: list[str] = []
        self.ill: dict[Place, set[str]] = {}
        self._sick: list[tuple[float, str, FaultKind]] = []  # when, what, how: still to come

    def __call__(self, record: TickRecord | None) -> Orders:
        """What to do in the next tick."""
        now_s = self._robot.clock.now_s()
        self._do_what_is_due(now_s)
        mode = Mode.IDLE if record is None else record.mode
        if mode is not self._mode:
            self._mode, self._since_s = mode, now_s
        if self.injected_s is None:
            return self._lead(mode, now_s)
        after_s = now_s - self.injected_s
        if after_s > self._plan.watch_s + CROUCH_S or now_s > END_S:
            return Orders((Event.ESTOP,), shutdown=True)
        if after_s > self._plan.watch_s:
            return Orders((Event.STOP,))
        if self._plan.mode is Mode.FAULT:
            return Orders((Event.CLEAR,) if mode is Mode.FAULT else (Event.ARM,))
        if self._plan.mode is Mode.IDLE:
            return Orders((Event.ARM,) if mode is Mode.IDLE else ())
        return Orders((Event.ACTIVATE,) if mode is Mode.STANDBY and self._plan.mode is Mode.ACTIVE else ())

    def _lead(self, mode: Mode, now_s: float) -> Orders:
        """On the way to the fault's mode; there, let the fault come."""
        wanted = self._plan.mode
        if mode is wanted and not (wanted is Mode.STANDBY and self._robot.twin.supported):
            if now_s >= self._since_s + self._plan.wait_s:
                self._inject(now_s, mode)
            return Orders()
        if now_s > END_S - PATIENCE_S:
            return Orders((Event.ESTOP,), shutdown=True)
        if mode is Mode.IDLE:
            return Orders((Event.ARM,))
        if mode is Mode.STANDBY and not self._robot.twin.supported:
            return Orders((Event.ACTIVATE,))
        if mode is Mode.ACTIVE:
            return Orders((Event.STOP if wanted is Mode.STOPPING else Event.ESTOP,))
        return Orders()

    def _inject(self, now_s: float, mode: Mode) -> None:
        """Between two ticks, so much after this one."""
        plan = self._plan
        at_s = now_s + random.Random(f"phase {plan.number}").uniform(0, 0.02)
        self.injected_s, self.injected_in = at_s, mode
        self._sick.append((at_s, plan.device, plan.kind))
        if plan.heal_s is not None:
            self._sick.append((at_s + plan.heal_s, plan.device, FaultKind.OK))
        if plan.second is not None:
            device, kind, after_s = plan.second
            self._sick.append((at_s + after_s, device, kind))
        loop = asyncio.get_running_loop()
        for due_s, _, _ in self._sick:
            loop.call_at(due_s, lambda: self._do_what_is_due(self._robot.clock.now_s()))

    def _do_what_is_due(self, now_s: float) -> None:
        due = [each for each in self._sick if each[0] <= now_s + 1e-9]
        self._sick = [each for each in self._sick if each not in due]
        for _, device, kind in sorted(due):
            self._robot.fault(device, kind)
            for place in self._places:
                if device in (place[0], f"{place[0]}/{place[1]}") and kind is not FaultKind.OK:
                    self.ill.setdefault(place, set()).add(str(kind))

    def watch(self, record: TickRecord) -> None:
        """Take down one tick."""
        twin = self._robot.twin
        units = unclamped_units(self._frame, twin.sense().joint_pos_rad)
        really = dict(zip(self._places, units.tolist(), strict=True))
        armed = Event.ARM in record.orders.events
        self.ticks.append(Tick(self._robot.clock.now_s(), record.mode.value, armed, really))
        if not self.modes or self.modes[-1] != record.mode.value:
            self.modes.append(record.mode.value)
        if record.mode is Mode.STANDBY and twin.supported:
            twin.release()


class FaultRun(NamedTuple):
    """What came of a run. reached: the fault was injected; digest: of everything that reached the servos."""

    plan: Plan
    reached: bool
    verdict: Verdict
    faults: tuple[str, ...]
    modes: tuple[str, ...]
    error: str | None
    simulated_s: float
    digest: str

    def to_json(self) -> dict[str, Any]:
        """Plain data, one line of the ledger."""
        verdict = self.verdict
        problems = [f"{self.plan}: {each}" for each in verdict.unsafe[:5]]
        if self.error is not None:
            problems.append(f"{self.plan}: the loop ended: {self.error}")
        return {
            "tried": 1,
            "survived": int(not problems),
            "unsafe": len(verdict.unsafe),
            "reached": int(self.reached),
            "device": self.plan.device,
            "kind": str(self.plan.kind),
            "mode": self.plan.mode.value,
            "stopped_by": " ".join(self.faults),
            "modes": " ".join(self.modes),
            "stop_ms": None if verdict.stop_s is None else round(verdict.stop_s * 1e3, 1),
            "off_ms": None if verdict.off_s is None else round(verdict.off_s * 1e3, 1),
            "unload_ms": round(verdict.unload_s * 1e3, 1),
            "simulated_s": round(self.simulated_s, 2),
            "digest": self.digest,
            "problems": problems,
        }


def standing() -> Bundle:
    """The shipped standing policy."""
    bundles, default = load_deployment(assets_dir() / "bundles" / "standing", open_session)
    return bundles[default]


def fault_run(number: int, bundle: Bundle, tamper: Mapping[str, Any] | None = None) -> FaultRun:
    """Run `number` from beginning to end.

    Args:
        tamper: attributes of the robot to replace, for tests of the judge.
    """
    plan = plan_of(number)
    robot = WiredRobot(bundle, CONFIG.hardware, number)
    for name, value in (tamper or {}).items():
        setattr(robot, name, value(robot))
    person = Person(robot, plan, bundle)
    hooks = [person.watch]
    try:
        with asyncio.Runner(loop_factory=robot.loop) as runner:
            summary = runner.run(run(robot, bundle, CONFIG, person, LoopClock(robot.clock), hooks))
    finally:
        robot.close()
    arrivals = robot.witness.since()
    facts = joint_facts(bundle.spec, CONFIG.hardware, CONFIG.motion.target_margin_rad)
    duty = None
    if person.injected_s is not None:
        duty = duty_of(plan, person.injected_s, person.injected_in, CONFIG.safety)
    left = [place for place, servo in robot.servos.items() if servo.loaded and servo.fault is not FaultKind.OFF]
    verdict = judge(arrivals, person.ticks, facts, person.ill, duty, left)
    digest = hashlib.sha256("".join(robot.witness.lines()).encode()).hexdigest()[:16]
    return FaultRun(
        plan,
        person.injected_s is not None,
        verdict,
        summary.faults.names,
        tuple(person.modes),
        summary.error,
        robot.clock.now_s(),
        digest,
    )


def parts(short: bool) -> list[str]:
    """Numbers of all runs."""
    return [str(number) for number in range(6 if short else 1000)]


def run_parts(wanted: Sequence[str], add: Callable[[str, dict[str, Any]], None]) -> None:
    """Do these runs."""
    bundle = standing()
    for part in wanted:
        add(part, fault_run(int(part), bundle).to_json())


def main() -> int:
    """Tell the runs whose numbers stand on the command line."""
    logging.getLogger("robotd").setLevel(logging.CRITICAL + 1)
    bundle, unsafe = standing(), 0
    for word in sys.argv[1:]:
        found = fault_run(int(word), bundle)
        unsafe += len(found.verdict.unsafe)
        print(found.plan)
        for name, value in found.to_json().items():
            print(f"  {name:<12}{value}")
    return 1 if unsafe else 0


if __name__ == "__main__":
    sys.exit(main())
