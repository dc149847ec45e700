"""Reads an MJCF without a simulator: the order of its actuated joints, and one flat file from many."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path, PurePosixPath

from .errors import ContractError
from .schema import short

MAX_BYTES = 16 << 20  # meshes are written out in it
MAX_ELEMENTS = 100_000
_PATHS = {"assetdir", "meshdir", "texturedir", "file"} | {
    f"file{side}" for side in ("right", "left", "up", "down", "front", "back")
}


def read_mjcf(path: str | Path) -> ET.Element:
    """The root of an MJCF with every <include> replaced by the content of the file it names.

    As in MuJoCo, names are relative to the folder of the outermost file and an include may stand anywhere.

    What another reader of XML could take for something else is refused, so that MuJoCo sees the same robot.

    Raises:
        ContractError: a file is missing, large, not XML or not plain XML, holds another model or a plugin, reads a
            file outside the folder, or an include names no file, one outside the folder, or one already read.
    """
    path = Path(path)
    root = _parse(path)
    if root.tag != "mujoco":
        raise ContractError(f"{path}: begins with <{short(root.tag)[1:-1]}>, expected <mujoco>; export it again")
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
        text = path.read_bytes().decode()
        if len(text) > MAX_BYTES or text.count("<") > 2 * MAX_ELEMENTS:
            raise ContractError(f"{path}: over {MAX_BYTES} bytes or {MAX_ELEMENTS} elements, expected a smaller MJCF")
        if "<!DOCTYPE" in text:
            raise ContractError(f"{path}: has a DOCTYPE, expected an MJCF without one; remove it and its entities")
        if "\0" in text:  # the parser would take it for another encoding
            raise ContractError(f"{path}: not XML (a byte of 0), expected an MJCF in UTF-8; export it again")
        root = ET.fromstring(text)
    except FileNotFoundError:
        raise ContractError(f"{path}: no such file, expected an MJCF; check the path or the <include>") from None
    except OSError as error:
        raise ContractError(f"{path}: {error.strerror}, expected an MJCF that can be read; check its owner") from None
    except (UnicodeDecodeError, ET.ParseError) as error:
        raise ContractError(f"{path}: not XML ({error}), expected an MJCF; correct that line") from None
    for element in root.iter():
        _check_element(element, path)
    return root


def _check_element(element: ET.Element, path: Path) -> None:
    """Raises ContractError where MuJoCo would read more than this file and those in its folder."""
    if "{" in element.tag:
        raise ContractError(f"{path}: found xmlns in {short(element.tag)}, expected plain names; remove the xmlns")
    if element.tag in ("model", "plugin"):
        raise ContractError(f"{path}: found <{element.tag}>, expected a robot in one MJCF without plugins; remove it")
    for key in _PATHS.intersection(element.keys()):
        value = element.attrib[key]
        if "\\" in value or PurePosixPath(value).is_absolute() or ".." in PurePosixPath(value).parts:
            found = f"<{element.tag} {key}={short(value)}>"
            raise ContractError(f"{path}: {found} leads out of the folder, expected a file inside it; correct it")


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
        if path.resolve() in seen:
            raise ContractError(f"{path}: included twice, MuJoCo allows it once; remove one <include>")
        seen.add(path.resolve())
        root = _parse(path)
        _resolve(root, folder, seen)
        children.extend(root)
    element[:] = children
