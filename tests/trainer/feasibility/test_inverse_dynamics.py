"""Torques by inverse dynamics against a leg worked out by hand, and against servos that hold the robot up."""

from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np
import pytest

from contract.robot_config import robot_config_from_dict
from trainer.feasibility.poses import Pose, single_stance, squat, with_joints
from trainer.feasibility.torque import hold
from trainer.feasibility.twin import Twin
from trainer.physics.robot_model import RobotModel, index_robot

G = 9.81
THIGH_M, SHANK_M, FOOT_M = 0.2, 0.16, 0.03
BASE_KG, THIGH_KG, SHANK_KG, FOOT_KG = 2.0, 0.3, 0.25, 0.1
BASE_AHEAD_M = 0.02
HIP, KNEE, ANKLE = 0.5, 0.9, 0.4  # rad, sole level: knee = hip + ankle


def sole(side: str, end: str, x: float) -> str:
    z = 0.008 - FOOT_M
    return f'<geom name="{side}_{end}" type="capsule" size=".008" fromto="{x} -.03 {z} {x} .03 {z}" mass="0"/>'


def leg(side: str, y: float) -> str:
    return f"""
    <body name="{side}_thigh" pos="0 {y} 0">
      <joint name="{side}_hip" axis="0 -1 0" range="-1 2"/>
      <geom type="sphere" size=".01" pos="0 0 {-THIGH_M / 2}" mass="{THIGH_KG}" contype="0" conaffinity="0"/>
      <body name="{side}_shank" pos="0 0 {-THIGH_M}">
        <joint name="{side}_knee" axis="0 1 0" range="0 2"/>
        <geom type="sphere" size=".01" pos="0 0 {-SHANK_M / 2}" mass="{SHANK_KG}" contype="0" conaffinity="0"/>
        <body name="{side}_foot" pos="0 0 {-SHANK_M}">
          <joint name="{side}_ankle" axis="0 -1 0" range="-1 1"/>
          <geom type="sphere" size=".005" mass="{FOOT_KG}" contype="0" conaffinity="0"/>
          {sole(side, "toe", 0.1)}{sole(side, "heel", -0.06)}
          <site name="{side}_toe" pos=".1 0 0"/><site name="{side}_heel" pos="-.06 0 0"/>
        </body>
      </body>
    </body>"""


NAMES = [f"{side}_{joint}" for side in ("left", "right") for joint in ("hip", "knee", "ankle")]
MODEL = f"""
<mujoco>
  <compiler angle="radian" autolimits="true"/>
  <worldbody>
    <geom name="floor" type="plane" size="0 0 .05"/>
    <body name="base" pos="0 0 .5">
      <freejoint/>
      <geom type="sphere" size=".02" pos="{BASE_AHEAD_M} 0 0" mass="{BASE_KG}" contype="0" conaffinity="0"/>
      <site name="imu"/>
      {leg("left", 0.06)}{leg("right", -0.06)}
    </body>
  </worldbody>
  <actuator>{"".join(f'<position joint="{n}" name="{n}" kp="20" forcerange="-4 4"/>' for n in NAMES)}</actuator>
  <sensor>
    <framequat name="imu_quat" objtype="site" objname="imu"/><gyro name="imu_gyro" site="imu"/>
    {"".join(f'<touch name="{s}_{e}" site="{s}_{e}"/>' for s in ("left", "right") for e in ("toe", "heel"))}
  </sensor>
</mujoco>"""


@pytest.fixture(scope="module")
def two_links() -> RobotModel:
    """A planar walker whose masses are points: what its joints carry can be worked out on paper."""
    home = dict(zip(NAMES, 2 * (HIP, KNEE, ANKLE), strict=True))
    ranges = {"hip": (-1.0, 2.0), "knee": (0.0, 2.0), "ankle": (-1.0, 1.0)}
    joints = {
        name: {
            "range_min_rad": ranges[name.rpartition("_")[2]][0],
            "range_max_rad": ranges[name.rpartition("_")[2]][1],
            "max_velocity_rad_s": 5.0,
            "max_torque_nm": 4.0,
            "policy_action_sign": 1,
            "symmetric_joint": name.replace("left", "RIGHT").replace("right", "left").replace("RIGHT", "right"),
            "symmetry_sign": 1,
        }
        for name in NAMES
    }
    facts = {
        "robot_name": "two links",
        "model": "none",
        "actuator_names": NAMES,
        "joints": joints,
        "home_pose_rad": home,
        "crouch_pose_rad": home,
        "foot_switches": ["left_toe", "left_heel", "right_toe", "right_heel"],
        "imu": {"body": "base", "site": "imu"},
        "base": {"body": "base", "standing_height_m": 0.38},
        "total_mass_kg": BASE_KG + 2 * (THIGH_KG + SHANK_KG + FOOT_KG),
    }
    return index_robot(mujoco.MjModel.from_xml_string(MODEL), robot_config_from_dict(facts), Path("two_links.xml"))


def by_hand() -> np.ndarray:
    """(3,) Nm hip, knee, ankle of one leg, the hip at x = 0: the moment of all weight above a joint about +y, for the
    knee whose axis is +y, and against it for hip and ankle, whose axes are -y."""
    knee_x = THIGH_M * np.sin(HIP)
    ankle_x = knee_x - SHANK_M * np.sin(ANKLE)
    half = BASE_KG / 2
    hip = half * BASE_AHEAD_M
    knee = half * (BASE_AHEAD_M - knee_x) + THIGH_KG * (0 - knee_x) / 2
    ankle = (
        half * (BASE_AHEAD_M - ankle_x)
        + THIGH_KG * (knee_x / 2 - ankle_x)
        + SHANK_KG * ((knee_x + ankle_x) / 2 - ankle_x)
    )
    return G * np.array([-hip, knee, -ankle])


def test_a_two_link_leg_carries_what_paper_says(two_links: RobotModel) -> None:
    pose = Pose("squat", with_joints(two_links, np.array(2 * (HIP, KNEE, ANKLE))))
    found = hold(two_links, pose).torque[0].reshape(2, 3)
    np.testing.assert_allclose(found, [by_hand(), by_hand()], rtol=0.01)


def settle(robot: RobotModel, pose: Pose, target: np.ndarray, seconds: float = 3.0) -> mujoco.MjData:
    """The robot in simulation after its servos have held `target` (J,) rad from a pose for a while."""
    data = mujoco.MjData(robot.model)
    data.qpos[:] = pose.qpos
    data.ctrl[robot.actuator] = target
    for _ in range(round(seconds / robot.model.opt.timestep)):
        mujoco.mj_step(robot.model, data)
    return data


@pytest.mark.parametrize("case", ["squat", "left", "right"])
def test_servos_in_simulation_give_the_same_torques(shipped: Twin, case: str) -> None:
    robot = shipped.robot
    pose = squat(robot) if case == "squat" else single_stance(robot, case)
    stiffness = -robot.model.actuator_biasprm[robot.actuator, 1]
    data = settle(robot, pose, pose.qpos[robot.qpos] + hold(robot, pose).torque[0] / stiffness)
    assert np.abs(data.qvel).max() < 1e-3, "it has come to rest"
    given = data.qfrc_actuator[robot.qvel]
    said = hold(robot, replace(pose, qpos=data.qpos.copy())).torque[0]
    carries = np.abs(said) > 0.3
    assert carries.sum() >= 2
    np.testing.assert_allclose(given[carries], said[carries], rtol=0.05)
