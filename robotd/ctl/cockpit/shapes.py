"""MuJoCo's geoms as triangles for a browser: vertices (V, 3) m, normals (V, 3) and faces (F, 3). Needs numpy only."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SEGMENTS, RINGS = 24, 8
Float32 = NDArray[np.float32]


class Mesh(NamedTuple):
    """Triangles in a geom's own frame."""

    vertices: Float32
    normals: Float32
    faces: NDArray[np.uint32]


def box(half_m: Float32) -> Mesh:
    """A box of these half sizes (3,)."""
    corners, normals, faces = [], [], []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            u, v, n = (axis + 1) % 3, (axis + 2) % 3, np.zeros(3)
            n[axis] = sign
            for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
                corner = np.zeros(3)
                corner[axis], corner[u], corner[v] = sign, a, b
                corners.append(corner * half_m)
                normals.append(n)
            first = len(corners) - 4
            quad = [(first, first + 1, first + 2), (first, first + 2, first + 3)]
            faces += quad if sign > 0 else [face[::-1] for face in quad]
    return _mesh(np.array(corners), np.array(normals), np.array(faces))


def cylinder(radius_m: float, half_m: float) -> Mesh:
    """Along z."""
    r, h = radius_m, half_m
    return _lathe(
        [(0, -h, 0, -1), (r, -h, 0, -1), (r, -h, 1, 0), (r, h, 1, 0), (r, h, 0, 1), (0, h, 0, 1)], gaps={1, 3}
    )


def capsule(radius_m: float, half_m: float) -> Mesh:
    """Along z; `half_m` without the ends. With 0 it is a sphere."""
    profile = []
    for start, shift in ((-math.pi / 2, -half_m), (0.0, half_m)):
        for ring in range(RINGS + 1):
            angle = start + ring * math.pi / 2 / RINGS
            across, along = math.cos(angle), math.sin(angle)
            profile.append((radius_m * across, radius_m * along + shift, across, along))
    return _lathe(profile)


def ellipsoid(half_m: Float32) -> Mesh:
    """Of these half axes (3,)."""
    ball = capsule(1.0, 0.0)
    normals = ball.normals / half_m
    return _mesh(ball.vertices * half_m, normals / np.linalg.norm(normals, axis=1, keepdims=True), ball.faces)


def flat(corners: Float32, faces: NDArray[np.integer]) -> Mesh:
    """A mesh of corners (V, 3) and faces (F, 3) with a normal for each face."""
    triangles = corners[faces]  # (F, 3, 3)
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    numbers = np.arange(3 * len(faces)).reshape(-1, 3)
    return _mesh(triangles.reshape(-1, 3), np.repeat(normals, 3, axis=0), numbers)


def _lathe(profile: list[tuple[float, float, float, float]], gaps: frozenset[int] | set[int] = frozenset()) -> Mesh:
    """What turning a profile around z makes: radius, z, and the normal's parts across and along z, from below to above.

    gaps: places of the profile that are not joined with the next one.
    """
    rings = np.array(profile)
    angle = np.linspace(0, 2 * math.pi, SEGMENTS + 1)
    cos, sin, one = np.cos(angle), np.sin(angle), np.ones(SEGMENTS + 1)
    vertices = np.stack([np.outer(rings[:, 0], cos), np.outer(rings[:, 0], sin), np.outer(rings[:, 1], one)], axis=-1)
    normals = np.stack([np.outer(rings[:, 2], cos), np.outer(rings[:, 2], sin), np.outer(rings[:, 3], one)], axis=-1)
    faces = []
    for ring in range(len(rings) - 1):
        if ring in gaps:
            continue
        for segment in range(SEGMENTS):
            a = ring * (SEGMENTS + 1) + segment
            b = a + SEGMENTS + 1
            faces += [(a, a + 1, b + 1), (a, b + 1, b)]
    return _mesh(vertices.reshape(-1, 3), normals.reshape(-1, 3), np.array(faces))


def _mesh(vertices: NDArray[np.floating], normals: NDArray[np.floating], faces: NDArray[np.integer]) -> Mesh:
    return Mesh(vertices.astype(np.float32), normals.astype(np.float32), faces.astype(np.uint32))
