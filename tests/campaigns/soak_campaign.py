"""Hours on the twin in lockstep: random commands, pushes, policy switches, troubles, stops, clearing and re-arming.

`python tests/campaigns/soak_campaign.py 50000` runs so many ticks and prints what came out; with `--calm` the shipped
standing policy stands, nobody disturbs it, and no fault may come. One simulated hour is 180,000 ticks. A part is 36,000
of them (12 minutes); parts of one process follow on each other in one daemon.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import math
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from troubled_twin import TROUBLES, Trouble, TroubledTwin

from contract import assets_dir, load_bundle, load_deployment
from robotd.blackbox import BlackBox
from robotd.blackbox_codec import example_record, record_of
from robotd.blackbox_reader import BlackBoxFile
from robotd.clock import SimulatedClock
from robotd.config import RobotdConfig
from robotd.daemon import run
from robotd.hal.sim import open_twin
from robotd.mode import Event, Mode
from robotd.policy import open_session
from robotd.record import Orders, TickRecord
from robotd.replay import replay
from robotd.safety import Fault
from robotd.tick_state import setup_for

PART_TICKS = 36_000
SHORT_TICKS = 3000
WARM_UP = 3000
"""Ticks after which memory counts."""
CALM_KIB = 1024
"""By so much memory may not grow in a calm run."""
PATIENCE_TICKS = 1500
"""A robot that does not stand up within 30 s is put on its stand again."""
QUIET_S, TROUBLE_S = (0.5, 5.0), (20.0, 90.0)
"""Between two acts of the operator, and between two troubles."""
Report = Callable[[int, dict[str, Any]], None]


class Operator:
    """Operator and hook: what people, programs and bad luck do in a long day, out of one seed.

    Args:
        report: gets each finished part, counted from 0 in this process.
        calm: once it is up, nobody does anything and nothing goes wrong.
    """

    def __init__(
        self, robot: TroubledTwin, clock: SimulatedClock, ticks: int, seed: int, report: Report, calm: bool = False
    ) -> None:
        self._robot, self._clock, self._ticks, self._report = robot, clock, ticks, report
        self._dice = random.Random(f"soak {seed}")
        self._orders = Orders()
        self._next_act_s = self._next_trouble_s = math.inf if calm else 0.0
        self._wait_until_s = 0.0
        self._since: dict[str, float] = {}  # what is owed: by when at the latest
        self._silent_from_s: float | None = None
        self._mode, self._in_mode = Mode.IDLE, 0
        self.faults = Fault.NONE  # before the end, those of a person's left out
        self.counts: Counter[str] = Counter()
        self.troubles: Counter[str] = Counter()
        self._base = (0, Counter[str](), Counter[str](), 0)  # ticks, counts, troubles and accusations of parts before
        self.warm_kib = 0

    def __call__(self, record: TickRecord | None) -> Orders:
        """What to do in the next tick."""
        if record is None:
            return Orders()
        now_s, mode = self._clock.now_s(), record.mode
        if record.number >= self._ticks:
            return Orders((Event.ESTOP,), shutdown=True)
        if mode in (Mode.IDLE, Mode.FAULT):
            return self._without_torque(record, now_s)
        self._wait_until_s = 0.0
        if mode is Mode.STANDBY and not self._robot.twin.supported and self._dice.random() < 0.05:
            return self._orders._replace(events=(Event.ACTIVATE,))
        if now_s >= self._next_trouble_s and self._robot.trouble is None and mode is not Mode.STOPPING:
            self._next_trouble_s = now_s + self._dice.uniform(*TROUBLE_S)
            return self._make_trouble(now_s, mode)
        if mode is Mode.ACTIVE and now_s >= self._next_act_s:
            self._next_act_s = now_s + self._dice.uniform(*QUIET_S)
            self._act()
        silent_s = None if self._silent_from_s is None else now_s - self._silent_from_s
        return self._orders._replace(link_silent_s=silent_s)

    def _without_torque(self, record: TickRecord, now_s: float) -> Orders:
        """After a while: mend what is wrong, clear, and then arm."""
        if not self._wait_until_s:
            self._wait_until_s = now_s + self._dice.uniform(0.1, 2.0)
        if now_s < self._wait_until_s:
            wild = self._dice.random() < 0.1  # somebody presses the wrong button
            return Orders((self._dice.choice((Event.ACTIVATE, Event.STOP)),) if wild else ())
        self._robot.trouble, self._silent_from_s = None, None
        self._orders = self._orders._replace(velocity=(0.0, 0.0, 0.0))
        if record.mode is Mode.FAULT:
            self._wait_until_s = 0.0
            self.counts["cleared"] += 1
            return Orders((Event.CLEAR,))
        if self._in_mode % 25:
            return Orders()
        self._robot.armed = True
        return self._orders._replace(events=(Event.ARM,))

    def _act(self) -> None:
        """Something that a robot must take without a fault."""
        dice = self._dice
        act = dice.choice(("velocity", "velocity", "push", "policy", "slow", "halt"))
        self.counts[act] += 1
        if act == "velocity":
            vx, vy, yaw = dice.uniform(0, 0.5), dice.uniform(-0.1, 0.1), dice.uniform(-0.4, 0.4)
            self._orders = self._orders._replace(velocity=(vx, vy, yaw))
        elif act == "halt":
            self._orders = self._orders._replace(velocity=(0.0, 0.0, 0.0))
        elif act == "policy":
            self._orders = self._orders._replace(policy=dice.choice(("standing", "walking", "nobody")))
        elif act == "slow":
            self._orders = self._orders._replace(slow_motion=dice.choice((1.0, 1.0, 0.5, 0.2, float("nan"))))
        else:
            direction, force_n = dice.uniform(0, 2 * np.pi), dice.uniform(2, 15)
            force = np.array((np.cos(direction), np.sin(direction), 0)) * force_n
            self._robot.twin.push(force, dice.uniform(0.05, 0.3))

    def _make_trouble(self, now_s: float, mode: Mode) -> Orders:
        """A fault, a stop, a controller that falls silent, or a loop that stalls."""
        kind = self._dice.choice((*TROUBLES, "stop", "estop", "silence", "stall"))
        if isinstance(kind, Trouble):
            self._robot.trouble = kind
            self._owe(now_s, kind.name, kind.stop_s, kind.off_s)
            return self._orders
        self.troubles[kind] += 1
        if kind == "silence":
            self._silent_from_s = now_s
            self._owe(now_s, kind, 1.1, 3.4)
        elif kind == "stall":
            self._robot.stall_s = self._dice.uniform(0.1, 1.0)
            self._owe(now_s + self._robot.stall_s, kind, 0.06, 2.4)
        else:
            self._owe(now_s, kind, 0.04, 0.04 if kind == "estop" else 2.4)
            return self._orders._replace(events=(Event.ESTOP if kind == "estop" else Event.STOP,))
        return self._orders

    def _owe(self, now_s: float, name: str, stop_s: float, off_s: float) -> None:
        self.troubles[name] += 1
        self._since = {f"{name}: stopped": now_s + stop_s + 0.02, f"{name}: torque off": now_s + off_s + 0.02}

    def watch(self, record: TickRecord) -> None:
        """Look at a tick after its write."""
        mode, now_s = record.mode, self._clock.now_s()
        self._robot.twin.attend(record)
        if mode is not self._mode:
            self.counts[f"to {mode.value}"] += 1
            self._mode, self._in_mode = mode, 0
        self._in_mode += 1
        if record.number < self._ticks:
            self.faults |= record.faults & ~Fault.OPERATOR
        self.counts["active"] += mode is Mode.ACTIVE
        if mode in (Mode.STANDBY, Mode.IDLE) and self._in_mode % PATIENCE_TICKS == 0:
            self.counts["put on the stand"] += 1
            if not self._robot.powered:
                self._robot.twin.pick_up()
        if mode in (Mode.IDLE, Mode.FAULT) and (self._robot.powered or self._robot.twin.enabled):
            self._robot.accuse(f"torque is on in {mode.value}")
        self._collect(mode, now_s)
        if record.number == WARM_UP:
            gc.collect()
            self.warm_kib = rss_kib()
        if (record.number + 1) % PART_TICKS == 0 or record.number + 1 == self._ticks:
            self._end_part(record.number + 1)

    def _collect(self, mode: Mode, now_s: float) -> None:
        """What is owed is paid by its mode, or too late."""
        paid = {Mode.STOPPING: "stopped", Mode.FAULT: "", Mode.IDLE: ""}.get(mode)
        for name, due_s in list(self._since.items()):
            if paid is not None and name.endswith(paid):
                del self._since[name]
            elif now_s > due_s:
                self._robot.accuse(f"{name} later than it must")
                del self._since[name]

    def _end_part(self, ticks: int) -> None:
        before, counts, troubles, accused = self._base
        unsafe = self._robot.unsafe[accused:]
        found = {
            "tried": ticks - before,
            "survived": 0 if unsafe else ticks - before,
            "unsafe": len(unsafe),
            "counts": dict(self.counts - counts),
            "troubles": dict(self.troubles - troubles),
            "grown_kib": rss_kib() - self.warm_kib if self.warm_kib else 0,
            "fastest": round(self._robot.fastest, 6),
            "problems": unsafe[:10],
        }
        self._base = (ticks, self.counts.copy(), self.troubles.copy(), len(self._robot.unsafe))
        self._report(ticks, found)


def rss_kib() -> int:
    """Memory of this process that is nobody else's file."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))


