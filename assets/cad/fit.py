"""Primitives in the place of meshes: fitted along the mesh's own axes, as CAD parts are drawn."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .export import Array, RuleError

_MICROMETRES = 6  # decimals: STL is single precision


class Fitted(NamedTuple):
    """A primitive with its centre (3,) m in the mesh's axes; `axes` (3, 3) turns its z into the mesh's axes.
    `volume_ratio`: its volume over the mesh's."""

    kind: str
    size: tuple[float, ...]
    centre: Array
    axes: Array
    volume_ratio: float


def fit(name: str, triangles: Array, kind: str) -> Fitted:
    """The smallest box or ellipsoid of the mesh's extents, or a cylinder, capsule or sphere about them.

    Args:
        triangles: (N, 3, 3) m.
        kind: one of PRIMITIVES.

    Raises:
        RuleError: the mesh is flat, or too round for a capsule.
    """
    low, high = triangles.min(axis=(0, 1)), triangles.max(axis=(0, 1))
    centre, half = (low + high) / 2, (high - low) / 2
    if half.min() <= 0:
        raise RuleError(f"mesh {name}: is flat ({_tidy(2 * half)} m), the rule is a solid; export the part again")
    size, axis = _size(name, kind, half)
    size = tuple(round(float(x), _MICROMETRES) for x in size)
    ratio = volume(kind, size) / max(abs(mesh_volume(triangles)), 1e-18)
    return Fitted(kind, size, centre.round(_MICROMETRES), _axes(axis), ratio)


def _size(name: str, kind: str, half: Array) -> tuple[Array | tuple[float, ...], int]:
    """Size as in MJCF, and which axis of the mesh is the primitive's z."""
    if kind in ("box", "ellipsoid"):
        return half, 2
    if kind == "sphere":
        return (float(half.max()),), 2
    if kind == "capsule":
        axis = int(np.argmax(half))
        radius = float(np.delete(half, axis).max())
        if half[axis] - radius <= 0:
            raise RuleError(f"mesh {name}: is {_tidy(2 * half)} m, too round for a capsule; fit a sphere or a box")
        return (radius, float(half[axis] - radius)), axis
    # a cylinder stands on its two most equal extents
    axis = min(range(3), key=lambda i: float(np.ptp(np.delete(half, i))))
    return (float(np.delete(half, axis).max()), float(half[axis])), axis


def _axes(axis: int) -> Array:
    """A rotation (3, 3) whose z column is the mesh's axis: of the three that only exchange axes."""
    order = [(axis + 1) % 3, (axis + 2) % 3, axis]
    return np.eye(3)[:, order]


def volume(kind: str, size: tuple[float, ...]) -> float:
    """m^3 of a primitive with size as in MJCF."""
    if kind == "box":
        return 8 * float(np.prod(size))
    if kind == "ellipsoid":
        return 4 / 3 * np.pi * float(np.prod(size))
    ball = 4 / 3 * np.pi * size[0] ** 3
    disc = np.pi * size[0] ** 2
    return {"sphere": ball, "cylinder": disc * 2 * size[-1], "capsule": ball + disc * 2 * size[-1]}[kind]


def mesh_volume(triangles: Array) -> float:
    """m^3 inside closed triangles (N, 3, 3), with the sign of their winding."""
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    return float(np.einsum("ni,ni->", a, np.cross(b, c)) / 6)


def _tidy(vector: Array) -> list[float]:
    return [round(float(x), 4) + 0.0 for x in vector]
