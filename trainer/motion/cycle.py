"""From a walking person to one mean gait cycle under our phase convention."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline

from contract import ConfigError

from .clips import MARKERS, HumanClip, leg_length
from .leg import SIDES

_RATE_HZ = 200.0
_REPEATS = 4
_AT_REST = 0.12  # of a foot's highest speed
_LONGEST_SUPPORT = 0.7
_LEAST_SPEED = 0.1  # m/s, of a foot that steps
_FLICKER_S = 0.06


class HumanCycle(NamedTuple):
    """One cycle of M phases, mean of all, at human size.

    period_s; cycles: how many it is the mean of; velocity (2,) m/s forward and left, of the pelvis; double_support:
    share of each half cycle; leg_m hip to ankle; ankle_m height of the ankles above the toes when standing; ankles
    (2, M, 3) m, left then right, about their mean places; lift (2, M) m, of the lower of ankle and toe, above its
    standing height; pitch (2, M) rad of the foot, toes down positive, 0 as when standing; bob (M,) m of the pelvis.
    """

    period_s: float
    cycles: int
    velocity: np.ndarray
    double_support: float
    leg_m: float
    ankle_m: float
    ankles: np.ndarray
    lift: np.ndarray
    pitch: np.ndarray
    bob: np.ndarray


def mean_cycle(clip: HumanClip, count: int, symmetric: bool) -> HumanCycle:
    """The mean cycle with `count` phases, an even number; `symmetric` averages it with its mirror image.

    A foot stands while its ankle or its toe is at rest.

    Raises:
        ConfigError: the clip holds no whole cycle of walking.
    """
    times, places = _ahead(clip)
    strikes, leaves = _events(places)
    spans = [(a, b) for a, b in zip(strikes["left"], strikes["left"][1:], strict=False)]
    spans = [
        span for span in spans if all(_inside(e, span) for e in (leaves["left"], leaves["right"], strikes["right"]))
    ]
    if not spans:
        found = {f"{side} strikes": len(strikes[side]) for side in SIDES}
        raise ConfigError(f"clip: no whole gait cycle ({found}), expected two strikes of the left foot and all between")
    typical = float(np.median([b - a for a, b in spans]))
    spans = [span for span in spans if abs(span[1] - span[0] - typical) < 0.2 * typical]
    both_right, struck, both_left = np.array([_shares(span, strikes, leaves) for span in spans]).mean(axis=0)
    support = float(both_right + both_left - struck)  # two double supports in whole cycles are one in halves
    if not 0 < support < _LONGEST_SUPPORT:
        raise ConfigError(f"clip: double support is {support:.0%} of a half cycle, expected walking; take another clip")
    phase = 2 * math.pi * np.arange(count) / count
    since_strike = np.mod(phase / (2 * math.pi) - (0.5 - support / 4), 1.0)
    series = {
        name: np.mean([_sampled(times, places, name, span, since_strike) for span in spans], 0) for name in MARKERS
    }
    way = np.mean([(places["pelvis"][b] - places["pelvis"][a])[:2] / (times[b] - times[a]) for a, b in spans], axis=0)
    cycle = _measure(series, way, float(np.mean([times[b] - times[a] for a, b in spans])), support, len(spans))
    cycle = cycle._replace(leg_m=leg_length(clip))
    return _mirrored(cycle) if symmetric else cycle


def _ahead(clip: HumanClip) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Times (T,) s and places (T, 3) m at an even rate, x to where the person goes or, at rest, looks."""
    places = clip.places
    if clip.loops:
        step = places["pelvis"][-1] - places["pelvis"][0]
        step = np.array([step[0], step[1], 0.0])
        places = {n: np.concatenate([p[:-1] + i * step for i in range(_REPEATS)]) for n, p in places.items()}
    frames = len(places["pelvis"])
    stamps = np.arange(frames) / clip.rate_hz
    times = np.arange(0, stamps[-1], 1 / _RATE_HZ)
    left = (places["left_hip"] - places["right_hip"])[:, :2].mean(axis=0)
    way = (places["pelvis"][-1] - places["pelvis"][0])[:2]
    looks = np.array([left[1], -left[0]])
    ahead = way if np.linalg.norm(way) > 0.3 * stamps[-1] and way @ looks > 0 else looks
    c, s = ahead / np.linalg.norm(ahead)
    turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    return times, {name: CubicSpline(stamps, place @ turn.T)(times) for name, place in places.items()}


