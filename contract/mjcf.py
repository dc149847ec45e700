"""Reads an MJCF without a simulator: the order of its actuated joints, and one flat file from many."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from .errors import ContractError


def read_mjcf(path: str | Path) -> ET.Element:
    """The root of an MJCF with every <include> replaced by the content of the file it names.

    As in MuJoCo, names are relative to the folder of the outermost file and an include may stand anywhere.

    Raises:
        ContractError: a file is missing or is not XML, or an include names no file, one outside the
            folder, or one already read.
    """
    path = Path(path)
    root = _parse(path)
    _resolve(root, path.parent, {path.resolve()})
    return root


def flatten_mjcf(path: str | Path) -> str:
    """The MJCF at `path` as the text of one file that loads from anywhere. Raises ContractError as `read_mjcf`."""
    root = read_mjcf(path)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def actuated_joint_names(path: str | Path) -> tuple[str, ...]:
    """The joints that the actuators of the MJCF drive, in actuator order: (J,) names.

    Raises:
        ContractError: as `read_mjcf`, or an actuator that drives no joint.
    """
    names = []
    for section in read_mjcf(path).iter("actuator"):
        for actuator in section:
            joint = actuator.get("joint")
            if joint is None:
                label = actuator.get("name", "without a name")
                raise ContractError(f"{path}: actuator {label} drives no joint, expected joint=...; name its joint")
            names.append(joint)
    return tuple(names)


def _parse(path: Path) -> ET.Element:
    try:
        return ET.parse(path).getroot()
    except FileNotFoundError:
        raise ContractError(f"{path}: no such file, expected an MJCF; check the path or the <include>") from None
    except ET.ParseError as error:
        raise ContractError(f"{path}: not XML ({error}), expected an MJCF; correct that line") from None


def _resolve(element: ET.Element, folder: Path, seen: set[Path]) -> None:
    """Replace the includes below `element` in place; MuJoCo reads a file at most once, so do we."""
    children: list[ET.Element] = []
    for child in element:
        if child.tag != "include":
            _resolve(child, folder, seen)
            children.append(child)
            continue
        file = child.get("file")
        if file is None:
            raise ContractError(f"{folder}: <include> without file=..., expected the name of an MJCF; add it")
        path = folder / file
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ContractError(f"{folder}: <include file={file!r}> leads out of the folder, expected a file inside it")
        if path.resolve() in seen:
            raise ContractError(f"{path}: included twice, MuJoCo allows it once; remove one <include>")
        seen.add(path.resolve())
        root = _parse(path)
        _resolve(root, folder, seen)
        children.extend(root)
    element[:] = children
