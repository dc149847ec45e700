"""What the discriminator sees of one state: one function for agent and expert alike."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from contract import RobotConfig, rotate

from ..physics.body_state import Array, BodyState
from ..symmetry import Mirror, in_place, join, mirror_of_joints

FEATURES = ("joint_pos", "joint_vel", "base_height", "base_orientation")
_VERTICAL = 1e-3


def amp_features(body: BodyState, floor_height: Array | float = 0.0) -> Array:
    """Features (F,) of one robot, F = 2 J + 7, in the order of FEATURES.

    joint_pos (J,) rad and joint_vel (J,) rad/s in policy order; base_height () m above the floor's world height
    `floor_height`; base_orientation (6,): first two columns of R(base_quat), turned back by the heading. The
    heading counts as 0 where the base's x axis is within 1e-3 of vertical, as in the contract's frames.
    """
    forward = rotate(body.base_quat, jnp.array([1.0, 0.0, 0.0]))
    left = rotate(body.base_quat, jnp.array([0.0, 1.0, 0.0]))
    length = jnp.sqrt(forward[0] ** 2 + forward[1] ** 2)
    vertical = length < _VERTICAL
    length = jnp.where(vertical, 1.0, length)
    cos, sin = jnp.where(vertical, 1.0, forward[0] / length), jnp.where(vertical, 0.0, forward[1] / length)

    def unturned(v: Array) -> Array:
        return jnp.stack([cos * v[0] + sin * v[1], cos * v[1] - sin * v[0], v[2]])

    height = jnp.reshape(body.base_pos[2] - floor_height, (1,))
    return jnp.concatenate([body.joint_pos, body.joint_vel, height, unturned(forward), unturned(left)])


def feature_slices(num_joints: int) -> dict[str, slice]:
    """Where each feature lies in (F,), by its name."""
    sizes = (num_joints, num_joints, 1, 6)
    ends = np.cumsum(sizes)
    return {n: slice(int(end) - size, int(end)) for n, end, size in zip(FEATURES, ends, sizes, strict=True)}


def feature_dim(num_joints: int) -> int:
    """F for a robot with J joints."""
    return int(feature_slices(num_joints)[FEATURES[-1]].stop)


def mirror_of_features(config: RobotConfig) -> Mirror:
    """The reflection in the x-z plane of features (..., F): columns of M R M with M = diag(1, -1, 1)."""
    joints = mirror_of_joints(config)
    return join([joints, joints, in_place((1.0,)), in_place((1.0, -1.0, 1.0, -1.0, 1.0, -1.0))])
