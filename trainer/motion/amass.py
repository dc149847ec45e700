"""Clips as AMASS stores them: npz with axis-angle poses of the SMPL tree, root translations and a frame rate."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from contract import ConfigError

from .clips import MARKERS, HumanClip
from .skeleton import Skeleton, forward, from_axis_angle

# where our markers stand in the SMPL tree
JOINTS = {
    "pelvis": 0,
    **{"left_hip": 1, "left_knee": 4, "left_ankle": 7, "left_toe": 10},
    **{"right_hip": 2, "right_knee": 5, "right_ankle": 8, "right_toe": 11},
}
# an adult in round numbers, in the tree's rest pose: x left, y up, z forward, m
_OFFSETS = [
    [0, 0, 0],
    *([0.09, -0.09, 0], [0, -0.4, 0], [0, -0.41, -0.03], [0, -0.06, 0.13]),
    *([-0.09, -0.09, 0], [0, -0.4, 0], [0, -0.41, -0.03], [0, -0.06, 0.13]),
]
_RATES = ("mocap_framerate", "mocap_frame_rate")


def read_amass(path: Path) -> HumanClip:
    """Read poses (T, 66 or more), trans (T, 3) and the rate; joint_offsets (22 or more, 3) m where the file has it,
    each joint in its parent, else an adult of round numbers.

    Raises:
        ConfigError: the file is no npz, or lacks one of these.
    """
    try:
        with np.load(path, allow_pickle=False) as data:
            arrays = {name: data[name] for name in ("poses", "trans", "joint_offsets", *_RATES) if name in data.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        raise ConfigError(
            f"{path}: not an npz of plain arrays, expected AMASS's poses and trans; take another file"
        ) from None
    rate = next((float(arrays[name]) for name in _RATES if name in arrays), 0.0)
    poses, trans = arrays.get("poses"), arrays.get("trans")
    if poses is None or poses.ndim != 2 or poses.shape[1] < 66:
        raise ConfigError(
            f"{path}: poses {_shape(poses)}, expected (T, 66 or more) axis-angle numbers; take another file"
        )
    if trans is None or trans.shape != (len(poses), 3):
        raise ConfigError(f"{path}: trans {_shape(trans)}, expected ({len(poses)}, 3); take another file")
    if rate <= 0:
        raise ConfigError(f"{path}: {_RATES[0]} is {rate}, expected frames per second; add it")
    offset = np.array(_OFFSETS, float)
    if "joint_offsets" in arrays:
        given = arrays["joint_offsets"]
        if given.ndim != 2 or given.shape[0] < 12 or given.shape[1] != 3:
            raise ConfigError(f"{path}: joint_offsets {_shape(given)}, expected (22, 3) m; correct it")
        offset = given[[JOINTS[name] for name in MARKERS]].astype(float)
    skeleton = Skeleton(MARKERS, (-1, 0, 1, 2, 3, 0, 5, 6, 7), offset)
    turns = poses.reshape(len(poses), -1)[:, :66].reshape(len(poses), 22, 3).astype(float)
    local = from_axis_angle(turns[:, [JOINTS[name] for name in MARKERS]])
    return HumanClip(rate, forward(skeleton, trans.astype(float), local), loops=False)


def _shape(array: np.ndarray | None) -> str:
    return "is missing" if array is None else f"has the shape {array.shape}"