def soak(ticks: int, seed: int, report: Report, folder: Path, calm: bool = False) -> dict[str, Any]:
    """Run so many ticks in one daemon, then replay what its black box holds; the last finding."""
    if calm:
        bundle = load_bundle(assets_dir() / "bundles" / "standing", open_session)
    else:
        bundles, default = load_deployment(assets_dir() / "bundles" / "wildrobot", open_session)
        bundle = bundles[default]
    config, clock = RobotdConfig(), SimulatedClock()
    setup = setup_for(bundle, config)
    robot = TroubledTwin(open_twin(bundle, seed=seed), bundle.spec, clock, config.motion.target_margin_rad)
    operator = Operator(robot, clock, ticks, seed, report, calm)
    path = folder / "blackbox.bin"
    box = BlackBox(path, setup, clock.now_s, time.time())
    try:
        summary = asyncio.run(run(robot, bundle, config, operator, clock, [box, operator.watch]))
    finally:
        robot.close()
        box.close()
    networks = {name: policy.network for name, policy in bundle.policies.items()}
    with BlackBoxFile(path) as file:
        example = example_record(setup)
        rows = file.rows(file.scan())
        result = replay((record_of(row, file.header.columns, example) for row in rows), setup, networks)
    return {
        "ticks": summary.ticks,
        "error": summary.error,
        "faults": operator.faults.names,
        "replayed": result.ticks,
        "difference": None if result.difference is None else str(result.difference),
        "powered_at_end": robot.powered or robot.twin.enabled,
    }


