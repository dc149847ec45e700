"""Where pictures are taken: the robot of a bundle in the scene of assets/, with its light, sky and floor."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from contract import ContractError, assets_dir
from contract.mjcf import read_mjcf


def build_stage(robot_xml: Path, twin_model: Any) -> Any:
    """A mujoco.MjModel for pictures of the robot; the twin's own model where the scene and the robot do not fit."""
    import mujoco

    try:
        model = mujoco.MjModel.from_xml_string(dress(robot_xml, assets_dir() / "scene.xml"))
    except (ValueError, ContractError):  # e.g. the same name twice, or meshes beside robot.xml
        return twin_model
    return model if model.nq == twin_model.nq else twin_model


def dress(robot_xml: Path, scene_xml: Path) -> str:
    """The scene with its robot exchanged for another one; a robot that brings its own floor keeps it."""
    scene, robot = ET.parse(scene_xml).getroot(), read_mjcf(robot_xml)
    if any(geom.get("type") == "plane" for geom in robot.iter("geom")):
        for world in scene.iter("worldbody"):
            for geom in [g for g in world.findall("geom") if g.get("type") == "plane"]:
                world.remove(geom)
    for include in scene.findall("include"):
        scene.remove(include)
    scene.extend(list(robot))
    return ET.tostring(scene, encoding="unicode")
