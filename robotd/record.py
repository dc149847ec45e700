"""What goes into a tick from outside and what is kept of it: orders, the record, and who gives and takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from contract import Command, Signals
from contract.frames import Array
from robotd.fault_table import Fault
from robotd.health import Health as Health
from robotd.health import well
from robotd.mode import Event, Mode

if TYPE_CHECKING:
    from robotd.tick import TickState


class Orders(NamedTuple):
    """What the operator wants in this tick.

    events: asked for now (ARM, ACTIVATE, STOP ...); velocity: vx m/s, vy m/s, yaw rate rad/s;
    slow_motion: factor in (0, 1] on joint velocity limits and on the velocity command; shutdown: stop in an orderly
    way (crouch, then limp) and end the loop; policy: the one of the deployment that is to run from now on, None: no
    change; link_silent_s: how long the controller that has claimed the command has said nothing, None: nobody has.
    """

    events: tuple[Event, ...] = ()
    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
    slow_motion: float = 1.0
    shutdown: bool = False
    policy: str | None = None
    link_silent_s: float | None = None


class Timings(NamedTuple):
    """Measured by the loop, s: start of the tick after its deadline; reading, the pure tick, and writing."""

    lateness_s: float = 0.0
    read_s: float = 0.0
    tick_s: float = 0.0
    write_s: float = 0.0


class TickRecord(NamedTuple):
    """All of one tick; J joints in policy order, O the observation's size. None: that stage did not run.

    number: counted from 0; command: after slow motion; event: the one that counted; observation (O,);
    raw_action, filtered_action (J,) before and after the low-pass; target_before_rad (J,) wanted by policy, homing or
    crouch; target_after_rad (J,) what went to the bus after all limits (None: limp); faults: latched or raised;
    present: conditions that hold now; skipped: whole periods missed before this tick; policy: the name of the one that
    runs, or would in ACTIVE; health: of servos and buses; slow_motion: the factor that counted, in (0, 1]; orders: as
    they came in; before: the state that this tick began with.
    """

    number: int
    mode: Mode
    signals: Signals
    command: Command
    event: Event | None
    observation: Array | None
    raw_action: Array | None
    filtered_action: Array | None
    target_before_rad: Array | None
    target_after_rad: Array | None
    faults: Fault
    present: Fault
    skipped: int
    timings: Timings = Timings()
    policy: str = ""
    health: Health = well(0)
    slow_motion: float = 1.0
    orders: Orders = Orders()
    before: TickState | None = None


# An operator sees the record of the last tick (None before the first) and answers at once, in microseconds.
Operator = Callable[[TickRecord | None], Orders]
# A hook takes each finished record after the write. It must be quick; what is slow belongs into another process.
Hook = Callable[[TickRecord], None]
