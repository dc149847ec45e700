"""Reads the triangles of an STL file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .export import Array, RuleError

_HEADER, _RECORD = 84, np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("colour", "<u2")])


def read_stl(path: Path) -> Array:
    """(N, 3, 3) m: the corners of N triangles, from the binary or the text form.

    Raises:
        RuleError: no such file, or it holds no triangles.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RuleError(
            f"mesh {path.name}: {error.strerror}, the rule is one STL for each mesh; export again"
        ) from None
    triangles = _binary(data) if _is_binary(data) else _text(data)
    if len(triangles) == 0 or not np.isfinite(triangles).all():
        raise RuleError(f"mesh {path.name}: not an STL with triangles, the rule is a whole file; export again")
    return triangles


def _is_binary(data: bytes) -> bool:
    return len(data) >= _HEADER and len(data) == _HEADER + _RECORD.itemsize * int.from_bytes(data[80:84], "little")


def _binary(data: bytes) -> Array:
    return np.frombuffer(data, _RECORD, offset=_HEADER)["corners"].astype(np.float64)


def _text(data: bytes) -> Array:
    words = data.decode("ascii", "replace").split()
    starts = [i for i, word in enumerate(words) if word == "vertex"]
    try:
        corners = np.array([[float(word) for word in words[i + 1 : i + 4]] for i in starts])
    except ValueError:
        return np.zeros((0, 3, 3))
    return corners.reshape(-1, 3, 3) if len(corners) and corners.size % 9 == 0 else np.zeros((0, 3, 3))
