"""The loop: deadline, read, tick, write, hooks. All that is impure around the pure tick."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import NamedTuple

from contract.frames import Array
from robotd.clock import Clock
from robotd.hal.hardware import Hardware
from robotd.mode import Event, Mode
from robotd.record import Hook, Operator, Orders, TickRecord, Timings
from robotd.safety import Fault
from robotd.tick import Infer, Setup, TickState, initial_tick_state, tick
from robotd.timing import LoopTiming, Quantiles

TIDY_TICKS = 3000
"""How often garbage is collected while there is no torque: once a minute."""
log = logging.getLogger("robotd")


class RunSummary(NamedTuple):
    """A run, from the first tick to the last.

    ticks: all; active_ticks: with the policy running; overruns: whole periods skipped; faults: all that were ever
    raised, the operator's own stop among them; mode: of the last tick; lateness_us: start of the tick after its
    deadline; tick_us: the pure tick, network included; error: what ended the loop where no tick should have, else None.
    """

    ticks: int
    active_ticks: int
    overruns: int
    faults: Fault
    mode: Mode
    lateness_us: Quantiles
    tick_us: Quantiles
    error: str | None = None

    @property
    def stopped_by_fault(self) -> bool:
        """Whether anything but the operator stopped the robot."""
        return self.error is not None or bool(self.faults & ~Fault.OPERATOR)


class ShutdownSwitch:
    """Ends a loop in an orderly way: the robot crouches, goes limp, and the loop returns. For signal handlers."""

    def __init__(self) -> None:
        self.pressed = False

    def press(self) -> None:
        """Ask for the end; safe from a signal handler."""
        self.pressed = True


class Loop:
    """Runs the ticks of one robot until the operator or the switch shuts it down."""

    def __init__(
        self,
        hardware: Hardware,
        setup: Setup,
        networks: Mapping[str, Infer],
        operator: Operator,
        clock: Clock,
        hooks: Sequence[Hook] = (),
        timing: LoopTiming | None = None,
    ) -> None:
        self._hardware, self._setup, self._networks = hardware, setup, networks
        self._operator, self._clock, self._hooks = operator, clock, tuple(hooks)
        self._state: TickState = initial_tick_state(setup)
        self._powered, self._left_out = False, 0
        self._record: TickRecord | None = None
        self._timing = timing or LoopTiming(setup.spec.runtime.ctrl_dt)
        self._active_ticks, self._faults = 0, Fault.NONE

    async def run(self, switch: ShutdownSwitch) -> RunSummary:
        """Tick until shut down. However it ends, the robot is limp afterwards."""
        error = None
        try:
            with _no_garbage_collection(), closing(self._clock.ticker(self._setup.spec.runtime.ctrl_dt)) as ticker:
                while not self._over(switch):
                    deadline = await ticker.wait()
                    self._tick(switch, deadline.lateness_s, deadline.skipped)
        except Exception as problem:  # the last line of defence: limp, log, stop
            self._hardware.disable()  # before anything that may wait or fail
            error = f"{type(problem).__name__}: {problem}"
            log.critical("the loop failed, torque off", exc_info=problem)
        finally:
            self._hardware.disable()
        return self._summary(error)

    def _over(self, switch: ShutdownSwitch) -> bool:
        """Shut down, and limp already."""
        return switch.pressed and self._record is not None and not self._state.mode.powered

    def _tick(self, switch: ShutdownSwitch, lateness_s: float, skipped: int) -> None:
        now_s = self._clock.now_s
        started_s = now_s()
        signals, health = self._hardware.read(), self._hardware.health()
        read_s = now_s()
        orders = self._orders(switch)
        self._state, target, record = tick(self._setup, self._state, signals, orders, self._networks, skipped, health)
        ticked_s = now_s()
        self._leave_out(self._state.safety.dead_buses)
        self._write(target, record.event)
        timings = Timings(lateness_s, read_s - started_s, ticked_s - read_s, now_s() - ticked_s)
        self._record = record = record._replace(timings=timings)
        self._count(record)
        for hook in self._hooks:
            hook(record)
        if not self._powered and record.number % TIDY_TICKS == TIDY_TICKS - 1:
            gc.collect()
        self._timing.add(lateness_s, timings.tick_s, now_s() - started_s, skipped)

    def _orders(self, switch: ShutdownSwitch) -> Orders:
        orders = self._operator(self._record)
        if orders.shutdown:
            switch.press()
        return orders._replace(events=(*orders.events, Event.STOP)) if switch.pressed else orders

    def _write(self, target_rad: Array | None, event: Event | None) -> None:
        """Pose first, then torque, so that no joint moves to an old target; without a target, torque off. An emergency
        stop says so again even where this loop never gave torque: somebody else may have."""
        if target_rad is not None:
            self._hardware.write(target_rad)
            if not self._powered:
                self._hardware.enable()
        elif self._powered or event is Event.ESTOP:
            self._hardware.disable()
        self._powered = target_rad is not None

    def _leave_out(self, dead_buses: int) -> None:
        """A bus that BUS was raised for gets nothing more: its servos may have moved, and come back anywhere."""
        if new := dead_buses & ~self._left_out:
            self._hardware.leave_out(new)
        self._left_out = dead_buses

    def _count(self, record: TickRecord) -> None:
        self._active_ticks += record.mode is Mode.ACTIVE
        if record.event is Event.ARM and record.mode is Mode.IDLE:
            log.warning("not armed while there is %s", ", ".join(record.present.names))
        if new := record.faults & ~self._faults:
            log.warning("fault in %s: %s", record.mode.value, ", ".join(new.names))
            self._faults |= new

    def _summary(self, error: str | None) -> RunSummary:
        return RunSummary(
            ticks=self._state.number,
            active_ticks=self._active_ticks,
            overruns=self._timing.overruns,
            faults=self._faults,
            mode=self._state.mode,
            lateness_us=self._timing.lateness.quantiles(),
            tick_us=self._timing.tick.quantiles(),
            error=error,
        )


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """What lives now is not looked at again, and nothing is collected by itself: only the loop does, without torque."""
    was_enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()
