"""One fault, brought about once in a running robot on emulated wires, and what the wires say of the answer to it."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from contract import Bundle
from firmware_bridge.emulator.witness import Arrival
from robotd.clock import MonotonicClock
from robotd.config import RobotdConfig
from robotd.ctl.injections import Bench, Injection, Swayer
from robotd.daemon import run
from robotd.hal.emulated import EmulatedHardware, open_emulated
from robotd.hal.servo_frame import check_wiring, to_units
from robotd.mode import Event, Mode, Stop
from robotd.record import Orders, TickRecord
from robotd.safety import Fault

SETTLE_S = 0.5
"""In ACTIVE before the fault."""
WATCH_S = 0.3
"""After the stop: a crouch must show on the wire by then."""
PATIENCE_S = 3.0
"""From the promised time to the stop."""
START_S = 15.0
"""From the first tick to the fault."""
UNLOAD, MOVE = "load_or_unload_write", "move_time_write"


class Found(NamedTuple):
    """took_s: from the fault to the first safe command on the wire; None where it never came, and note says why;
    tried: the robot lived to see the fault."""

    took_s: float | None
    note: str = ""
    tried: bool = True


class Trial:
    """Operator and hook of one run: arms, activates, injects so much of a period after a tick, watches, ends."""

    def __init__(self, injection: Injection, bench: Bench, phase: float) -> None:
        self._injection, self._bench, self._phase_s = injection, bench, phase * bench.ctrl_dt
        self._planned, self._begun_s = False, time.monotonic()
        self._wanted = Mode.FAULT if injection.row.stop is Stop.LIMP else Mode.STOPPING
        self._promised_s = injection.promised_s(bench.config.safety, bench.ctrl_dt)
        self._active = 0
        self.injected_s: float | None = None
        self.shown_s: float | None = None
        self.stopped_s: float | None = None
        self.faults = Fault.NONE
        self.early = ""  # what stopped the robot before the fault
        self.targets: list[np.ndarray] = []  # of the stop, (J,) rad
        self.first = 0  # number of the first arrival after the injection

    def __call__(self, record: TickRecord | None) -> Orders:
        """What to do in the next tick."""
        if record is None:
            return Orders((Event.ARM,))
        if self._over(record):
            return Orders((Event.ESTOP,), shutdown=True)
        if record.mode is Mode.IDLE:
            return Orders((Event.ARM,))
        if record.mode is Mode.STANDBY:
            self._injection.before(self._bench)
            return Orders((Event.ACTIVATE,))
        self._active += record.mode is Mode.ACTIVE
        if not self._planned and self._active * self._bench.ctrl_dt >= SETTLE_S:
            self._planned = True
            asyncio.get_running_loop().call_later(self._phase_s, self._inject)
        return Orders() if self.injected_s is None else self._injection.orders(time.monotonic() - self.injected_s)

    def _inject(self) -> None:
        if not self.early:
            self.first = self._bench.hardware.bench.witness.seen
            self.injected_s = time.monotonic()
            self._injection.inject(self._bench)

    def watch(self, record: TickRecord) -> None:
        """Look at a tick after its write."""
        now_s = time.monotonic()
        if self.injected_s is None:
            if record.mode in (Mode.STOPPING, Mode.FAULT):
                self.early = self.early or " ".join(record.faults.names)
            return
        shows = self._injection.shows
        if shows is not None and self.shown_s is None and shows(self._bench, record):
            self.shown_s = now_s
        if self.stopped_s is None and record.mode is self._wanted and self._injection.row.fault in record.faults:
            self.stopped_s, self.faults = now_s, record.faults
        if record.mode is Mode.STOPPING and record.target_after_rad is not None:
            self.targets.append(record.target_after_rad)
        if self.stopped_s is None:
            self.faults = record.faults

    def _over(self, record: TickRecord) -> bool:
        now_s = time.monotonic()
        if self.injected_s is None and now_s > self._begun_s + START_S:
            self.early = self.early or f"not active within {START_S:g} s: {' '.join(record.present.names)}"
        if self.stopped_s is not None:
            return now_s > self.stopped_s + WATCH_S
        since_s = self.injected_s
        late = since_s is not None and now_s > since_s + self._promised_s + PATIENCE_S
        return late or record.mode is Mode.FAULT or bool(self.early)


def try_once(injection: Injection, bundle: Bundle, config: RobotdConfig, phase: float) -> Found:
    """Run robotd's own loop with the fault in it, and measure on the wires. Takes about five seconds.

    Args:
        phase: where between two ticks the fault begins, 0 to 1.

    Raises:
        robotd.daemon.Refusal: the hardware does not answer.
    """
    wiring, spec = config.hardware, bundle.spec
    hardware = open_emulated(bundle, wiring)
    last = spec.robot.actuator_names[-1]
    leg = next(name for name in spec.robot.actuator_names if len(wiring.on_bus(wiring.joints[name].bus)) > 1)
    wire = wiring.joints[last if injection.shows else leg]
    network = Swayer(spec)
    bench = Bench(hardware, network, config, spec.runtime.ctrl_dt, wire.bus, wire.servo_id)
    trial = Trial(injection, bench, phase)
    swaying = dataclasses.replace(bundle, network=network, others=())  # type: ignore[arg-type]
    try:
        asyncio.run(run(hardware, swaying, config, trial, MonotonicClock(), trial.watch))
    finally:
        hardware.close()
    return _judge(trial, injection, bench, hardware, bundle)


def _judge(trial: Trial, injection: Injection, bench: Bench, hardware: EmulatedHardware, bundle: Bundle) -> Found:
    if trial.injected_s is None:
        return Found(None, f"stopped before the fault: {trial.early or 'never active'}", tried=False)
    if trial.stopped_s is None:
        return Found(None, f"no such stop; faults: {' '.join(trial.faults.names) or 'none'}")
    arrivals = hardware.bench.witness.since(trial.first)
    begin_s: float | None = trial.injected_s
    if injection.since is not None:
        begin_s = injection.since(bench, arrivals)
    elif injection.shows is not None:
        begin_s = trial.shown_s
    if begin_s is None or begin_s > trial.stopped_s:
        return Found(None, "stopped before the wire told of the fault")
    dead = bench.bus if injection.row.fault is Fault.BUS else None
    alive = [bus for bus in hardware.bench.wires if bus != dead]
    if injection.row.stop is Stop.LIMP:
        return judge_limp(arrivals, alive, begin_s)
    wiring, names = bench.config.hardware, bundle.spec.robot.actuator_names
    frame = check_wiring(bundle.spec, wiring)
    units = np.array([to_units(frame, target) for target in trial.targets])
    safe = {
        (wiring.joints[name].bus, wiring.joints[name].servo_id): set(column.tolist())
        for name, column in zip(names, units.T, strict=True)
    }
    return judge_crouch(arrivals, alive, begin_s, trial.stopped_s, safe)


def judge_limp(arrivals: Sequence[Arrival], alive: Sequence[str], begin_s: float) -> Found:
    """From when on every bus has heard that it is to unload."""
    done = []
    for bus in alive:
        unloads = [a for a in arrivals if a.bus == bus and a.command == UNLOAD and a.values == (0,) and a.heard]
        after = [a.stamp_s for a in unloads if a.stamp_s >= begin_s]
        if not after:
            return Found(None, f"no unload came on {bus}")
        done.append(after[0])
    return Found(max(done) - begin_s)


def judge_crouch(
    arrivals: Sequence[Arrival],
    alive: Sequence[str],
    begin_s: float,
    stopped_s: float,
    safe: Mapping[tuple[str, int], set[int]],
) -> Found:
    """From when on all moves on all buses are the crouch's, and there are some.

    Its first target repeats the last good one, so that the tick that gave it counts where no other move came after it.

    Args:
        stopped_s: when that tick had written.
        safe: the crouch's targets in units, by bus and servo.
    """
    moves = [a for a in arrivals if a.command == MOVE and a.bus in alive and a.stamp_s >= begin_s]
    safe_s = max([stopped_s, *(a.stamp_s for a in moves if a.values[0] not in safe[(a.bus, a.address)])])
    if not any(a.stamp_s > safe_s for a in moves):
        return Found(None, "no command of the crouch reached the wire")
    return Found(safe_s - begin_s)
