"""A robot and a made-up recording of it, for tests of pictures."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np

from contract import assets_dir
from robotd.ctl.recording import Recording
from robotd.ctl.stage import dress


def load_stage() -> Any:
    """The robot of assets in its scene."""
    assets = assets_dir()
    return mujoco.MjModel.from_xml_string(dress(assets / "wildrobot.xml", assets / "scene.xml"))


def make_recording(ticks: int = 200, pushed: tuple[int, ...] = (100,), fall: bool = False) -> Recording:
    """`ticks` of 20 ms, the first 50 of them before ACTIVE; each push lasts 10 ticks; fall: over at the end."""
    time_s = (np.arange(ticks) - 50) * 0.02
    qpos = np.tile(load_stage().key("home").qpos, (ticks, 1))
    tilt = np.maximum(0.0, np.linspace(-2.0, 1.5, ticks)) if fall else np.zeros(ticks)
    qpos[:, 3], qpos[:, 5] = np.cos(tilt / 2), np.sin(tilt / 2)
    push = np.zeros((ticks, 3))
    for tick in pushed:
        push[tick : tick + 10] = (3.0, 4.0, 0.0)
    mode = np.where(time_s < 0, "HOMING", "ACTIVE")
    faults = np.where(tilt > 0.8, "TILT", "")
    return Recording(time_s, qpos, push, tilt, mode, faults, "a test", "fell" if fall else "stayed up", not fall)
