"""Foot switches found by pressing: whatever their pins and kinds, and each way in which that fails has its sentence."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from robotd.ctl.calibration.switch_map import FoundSwitch, SwitchRefusal, at_rest, find_switch

PINS = (5, 6, 13, 19)
NAMES = ("left_toe", "left_heel", "right_toe", "right_heel")
SAMPLES = 100


def levels(closed: tuple[bool, ...]) -> np.ndarray:
    """(N, P): the same all the time."""
    return np.tile(np.array(closed), (SAMPLES, 1))


def pressing(column: int, rest: tuple[bool, ...]) -> np.ndarray:
    return levels(tuple(low != (n == column) for n, low in enumerate(rest)))


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_every_order_of_pins_and_every_kind_of_switch_is_found(order: tuple[int, ...]) -> None:
    for rest in itertools.product((False, True), repeat=4):
        low = at_rest(PINS, levels(rest))
        found: dict[str, FoundSwitch] = {}
        for name, column in zip(NAMES, order, strict=True):
            found[name] = find_switch(name, PINS, low, pressing(column, rest), found)
            assert found[name] == FoundSwitch(PINS[column], pressed_low=not rest[column], chatter=0)


OPEN = (False, False, False, False)
REST = at_rest(PINS, levels(OPEN))


def test_chatter_is_counted_and_a_loose_contact_is_named() -> None:
    seen = pressing(1, OPEN)
    seen[[0, 2, 4], 1] = False
    assert find_switch("left_heel", PINS, REST, seen, {}).chatter == 5
    seen[10:60:2, 1] = False
    with pytest.raises(SwitchRefusal, match=r"^left_heel \(GPIO 6\) chattered 55 times .* at most 20; look for"):
        find_switch("left_heel", PINS, REST, seen, {})


def test_a_dead_switch_is_named_with_the_pins_that_are_left() -> None:
    taken = {"left_toe": FoundSwitch(5, True, 0)}
    with pytest.raises(SwitchRefusal, match=r"^left_heel is dead: no pin changed, expected one of GPIO 6, 13, 19;"):
        find_switch("left_heel", PINS, REST, levels(OPEN), taken)


def test_a_stuck_switch_is_named() -> None:
    closed = (False, False, True, False)
    with pytest.raises(SwitchRefusal, match=r"left_heel is dead: .* or stuck: GPIO 13 is closed though nobody presses"):
        find_switch("left_heel", PINS, at_rest(PINS, levels(closed)), levels(closed), {})


def test_two_at_once_and_one_that_did_not_come_back_are_named() -> None:
    taken = {"left_toe": FoundSwitch(5, True, 0)}
    with pytest.raises(SwitchRefusal, match=r"^2 switches answer to left_heel: GPIO 5 \(left_toe\), GPIO 6; press one"):
        find_switch("left_heel", PINS, REST, levels((True, True, False, False)), taken)
    with pytest.raises(SwitchRefusal, match=r"^GPIO 5 answers to left_heel, and to left_toe before; press each"):
        find_switch("left_heel", PINS, REST, pressing(0, OPEN), taken)


def test_a_pin_that_is_not_steady_at_rest_is_named() -> None:
    seen = levels(OPEN)
    seen[::3, 3] = True
    with pytest.raises(SwitchRefusal, match=r"^GPIO 19 is not steady though nobody touches a sole"):
        at_rest(PINS, seen)
    with pytest.raises(SwitchRefusal, match=r"expected at least 5 of 4 pins"):
        at_rest(PINS, seen[:4])
