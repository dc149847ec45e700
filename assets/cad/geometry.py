"""What of a link is seen and what touches: primitives in the place of meshes, by the robot's YAML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from contract import FOOT_SWITCHES

from .export import Array, Export, Link, RuleError, Shape
from .facts import Added, Facts
from .fit import Fitted, fit

SIDES = ("left_", "right_")  # in the names of geoms, as the contract names foot switches
_COLOUR_STEP = 1 / 255


@dataclass(frozen=True)
class Geom:
    """A geom of the finished model; `touches`: its class of contact, None where it is only seen; `material`: None where
    it is never drawn."""

    name: str | None
    kind: str
    size: tuple[float, ...]
    mesh: str | None
    pos: Array
    rot: Array
    touches: str | None
    material: str | None


@dataclass(frozen=True)
class Geometry:
    """Geoms by link, materials (r, g, b) that no look covers, meshes that are kept, and notes for the report."""

    geoms: dict[str, list[Geom]]
    plain: dict[str, tuple[float, float, float]]
    kept: list[str]
    notes: list[str]


def build_geometry(export: Export, facts: Facts) -> Geometry:
    """All geoms of an aligned export. Raises RuleError."""
    fits = _fits(export, facts)
    geoms = {link.name: list(_geoms(link, facts, fits)) for link in export.links}
    for name, added in facts.added.items():
        for place, geom in _added(name, added, export, facts):
            geoms[place].append(geom)
    _check(geoms, facts)
    colours = {_material(shape.rgb, facts): shape.rgb for link in export.links for shape in link.shapes}
    used = {geom.material for link in geoms.values() for geom in link}
    plain = {name: rgb for name, rgb in sorted(colours.items()) if name not in facts.looks and name in used}
    kept = sorted({geom.mesh for link in geoms.values() for geom in link if geom.mesh is not None})
    notes = [f"{name}: {f.kind} {_sizes(f)}, {f.volume_ratio:.2f} x the mesh's volume" for name, f in fits.items()]
    return Geometry(geoms, plain, kept, notes)


def _fits(export: Export, facts: Facts) -> dict[str, Fitted]:
    fits = {
        name: fit(name, export.meshes[name], part.fit) for name, part in facts.parts.items() if name in export.meshes
    }
    for name in facts.parts:
        if name not in export.meshes:
            raise RuleError(
                f"part {name}: is in the YAML but no mesh of the export, the rule is both; rename one of them"
            )
    for name, fitted in fits.items():
        if fitted.volume_ratio > facts.tolerances.volume_ratio:
            raise RuleError(
                f"part {name}: its {fitted.kind} has {fitted.volume_ratio:.1f} times the mesh's volume, "
                f"the rule is {facts.tolerances.volume_ratio:g} at most; choose another fit or split the part"
            )
    return fits


def _geoms(link: Link, facts: Facts, fits: dict[str, Fitted]) -> Iterator[Geom]:
    taken: set[str] = set()
    seen = {shape.mesh: shape.rgb for shape in link.shapes if shape.mesh is not None and not shape.collides}
    for shape in link.shapes:
        if shape.mesh in seen:  # a collider that is drawn takes the colour of what it is drawn for
            shape = replace(shape, rgb=seen[shape.mesh])
        geom = _geom(link, shape, facts, fits)
        if geom is None:
            continue
        if geom.name in taken:
            geom = replace(geom, name=None)
        taken |= {geom.name} if geom.name else set()
        yield straight(geom)


def _geom(link: Link, shape: Shape, facts: Facts, fits: dict[str, Fitted]) -> Geom | None:
    """What becomes of a shape; None: nothing, as its twin says all: tools export a part to be seen and to collide."""
    material = _material(shape.rgb, facts)
    if shape.mesh is None:
        if shape.collides and facts.shapes_touch is None:
            raise RuleError(
                f"body {link.name}: a {shape.kind} collides, the rule is a class of contact for it; "
                "name it as shapes_touch"
            )
        touches = facts.shapes_touch if shape.collides else None
        return Geom(None, shape.kind, shape.size, None, shape.pos, shape.rot, touches, None if touches else material)
    part = facts.parts.get(shape.mesh)
    if part is None:
        if shape.collides:
            raise RuleError(
                f"body {link.name}: mesh {shape.mesh} still collides, the rule is primitives only; give it "
                "a fit among the YAML's parts"
            )
        return Geom(None, "mesh", (), shape.mesh, shape.pos, shape.rot, None, material)
    as_mesh = part.draw == "mesh" and not shape.collides
    if as_mesh:
        return Geom(None, "mesh", (), shape.mesh, shape.pos, shape.rot, None, material)
    drawn_by_collider = part.touches is not None and part.draw == "primitive"
    if (shape.collides and part.touches is None) or (
        not shape.collides and (drawn_by_collider or part.draw != "primitive")
    ):
        return None
    fitted = fits[shape.mesh]
    side = facts.side_of(link.name)
    name = None if part.trim else ("" if side is None else SIDES[side]) + shape.mesh
    pos, rot = shape.pos + shape.rot @ fitted.centre, shape.rot @ fitted.axes
    touches = part.touches if shape.collides else None
    return Geom(name, fitted.kind, fitted.size, None, pos, rot, touches, material if part.draw == "primitive" else None)


def _added(name: str, added: Added, export: Export, facts: Facts) -> Iterator[tuple[str, Geom]]:
    """The capsule on its link; for one of a left link, also its image on the right one."""
    side = facts.side_of(added.link)
    flips = [np.ones(3)] if side is None else [np.ones(3), np.array([1.0, -1.0, 1.0])]
    for number, flip in enumerate(flips):
        link = added.link if number == 0 else facts.mirror_of(added.link)
        if export.link(link) is None:
            raise RuleError(
                f"added {name}: there is no body {link}, the rule is a link of the export; correct its link"
            )
        first, second = (np.array(end) * flip for end in added.ends)
        along = second - first
        half = float(np.linalg.norm(along)) / 2
        label = name if side is None else SIDES[side if number == 0 else 1 - side] + name
        rot = _with_z(along / (2 * half)) if half > 0 else np.eye(3)
        yield link, Geom(label, "capsule", (added.radius_m, half), None, (first + second) / 2, rot, added.touches, None)


def _with_z(direction: Array) -> Array:
    """A rotation (3, 3) whose z column is a unit vector."""
    side = np.cross(np.eye(3)[int(np.argmin(np.abs(direction)))], direction)
    side = side / np.linalg.norm(side)
    return np.column_stack([side, np.cross(direction, side), direction])


def straight(geom: Geom) -> Geom:
    """A box or ellipsoid whose axes are the link's, only exchanged, with its size exchanged instead."""
    turn = np.abs(geom.rot)
    if geom.kind == "sphere":
        return replace(geom, rot=np.eye(3))
    if geom.kind not in ("box", "ellipsoid") or not np.allclose(turn, turn.round(), atol=1e-6):
        return geom
    return replace(geom, size=tuple(float(x) for x in turn.round() @ np.array(geom.size)), rot=np.eye(3))


def _check(geoms: dict[str, list[Geom]], facts: Facts) -> None:
    """Each foot switch has a collider of its name; names differ."""
    named = [(geom.name, geom) for link in geoms.values() for geom in link if geom.name is not None]
    names = [name for name, _ in named]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise RuleError(f"geom {min(twice)}: is there twice, the rule is one of each name; rename a part")
    for switch in FOOT_SWITCHES:
        if not any(name == switch and geom.touches is not None for name, geom in named):
            raise RuleError(
                f"geom {switch}: is missing, the rule is a pad that touches for each foot switch; name its "
                f"part {switch.partition('_')[2]} and give it a class of contact"
            )


def _material(rgb: tuple[float, float, float], facts: Facts) -> str:
    """The look whose colour this is, else a name made of the colour."""
    for name, look in facts.looks.items():
        if all(abs(a - b) <= _COLOUR_STEP for a, b in zip(rgb, look.rgba, strict=False)):
            return name
    return "cad_" + "".join(f"{round(255 * c):02x}" for c in rgb)


def _sizes(fitted: Fitted) -> str:
    return " x ".join(f"{1e3 * x:g}" for x in fitted.size) + " mm"
