"""Features in poses with a known meaning, and in the mirror."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from contract import RobotConfig, rotate
from trainer.amp.features import FEATURES, amp_features, feature_dim, feature_slices, mirror_of_features
from trainer.physics.body_state import BodyState

Make = Callable[..., BodyState]


def about(axis: str, angle: float) -> np.ndarray:
    quat = np.zeros(4)
    quat[0], quat["xyz".index(axis) + 1] = math.cos(angle / 2), math.sin(angle / 2)
    return quat


def times(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Hamilton product: first b, then a."""
    w, v = a[0] * b[0] - a[1:] @ b[1:], a[0] * b[1:] + b[0] * a[1:] + np.cross(a[1:], b[1:])
    return np.concatenate([[w], v])


def orientation(body: BodyState) -> np.ndarray:
    joints = body.joint_pos.shape[0]
    return np.asarray(amp_features(body)[feature_slices(joints)["base_orientation"]])


def test_upright_at_home(make_body: Make, robot: RobotConfig) -> None:
    features = amp_features(make_body([1, 0, 0, 0]))
    where = feature_slices(len(robot.home))
    assert features.shape == (29,) == (feature_dim(11),)
    assert tuple(where) == FEATURES
    np.testing.assert_allclose(features[where["joint_pos"]], robot.home, atol=1e-6)
    np.testing.assert_allclose(features[where["joint_vel"]], np.arange(11) / 10, atol=1e-6)
    np.testing.assert_allclose(features[where["base_height"]], [0.4], atol=1e-6)
    np.testing.assert_allclose(features[where["base_orientation"]], [1, 0, 0, 0, 1, 0], atol=1e-6)


def test_nose_down_and_left_side_up(make_body: Make) -> None:
    c, s = math.cos(0.3), math.sin(0.3)
    np.testing.assert_allclose(orientation(make_body(about("y", 0.3))), [c, 0, -s, 0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(orientation(make_body(about("x", 0.3))), [1, 0, 0, 0, c, s], atol=1e-6)


@pytest.mark.parametrize("yaw", [-3.1, -1.0, 0.4, math.pi / 2, 3.0])
def test_the_heading_does_not_matter(make_body: Make, yaw: float) -> None:
    tilted = times(about("y", 0.4), about("x", -0.2))
    turned = times(about("z", yaw), tilted)
    assert np.abs(turned - tilted).max() > 0.1
    np.testing.assert_allclose(amp_features(make_body(turned)), amp_features(make_body(tilted)), atol=2e-6)


def test_straight_down_has_no_heading_and_stays_finite(make_body: Make) -> None:
    down = about("y", math.pi / 2)
    np.testing.assert_allclose(orientation(make_body(down)), [0, 0, -1, 0, 1, 0], atol=1e-5)
    slope = jax.jacobian(lambda quat: amp_features(make_body(quat)))(jnp.asarray(down, jnp.float32))
    assert bool(jnp.isfinite(slope).all())


def test_height_is_above_the_floor(make_body: Make) -> None:
    features = amp_features(make_body([1, 0, 0, 0]), jnp.asarray(0.15))
    np.testing.assert_allclose(features[feature_slices(11)["base_height"]], [0.25], atol=1e-6)


def test_features_of_many_are_those_of_each(make_body: Make) -> None:
    bodies = [make_body(about("y", a)) for a in (0.0, 0.2, -0.5)]
    together = jax.vmap(amp_features)(jax.tree.map(lambda *x: jnp.stack(x), *bodies))
    np.testing.assert_allclose(together, [amp_features(body) for body in bodies], atol=1e-6)


def test_the_mirrored_robot_has_mirrored_features(make_body: Make, robot: RobotConfig) -> None:
    rng = np.random.default_rng(0)
    quat = rng.normal(size=4)
    quat /= np.linalg.norm(quat)
    pos, vel = rng.normal(size=(2, 11))
    order, sign = robot.symmetric_index, robot.symmetry_sign
    body = make_body(quat, pos, vel)
    reflected = make_body(quat * [1, -1, 1, -1], pos[order] * sign, vel[order] * sign)
    up = rotate(reflected.base_quat, jnp.array([0.0, 0.0, 1.0]))
    np.testing.assert_allclose(up, rotate(body.base_quat, jnp.array([0.0, 0.0, 1.0])) * np.array([1, -1, 1]), atol=1e-5)
    mirror = mirror_of_features(robot)
    mirrored = mirror(amp_features(body))
    np.testing.assert_allclose(mirrored, amp_features(reflected), atol=1e-5)
    np.testing.assert_allclose(mirror(mirrored), amp_features(body), atol=0)
    assert np.abs(mirrored - amp_features(body)).max() > 0.1
