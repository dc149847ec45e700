"""From what a hand does to what the robot is told: deadman, decay, limits. Pure; the time is an argument.

Two kinds of hand hold the deadman. Keys hold it while they repeat, since a terminal does not say when a key is let go.
A gamepad holds it while its button is down; one that has said nothing at all for a while may have lost its radio.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import NamedTuple

MIN_FACTOR, FACTOR_STEP = 0.1, 0.1


class Act(IntEnum):
    """What ends the driving, the gentlest first. QUIT: the robot goes on standing; STOP: crouch; ESTOP: torque off."""

    QUIT = 1
    STOP = 2
    ESTOP = 3


class Stick(NamedTuple):
    """Shares of the limits, each in [-1, 1]; forward, left and turning left are positive."""

    forward: float = 0.0
    sideways: float = 0.0
    turn: float = 0.0


class Key(NamedTuple):
    """A key for a direction was pressed, or repeats."""

    stick: Stick


class Axes(NamedTuple):
    """Where the sticks of a gamepad are."""

    stick: Stick


class Grip(NamedTuple):
    """The deadman's button of a gamepad went down or up."""

    down: bool


class Faster(NamedTuple):
    """More of the limits, or less: how many steps."""

    steps: int


class End(NamedTuple):
    """A key or button that ends the driving; needs no deadman."""

    act: Act


class Lost(NamedTuple):
    """A device is gone, so nothing can be asked any more. why: for people."""

    why: str


Event = Key | Axes | Grip | Faster | End | Lost


class Patience(NamedTuple):
    """How long the deadman holds after what renewed it, s.

    first_s: a key's first press, until it begins to repeat; repeat_s: a key that repeats; silent_s: a gamepad with its
    button down; decay_s: from the end of that until the command is zero.
    """

    first_s: float = 0.7
    repeat_s: float = 0.3
    silent_s: float = 5.0
    decay_s: float = 0.3


class Limits(NamedTuple):
    """The most that is ever asked for, m/s and rad/s; back is a speed too, so not negative."""

    forward_m_s: float
    back_m_s: float
    sideways_m_s: float
    turn_rad_s: float


class Hand(NamedTuple):
    """What is known of the hand. stick: where it is; going: where it was when the deadman was last held; until_s: so
    long the deadman holds; down: the gamepad's button; factor: share of the limits; act: asked for; lost: why."""

    stick: Stick = Stick()
    going: Stick = Stick()
    until_s: float = -math.inf
    down: bool = False
    factor: float = 0.5
    act: Act | None = None
    lost: str = ""


def take(hand: Hand, event: Event, now_s: float, patience: Patience) -> Hand:
    """The hand after an event at `now_s`."""
    match event:
        case Lost(why):
            return hand._replace(until_s=min(hand.until_s, now_s), down=False, lost=hand.lost or why)
        case End(act):
            return hand._replace(act=max(act, hand.act or act))
        case Faster(steps):
            factor = round(hand.factor + steps * FACTOR_STEP, 3)
            return hand._replace(factor=min(1.0, max(MIN_FACTOR, factor)))
        case _ if hand.lost:
            return hand
        case Key(stick):
            repeats = stick == hand.going and now_s <= hand.until_s
            until_s = now_s + (patience.repeat_s if repeats else patience.first_s)
            return hand._replace(going=stick, until_s=max(until_s, hand.until_s) if repeats else until_s)
        case Axes(stick):
            return _renewed(hand._replace(stick=stick), now_s, patience)
        case Grip(down):
            until_s = hand.until_s if down else min(hand.until_s, now_s)
            return _renewed(hand._replace(down=down, until_s=until_s), now_s, patience)
    raise TypeError(event)


def left(hand: Hand, now_s: float, patience: Patience) -> float:
    """What the deadman leaves of the command: 1 while it is held, then down to 0."""
    if hand.act is not None:
        return 0.0
    return min(1.0, max(0.0, 1 - (now_s - hand.until_s) / patience.decay_s))


def velocity(hand: Hand, now_s: float, limits: Limits, patience: Patience) -> tuple[float, float, float]:
    """What to tell the robot now: vx, vy m/s and yaw rate rad/s."""
    share = left(hand, now_s, patience) * hand.factor
    along = limits.forward_m_s if hand.going.forward > 0 else limits.back_m_s
    return (
        share * along * hand.going.forward,
        share * limits.sideways_m_s * hand.going.sideways,
        share * limits.turn_rad_s * hand.going.turn,
    )


def due(hand: Hand, now_s: float, patience: Patience) -> Act | None:
    """What to end with now: at once where it was asked for; a stop once the command of a lost device is zero."""
    if hand.act is None and hand.lost and left(hand, now_s, patience) == 0:
        return Act.STOP
    return hand.act


def _renewed(hand: Hand, now_s: float, patience: Patience) -> Hand:
    """The deadman's button is down and the gamepad has said something: it holds for a while."""
    if not hand.down:
        return hand
    return hand._replace(going=hand.stick, until_s=now_s + patience.silent_s)
