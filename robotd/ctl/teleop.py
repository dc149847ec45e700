"""Verb teleop: drive by hand, with a deadman."""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

import click

from robotd.ctl import teleop_gamepad, teleop_keyboard
from robotd.ctl.act import EXIT_FAILED, EXIT_OK, socket_option, tell
from robotd.ctl.client import Client
from robotd.ctl.fault_fixes import fault_lines
from robotd.ctl.finite_range import FiniteRange
from robotd.ctl.refusal import Refusal, Unreachable
from robotd.ctl.teleop_gamepad import Gamepad, gamepads, open_gamepad
from robotd.ctl.teleop_keyboard import Keyboard, keys_at_once
from robotd.ctl.teleop_mapping import Act, Event, Hand, Limits, Lost, Patience, due, left, take, velocity
from robotd.ctl.teleop_screen import Screen, View
from robotd.messages import MAX_SPEED_M_S, MAX_TURN_RAD_S, AskStatus, Estop, Release, Status, Stop, Velocity

PERIOD_S = 0.05
SETTLE_S = 2.0
"""How long after the loss of a device the robot may take to come to zero before it is stopped all the same."""
_STOPPED = ("stopping", "fault", "idle")


class Device(Protocol):
    """Something with a hand on it. `read` is called when fd has something, and does not wait."""

    fd: int

    def read(self) -> list[Event]: ...


class Setup(NamedTuple):
    """limits and patience of the mapping; factor: share of the limits at the start."""

    limits: Limits
    factor: float = 0.5
    patience: Patience = Patience()


def _speed(name: str, default: float, most: float, text: str) -> Callable[..., Callable[..., int]]:
    return click.option(name, type=FiniteRange(0, most), default=default, show_default=True, help=text)


@click.command()
@click.option(
    "--device",
    help="A gamepad: its /dev/input/event*, or auto for the first there is. Without it, the keyboard steers.",
)
@_speed("--max-forward", 0.3, MAX_SPEED_M_S, "At full speed, m/s.")
@_speed("--max-back", 0.0, MAX_SPEED_M_S, "m/s; the shipped policy has not learnt to walk back.")
@_speed("--max-sideways", 0.1, MAX_SPEED_M_S, "m/s.")
@_speed("--max-turn", 0.4, MAX_TURN_RAD_S, "rad/s.")
@click.option(
    "--factor", type=FiniteRange(0.1, 1), default=0.5, show_default=True, help="Share of these to begin with."
)
@socket_option
def command(
    device: str | None,
    max_forward: float,
    max_back: float,
    max_sideways: float,
    max_turn: float,
    factor: float,
    socket: Path | None,
) -> int:
    """Drive by keyboard or gamepad, for as long as a key or button is held.

    A key counts while it repeats, a gamepad while its left bumper is down and it spoke within the last 5 s; after that
    the velocity goes to zero within 0.3 s, and the robot stands. If terminal or gamepad is lost, that comes first and a
    stop after it; if this command is killed, robotd does the same (LINK). Stops need no deadman.

    \b
    Examples:
      robotctl teleop
      robotctl teleop --device auto --max-forward 0.4

    Exit codes: 0 ended or stopped by hand, 1 the robot stopped by itself, 2 refused, 3 no robotd, or terminal or
    gamepad lost, 130 interrupted.
    """
    setup = Setup(Limits(max_forward, max_back, max_sideways, max_turn), factor)
    with hands(device) as (devices, text), Client(socket) as client:
        return drive(client, devices, setup, time.monotonic, Screen(text))


@contextmanager
def hands(device: str | None) -> Iterator[tuple[list[Device], str]]:
    """The devices, and what their keys and buttons do. A keyboard beside a gamepad can only stop.

    Raises:
        Refusal: the keyboard is no terminal, or the device no gamepad; Unreachable: there is no such gamepad.
    """
    terminal = sys.stdin.fileno() if sys.stdin.isatty() else None
    if device is None:
        if terminal is None:
            raise Refusal("found no terminal on stdin, expected a keyboard; run it in one (ssh -t), or use --device")
        with keys_at_once(terminal):
            yield [Keyboard(terminal)], teleop_keyboard.HELP
        return
    pad, name = _gamepad(device)
    text = f"{teleop_gamepad.HELP}\n  read from {name}"
    if terminal is None:
        yield [pad], text
        return
    with keys_at_once(terminal):
        yield [pad, Keyboard(terminal, steers=False)], f"{text}; space, x and Ctrl-D on the keyboard count too"


def drive(client: Client, devices: Sequence[Device], setup: Setup, now_s: Callable[[], float], screen: Screen) -> int:
    """Say the hand's velocity 20 times a second until something ends it; then the command is free. Exit code."""
    hand, next_s, mode, devices = Hand(factor=setup.factor), now_s(), "", list(devices)
    try:
        while True:
            for device in _ready(devices, max(0.0, next_s - now_s())):
                for event in device.read():
                    hand = take(hand, event, now_s(), setup.patience)
                    if isinstance(event, Lost):
                        devices.remove(device)
            act = due(hand, now_s(), setup.patience)
            if act is not None and (hand.act or _still(client) or now_s() > hand.until_s + SETTLE_S):
                screen.close()
                return _end(client, act, hand.lost)
            if now_s() < next_s:
                continue
            next_s = now_s() + PERIOD_S
            asked = velocity(hand, now_s(), setup.limits, setup.patience)
            done = client.act(Velocity(*asked))
            if done.mode in _STOPPED and mode not in ("", *_STOPPED):
                screen.close()
                return _stopped(client, done.mode)
            mode = done.mode
            held = left(hand, now_s(), setup.patience) == 1
            screen.show(View(mode, asked, hand.factor, held, hand.lost))
    finally:
        client.act(Release())


def _ready(devices: Sequence[Device], wait_s: float) -> list[Device]:
    """The devices that have something to read, as soon as one has."""
    ready, _, _ = select.select([device.fd for device in devices], [], [], wait_s)
    return [device for device in devices if device.fd in ready]


def _still(client: Client) -> bool:
    """Whether the robot's own command has come to zero: it takes a new one up at a bounded rate."""
    return not any(client.ask(AskStatus(), Status).command)


def _end(client: Client, act: Act, lost: str) -> int:
    """Do what a person asked for, or what a lost device asks for."""
    if act is Act.QUIT:
        return EXIT_OK
    done = client.act(Estop() if act is Act.ESTOP else Stop())
    if lost:  # and with it perhaps the terminal to print on
        raise Unreachable(f"{lost}; {done.text}")
    return tell(done)


def _stopped(client: Client, mode: str) -> int:
    """The robot stopped by itself, or somebody else stopped it: say why."""
    status = client.ask(AskStatus(), Status)
    click.echo(f"robotctl: the robot is in {mode}", err=True)
    for line in fault_lines(status.faults):
        click.echo(f"  {line}", err=True)
    return EXIT_FAILED


def _gamepad(device: str) -> tuple[Gamepad, str]:
    """The gamepad that --device means, and its name for people."""
    if device != "auto":
        return open_gamepad(Path(device)), device
    found = gamepads()
    if not found:
        raise Unreachable(
            "found no gamepad, expected one that the kernel knows; plug it in, see /proc/bus/input/devices"
        )
    path, name = found[0]
    return open_gamepad(path), f"{name} ({path})"
