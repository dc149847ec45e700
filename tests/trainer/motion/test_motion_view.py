"""The picture of a motion, and what the verb says where it cannot be drawn."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from contract import ConfigError
from trainer.cli import main
from trainer.motion.gait import GaitParams, provenance
from trainer.motion.reference import ReferenceMotion, save_reference
from trainer.motion.strip import curves
from trainer.motion.window import play, pose_at
from trainer.physics.robot_model import RobotModel


@pytest.fixture
def file(robot: RobotModel, walk: ReferenceMotion, tmp_path: Path) -> Path:
    path = tmp_path / "walk.npz"
    save_reference(path, walk, provenance(robot.config, GaitParams()))
    return path


def test_curves_show_the_joints(robot: RobotModel, walk: ReferenceMotion) -> None:
    moving, still = (np.asarray(curves(robot.config, walk, clip)) for clip in (1, 0))
    assert moving.shape == still.shape and moving.shape[1] == 1600
    assert (moving != still).any(axis=2).sum() > 2000


def test_the_verb_draws_or_says_what_is_missing(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "strip.png"
    command = [sys.executable, "-m", "trainer", "motion", "view", str(file), "--headless", "--output", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # mujoco is imported here already
    assert done.returncode == 0, done.stderr
    with Image.open(out) as picture:
        assert picture.width == 1600
        assert picture.height > 900 or "curves alone" in done.stderr


def test_a_clip_that_is_not_there_and_a_place_that_is_none(file: Path, tmp_path: Path) -> None:
    refused = CliRunner().invoke(main, ["motion", "view", str(file), "--clip", "9", "--headless"])
    assert refused.exit_code == 2 and "has no clip 9" in refused.output


def test_no_display_is_one_sentence(robot: RobotModel, walk: ReferenceMotion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match="expected a screen"):
        play(robot, walk, 1)


def test_the_window_shows_the_robot_going_ahead(robot: RobotModel, walk: ReferenceMotion) -> None:
    period = float(walk.period_s)
    first, later = (pose_at(robot, walk, 1, cycles * period) for cycles in (0, 2))
    np.testing.assert_allclose(later[robot.qpos], first[robot.qpos], atol=1e-3)
    assert later[0] - first[0] == pytest.approx(0.15 * 2 * period, abs=1e-3)
