"""One servo bus for the length of a verb: options, the hardware lock, the open port, and what its errors mean here."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from firmware_bridge.hiwonder import BAUD, CodecError
from firmware_bridge.serial_line import BusError, PortError, ReadBackError, ReplyError, SerialLine
from firmware_bridge.servo_bus import REPLY_S, ServoBus
from firmware_bridge.servo_scan import probe
from robotd.ctl.finite_range import FiniteRange
from robotd.ctl.refusal import CheckFailed, Refusal, Unreachable, refusing
from robotd.ending import ENDING
from robotd.lock import HardwareLock, HardwareLockError
from robotd.places import own_config

if TYPE_CHECKING:
    from robotd.wiring import Wiring

Function = TypeVar("Function", bound=Callable[..., Any])
Result = TypeVar("Result")


class Port(NamedTuple):
    """Which port, how fast, and how long a reply may take beyond its time on the wire. ids: by robotd.yaml."""

    path: str
    baud: int = BAUD
    reply_s: float = REPLY_S
    ids: tuple[int, ...] | None = None


def port_options(function: Function) -> Function:
    """The options that `port_of` makes a Port of."""
    reply = click.option(
        "--reply-ms",
        type=FiniteRange(1, 1000),
        default=REPLY_S * 1e3,
        show_default=True,
        help="Longest wait for an answer beyond its time on the wire; 40 for an adapter that dawdles.",
    )
    baud = click.option("--baud", type=click.IntRange(1200, 1_000_000), help=f"{BAUD}, unless robotd.yaml says else.")
    config = click.option("--config", type=click.Path(path_type=Path), help="robotd.yaml; without it the robot's own.")
    bus = click.option("--bus", help="In place of --port: a bus of robotd.yaml, as left_leg.")
    port = click.option("--port", help="The adapter, as /dev/ttyUSB0, or an emulator's link.")
    return port(bus(config(baud(reply(function)))))


def port_of(port: str | None, bus: str | None, config: Path | None, baud: int | None, reply_ms: float) -> Port:
    """The Port of the options. Raises Refusal."""
    if (port is None) == (bus is None):
        raise Refusal("expected one of --port and --bus, as in --port /dev/ttyUSB0")
    if port is not None:
        return Port(port, baud or BAUD, reply_ms / 1e3)
    wiring = read_wiring(config)
    if bus not in wiring.buses:
        raise Refusal(f"--bus {bus}: no such bus, robotd.yaml has {', '.join(wiring.buses)}")
    return Port(wiring.buses[bus].port, baud or wiring.baud, reply_ms / 1e3, tuple(wiring.on_bus(bus).values()))


def read_wiring(config: Path | None) -> Wiring:
    """`hardware` of this robotd.yaml, or the robot's own, or the defaults, with its calibration. Raises Refusal."""
    from robotd.calibration import standing_of
    from robotd.config import ConfigFileError, load_config

    with refusing(ConfigFileError):
        wiring = load_config(own_config(config)).hardware
    standing = standing_of(wiring, None)
    if standing.problem is not None:
        raise Refusal(standing.problem)
    return standing.applied(wiring)


def run_on_bus(verb: str, port: Port, job: Callable[[ServoBus], Awaitable[Result]]) -> Result:
    """Take the hardware lock, open the port, do the job, close. SIGTERM, Ctrl-Z and a hangup cancel it as Ctrl-C does.

    Raises:
        Refusal, CheckFailed, Unreachable: one sentence each, with the exit code of the house.
    """
    with hardware_lock(verb):
        return run_held(_session(port, job))


def hardware_lock(verb: str) -> HardwareLock:
    """The hardware lock. Raises Refusal: somebody else has it."""
    with refusing(HardwareLockError):
        return HardwareLock(f"robotctl {verb}")


def run_held(work: Awaitable[Result]) -> Result:
    """Run asynchronous work under the lock; errors of the bus become those of the command line."""
    try:
        return asyncio.run(_until_terminated(work))
    except asyncio.CancelledError:
        raise click.Abort from None
    except (PortError, ReplyError) as problem:
        raise Unreachable(str(problem)) from None
    except ReadBackError as problem:
        raise CheckFailed(str(problem)) from None
    except (BusError, CodecError) as problem:
        raise Refusal(str(problem)) from None


async def alone(bus: ServoBus, servo_id: int) -> None:
    """Make sure that exactly one servo answers to an id. Raises Unreachable, Refusal."""
    found = await probe(bus, servo_id)
    if found is None:
        raise Unreachable(
            f"{bus.name}: no servo answers to id {servo_id} at {bus.line.baud} baud; `robotctl bus scan` finds who does"
        )
    if found.duplicate:
        raise Refusal(
            f"{bus.name}: more than one servo answers to id {servo_id}; connect one at a time and give it its own id"
        )


async def _session(port: Port, job: Callable[[ServoBus], Awaitable[Result]]) -> Result:
    bus = ServoBus(port.path, SerialLine(port.path, port.baud), port.reply_s)
    try:
        return await job(bus)
    finally:
        bus.close()


async def _until_terminated(work: Awaitable[Result]) -> Result:
    task = asyncio.ensure_future(work)
    for number in set(ENDING) - {signal.SIGINT}:  # that one is asyncio.run's
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task
