"""Skeletons of recorded people: forward kinematics of a tree of bones, and rotations from what files store."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contract.frames import rotation_matrix


@dataclass(frozen=True)
class Skeleton:
    """A tree of B bones, parents before children: names; parent (B,) -1 at the root; offset (B, 3) m in the parent."""

    names: tuple[str, ...]
    parent: tuple[int, ...]
    offset: np.ndarray


def forward(skeleton: Skeleton, root: np.ndarray, local: np.ndarray) -> dict[str, np.ndarray]:
    """Where each bone begins, {name: (T, 3)}: root (T, 3) m and each bone's rotation in its parent (T, B, 3, 3)."""
    places, turned = [root], [local[:, 0]]
    for bone in range(1, len(skeleton.names)):
        above = skeleton.parent[bone]
        places.append(places[above] + turned[above] @ skeleton.offset[bone])
        turned.append(turned[above] @ local[:, bone])
    return dict(zip(skeleton.names, places, strict=True))


def from_quat(wxyz: np.ndarray) -> np.ndarray:
    """(..., 4) wxyz, of any length above 0, to (..., 3, 3)."""
    return np.asarray(rotation_matrix(wxyz / np.linalg.norm(wxyz, axis=-1, keepdims=True)))


def from_axis_angle(vector: np.ndarray) -> np.ndarray:
    """(..., 3) axis times angle in rad to (..., 3, 3)."""
    angle = np.linalg.norm(vector, axis=-1, keepdims=True)
    # sin(a / 2) / a, which is 1/2 at 0
    return from_quat(np.concatenate([np.cos(angle / 2), np.sinc(angle / (2 * np.pi)) / 2 * vector], axis=-1))


def about(axis: str, angle: np.ndarray) -> np.ndarray:
    """(...,) rad about "x", "y" or "z" to (..., 3, 3)."""
    vector = np.zeros((*angle.shape, 3))
    vector[..., "xyz".index(axis)] = angle
    return from_axis_angle(vector)
