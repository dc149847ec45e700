"""A raw CAD export as plain data: links with mass, joints, shapes and frames, whatever file they came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
PRIMITIVES = ("box", "sphere", "cylinder", "capsule", "ellipsoid")


class RuleError(Exception):
    """An element of the export breaks a rule; one sentence that names both, and the cure."""


@dataclass(frozen=True)
class Shape:
    """A box, cylinder, ... or mesh of a link. `size` as in MJCF (m, half lengths), empty for a mesh; `pos` (3,) m and
    `rot` (3, 3) in the link; `collides` where the export uses it for contact, otherwise it is only seen."""

    kind: str
    size: tuple[float, ...]
    mesh: str | None
    pos: Array
    rot: Array
    collides: bool
    rgb: tuple[float, float, float]


@dataclass(frozen=True)
class Hinge:
    """A joint at its link's origin: `axis` (3,) in the link, `limits` in rad, None where the export has none."""

    name: str
    axis: Array
    limits: tuple[float, float] | None


@dataclass(frozen=True)
class Frame:
    """A named place on a link: `pos` (3,) m in the link."""

    name: str
    pos: Array


@dataclass(frozen=True)
class Link:
    """A rigid body: `pos` (3,) m and `rot` (3, 3) in its parent's axes with all joints at 0; `com` (3,) m and `inertia`
    (3, 3) kg m^2 about it, both in the link's axes. The base has neither parent nor joint."""

    name: str
    parent: str | None
    pos: Array
    rot: Array
    joint: Hinge | None
    mass: float
    com: Array
    inertia: Array
    shapes: tuple[Shape, ...] = ()
    frames: tuple[Frame, ...] = ()


@dataclass(frozen=True)
class Export:
    """What CAD knows: links, parents before children; meshes as triangles (N, 3, 3) m by name."""

    source: Path
    links: tuple[Link, ...]
    meshes: Mapping[str, Array]

    def link(self, name: str) -> Link | None:
        """The link of that name."""
        return next((link for link in self.links if link.name == name), None)

    def joints(self) -> Iterator[tuple[Link, Hinge]]:
        """Every joint with the link that it moves."""
        for link in self.links:
            if link.joint is not None:
                yield link, link.joint

    def children(self, name: str) -> list[Link]:
        """The links that hang on a link, in the export's order."""
        return [link for link in self.links if link.parent == name]


def symmetric(xx: float, yy: float, zz: float, xy: float, xz: float, yz: float) -> Array:
    """(3, 3) inertia from its six numbers, in MJCF's order."""
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


def numbers(element: Element, key: str, count: int, label: str, default: Sequence[float] | None = None) -> Array:
    """(count,) floats of an attribute; without a default it must be there."""
    text = element.get(key)
    if text is None and default is not None:
        return np.array(default, np.float64)
    try:
        values = np.array([float(word) for word in (text or "").split()])
    except ValueError:
        values = np.array([])
    if len(values) != count or not np.isfinite(values).all():
        raise RuleError(f"{label}: {key} is {text!r}, the rule is {count} finite numbers; export again")
    return values


def name_of(element: Element, label: str) -> str:
    """Its name."""
    name = element.get("name")
    if not name:
        raise RuleError(f"{label}: has no name, the rule is a name for every {element.tag}; name it in CAD")
    return name