def parts(short: bool) -> list[str]:
    """Names of all parts: 8 hours, or one part of a minute."""
    return ["short"] if short else [str(number) for number in range(8 * 5)]


def run_parts(wanted: Sequence[str], add: Callable[[str, dict[str, Any]], None]) -> None:
    """Do these parts in one daemon; what its end shows counts to the last one."""
    last: dict[str, Any] = {}
    names = iter(wanted)
    ticks = SHORT_TICKS if wanted[0] == "short" else PART_TICKS * len(wanted)

    def report(number: int, found: dict[str, Any]) -> None:
        if number == ticks:
            last.update(found)
        else:
            add(next(names), found)

    with tempfile.TemporaryDirectory(prefix="wr-") as folder:
        end = soak(ticks, 0 if wanted[0] == "short" else int(wanted[0]), report, Path(folder))
    if end["error"] or end["difference"] or end["powered_at_end"]:
        last["problems"] = [*last["problems"], f"at the end: {end}"]
        last["survived"] = 0
    add(next(names), last | {"replayed": end["replayed"]})


def main() -> int:
    """Run so many ticks, print the findings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ticks", type=int, nargs="?", default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--calm", action="store_true")
    options = parser.parse_args()
    logging.getLogger("robotd").setLevel(logging.CRITICAL + 1)
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        end = soak(options.ticks, options.seed, lambda number, part: found.append(part), Path(folder), options.calm)
    print(json.dumps({"parts": found, "end": end}, indent=1))
    disturbed = options.calm and (end["faults"] or found[-1]["grown_kib"] >= CALM_KIB)
    problems = any(part["problems"] for part in found)
    return 1 if problems or end["error"] or end["difference"] or disturbed else 0


if __name__ == "__main__":
    sys.exit(main())
