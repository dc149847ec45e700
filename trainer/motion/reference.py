"""Periodic reference motions: one clip for each command, on disk and in traced code.

Frame n of N is at gait phase 2 pi n / N. The left foot swings while the phase lies in (0, pi), the right foot in
(pi, 2 pi); double supports are centred at 0 and pi.
"""

from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from contract import FOOT_SWITCHES, ConfigError, RobotConfig

Array = Any

PROVENANCE_KEYS = ("joint_names", "method", "licence", "source")


class ReferenceMotion(NamedTuple):
    """K clips of N frames, float32, joints in policy order.

    command (K, 3) vx m/s, vy m/s, yaw rate rad/s; joint_pos (K, N, J) rad; joint_vel (K, N, J) rad/s; base_pos
    (K, N, 3) m, height above the floor in z, and in x, y the sway about the mean motion, which is taken out;
    base_quat (K, N, 4) wxyz; base_linvel (K, N, 3) m/s in the heading frame, mean motion included; base_angvel
    (K, N, 3) rad/s body; contact (K, N, 4) 0 or 1 in the order of contract.FOOT_SWITCHES; period_s () of a cycle.
    `sample` gives the same without K and N.
    """

    command: Array
    joint_pos: Array
    joint_vel: Array
    base_pos: Array
    base_quat: Array
    base_linvel: Array
    base_angvel: Array
    contact: Array
    period_s: Array


def save_reference(path: Path, motion: ReferenceMotion, provenance: dict[str, Any]) -> None:
    """Write a motion and where it comes from: npz, no pickle; the same motion gives the same bytes.

    Raises:
        ConfigError: provenance lacks one of joint_names, method, licence and source, or the file cannot be written.
    """
    for key in PROVENANCE_KEYS:
        if not provenance.get(key):
            raise ConfigError(f"{path}: provenance has no {key}, expected all of {PROVENANCE_KEYS}; state it")
    arrays = {name: np.asarray(value, np.float32) for name, value in motion._asdict().items()}
    text = np.frombuffer(json.dumps(provenance, sort_keys=True).encode(), np.uint8)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            np.savez_compressed(file, **arrays, provenance=text)  # type: ignore[arg-type]
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}, expected a place for the motion; name another") from None


def load_reference(path: Path, robot: RobotConfig) -> tuple[ReferenceMotion, dict[str, Any]]:
    """Read a motion for this robot, and its provenance.

    Raises:
        ConfigError: the file cannot be read, is no reference motion, or is made for joints of other names or order.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: data[name] for name in data.files}
    except OSError as error:
        reason = error.strerror or "not an npz file"
        raise ConfigError(
            f"{path}: {reason}, expected a reference motion; build one by `trainer motion build`"
        ) from None
    except (ValueError, zipfile.BadZipFile, EOFError):
        raise ConfigError(f"{path}: not an npz file, expected a reference motion; build it anew") from None
    missing = [name for name in (*ReferenceMotion._fields, "provenance") if name not in arrays]
    if missing:
        raise ConfigError(f"{path}: {missing[0]!r} is missing, expected a reference motion; build it anew")
    motion = ReferenceMotion(**{name: np.asarray(arrays[name], np.float32) for name in ReferenceMotion._fields})
    try:
        provenance = json.loads(arrays["provenance"].tobytes())
    except ValueError:
        raise ConfigError(f"{path}: provenance is not JSON, expected a text object; build the motion anew") from None
    _check(path, motion, provenance, robot)
    return motion, provenance


def sample(motion: ReferenceMotion, clip_index: Array, phase_rad: Array) -> ReferenceMotion:
    """One clip at one phase (): linear between frames, contact of the nearer frame, quaternion normalised.

    Traceable. Returns a ReferenceMotion without the axes K and N.
    """
    count = motion.joint_pos.shape[1]
    place = jnp.mod(jnp.asarray(phase_rad, jnp.float32) / (2 * math.pi), 1.0) * count
    low = jnp.floor(place).astype(jnp.int32) % count
    high = (low + 1) % count
    share = place - jnp.floor(place)

    def between(values: Array) -> Array:
        clip = jnp.asarray(values)[clip_index]
        return clip[low] + share * (clip[high] - clip[low])

    quat = between(motion.base_quat)
    return ReferenceMotion(
        command=jnp.asarray(motion.command)[clip_index],
        joint_pos=between(motion.joint_pos),
        joint_vel=between(motion.joint_vel),
        base_pos=between(motion.base_pos),
        base_quat=quat / jnp.sqrt(jnp.sum(quat * quat)),
        base_linvel=between(motion.base_linvel),
        base_angvel=between(motion.base_angvel),
        contact=jnp.asarray(motion.contact)[clip_index, jnp.where(share < 0.5, low, high)],
        period_s=jnp.asarray(motion.period_s),
    )


def nearest_clip(motion: ReferenceMotion, command: Array) -> Array:
    """Index () of the clip whose command is nearest to `command` (3,), by Euclidean distance. Traceable."""
    difference = jnp.asarray(motion.command) - jnp.asarray(command)
    return jnp.argmin(jnp.sum(difference * difference, axis=-1))


def _check(path: Path, motion: ReferenceMotion, provenance: Any, robot: RobotConfig) -> None:
    found = provenance.get("joint_names") if isinstance(provenance, dict) else None
    expected = list(robot.actuator_names)
    if found != expected:
        raise ConfigError(
            f"{path}: found the joints {found}, expected {expected} in this order; build it for this robot"
        )
    k, n = motion.joint_pos.shape[:2] if motion.joint_pos.ndim == 3 else (0, 0)
    j, f = len(expected), len(FOOT_SWITCHES)
    shapes: list[tuple[int, ...]] = [(k, 3), *[(k, n, size) for size in (j, j, 3, 4, 3, 3, f)], ()]
    for name, values, shape in zip(ReferenceMotion._fields, motion, shapes, strict=True):
        if values.shape != shape or not values.size:
            raise ConfigError(f"{path}: {name} has the shape {values.shape}, expected {shape}; build the motion anew")
        if not np.all(np.isfinite(values)):
            raise ConfigError(f"{path}: {name} holds a value that is not finite; build the motion anew")
    if motion.period_s <= 0:
        raise ConfigError(f"{path}: period_s is {motion.period_s}, expected a time above 0 s; build the motion anew")
