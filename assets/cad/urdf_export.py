"""Reads a URDF: links without mass on fixed joints are frames, as onshape-to-robot writes them."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .export import Array, Export, Frame, Hinge, Link, RuleError, Shape, name_of, numbers, symmetric
from .stl import read_stl

_MASSLESS_KG = 1e-6
_GREY = (0.5, 0.5, 0.5)


def read_urdf_export(path: Path) -> Export:
    """The export at `path`; meshes lie below its folder, whatever package they name. Raises RuleError."""
    try:
        root = ET.parse(path).getroot()
    except ET.ParseError as error:
        raise RuleError(f"{path.name}: not XML ({error}), the rule is the file as exported; export again") from None
    links = {name_of(link, "link"): link for link in root.findall("link")}
    joints = root.findall("joint")
    ends = [(_end(joint, "parent", links), _end(joint, "child", links), joint) for joint in joints]
    bases = [name for name in links if name not in {child for _, child, _ in ends}]
    if len(bases) != 1:
        raise RuleError(
            f"robot: has the bases {bases}, the rule is one base that carries all else; join the rest to it"
        )
    files: dict[str, str] = {}
    found = tuple(_walk(bases[0], None, None, links, ends, files))
    return Export(path, found, {name: read_stl(_mesh_file(path.parent, file)) for name, file in sorted(files.items())})


def _end(joint: ET.Element, end: str, links: dict[str, ET.Element]) -> str:
    name = name_of(joint, "joint")
    element = joint.find(end)
    link = "" if element is None else element.get("link", "")
    if link not in links:
        raise RuleError(f"joint {name}: {end} is {link!r}, the rule is a link of this file; export again")
    return link


def _mesh_file(folder: Path, file: str) -> Path:
    """package://robot/assets/x.stl, file://x.stl and x.stl alike, looked for below the export's folder."""
    plain = file.split("://", 1)[-1]
    tails = [Path(*Path(plain).parts[i:]) for i in range(len(Path(plain).parts))]
    return next((folder / tail for tail in tails if (folder / tail).is_file()), folder / plain)


def _walk(
    name: str,
    parent: str | None,
    joint: ET.Element | None,
    links: dict[str, ET.Element],
    ends: list[tuple[str, str, ET.Element]],
    files: dict[str, str],
) -> Iterator[Link]:
    """The link and all that hang on it, parents first."""
    children = [(child, below) for above, child, below in ends if above == name]
    frames = [(child, below) for child, below in children if _is_frame(links[child], below)]
    mass, com, inertia = _inertial(links[name], f"link {name}")
    pos, rot = _origin(joint, f"joint to {name}")
    yield Link(
        name=name,
        parent=parent,
        pos=pos,
        rot=rot,
        joint=None if joint is None else _hinge(joint),
        mass=mass,
        com=com,
        inertia=inertia,
        shapes=tuple(_shapes(links[name], f"link {name}", files)),
        frames=tuple(Frame(child, _origin(below, f"frame {child}")[0]) for child, below in frames),
    )
    for child, below in children:
        if (child, below) not in frames:
            yield from _walk(child, name, below, links, ends, files)


def _is_frame(link: ET.Element, joint: ET.Element) -> bool:
    mass = link.find("inertial/mass")
    if joint.get("type") != "fixed" or mass is None:
        return joint.get("type") == "fixed"
    return float(numbers(mass, "value", 1, f"link {link.get('name')}")[0]) <= _MASSLESS_KG


def _hinge(joint: ET.Element) -> Hinge:
    name, kind = joint.get("name", ""), joint.get("type")
    if kind not in ("revolute", "continuous"):
        raise RuleError(f"joint {name}: type is {kind!r}, the rule is revolute, as servos turn; use a revolute mate")
    axis = joint.find("axis")
    direction = np.array([1.0, 0, 0]) if axis is None else numbers(axis, "xyz", 3, f"joint {name}")
    limit = joint.find("limit")
    if kind == "continuous" or limit is None:
        return Hinge(name, direction, None)
    low, high = (float(numbers(limit, key, 1, f"joint {name}", (0,))[0]) for key in ("lower", "upper"))
    return Hinge(name, direction, (low, high))


def _origin(element: ET.Element | None, label: str) -> tuple[Array, Array]:
    """Position (3,) and rotation (3, 3) of an <origin>; roll, pitch, yaw about fixed axes."""
    origin = None if element is None else element.find("origin")
    if origin is None:
        return np.zeros(3), np.eye(3)
    (cr, cp, cy), (sr, sp, sy) = (
        [f(a) for a in numbers(origin, "rpy", 3, label, (0, 0, 0))] for f in (math.cos, math.sin)
    )
    turn_x = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
    turn_y = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
    turn_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    return numbers(origin, "xyz", 3, label, (0, 0, 0)), turn_z @ turn_y @ turn_x


def _inertial(link: ET.Element, label: str) -> tuple[float, Array, Array]:
    inertial = link.find("inertial")
    mass, tensor = (None if inertial is None else inertial.find(tag) for tag in ("mass", "inertia"))
    if mass is None or tensor is None:
        raise RuleError(f"{label}: has no inertial, the rule is mass and inertia for every link; give it a material")
    com, turn = _origin(inertial, label)
    six = [float(numbers(tensor, key, 1, label)[0]) for key in ("ixx", "iyy", "izz", "ixy", "ixz", "iyz")]
    return float(numbers(mass, "value", 1, label)[0]), com, turn @ symmetric(*six) @ turn.T


def _shapes(link: ET.Element, label: str, files: dict[str, str]) -> Iterator[Shape]:
    for element in (child for child in link if child.tag in ("visual", "collision")):
        geometry = element.find("geometry")
        if geometry is None or len(geometry) != 1:
            raise RuleError(f"{element.tag} of {label}: holds no geometry, the rule is one shape; export again")
        pos, rot = _origin(element, label)
        colour = element.find("material/color")
        r, g, b = _GREY if colour is None else numbers(colour, "rgba", 4, label)[:3]
        kind, size, mesh = _geometry(geometry[0], label, files)
        yield Shape(kind, size, mesh, pos, rot, element.tag == "collision", (float(r), float(g), float(b)))


def _geometry(shape: ET.Element, label: str, files: dict[str, str]) -> tuple[str, tuple[float, ...], str | None]:
    """Kind, size as in MJCF, and the mesh's name; URDF gives whole lengths."""
    if shape.tag == "mesh":
        file = shape.get("filename", "")
        files[Path(file).stem] = file
        return "mesh", (), Path(file).stem
    if shape.tag == "box":
        return "box", tuple(float(x) / 2 for x in numbers(shape, "size", 3, label)), None
    radius = float(numbers(shape, "radius", 1, label)[0]) if shape.tag in ("sphere", "cylinder") else 0.0
    if shape.tag == "sphere":
        return "sphere", (radius,), None
    if shape.tag == "cylinder":
        return "cylinder", (radius, float(numbers(shape, "length", 1, label)[0]) / 2), None
    raise RuleError(
        f"geometry of {label}: is {shape.tag!r}, the rule is mesh, box, sphere or cylinder; change it in CAD"
    )
