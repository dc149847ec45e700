"""The shipped robot with one thing changed."""

from collections.abc import Callable
from dataclasses import replace

import mujoco

from contract import RobotConfig, assets_dir
from trainer.feasibility.poses import home
from trainer.feasibility.twin import SIM_DT
from trainer.physics.robot_model import RobotModel, index_robot

Change = Callable[[mujoco.MjModel], None]


def heavier_torso(model: mujoco.MjModel) -> None:
    """+1.5 kg in the middle of the torso."""
    body, extra = int(model.body("chassis").id), 1.5
    middle, mass = model.geom("torso").pos, float(model.body_mass[body])
    model.body_ipos[body] = (mass * model.body_ipos[body] + extra * middle) / (mass + extra)
    model.body_inertia[body] *= (mass + extra) / mass
    model.body_mass[body] += extra


def longer_shank(model: mujoco.MjModel) -> None:
    """+30 % of length and of mass."""
    for side in ("left", "right"):
        shank = int(model.body(f"{side}_shank").id)
        model.body_pos[model.body(f"{side}_ankle").id] *= 1.3
        model.body_ipos[shank] *= 1.3
        model.body_mass[shank] *= 1.3
        model.body_inertia[shank] *= 1.3**3


def weak_servos(model: mujoco.MjModel) -> None:
    """2 Nm."""
    model.actuator_forcerange[:] = [-2.0, 2.0]


def changed_robot(change: Change, config: RobotConfig) -> RobotModel:
    """The shipped model with one change, robot_config as it was but for what the MJCF says of torque and mass."""
    path = assets_dir() / "scene.xml"
    model = mujoco.MjModel.from_xml_path(str(path))
    change(model)
    mujoco.mj_setConst(model, mujoco.MjData(model))
    model.opt.timestep = SIM_DT
    joints = {
        name: replace(joint, max_torque_nm=float(model.actuator(name).forcerange[1]))
        for name, joint in config.joints.items()
    }
    facts = replace(config, joints=joints, total_mass_kg=float(model.body_mass.sum()))
    return index_robot(model, facts, path)


def as_built(robot: RobotModel) -> RobotModel:
    """With the standing height that its own legs give, as post_process.py would write it."""
    height = float(home(robot).qpos[robot.base_qpos + 2])
    return replace(robot, config=replace(robot.config, base=replace(robot.config.base, standing_height_m=height)))
