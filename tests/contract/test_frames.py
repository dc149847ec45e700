"""Rotations: against matrices in double precision, at every orientation, and under a turn of the whole robot."""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from worlds import random_quat

from contract.frames import angvel_heading_local, gravity_local, normalize_quat, rotate, tilt_rad

IDENTITY = np.array([1, 0, 0, 0], np.float32)
HALF = math.sqrt(0.5)


def senses(quat: Any, gyro: Any) -> tuple[Any, Any, Any]:
    """Gravity, heading rate, tilt."""
    return gravity_local(quat), angvel_heading_local(quat, gyro), tilt_rad(quat)


WORLDS = {"numpy": senses, "jax": jax.jit(senses)}
ANY_FLOAT = st.floats(width=32, allow_nan=False, allow_infinity=False)


def matrix(quat: np.ndarray) -> np.ndarray:
    """R(q), body to world, in float64: the textbook formula, written here a second time on purpose."""
    w, x, y, z = np.asarray(quat, np.float64) / np.linalg.norm(np.asarray(quat, np.float64))
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def about(axis: str, degrees: float) -> np.ndarray:
    """The quaternion of a turn about one axis."""
    half = math.radians(degrees) / 2
    quat = np.zeros(4, np.float32)
    quat[0], quat["wxyz".index(axis)] = math.cos(half), math.sin(half)
    return quat


