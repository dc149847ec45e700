"""Lean and trim against the robot's own MJCF: how it leans on flat soles, and that the trim stands it straight."""

from __future__ import annotations

import math

import mujoco
import numpy as np
import pytest
from calibration_rig import OF_WILDROBOT

from contract import assets_dir
from robotd.ctl.calibration.lean import WORTH_RAD, Lean, gravity_in_body, lean_of, trim_for

MODEL = mujoco.MjModel.from_xml_path(str(assets_dir() / OF_WILDROBOT.model))


def lean_on(foot: str, pose: dict[str, float]) -> Lean:
    """How the chest leans while the sole of this foot is flat on level ground."""
    data = mujoco.MjData(MODEL)
    for name, angle in pose.items():
        data.joint(name).qpos[0] = angle
    mujoco.mj_forward(MODEL, data)
    down = -data.body(foot).xmat.reshape(3, 3)[:, 2]  # the sole's own down is the world's
    return lean_of(data.site(OF_WILDROBOT.imu.site).xmat.reshape(3, 3).T @ down)


def moved(**more: float) -> dict[str, float]:
    return {name: angle + more.get(name, 0.0) for name, angle in OF_WILDROBOT.home_pose_rad.items()}


@pytest.mark.parametrize("foot", ["left_foot", "right_foot"])
def test_at_home_it_does_not_lean(foot: str) -> None:
    assert lean_on(foot, moved()).angle_rad < 1e-6


@pytest.mark.parametrize("foot", ["left_foot", "right_foot"])
@pytest.mark.parametrize("forward", [-0.05, 0.0, 0.03])
@pytest.mark.parametrize("right", [-0.04, 0.0, 0.05])
def test_the_trim_takes_the_lean_out_on_either_foot(foot: str, forward: float, right: float) -> None:
    wrong = {"left_ankle_pitch": forward, "right_ankle_pitch": forward}
    wrong |= {"left_foot_roll": -right, "right_foot_roll": right}
    lean = lean_on(foot, moved(**wrong))
    assert math.copysign(1, lean.forward_rad) == math.copysign(1, forward) or forward == 0
    assert abs(lean.forward_rad - forward) < 0.002 and abs(lean.right_rad - right) < 0.002
    trim = trim_for(lean)
    straight = moved(**{name: wrong.get(name, 0) + trim.get(name, 0) for name in (*wrong, *trim)})
    assert lean_on(foot, straight).angle_rad < 0.003


def test_words_and_signs_of_a_lean() -> None:
    nose_down = lean_of((math.sin(0.1), 0, -math.cos(0.1)))
    assert nose_down.forward_rad == pytest.approx(0.1) and str(nose_down).startswith("5.7 deg forward, 0.0 deg")
    onto_its_right = lean_of((0, -math.sin(0.1), -math.cos(0.1)))
    assert onto_its_right.right_rad == pytest.approx(0.1) and "5.7 deg to the right" in str(onto_its_right)


def test_a_lean_that_is_not_worth_a_trim_is_left() -> None:
    assert trim_for(Lean(WORTH_RAD * 0.99, -WORTH_RAD * 0.99)) == {}
    assert set(trim_for(Lean(WORTH_RAD * 1.01, 0.0))) == {"left_ankle_pitch", "right_ankle_pitch"}


def test_gravity_in_the_body_undoes_the_mounting() -> None:
    mounting = np.array((0.5, 0.5, -0.5, 0.5))
    assert np.allclose(gravity_in_body(mounting, mounting), (0, 0, -1))  # the body is level: world<-sensor is it too
