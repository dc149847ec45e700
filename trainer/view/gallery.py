"""The robot's portraits for the README: front, side, home, squat, and a strip of its walking policy in physics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..config import load_train_config
from ..evaluate import bundle_policy, evaluation_env
from ..feasibility.poses import Pose, crouch, home
from ..gate import WALKING_COMMAND
from ..physics.robot_model import RobotModel
from .camera import INK, Camera, save
from .frames import Frame, play

PORTRAIT, MOMENT = (360, 430), (200, 300)
FRONT, SIDE, OBLIQUE = (180.0, -6.0, 1.45), (90.0, -4.0, 1.45), (-140.0, -12.0, 1.45)
MOMENTS, SETTLED_S, STRIP_S = 8, 2.0, 1.04


def write_gallery(robot: RobotModel, folder: Path) -> list[Path]:
    """front.png, side.png, home.png and squat.png. Raises ConfigError."""
    shots = {
        "front": (home(robot), FRONT),
        "side": (home(robot), SIDE),
        "home": (home(robot), OBLIQUE),
        "squat": (crouch(robot), OBLIQUE),
    }
    return [_portrait(robot, pose, view, folder / f"{name}.png") for name, (pose, view) in shots.items()]


def write_walk(bundle: Path, path: Path) -> Path:
    """Moments of one and a half cycles of a walking bundle in physics, seen from its right. Raises ContractError."""
    config = load_train_config(bundle / "training_config.yaml")
    steps = round((SETTLED_S + STRIP_S) / config.env.ctrl_dt) + 1
    env = evaluation_env(config, 1, steps, 0.0, WALKING_COMMAND, floor="flat")
    frames = list(play(env, bundle_policy(bundle), seed=0))
    chosen = np.linspace(SETTLED_S, SETTLED_S + STRIP_S, MOMENTS) / config.env.ctrl_dt
    shown: list[Frame] = [frames[min(int(n), len(frames) - 1)] for n in chosen.round()]
    camera = Camera(env.robot, MOMENT, *SIDE)
    strip = Image.new("RGB", (MOMENTS * MOMENT[0], MOMENT[1]))
    pen, font = ImageDraw.Draw(strip), ImageFont.load_default(14)
    p = env.robot.base_qpos
    for number, frame in enumerate(shown):
        view = camera.draw(frame.qpos, (float(frame.qpos[p]), float(frame.qpos[p + 1]), 0.33))
        strip.paste(view, (number * MOMENT[0], 0))
        gone = float(frame.qpos[p] - shown[0].qpos[p])
        pen.text((number * MOMENT[0] + 6, 6), f"{frame.time_s - shown[0].time_s:.2f} s, {gone:.2f} m", INK, font)
    camera.close()
    save(strip, path)
    return path


def _portrait(robot: RobotModel, pose: Pose, view: tuple[float, float, float], path: Path) -> Path:
    camera = Camera(robot, PORTRAIT, *view)
    picture = camera.draw(pose.qpos, (0.0, 0.0, 0.33))
    camera.close()
    save(picture, path)
    return path
