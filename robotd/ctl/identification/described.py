"""What the MJCF says of each joint's servo, in the servo model's own terms."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from contract import Bundle
from robotd.hal import HardwareError
from robotd.wiring import Wiring


class Described(NamedTuple):
    """lag_s: damping / stiffness of joint and actuator; inertia_s2: what the joint has to turn at home, the body held,
    over stiffness; friction_rad: dry friction over stiffness; stiffness_nm_rad: of the position actuator."""

    lag_s: float
    inertia_s2: float
    friction_rad: float
    stiffness_nm_rad: float


def described(bundle: Bundle, wiring: Wiring, hold: bool) -> dict[str, Described]:
    """By joint; empty where there is no MJCF or no MuJoCo to read it with.

    Args:
        hold: the other joints of a joint's bus hold; else all others are limp and give way.
    """
    try:
        from robotd.hal.sim import open_twin

        twin = open_twin(bundle, joint_noise_rad=0.0)
    except HardwareError:
        return {}
    import mujoco

    model = twin.model
    joints = twin.parts.joint_qvel
    masses = np.zeros((model.nv, model.nv))
    for dof in joints:
        mujoco.mj_mulM(model, twin.data, masses[dof], np.eye(model.nv)[dof])
    names = bundle.spec.robot.actuator_names
    found = {}
    for number, name in enumerate(names):
        held = set(wiring.on_bus(wiring.joints[name].bus)) - {name} if hold else set()
        moving = joints[[other not in held for other in names]]
        mobility = np.linalg.inv(masses[np.ix_(moving, moving)])
        own = int(np.flatnonzero(moving == joints[number])[0])
        dof = int(joints[number])
        stiffness, damping = float(model.actuator_gainprm[number, 0]), -float(model.actuator_biasprm[number, 2])
        found[name] = Described(
            lag_s=(float(model.dof_damping[dof]) + damping) / stiffness,
            inertia_s2=1 / float(mobility[own, own]) / stiffness,
            friction_rad=float(model.dof_frictionloss[dof]) / stiffness,
            stiffness_nm_rad=stiffness,
        )
    return found
