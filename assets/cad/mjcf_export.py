"""Reads the MJCF that onshape-to-robot writes."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from contract.frames import rotation_matrix

from .export import (
    PRIMITIVES,
    Array,
    Export,
    Frame,
    Hinge,
    Link,
    RuleError,
    Shape,
    name_of,
    numbers,
    symmetric,
)
from .stl import read_stl

_SIZES = {"box": 3, "sphere": 1, "cylinder": 2, "capsule": 2, "ellipsoid": 3}
_GREY = (0.5, 0.5, 0.5)


def read_mjcf_export(path: Path) -> Export:
    """The export at `path`, its meshes in the folder that it names. Raises RuleError."""
    try:
        root = ET.parse(path).getroot()
    except ET.ParseError as error:
        raise RuleError(f"{path.name}: not XML ({error}), the rule is the file as exported; export again") from None
    compiler = root.find("compiler")
    angle = "degree" if compiler is None else compiler.get("angle", "degree")
    if angle != "radian":
        raise RuleError(f"compiler: angle is {angle!r}, the rule is radian; export by onshape-to-robot")
    folder = path.parent / (compiler.get("meshdir", "") if compiler is not None else "")
    roots = [body for world in root.iter("worldbody") for body in world.findall("body")]
    if len(roots) != 1:
        names = [body.get("name") for body in roots]
        raise RuleError(f"worldbody: holds {names}, the rule is one base that carries all else; fasten the rest to it")
    colours = _colours(root)
    links = tuple(_links(roots[0], None, colours))
    files = {_stem(mesh.get("file", "")): mesh.get("file", "") for mesh in root.iter("mesh")}
    used = {shape.mesh for link in links for shape in link.shapes if shape.mesh is not None}
    lost = sorted(used - files.keys())
    if lost:
        raise RuleError(f"mesh {lost[0]}: is used by a geom but not in <asset>, the rule is both; export again")
    return Export(path, links, {name: read_stl(folder / files[name]) for name in sorted(used)})


def _stem(file: str) -> str:
    return Path(file).stem


def _colours(root: ET.Element) -> dict[str, tuple[float, float, float]]:
    materials = {m.get("name", ""): numbers(m, "rgba", 4, f"material {m.get('name')}") for m in root.iter("material")}
    return {name: (float(r), float(g), float(b)) for name, (r, g, b, _) in materials.items()}


def _links(body: ET.Element, parent: str | None, colours: dict[str, tuple[float, float, float]]) -> Iterator[Link]:
    name = name_of(body, f"body below {parent or 'worldbody'}")
    label = f"body {name}"
    inertial = body.find("inertial")
    if inertial is None:
        raise RuleError(f"{label}: has no inertial, the rule is mass and inertia for every body; give it a material")
    yield Link(
        name=name,
        parent=parent,
        pos=numbers(body, "pos", 3, label, (0, 0, 0)),
        rot=_rotation(body, label),
        joint=_hinge(body, label, parent is None),
        mass=float(numbers(inertial, "mass", 1, label)[0]),
        com=numbers(inertial, "pos", 3, label),
        inertia=_inertia(inertial, label),
        shapes=tuple(_shape(geom, label, colours) for geom in body.findall("geom")),
        frames=tuple(_frame(site, label) for site in body.findall("site")),
    )
    for child in body.findall("body"):
        yield from _links(child, name, colours)


def _rotation(element: ET.Element, label: str) -> Array:
    quat = numbers(element, "quat", 4, label, (1, 0, 0, 0))
    if not np.linalg.norm(quat) > 0:
        raise RuleError(f"{label}: quat is {element.get('quat')!r}, the rule is a length above 0; export again")
    matrix: Array = rotation_matrix(quat / np.linalg.norm(quat))
    return matrix


def _inertia(inertial: ET.Element, label: str) -> Array:
    """(3, 3) in the body's axes."""
    if inertial.get("fullinertia") is not None:
        xx, yy, zz, xy, xz, yz = numbers(inertial, "fullinertia", 6, label)
        return symmetric(xx, yy, zz, xy, xz, yz)
    turn = _rotation(inertial, label)
    return turn @ np.diag(numbers(inertial, "diaginertia", 3, label)) @ turn.T


def _hinge(body: ET.Element, label: str, is_base: bool) -> Hinge | None:
    joints = [joint for joint in body.findall("joint") if joint.get("type") != "free"]
    if is_base:
        if joints:
            raise RuleError(
                f"{label}: moves by joint {joints[0].get('name')}, the rule is a free base; fasten it in CAD"
            )
        return None
    if len(joints) != 1:
        found = [joint.get("name") for joint in joints]
        raise RuleError(
            f"{label}: has {found or 'no joint'}, the rule is one hinge; merge the parts or name the mate dof_..."
        )
    name = name_of(joints[0], f"joint of {label}")
    kind = joints[0].get("type", "hinge")
    if kind != "hinge":
        raise RuleError(f"joint {name}: type is {kind!r}, the rule is hinge, as servos turn; use a revolute mate")
    if np.any(numbers(joints[0], "pos", 3, f"joint {name}", (0, 0, 0))):
        raise RuleError(f"joint {name}: pos is {joints[0].get('pos')!r}, the rule is the body's origin; export again")
    limits = None
    if joints[0].get("range") is not None:
        low, high = numbers(joints[0], "range", 2, f"joint {name}")
        limits = (float(low), float(high))
    return Hinge(name, numbers(joints[0], "axis", 3, f"joint {name}", (0, 0, 1)), limits)


def _frame(site: ET.Element, label: str) -> Frame:
    name = name_of(site, f"site of {label}")
    return Frame(name, numbers(site, "pos", 3, f"site {name}", (0, 0, 0)))


def _shape(geom: ET.Element, label: str, colours: dict[str, tuple[float, float, float]]) -> Shape:
    label = f"geom of {label}"
    mesh = geom.get("mesh")
    kind = "mesh" if mesh is not None else geom.get("type", "sphere")
    if kind != "mesh" and kind not in PRIMITIVES:
        raise RuleError(f"{label}: type is {kind!r}, the rule is mesh or {', '.join(PRIMITIVES)}; change it in CAD")
    size = () if kind == "mesh" else tuple(float(x) for x in numbers(geom, "size", _SIZES[kind], label))
    return Shape(
        kind=kind,
        size=size,
        mesh=mesh,
        pos=numbers(geom, "pos", 3, label, (0, 0, 0)),
        rot=_rotation(geom, label),
        collides=geom.get("class") != "visual",
        rgb=colours.get(geom.get("material", ""), _GREY),
    )
