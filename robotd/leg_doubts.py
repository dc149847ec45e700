"""Legs at rest are alike: what in a calibration would explain that they are read unlike. Pure.

A flipped direction or two exchanged servos read as an odd pose. Any pose may be odd, but few are odd in just the way
in which one mistake makes a pose of two like legs odd; those are named.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from contract.frames import Array
from robotd.wiring import UNITS_PER_RAD, JointCalibration

UNLIKE_RAD = 0.35
"""How far a joint and its mirror image must be apart before anything is said."""
ALIKE_RAD = 0.12
"""How near they must come with the mistake undone."""


class Pair(NamedTuple):
    """Two joints that mirror each other: q of one is sign times q of the other."""

    left: str
    right: str
    sign: int


class Doubt(NamedTuple):
    """joints: one whose direction would be flipped, or two whose servos would be exchanged; left_rad: what would
    then be left between the legs."""

    joints: tuple[str, ...]
    left_rad: float

    def __str__(self) -> str:
        if len(self.joints) == 1:
            return f"the direction of {self.joints[0]} were flipped"
        return f"{self.joints[0]} and {self.joints[1]} were swapped"


def unlike_pairs(angles: Mapping[str, float], pairs: Sequence[Pair]) -> list[Pair]:
    """Pairs that are further apart than legs at rest are."""
    return [pair for pair in pairs if abs(_apart(angles, pair)) > UNLIKE_RAD]


def doubts(
    angles: Mapping[str, float],
    pairs: Sequence[Pair],
    rows: Mapping[str, JointCalibration],
    ranges: Mapping[str, tuple[float, float]],
    home: Mapping[str, float],
) -> list[Doubt]:
    """The mistakes that would explain unlike legs, the likeliest first; none where the legs are alike, or just moved.

    Args:
        angles, ranges, home: rad, by joint, as the calibration `rows` reads them. rows: in policy order.
    """
    odd = {name for pair in unlike_pairs(angles, pairs) for name in pair[:2]}
    found: list[tuple[float, Doubt]] = []
    for joints, then in _mistakes(angles, odd, rows):
        left_rad = max(abs(_apart(then, pair)) for pair in pairs)
        inside = all(ranges[name][0] - ALIKE_RAD <= then[name] <= ranges[name][1] + ALIKE_RAD for name in joints)
        if left_rad <= ALIKE_RAD and inside:
            found.append((sum(abs(then[name] - home[name]) for name in odd), Doubt(joints, left_rad)))
    return [doubt for _, doubt in sorted(found)]


def _mistakes(
    angles: Mapping[str, float], odd: set[str], rows: Mapping[str, JointCalibration]
) -> Iterator[tuple[tuple[str, ...], dict[str, float]]]:
    """Each mistake that could be, and the angles with it undone."""
    for name in (each for each in rows if each in odd):
        yield (name,), {**angles, name: 2 * rows[name].q_at_zero_rad - angles[name]}
    for first, second in itertools.combinations(rows, 2):
        if first in odd or second in odd:
            exchanged = {
                first: _angle(rows[first], _units(rows[second], angles[second])),
                second: _angle(rows[second], _units(rows[first], angles[first])),
            }
            yield (first, second), {**angles, **exchanged}


def pairs_of(names: Sequence[str], mirror: Array, sign: Array) -> tuple[Pair, ...]:
    """Each pair once, from where every joint's mirror image stands (J,) and its sign (J,)."""
    places = enumerate(np.asarray(mirror).tolist())
    return tuple(Pair(names[n], names[other], int(sign[n])) for n, other in places if n < other)


def _apart(angles: Mapping[str, float], pair: Pair) -> float:
    return angles[pair.left] - pair.sign * angles[pair.right]


def _units(row: JointCalibration, angle_rad: float) -> float:
    return row.offset_units + row.direction * (angle_rad - row.q_at_zero_rad) * UNITS_PER_RAD


def _angle(row: JointCalibration, units: float) -> float:
    return row.q_at_zero_rad + row.direction * (units - row.offset_units) / UNITS_PER_RAD