def _events(places: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Indices of each foot's strikes and leaves: where the slower of ankle and toe comes to rest, and sets off."""
    strikes, leaves = {}, {}
    for side in SIDES:
        speeds = [np.linalg.norm(np.gradient(places[f"{side}_{part}"], axis=0), axis=1) for part in ("ankle", "toe")]
        slower = np.minimum(*speeds) * _RATE_HZ
        fast = float(np.percentile(slower, 95))
        moves = (slower > _AT_REST * fast) & (fast > _LEAST_SPEED)
        for begin, end in _runs(moves) + _runs(~moves):
            if end - begin < _FLICKER_S * _RATE_HZ and begin > 0 and end < len(moves):
                moves[begin:end] = ~moves[begin]
        change = np.diff(moves.astype(int))
        strikes[side], leaves[side] = np.flatnonzero(change < 0) + 1, np.flatnonzero(change > 0) + 1
    return strikes, leaves


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Begin and end of each stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _inside(events: np.ndarray, span: tuple[int, int]) -> bool:
    return int(((events > span[0]) & (events < span[1])).sum()) == 1


def _shares(span: tuple[int, int], strikes: dict[str, np.ndarray], leaves: dict[str, np.ndarray]) -> list[float]:
    """When after the left strike, in cycles, the right foot leaves (negative: before), strikes, and the left leaves."""
    events = (leaves["right"], strikes["right"], leaves["left"])
    at = [int(e[(e > span[0]) & (e < span[1])][0]) for e in events]
    right_leaves, *others = [(t - span[0]) / (span[1] - span[0]) for t in at]
    return [(right_leaves + 0.5) % 1 - 0.5, *others]


def _sampled(
    times: np.ndarray, places: dict[str, np.ndarray], name: str, span: tuple[int, int], shares: np.ndarray
) -> np.ndarray:
    """(M, 3) a marker at shares of the cycle, about the pelvis at its start, without drift: it closes."""
    a, b = span
    at = times[a] + shares * (times[b] - times[a])
    place = places[name] - places["pelvis"][a] * [1, 1, 0]
    sampled: np.ndarray = CubicSpline(times[a : b + 1], place[a : b + 1])(at) - shares[:, None] * (place[b] - place[a])
    return sampled


def _measure(
    series: dict[str, np.ndarray], way: np.ndarray, period_s: float, support: float, cycles: int
) -> HumanCycle:
    """The cycle from `series` {marker: (M, 3) m}; ankles are put about their own mean place."""
    ankles, lift, pitch = [], [], []
    for side in SIDES:
        ankle, toe = series[f"{side}_ankle"], series[f"{side}_toe"]
        low_ankle, low_toe = np.percentile(ankle[:, 2], 10), np.percentile(toe[:, 2], 10)
        foot = toe - ankle
        slope = -np.arctan2(foot[:, 2], np.linalg.norm(foot[:, :2], axis=1))
        flat = np.median(slope[np.argsort(ankle[:, 2])[: len(ankle) // 3]])
        ankles.append(ankle - [ankle[:, 0].mean(), ankle[:, 1].mean(), low_ankle])
        lift.append(np.maximum(np.minimum(ankle[:, 2] - low_ankle, toe[:, 2] - low_toe), 0.0))
        pitch.append(slope - flat)
    height = series["pelvis"][:, 2]
    low = {
        part: np.mean([np.percentile(series[f"{side}_{part}"][:, 2], 10) for side in SIDES])
        for part in ("ankle", "toe")
    }
    ankle_m = float(low["ankle"] - low["toe"])
    arrays = (np.array(ankles), np.array(lift), np.array(pitch), height - height.mean())
    return HumanCycle(period_s, cycles, way, support, 0.0, ankle_m, *arrays)


def _mirrored(cycle: HumanCycle) -> HumanCycle:
    half = cycle.bob.shape[0] // 2

    def both(values: np.ndarray) -> np.ndarray:
        """The mean of the left foot and of the right one half a cycle later, and the same half a cycle later."""
        mean = (values[0] + np.roll(values[1], -half, axis=0)) / 2
        return np.array([mean, np.roll(mean, half, axis=0)])

    sagittal = both(cycle.ankles * [1, 0, 1])
    bob = (cycle.bob + np.roll(cycle.bob, half)) / 2
    return cycle._replace(
        velocity=np.array([cycle.velocity[0], 0.0]),
        ankles=sagittal,
        lift=both(cycle.lift),
        pitch=both(cycle.pitch),
        bob=bob,
    )
