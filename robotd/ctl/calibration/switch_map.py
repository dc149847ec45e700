"""Which foot switch hangs on which pin, which way round it is, and how much it chatters. Pure.

First nobody touches a sole, then one switch after the other is pressed and held. What is seen is the level of every
candidate pin, sample by sample: (N, P) bool, True for high.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Bools = NDArray[np.bool_]
MOST_CHATTER = 20
"""Changes of level while a switch is held: more is a loose contact, fewer is a switch."""
LEAST_SAMPLES = 5


class SwitchRefusal(ValueError):
    """Switches that cannot be told apart: one sentence."""


class FoundSwitch(NamedTuple):
    """pin: BCM number; pressed_low: pressing pulls it to ground; chatter: changes of level while it was held."""

    pin: int
    pressed_low: bool
    chatter: int


def rest_levels(pins: Sequence[int], levels: ArrayLike) -> Bools:
    """The level (P,) of each pin while nobody touches a sole. Raises SwitchRefusal: one of them is not steady."""
    seen = _levels(pins, levels)
    rest = majority(seen)
    shaky = [pin for pin, column, level in zip(pins, seen.T, rest, strict=True) if np.mean(column == level) < 0.9]
    if shaky:
        raise SwitchRefusal(
            f"GPIO {_list(shaky)} {_is(shaky)} not steady though nobody touches a sole; look for a loose contact or a "
            "wire without its switch"
        )
    return rest


def find_switch(
    name: str, pins: Sequence[int], rest: Bools, levels: ArrayLike, taken: Mapping[str, FoundSwitch]
) -> FoundSwitch:
    """The switch `name`, which was pressed and held while `levels` (N, P) were seen.

    Args:
        rest: (P,) levels that nobody presses.
        taken: switches found before, by name.

    Raises:
        SwitchRefusal: no pin answers, several do, the pin belongs to another switch, or the contact is loose.
    """
    seen = _levels(pins, levels)
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
    pin = pins[moved[0]]
    if pin in owner:
        raise SwitchRefusal(f"GPIO {pin} answers to {name}, and to {owner[pin]} before; press each switch once")
    chatter = changes(seen[:, moved[0]])
    if chatter > MOST_CHATTER:
        raise SwitchRefusal(
            f"{name} (GPIO {pin}) changed {chatter} times while it was held, expected at most {MOST_CHATTER}; "
            "look for a loose contact"
        )
    return FoundSwitch(pin, pressed_low=not bool(held[moved[0]]), chatter=chatter)


def check_polarity(found: Mapping[str, FoundSwitch]) -> None:
    """Raises SwitchRefusal where one switch works the other way round than all others: it is stuck, or miswired."""
    low = [name for name, switch in found.items() if switch.pressed_low]
    high = [name for name, switch in found.items() if not switch.pressed_low]
    if len(found) >= 3 and (odd := min(low, high, key=len)) and len(odd) == 1:
        level = "low" if found[odd[0]].pressed_low else "high"
        raise SwitchRefusal(
            f"{odd[0]} (GPIO {found[odd[0]].pin}) is pressed when {level} and all others when it is not; take one "
            "kind of switch, normally open to ground"
        )


def majority(levels: Bools) -> Bools:
    """(N, P) -> (P,): the level that each pin had most of the time."""
    return np.asarray(np.mean(levels, axis=0) > 0.5)


def changes(levels: Bools) -> int:
    """(N,) -> how often the level changed."""
    return int(np.sum(levels[1:] != levels[:-1]))


def _levels(pins: Sequence[int], levels: ArrayLike) -> Bools:
    seen = np.asarray(levels, np.bool_)
    if seen.ndim != 2 or seen.shape[1] != len(pins) or len(seen) < LEAST_SAMPLES:
        raise SwitchRefusal(
            f"levels of shape {seen.shape}, expected at least {LEAST_SAMPLES} samples of {len(pins)} pins"
        )
    return seen


def _why_dead(pins: Sequence[int], rest: Bools, owner: Mapping[int, str]) -> str:
    """What is known of a switch whose press nobody sees: a pin that lies at the other level than most is closed."""
    usual = bool(np.mean(rest) >= 0.5)
    stuck = [pin for pin, level in zip(pins, rest, strict=True) if bool(level) != usual and pin not in owner]
    if stuck:
        return f"no pin changed, and GPIO {_list(stuck)} {_is(stuck)} pressed all the time; free the stuck switch"
    free = [pin for pin in pins if pin not in owner]
    return f"no pin changed, expected one of GPIO {_list(free)}; check its wire, and that it clicks"


def _list(pins: Sequence[int]) -> str:
    return ", ".join(map(str, pins))


def _is(pins: Sequence[int]) -> str:
    return "is" if len(pins) == 1 else "are"