def times(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The quaternion product a b: first b, then a."""
    vector = a[0] * b[1:] + b[0] * a[1:] + np.cross(a[1:], b[1:])
    return np.array([a[0] * b[0] - a[1:] @ b[1:], *vector], np.float32)


def test_gravity_and_rotation_match_matrices() -> None:
    rng = np.random.default_rng(0)
    for quat, vector in zip(random_quat(rng, 300, math.pi), rng.normal(0, 1, (300, 3)), strict=True):
        vector = vector.astype(np.float32)
        np.testing.assert_allclose(gravity_local(quat), matrix(quat).T @ [0, 0, -1], atol=1e-6)
        np.testing.assert_allclose(rotate(quat, vector), matrix(quat) @ vector, atol=3e-6)


def test_heading_rate_is_the_world_rate_turned_back_by_yaw() -> None:
    rng = np.random.default_rng(1)
    for quat, gyro in zip(random_quat(rng, 300, math.radians(80)), rng.uniform(-3, 3, (300, 3)), strict=True):
        turned = matrix(quat)
        yaw = math.atan2(turned[1, 0], turned[0, 0])
        back = np.array([[math.cos(yaw), math.sin(yaw), 0], [-math.sin(yaw), math.cos(yaw), 0], [0, 0, 1]])
        np.testing.assert_allclose(angvel_heading_local(quat, gyro.astype(np.float32)), back @ turned @ gyro, atol=2e-5)


@pytest.mark.parametrize(
    ("quat", "gyro", "expected"),
    [
        (IDENTITY, (1, 2, 3), (1, 2, 3)),
        (about("z", 90), (1, 2, 3), (1, 2, 3)),  # a turned robot that rolls still rolls
        (about("x", 90), (1, 2, 3), (1, -3, 2)),  # on its side: body y is up, body z points to the right
        (about("y", 30), (1, 0, 0), (math.cos(math.radians(30)), 0, -0.5)),  # nose down
        (about("y", 90), (1, 2, 3), (3, 2, -1)),  # nose straight down: yaw counts as 0
        (times(about("z", 45), about("y", 90)), (0, 2, 0), (-2 * HALF, 2 * HALF, 0)),  # the same turned by 45 deg
        (about("x", 180), (1, 2, 3), (1, -2, -3)),
    ],
)
def test_heading_rate_by_hand(quat: np.ndarray, gyro: tuple[float, ...], expected: tuple[float, ...]) -> None:
    np.testing.assert_allclose(angvel_heading_local(quat, np.array(gyro, np.float32)), expected, atol=2e-6)


def test_turning_the_robot_changes_neither_gravity_nor_heading_rate() -> None:
    rng = np.random.default_rng(2)
    for quat, yaw in zip(random_quat(rng, 200, math.radians(80)), rng.uniform(-360, 360, 200), strict=True):
        gyro = rng.uniform(-3, 3, 3).astype(np.float32)
        turned = times(about("z", yaw), quat)
        np.testing.assert_allclose(gravity_local(turned), gravity_local(quat), atol=1e-6)
        np.testing.assert_allclose(angvel_heading_local(turned, gyro), angvel_heading_local(quat, gyro), atol=2e-5)


def test_q_and_minus_q_are_the_same_attitude() -> None:
    gyro = np.array([1.0, -2.0, 3.0], np.float32)
    for quat in [*random_quat(np.random.default_rng(3), 200, math.pi), about("y", 90), about("x", 180)]:
        np.testing.assert_array_equal(gravity_local(-quat), gravity_local(quat))
        np.testing.assert_array_equal(angvel_heading_local(-quat, gyro), angvel_heading_local(quat, gyro))


@pytest.mark.parametrize("scale", [1e-7, 0.5, 2.0, 1e6, 1e14, 1e16, 1e19, 3e38])
@pytest.mark.parametrize("world", sorted(WORLDS))
def test_length_of_the_quaternion_does_not_matter(world: str, scale: float) -> None:
    quat = about("y", 30) * np.float32(scale)
    with np.errstate(all="raise"):
        gravity, _, _ = WORLDS[world](quat, np.zeros(3, np.float32))
    np.testing.assert_allclose(np.asarray(gravity), [0.5, 0, -math.sqrt(0.75)], atol=1e-6)


@pytest.mark.parametrize(
    "quat", [(0, 0, 0, 0), (1e-9, 0, 0, 0), (0, 5e-9, 0, 5e-9), (0, 1e-45, 0, 0), (0, 1e-30, 0, 0)]
)
def test_a_quaternion_near_zero_counts_as_upright(quat: tuple[float, ...]) -> None:
    for world in (np.asarray, jax.numpy.asarray):
        array = world(np.array(quat, np.float32))
        np.testing.assert_array_equal(np.asarray(normalize_quat(array)), IDENTITY)
        np.testing.assert_array_equal(np.asarray(gravity_local(array)), [0, 0, -1])


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("off_deg", [0.0, 1e-4, 0.05, 0.06, 1.0])
def test_pitch_near_vertical_is_finite_and_keeps_the_rate(sign: int, off_deg: float) -> None:
    gyro = np.array([4.0, -5.0, 6.0], np.float32)
    for yaw in range(0, 360, 15):
        quat = times(about("z", yaw), about("y", sign * (90 - off_deg)))
        for world in WORLDS.values():
            _, rate, _ = world(quat, gyro)
            assert abs(np.linalg.norm(rate) - np.linalg.norm(gyro)) < 1e-4


def assert_bounded(quat: np.ndarray, gyro: np.ndarray) -> None:
    for world in WORLDS.values():
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            gravity, rate, tilt = world(quat, gyro)
        assert abs(np.linalg.norm(gravity) - 1) < 1e-5
        assert np.linalg.norm(rate) <= np.linalg.norm(gyro) * (1 + 1e-5)
        assert 0 <= float(tilt) <= math.pi + 1e-6


@settings(max_examples=300)
@given(st.tuples(*[ANY_FLOAT] * 4), st.tuples(*[st.floats(-35, 35, width=32)] * 3))
@example((0.0, 0.0, 0.0, 0.0), (35.0, 35.0, 35.0))
@example((3.4028235e38, 3.4028235e38, -3.4028235e38, 3.4028235e38), (1.0, 1.0, 1.0))
@example((1e-45, 0.0, 0.0, 1e-45), (1.0, 2.0, 3.0))
@example((0.7071068, 0.0, 0.7071068, 0.0), (1.0, 2.0, 3.0))
@example((0.0, 1.0, 0.0, 0.0), (1.0, 2.0, 3.0))
def test_any_four_numbers_give_a_unit_gravity_and_a_bounded_rate(
    quat: tuple[float, ...], gyro: tuple[float, ...]
) -> None:
    assert_bounded(np.array(quat, np.float32), np.array(gyro, np.float32))


def test_every_orientation_of_a_fine_grid_is_finite_and_bounded() -> None:
    gyro = np.array([10.0, -10.0, 10.0], np.float32)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 15)] * 4), axis=-1).reshape(-1, 4).astype(np.float32)
    gravity, rate, tilt = jax.jit(jax.vmap(senses, in_axes=(0, None)))(grid, gyro)
    assert np.all(np.abs(np.linalg.norm(gravity, axis=1) - 1) < 1e-5)
    assert np.all(np.linalg.norm(rate, axis=1) <= np.linalg.norm(gyro) * (1 + 1e-5))
    assert np.all((tilt >= 0) & (tilt <= np.pi + 1e-6))
    for quat in grid[::50]:
        assert_bounded(quat, gyro)


@pytest.mark.parametrize(("axis", "degrees"), [("x", 30), ("y", -75), ("z", 120), ("x", 180), ("y", 90)])
def test_tilt_is_the_angle_to_the_vertical(axis: str, degrees: float) -> None:
    expected = 0.0 if axis == "z" else math.radians(abs(degrees))
    assert float(tilt_rad(about(axis, degrees))) == pytest.approx(expected, abs=1e-6)
