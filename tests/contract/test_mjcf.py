"""Includes are followed inside the folder of the MJCF, and nowhere else."""

from pathlib import Path

import pytest

from contract import ContractError
from contract.mjcf import actuated_joint_names

INNER = "<mujoco><actuator><position joint='b'/></actuator></mujoco>"


def outer(folder: Path, include: str) -> Path:
    file = folder / "robot.xml"
    file.write_text(f"<mujoco><actuator><motor joint='a'/></actuator><include file='{include}'/></mujoco>")
    return file


def test_an_include_inside_the_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.xml").write_text(INNER)
    assert actuated_joint_names(outer(tmp_path, "more/b.xml")) == ("a", "b")


@pytest.mark.parametrize("absolute", [False, True])
def test_an_include_that_leads_out_is_refused(tmp_path: Path, absolute: bool) -> None:
    (tmp_path / "b.xml").write_text(INNER)
    (tmp_path / "bundle").mkdir()
    include = str(tmp_path / "b.xml") if absolute else "../b.xml"
    with pytest.raises(ContractError, match=r"leads out of the folder, expected a file inside it"):
        actuated_joint_names(outer(tmp_path / "bundle", include))
