"""The IMU's mounting from poses: any rotation is found, noise averages out, and poses that cannot be are named."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_bridge.mounting import Mounting
from robotd.ctl.calibration.imu_mounting import (
    GRAVITY_IN_BODY,
    TILT,
    Direction,
    MountingRefusal,
    angle_between_deg,
    gravity_in_sensor,
    matrix_of,
    mean_attitude,
    quat_of,
    solve_mounting,
    still_attitude,
    tilt_direction,
)

PART = st.floats(-1, 1)
ROTATION = st.tuples(PART, PART, PART, PART).filter(lambda q: math.hypot(*q) > 0.1)


def seen(mounting: object, poses: dict[str, tuple[float, ...]] | None = None) -> dict[str, np.ndarray]:
    """Gravity in the sensor's frame, by pose."""
    to_sensor = matrix_of(mounting).T  # type: ignore[arg-type]
    return {pose: to_sensor @ np.array(body) for pose, body in (poses or dict(GRAVITY_IN_BODY)).items()}


def directions(gravity: dict[str, np.ndarray]) -> list[Direction]:
    return [Direction(pose, GRAVITY_IN_BODY[pose], each) for pose, each in gravity.items()]


@given(ROTATION)
@settings(max_examples=300, deadline=None)
def test_every_rotation_is_found_and_is_one_that_the_driver_takes(mounting: tuple[float, ...]) -> None:
    solution = solve_mounting(directions(seen(mounting)))
    assert angle_between_deg(solution.quat_wxyz, mounting) < 1e-4
    assert solution.residual_deg < 1e-4 and set(solution.misfit_deg) == set(GRAVITY_IN_BODY)
    assert Mounting.from_quat(solution.quat_wxyz) and np.linalg.det(matrix_of(solution.quat_wxyz)) > 0.999


@given(ROTATION, st.floats(16, 160))
@settings(max_examples=300, deadline=None)
def test_one_pose_and_one_tilt_of_any_size_are_enough(mounting: tuple[float, ...], degrees: float) -> None:
    tilted = (math.sin(math.radians(degrees)), 0.0, -math.cos(math.radians(degrees)))
    gravity = seen(mounting, {"upright": GRAVITY_IN_BODY["upright"], TILT: tilted})
    tilt = tilt_direction(gravity["upright"], gravity[TILT])
    solution = solve_mounting([*directions({"upright": gravity["upright"]}), tilt])
    assert angle_between_deg(solution.quat_wxyz, mounting) < 1e-3


@given(ROTATION)
@settings(max_examples=200, deadline=None)
def test_a_quaternion_survives_its_matrix_and_the_driver_undoes_it(mounting: tuple[float, ...]) -> None:
    again = quat_of(matrix_of(mounting))
    assert angle_between_deg(again, mounting) < 1e-4 and again[0] >= 0
    # world<-sensor of an upright robot is the mounting itself; the driver makes world<-body of it
    driver = Mounting.from_quat(again)
    assert angle_between_deg(driver.attitude(again), (1, 0, 0, 0)) < 1e-4
    assert np.allclose(driver.vector(tuple(gravity_in_sensor(again))), (0, 0, -1), atol=1e-6)


def noisy(rng: np.random.Generator, quat: np.ndarray, count: int = 200, degrees: float = 1.0) -> np.ndarray:
    """Attitudes (N, 4) about one, off by `degrees` (one sigma) about each axis, with signs at random."""
    halves = np.radians(rng.normal(0, degrees, (count, 3))) / 2
    turns = np.column_stack([np.ones(count), halves])
    w, x, y, z = quat
    left = np.array([[w, -x, -y, -z], [x, w, -z, y], [y, z, w, -x], [z, -y, x, w]])
    return np.asarray(turns @ left.T * rng.choice([-1, 1], (count, 1)))


def test_the_mean_of_noisy_attitudes_is_ten_times_better_and_their_spread_is_told() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        quat = rng.normal(size=4)
        quat /= np.linalg.norm(quat)
        mean, spread_deg = mean_attitude(noisy(rng, quat))
        assert angle_between_deg(mean, quat) < 0.4 and 1.4 < spread_deg < 2.1  # sqrt(3) deg in all


def test_a_robot_that_moves_is_not_averaged() -> None:
    turning = [(math.cos(a), 0, math.sin(a), 0) for a in np.radians(np.linspace(0, 15, 50))]
    with pytest.raises(MountingRefusal, match=r"^face_down: the robot moved by \d+\.\d deg, expected at most 5; hold"):
        still_attitude("face_down", turning)


@pytest.mark.parametrize("quats", [[], [(1, 0, 0)], [(math.nan, 0, 0, 0)]])
def test_attitudes_that_are_none_are_refused(quats: list[tuple[float, ...]]) -> None:
    with pytest.raises(MountingRefusal, match="expected finite quaternions"):
        mean_attitude(quats)


def test_poses_that_are_too_alike_are_refused_in_one_sentence() -> None:
    upright = seen((1, 0, 0, 0))["upright"]
    lazy = [Direction(pose, body, upright) for pose, body in GRAVITY_IN_BODY.items()]
    with pytest.raises(MountingRefusal, match=r"upright, face_down, .* are too alike: seen 0 deg apart, .*30;"):
        solve_mounting(lazy)
    with pytest.raises(MountingRefusal, match=r"poses none are too alike"):
        solve_mounting([])
    gravity = seen((1, 0, 0, 0))
    with pytest.raises(MountingRefusal, match="too alike"):  # opposite directions leave a turn about them open
        solve_mounting(directions({pose: gravity[pose] for pose in ("on_its_left", "on_its_right")}))


@pytest.mark.parametrize("wrong", GRAVITY_IN_BODY)
def test_a_single_pose_that_was_another_one_is_named(wrong: str) -> None:
    mounting = (0.3, -0.5, 0.7, 0.2)
    gravity = seen(mounting)
    other = next(pose for pose in GRAVITY_IN_BODY if pose != wrong)
    gravity[wrong] = gravity[other]
    with pytest.raises(MountingRefusal, match=rf"^pose {wrong} does not fit the others: up to \d+ deg off") as refusal:
        solve_mounting(directions(gravity))
    assert refusal.value.pose == wrong


def test_sides_exchanged_are_a_mirror_image_that_no_rotation_makes() -> None:
    gravity = seen((0.3, -0.5, 0.7, 0.2))
    gravity["on_its_left"], gravity["on_its_right"] = gravity["on_its_right"], gravity["on_its_left"]
    tilt = Direction(TILT, (0, 1, 0), gravity["on_its_right"])
    with pytest.raises(MountingRefusal, match=r"^the poses do not fit, .*; take all poses again$"):
        solve_mounting([*directions(gravity), tilt])


@pytest.mark.parametrize("degrees", [0, 10, 170, 180])
def test_a_tilt_that_is_none_is_refused(degrees: float) -> None:
    angle = math.radians(degrees)
    with pytest.raises(MountingRefusal, match=rf"tilted by {degrees} deg, expected 15 to 165") as refusal:
        tilt_direction((0, 0, -1), (math.sin(angle), 0, -math.cos(angle)))
    assert refusal.value.pose == TILT
