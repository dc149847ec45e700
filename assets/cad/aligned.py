"""Turns an export so that all links have the base's axes (x forward, y left, z up) while every joint is at 0, and
its joints so that they turn and stand in order as the robot's YAML says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .export import Array, Export, Frame, Hinge, Link, RuleError, Shape
from .facts import Facts


def align(export: Export, facts: Facts) -> Export:
    """The same robot with `rot` of every link the unit matrix, the base at the origin, joints as in `facts`.

    Raises:
        RuleError: a joint is missing, unknown, without a range, or turns about another axis; or links are in an order
            that cannot be the policy's.
    """
    _check_base(export, facts)
    _check_joints(export, facts)
    turns: dict[str, Array] = {}
    links = {}
    for link in export.links:
        above = _base_turn(facts) if link.parent is None else turns[link.parent]
        turns[link.name] = above @ link.rot
        pos = np.zeros(3) if link.parent is None else above @ link.pos
        links[link.name] = _turned(link, pos, turns[link.name], facts)
    return replace(export, links=_in_order(replace(export, links=tuple(links.values())), facts))


def _base_turn(facts: Facts) -> Array:
    """From the export's world to x forward, y left, z up."""
    forward, up = np.array(facts.forward), np.array(facts.up)
    turn = np.stack([forward, np.cross(up, forward), up])
    if not np.allclose(turn @ turn.T, np.eye(3), atol=1e-9):
        raise RuleError(
            f"forward {list(facts.forward)} and up {list(facts.up)}: the rule is two unit vectors at a right angle"
        )
    return turn


def _check_base(export: Export, facts: Facts) -> None:
    base = export.links[0].name
    if base != facts.base:
        raise RuleError(
            f"body {base}: is the export's base, the rule is {facts.base}; fix that part in CAD, not another"
        )


def _check_joints(export: Export, facts: Facts) -> None:
    found = [joint.name for _, joint in export.joints()]
    for name in facts.joints:
        if name not in found:
            raise RuleError(
                f"joint {name}: is missing in the export, the rule is every joint of {facts.robot_name}; "
                f"name its mate dof_{name}"
            )
    for name in found:
        if name not in facts.joints:
            raise RuleError(
                f"joint {name}: is in the export but not among the robot's joints; fasten it or add it there"
            )
    twice = {name for name in found if found.count(name) > 1}
    if twice:
        raise RuleError(f"joint {min(twice)}: is there twice, the rule is one of each name; rename one in CAD")


def _turned(link: Link, pos: Array, turn: Array, facts: Facts) -> Link:
    def shape(s: Shape) -> Shape:
        return replace(s, pos=turn @ s.pos, rot=turn @ s.rot)

    def frame(f: Frame) -> Frame:
        return Frame(f.name, turn @ f.pos)

    return replace(
        link,
        pos=pos,
        rot=np.eye(3),
        joint=None if link.joint is None else _hinge(link.joint, turn, facts),
        com=turn @ link.com,
        inertia=turn @ link.inertia @ turn.T,
        shapes=tuple(map(shape, link.shapes)),
        frames=tuple(map(frame, link.frames)),
    )


def _hinge(joint: Hinge, turn: Array, facts: Facts) -> Hinge:
    """The joint about exactly the axis of the YAML; one that CAD turns the other way gets its limits turned over."""
    wanted = np.array(facts.joints[joint.name].axis)
    if not np.linalg.norm(wanted) > 0 or not np.linalg.norm(joint.axis) > 0:
        raise RuleError(f"joint {joint.name}: axis has no length, the rule is a direction; correct it")
    wanted = wanted / np.linalg.norm(wanted)
    found = turn @ joint.axis / np.linalg.norm(joint.axis)
    along = float(found @ wanted)
    if np.linalg.norm(np.cross(found, wanted)) > facts.tolerances.angle_rad:
        raise RuleError(
            f"joint {joint.name}: turns about {_tidy(found)}, the rule is +-{_tidy(wanted)} within "
            f"{facts.tolerances.angle_rad} rad; turn its mate in CAD or correct axis"
        )
    limits = facts.joints[joint.name].range_rad or joint.limits
    if limits is None:
        raise RuleError(f"joint {joint.name}: has no range, the rule is limits for every joint; set them at its mate")
    low, high = limits
    if along < 0 and facts.joints[joint.name].range_rad is None:
        low, high = -high, -low
    if not low < high:
        raise RuleError(
            f"joint {joint.name}: range is {low} to {high}, the rule is low < high; correct the mate's limits"
        )
    return Hinge(joint.name, wanted, (low, high))


def _in_order(export: Export, facts: Facts) -> tuple[Link, ...]:
    """Depth first, so that MuJoCo's joints are in policy order."""
    order = list(facts.joints)

    def first(link: Link) -> int:
        """The place of the first joint at or below a link."""
        own = order.index(link.joint.name) if link.joint is not None else len(order)
        return min([own, *(first(child) for child in export.children(link.name))])

    def walk(link: Link) -> list[Link]:
        below = sorted(export.children(link.name), key=first)
        return [link, *(deeper for child in below for deeper in walk(child))]

    links = tuple(walk(export.links[0]))
    found = [link.joint.name for link in links if link.joint is not None]
    for number, (name, wanted) in enumerate(zip(found, order, strict=True), start=1):
        if name != wanted:
            raise RuleError(
                f"joint {name}: is number {number} in the tree, the rule is the YAML's order, where that is {wanted}; "
                "list each limb from the base outward, one after the other"
            )
    return links


def _tidy(vector: Array) -> list[float]:
    return [round(float(x), 3) + 0.0 for x in vector]
