"""Gives a twin that was just placed the motion that was measured: of joints and body, on a foot that rests."""

from __future__ import annotations

import numpy as np

from robotd.hal.sim import SimHardware

from .session import Float64

DIP_M = 0.001


def set_moving(twin: SimHardware, vel_rad_s: Float64, gyro_rad_s: Float64) -> None:
    """Joints turn at vel_rad_s (J,), the IMU at gyro_rad_s (3,) in its own frame, and the lowest point of the robot
    stands still: the body's velocity, which nobody measures, follows from these."""
    import mujoco

    model, data, parts = twin.model, twin.data, twin.parts
    with twin.lock:
        (free,) = np.flatnonzero(model.jnt_type == mujoco.mjtJoint.mjJNT_FREE)
        base = model.jnt_dofadr[free] + np.arange(6)
        turning, resting = np.zeros((3, model.nv)), np.zeros((3, model.nv))
        mujoco.mj_jacSite(model, data, None, turning, parts.imu)
        data.qpos[parts.base_qpos + 2] -= DIP_M  # into the floor, so that MuJoCo says what touches it
        mujoco.mj_fwdPosition(model, data)
        contacts = [contact for contact in data.contact if 0 in model.geom_bodyid[contact.geom]]
        contact = min(contacts, key=lambda contact: contact.dist, default=None)
        if contact is not None:
            foot = int(max(model.geom_bodyid[contact.geom]))
            mujoco.mj_jac(model, data, resting, None, contact.pos, foot)
        data.qpos[parts.base_qpos + 2] += DIP_M
        speeds = np.zeros(model.nv)
        speeds[parts.joint_qvel] = vel_rad_s
        wanted = np.concatenate([data.site_xmat[parts.imu].reshape(3, 3) @ gyro_rad_s, np.zeros(3)])
        jacobian = np.concatenate([turning, resting])
        speeds[base] = np.linalg.lstsq(jacobian[:, base], wanted - jacobian @ speeds, rcond=None)[0]
        data.qvel[:] = speeds
        mujoco.mj_forward(model, data)
