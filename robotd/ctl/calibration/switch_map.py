"""Which foot switch hangs on which pin, which way round it is, and how much it chatters. Pure.

First nobody touches a sole, then one switch after the other is pressed and held. What is seen is whether each candidate
pin is low, sample by sample: (N, P) bool, bounces and all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Bools = NDArray[np.bool_]
MOST_CHATTER = 20
"""While a switch is held: more is a loose contact."""
STEADY = 0.9
"""Share of samples at rest that must be alike."""
LEAST_SAMPLES = 5


class SwitchRefusal(ValueError):
    """Switches that cannot be told apart: one sentence."""


class FoundSwitch(NamedTuple):
    """pin: BCM number; pressed_low: pressing pulls it to ground; chatter: changes while it was held."""

    pin: int
    pressed_low: bool
    chatter: int


def at_rest(pins: Sequence[int], low: ArrayLike) -> Bools:
    """(P,) which pins are low while nobody touches a sole. Raises SwitchRefusal: one of them is not steady."""
    seen = _samples(pins, low)
    rest = majority(seen)
    shaky = [pin for pin, column, level in zip(pins, seen.T, rest, strict=True) if np.mean(column == level) < STEADY]
    if shaky:
        raise SwitchRefusal(
            f"GPIO {_list(shaky)} {_is(shaky)} not steady though nobody touches a sole; look for a loose contact or a "
            "wire without its switch"
        )
    return rest


def find_switch(
    name: str, pins: Sequence[int], rest: Bools, low: ArrayLike, taken: Mapping[str, FoundSwitch]
) -> FoundSwitch:
    """The switch `name`, which was pressed and held while `low` (N, P) was seen.

    Args:
        rest: (P,) what is low while nobody presses.
        taken: switches found before, by name.

    Raises:
        SwitchRefusal: no pin answers, several do, the pin belongs to another switch, or the contact is loose.
    """
    seen = _samples(pins, low)
    held = majority(seen)
    moved = [n for n in range(len(pins)) if held[n] != rest[n]]
    owner = {found.pin: other for other, found in taken.items()}
    if not moved:
        raise SwitchRefusal(f"{name} is dead: {_why_dead(pins, rest, owner)}")
    if len(moved) > 1:
        which = ", ".join(f"GPIO {pins[n]}" + (f" ({owner[pins[n]]})" if pins[n] in owner else "") for n in moved)
        raise SwitchRefusal(
            f"{len(moved)} switches answer to {name}: {which}; press one at a time, and look whether another is stuck"
        )
    (column,) = moved
    pin = pins[column]
    if pin in owner:
        raise SwitchRefusal(f"GPIO {pin} answers to {name}, and to {owner[pin]} before; press each switch once")
    chatter = changes(seen[:, column])
    if chatter > MOST_CHATTER:
        raise SwitchRefusal(
            f"{name} (GPIO {pin}) chattered {chatter} times while it was held, expected at most {MOST_CHATTER}; "
            "look for a loose contact"
        )
    return FoundSwitch(pin, pressed_low=bool(held[column]), chatter=chatter)


def majority(low: Bools) -> Bools:
    """(N, P) -> (P,): what each pin was most of the time."""
    return np.asarray(np.mean(low, axis=0) > 0.5)


def changes(low: Bools) -> int:
    """(N,) -> how often it changed."""
    return int(np.sum(low[1:] != low[:-1]))


def _samples(pins: Sequence[int], low: ArrayLike) -> Bools:
    seen = np.asarray(low, np.bool_)
    if seen.ndim != 2 or seen.shape[1] != len(pins) or len(seen) < LEAST_SAMPLES:
        raise SwitchRefusal(
            f"samples of shape {seen.shape}, expected at least {LEAST_SAMPLES} of {len(pins)} pins; look again"
        )
    return seen


def _why_dead(pins: Sequence[int], rest: Bools, owner: Mapping[int, str]) -> str:
    """What is known of a switch whose press nobody sees."""
    free = {pin: bool(low) for pin, low in zip(pins, rest, strict=True) if pin not in owner}
    closed = [pin for pin, low in free.items() if low]
    stuck = f", or stuck: GPIO {_list(closed)} {_is(closed)} closed though nobody presses" if closed else ""
    return f"no pin changed, expected one of GPIO {_list(list(free))}; check its wire, and that it clicks{stuck}"


def _list(pins: Sequence[int]) -> str:
    return ", ".join(map(str, pins))


def _is(pins: Sequence[int]) -> str:
    return "is" if len(pins) == 1 else "are"
