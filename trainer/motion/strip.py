"""A picture of one clip: poses of a cycle side by side, and the curves of all joints below.

`python -m trainer.motion.strip MOTION CLIP OUT` draws with the GL that MUJOCO_GL names: a GL that does not work can end
the process that tries it, so `draw` gives each its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from contract import ConfigError, RobotConfig, assets_dir, load_robot_config

from .reference import ReferenceMotion, load_reference

POSES, _PANEL = 8, (200, 300)
_WIDTH, _ROW, _LEFT = POSES * _PANEL[0], 96, 150
_LEFT_COLOUR, _RIGHT_COLOUR, _INK, _GRID = (222, 107, 20), (40, 80, 160), (40, 40, 44), (220, 220, 224)
_SOFTWARE = ("egl", "osmesa")
_LIMIT_S = 120.0


def draw(path: Path, clip: int, output: Path) -> bool:
    """Write the picture of one clip; whether there was a GL for the poses (else curves alone).

    Raises:
        ConfigError: the picture cannot be written.
    """
    wish = os.environ.get("MUJOCO_GL")
    for gl in (wish,) if wish else _SOFTWARE:
        command = [sys.executable, "-m", "trainer.motion.strip", str(path), str(clip), str(output)]
        environment = {**os.environ, "MUJOCO_GL": gl}
        try:
            drawn = subprocess.run(command, env=environment, capture_output=True, timeout=_LIMIT_S, check=False)
        except subprocess.TimeoutExpired:
            continue
        if drawn.returncode == 0:
            return True
    config = load_robot_config(assets_dir() / "robot_config.yaml")
    _save(curves(config, load_reference(path, config)[0], clip), output)
    return False


def curves(config: RobotConfig, motion: ReferenceMotion, clip: int) -> Image.Image:
    """Joint angles over one cycle with their ranges' ends, left and right in one row, and when the feet stand."""
    rows = [("waist_yaw", "waist_yaw")] + [
        (name, config.joints[name].symmetric_joint) for name in config.actuator_names if name.startswith("left")
    ]
    rows = rows[1:] + rows[:1]
    picture = Image.new("RGB", (_WIDTH, _ROW * len(rows) + 60), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(15)
    for row, names in enumerate(rows):
        _row(pen, font, config, motion, clip, row * _ROW, names)
    top = len(rows) * _ROW + 6
    contact = motion.contact[clip]
    for index, name in enumerate(config.foot_switches):
        colour = _LEFT_COLOUR if name.startswith("left") else _RIGHT_COLOUR
        pen.text((6, top + 12 * index - 4), name, _INK, ImageFont.load_default(12))
        for frame in np.flatnonzero(contact[:, index]).tolist():
            ends = (_across(frame, len(contact)), _across(frame + 1, len(contact)))
            pen.rectangle([ends[0], top + 12 * index, ends[1], top + 12 * index + 8], fill=colour)
    return picture


def _row(
    pen: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    config: RobotConfig,
    motion: ReferenceMotion,
    clip: int,
    top: int,
    names: tuple[str, str],
) -> None:
    columns = [config.actuator_names.index(name) for name in names]
    values = np.concatenate([motion.joint_pos[clip], motion.joint_pos[clip, :1]])[:, columns]
    low, high = float(values.min()), float(values.max())
    middle, half = (low + high) / 2, max((high - low) / 2, 0.05) * 1.1
    pen.rectangle([_LEFT, top + 4, _WIDTH - 10, top + _ROW - 6], outline=_GRID)
    pen.text((6, top + 12), names[0].removeprefix("left_"), _INK, font)
    pen.text((6, top + 34), f"{low:+.2f} to {high:+.2f} rad", _INK, ImageFont.load_default(13))
    for index, colour in ((1, _RIGHT_COLOUR), (0, _LEFT_COLOUR)):
        heights = top + _ROW / 2 - 1 - (values[:, index] - middle) / half * (_ROW / 2 - 8)
        points = [(_across(n, len(values) - 1), float(y)) for n, y in enumerate(heights)]
        pen.line(points, fill=colour, width=3)
    if names[0].endswith("hip_pitch"):
        pen.text((6, top + 56), "left", _LEFT_COLOUR, font)
        pen.text((50, top + 56), "right", _RIGHT_COLOUR, font)


def _across(frame: float, count: int) -> float:
    return float(_LEFT + (_WIDTH - 10 - _LEFT) * frame / count)


def poses(config: RobotConfig, motion: ReferenceMotion, clip: int) -> Image.Image:
    """POSES moments of the cycle, seen obliquely from the robot's left front; needs a GL."""
    import mujoco

    from ..physics.robot_model import load_robot_model

    robot = load_robot_model(assets_dir() / "scene.xml", config, 0.002)
    data, renderer = mujoco.MjData(robot.model), mujoco.Renderer(robot.model, 2 * _PANEL[1], 2 * _PANEL[0])
    camera = mujoco.MjvCamera()
    camera.distance, camera.azimuth, camera.elevation = 1.35, -130.0, -8.0
    picture = Image.new("RGB", (_WIDTH, _PANEL[1] + 24), "white")
    pen, count = ImageDraw.Draw(picture), motion.joint_pos.shape[1]
    for panel in range(POSES):
        frame = panel * count // POSES
        p = robot.base_qpos
        data.qpos[:] = robot.home_qpos
        data.qpos[p : p + 3], data.qpos[p + 3 : p + 7] = motion.base_pos[clip, frame], motion.base_quat[clip, frame]
        data.qpos[robot.qpos] = motion.joint_pos[clip, frame]
        mujoco.mj_forward(robot.model, data)
        camera.lookat[:] = 0.0, 0.0, 0.33
        renderer.update_scene(data, camera)
        view = Image.fromarray(renderer.render()).reduce(2)
        picture.paste(view, (panel * _PANEL[0], 24))
        pen.text((panel * _PANEL[0] + 6, 3), f"phase {2 * frame / count:.2f} pi", _INK, ImageFont.load_default(15))
    renderer.close()
    return picture


def _save(picture: Image.Image, output: Path) -> None:
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        picture.save(output)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{output}: {error}, expected a place for a .png; name another one") from None


def main(path: str, clip: str, output: str) -> None:
    """Draw poses and curves of a clip."""
    config = load_robot_config(assets_dir() / "robot_config.yaml")
    motion = load_reference(Path(path), config)[0]
    parts = [poses(config, motion, int(clip)), curves(config, motion, int(clip))]
    picture = Image.new("RGB", (_WIDTH, sum(part.height for part in parts)), "white")
    picture.paste(parts[0], (0, 0))
    picture.paste(parts[1], (0, parts[0].height))
    _save(picture, Path(output))


if __name__ == "__main__":
    main(*sys.argv[1:])
