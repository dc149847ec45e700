"""A picture of one clip: poses of a cycle side by side, and the curves of all joints below."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from contract import RobotConfig

from ..physics.robot_model import RobotModel
from ..view.camera import Camera, save
from .reference import ReferenceMotion

POSES, _PANEL = 8, (200, 300)
_WIDTH, _ROW, _LEFT = POSES * _PANEL[0], 96, 150
_LEFT_COLOUR, _RIGHT_COLOUR, _INK, _GRID = (222, 107, 20), (40, 80, 160), (40, 40, 44), (220, 220, 224)


def write_strip(robot: RobotModel, motion: ReferenceMotion, clip: int, output: Path, with_poses: bool) -> None:
    """Write the picture of one clip; poses need a GL that `view.graphics.choose_gl` found.

    Raises:
        ConfigError: the picture cannot be written.
    """
    parts = [poses(robot, motion, clip)] if with_poses else []
    parts.append(curves(robot.config, motion, clip))
    picture = Image.new("RGB", (_WIDTH, sum(part.height for part in parts)), "white")
    top = 0
    for part in parts:
        picture.paste(part, (0, top))
        top += part.height
    save(picture, output)


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


def poses(robot: RobotModel, motion: ReferenceMotion, clip: int) -> Image.Image:
    """POSES moments of the cycle, seen obliquely from the robot's left front; needs a GL."""
    camera = Camera(robot, _PANEL, azimuth=-130.0, elevation=-8.0, distance=1.35)
    picture = Image.new("RGB", (_WIDTH, _PANEL[1] + 24), "white")
    pen, count, p = ImageDraw.Draw(picture), motion.joint_pos.shape[1], robot.base_qpos
    for panel in range(POSES):
        frame = panel * count // POSES
        qpos = robot.home_qpos
        qpos[p : p + 3], qpos[p + 3 : p + 7] = motion.base_pos[clip, frame], motion.base_quat[clip, frame]
        qpos[robot.qpos] = motion.joint_pos[clip, frame]
        picture.paste(camera.draw(qpos), (panel * _PANEL[0], 24))
        pen.text((panel * _PANEL[0] + 6, 3), f"phase {2 * frame / count:.2f} pi", _INK, ImageFont.load_default(15))
    camera.close()
    return picture
