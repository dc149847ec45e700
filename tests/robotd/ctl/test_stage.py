"""The scene takes in any bundle's robot, or gives way to the twin's own model."""

from __future__ import annotations

from pathlib import Path

import pytest
from bundle_builder import robot_xml

from contract import Bundle, assets_dir
from robotd.ctl.stage import build_stage
from robotd.hal.sim import open_twin

BOX = '<mujoco><worldbody>{}<body><freejoint/><geom name="{}" size=".1"/></body></worldbody></mujoco>'


def test_our_robot_stands_in_the_scene(zero_bundle: Bundle) -> None:
    twin = open_twin(zero_bundle)
    assert zero_bundle.robot_xml is not None
    stage = build_stage(zero_bundle.robot_xml, twin.model)
    assert stage.nq == twin.model.nq
    assert stage.nlight >= 2 and stage.ntex >= 2
    assert [stage.joint(i).name for i in range(stage.njnt)] == [twin.model.joint(i).name for i in range(stage.njnt)]


def test_another_robot_does_too(tmp_path: Path) -> None:
    file = tmp_path / "robot.xml"
    file.write_bytes(robot_xml(["a", "b"]))
    import mujoco

    stage = build_stage(file, mujoco.MjModel.from_xml_path(str(file)))
    assert (stage.nq, stage.geom("floor").type[0]) == (9, mujoco.mjtGeom.mjGEOM_PLANE)


@pytest.mark.parametrize(("floor", "planes"), [('<geom type="plane" size="1 1 .1"/>', 1), ("", 1)])
def test_there_is_exactly_one_floor(tmp_path: Path, floor: str, planes: int) -> None:
    import mujoco

    file = tmp_path / "robot.xml"
    file.write_text(BOX.format(floor, "box"))
    stage = build_stage(file, mujoco.MjModel.from_xml_path(str(file)))
    assert sum(stage.geom_type == mujoco.mjtGeom.mjGEOM_PLANE) == planes
    assert stage.nlight >= 2


def test_names_that_clash_give_the_twins_own_model(tmp_path: Path) -> None:
    import mujoco

    file = tmp_path / "robot.xml"
    file.write_text(BOX.format("", "floor"))
    own = mujoco.MjModel.from_xml_path(str(file))
    assert build_stage(file, own) is own
    assert (assets_dir() / "scene.xml").is_file()
