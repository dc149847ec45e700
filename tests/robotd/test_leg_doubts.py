"""Legs that are read unlike: the one mistake that would explain it is named, and like legs never are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from contract import assets_dir, load_robot_config
from robotd.hal.servo_frame import servo_frame, to_rad, unclamped_units
from robotd.leg_doubts import ALIKE_RAD, UNLIKE_RAD, Pair, doubts, pairs_of, unlike_pairs
from robotd.wiring import JointCalibration, Wiring

CONFIG = load_robot_config(assets_dir() / "robot_config.yaml")
NAMES = CONFIG.actuator_names
PAIRS = pairs_of(NAMES, CONFIG.symmetric_index, CONFIG.symmetry_sign)
RANGES = {name: (joint.range_min_rad, joint.range_max_rad) for name, joint in CONFIG.joints.items()}
HOME = dict(CONFIG.home_pose_rad)
ROWS = {
    name: row.model_copy(update={"offset_units": 7 * n - 30})
    for n, (name, row) in enumerate(Wiring().calibration.items())
}
HANGING = dict(zip(NAMES, (0.0, -0.1, 0.03, -0.33, 0.03) * 2 + (0.0,), strict=True))


def accused(angles: dict[str, float]) -> list[tuple[str, ...]]:
    return [doubt.joints for doubt in doubts(angles, PAIRS, ROWS, RANGES, HOME)]


def read_as(angle_rad: float, really: JointCalibration, believed: JointCalibration) -> float:
    """What an angle is read as, by way of the units on the wire."""
    units = unclamped_units(servo_frame([really]), [angle_rad])
    return float(to_rad(servo_frame([believed]), units)[0])


def with_flipped(angles: dict[str, float], joint: str) -> dict[str, float]:
    row = ROWS[joint]
    return {**angles, joint: read_as(angles[joint], row.model_copy(update={"direction": -row.direction}), row)}


def with_swapped(angles: dict[str, float], first: str, second: str) -> dict[str, float]:
    return {
        **angles,
        first: read_as(angles[second], ROWS[second], ROWS[first]),
        second: read_as(angles[first], ROWS[first], ROWS[second]),
    }


def poses(count: int) -> Iterator[dict[str, float]]:
    """Like legs anywhere, the right one up to a little off."""
    rng = np.random.default_rng(0)
    for _ in range(count):
        pose = {name: float(rng.uniform(*RANGES[name])) for name in NAMES}
        for pair in PAIRS:
            pose[pair.right] = pair.sign * pose[pair.left] + rng.uniform(-0.1, 0.1)
        yield pose


def test_the_pairs_are_the_legs() -> None:
    assert len(PAIRS) == 5 and PAIRS[2] == Pair("left_knee_pitch", "right_knee_pitch", 1)


def test_like_legs_are_never_doubted() -> None:
    assert all(accused(pose) == [] and unlike_pairs(pose, PAIRS) == [] for pose in poses(300))


def test_a_flipped_direction_is_named_or_its_mirror_image_wherever_it_shows() -> None:
    shown = 0
    for pose in poses(100):
        for name in NAMES[:10]:
            seen = with_flipped(pose, name)
            if unlike_pairs(seen, PAIRS):
                shown += 1
                assert (name,) in accused(seen), (name, pose)
    assert shown > 300


@pytest.mark.parametrize("joint", ["hip_pitch", "hip_roll", "knee_pitch", "ankle_pitch"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_hanging_limp_shows_it_for_all_but_the_foots_roll(side: str, joint: str) -> None:
    name = f"{side}_{joint}"
    assert (name,) in accused(with_flipped(HANGING, name))[:2]
    assert accused(with_flipped(HANGING, f"{side}_foot_roll")) == [] == accused(with_flipped(HANGING, "waist_yaw"))


def test_swapped_joints_are_named_wherever_it_shows() -> None:
    for first, second in (("left_hip_pitch", "left_knee_pitch"), ("right_knee_pitch", "left_hip_roll")):
        assert (first, second) in accused(with_swapped(HANGING, first, second)) or (second, first) in accused(
            with_swapped(HANGING, first, second)
        )
    like = with_swapped(HANGING, "left_knee_pitch", "right_knee_pitch")  # the same on both sides: nothing shows
    assert accused(like) == []


def test_a_pose_that_no_single_mistake_explains_passes() -> None:
    odd = {**HANGING, "left_knee_pitch": 1.2, "left_hip_pitch": 0.9, "left_ankle_pitch": 0.5}
    assert len(unlike_pairs(odd, PAIRS)) == 3 and accused(odd) == []


def test_the_bounds_of_like_and_unlike() -> None:
    inside = {**HANGING, "left_foot_roll": HANGING["left_foot_roll"] + UNLIKE_RAD - 0.01}
    assert accused(inside) == []
    for off, named in ((ALIKE_RAD - 0.01, True), (ALIKE_RAD + 0.01, False)):
        seen = with_flipped({**HANGING, "left_knee_pitch": HANGING["left_knee_pitch"] + off}, "left_knee_pitch")
        assert (("left_knee_pitch",) in accused(seen)) is named
