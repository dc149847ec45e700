"""Poses of the robot with a figure beside each joint, drawn by MuJoCo; call `trainer.view.graphics.choose_gl` first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..physics.robot_model import RobotModel
from ..view.camera import INK, Camera, save
from .checks import Panel
from .verdict import FAIL, PASS, WARN

SIZE, COLUMNS, GAP = (520, 430), 3, 8
PAPER = (250, 250, 248)
COLOURS = {PASS: (38, 110, 70), WARN: (190, 110, 0), FAIL: (190, 30, 45)}
_MARGIN, _LINE = 8, 19


def write_panels(robot: RobotModel, panels: Sequence[Panel], path: Path) -> None:
    """All panels on one sheet. Raises ConfigError where it cannot be written."""
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    sheet = Image.new("RGB", (columns * (SIZE[0] + GAP) + GAP, rows * (SIZE[1] + GAP) + GAP), PAPER)
    camera = Camera(robot, SIZE, azimuth=-140.0, elevation=-8.0, distance=1.5)
    for number, panel in enumerate(panels):
        x, y = panel.qpos[robot.base_qpos : robot.base_qpos + 2]
        view = camera.draw(panel.qpos, (float(x), float(y), 0.34))
        _label(view, robot.config.actuator_names, panel, camera.joints_at())
        corner = (GAP + number % columns * (SIZE[0] + GAP), GAP + number // columns * (SIZE[1] + GAP))
        sheet.paste(view, corner)
    camera.close()
    save(sheet, path)


def _label(view: Image.Image, names: Sequence[str], panel: Panel, places: np.ndarray) -> None:
    """A dot on each joint and its figure in the nearer margin, joined by a line; labels in the order of the joints."""
    pen, small, large = ImageDraw.Draw(view), ImageFont.load_default(13), ImageFont.load_default(17)
    pen.text((_MARGIN, _MARGIN), panel.title, INK, large)
    by_x = np.argsort(places[:, 0], kind="stable")
    for left, members in ((True, by_x[: len(by_x) // 2]), (False, by_x[len(by_x) // 2 :])):
        ordered = sorted(members.tolist(), key=lambda i: float(places[i, 1]))
        top = _spread([float(places[i, 1]) for i in ordered], _LINE * 2, view.height)
        for joint, y in zip(ordered, top, strict=True):
            colour = COLOURS[panel.status[joint]]
            label = f"{names[joint]}\n{panel.labels[joint]}"
            box = pen.multiline_textbbox((0, 0), label, small)
            x = _MARGIN if left else view.width - _MARGIN - box[2]
            px, py = (float(v) for v in places[joint])
            pen.line([(x + box[2] + 3 if left else x - 3, y + 8), (px, py)], fill=colour, width=1)
            pen.ellipse([px - 4, py - 4, px + 4, py + 4], fill=colour)
            pen.multiline_text((x, y), label, colour, small, align="left" if left else "right")


def _spread(wanted: Sequence[float], height: float, room: int) -> list[float]:
    """Tops of labels near where they are wanted, in order and none on another."""
    tops: list[float] = []
    for y in wanted:
        tops.append(max(y - height / 2, tops[-1] + height if tops else 36.0))
    over = tops[-1] + height - room + 4 if tops else 0.0
    for i in range(len(tops) - 1, -1, -1):
        if over > 0:
            limit = room - 4 - height * (len(tops) - i)
            tops[i] = min(tops[i], limit)
    return tops
