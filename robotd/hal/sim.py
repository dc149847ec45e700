"""The physics twin: a policy's robot in MuJoCo, with a stand that holds it until it can hold itself.

A real robot is limp before homing, so a person holds it or it hangs in a harness. The twin's stand does the same: it
holds the base still and upright, the feet clear of the floor. `release` is the person's next act, once the joints
hold home: the stand goes down until a foot touches the floor, then lets go. From there on only the policy keeps the
robot up. `attend` does both by itself, as a hook of the loop; `place` puts the robot anywhere.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract import Bundle, PolicySpec, RobotConfig, Signals
from contract.frames import Array
from robotd.health import Health, well
from robotd.mode import Mode
from robotd.record import TickRecord

from .hardware import HardwareError
from .physics import OWN, Physics, Servos
from .twin_model import STAND, compile_model, find_parts, import_mujoco

SWITCH_CLOSES_N = 2.0
CLEARANCE_M = 0.08  # of the feet in the home pose; a limp leg hangs lower
LOWERING_M_S = 0.15
Float64 = NDArray[np.float64]


def open_twin(bundle: Bundle, hal: str = "sim", **options: Any) -> SimHardware:
    """The twin of a bundle's own robot for --hal `hal`; options as `SimHardware`. Raises HardwareError."""
    if bundle.robot_xml is None:
        raise HardwareError(
            f"{bundle.path / 'robot.xml'}: file is missing, expected the robot's MJCF for --hal {hal}; "
            "export the bundle again or take --hal mock"
        )
    return SimHardware(bundle.spec, bundle.robot_xml, bundle.robot_config, **options)


class SimHardware:
    """One robot in MuJoCo. Physics advances by one control period between two calls of `read`, never by itself.

    Any thread may look at it and touch it; hold `lock` for more than one thing at once. `model`, `data` and `parts`
    are MuJoCo's and where things are in them.

    Args:
        model_path: an MJCF whose actuators drive the spec's joints in the spec's order; a floor is added where the
            world has no plane.
        robot_config: names the IMU's site and the base; without it the site `imu` and the first free joint count.
        sim_dt_s: physics step, if not that of `physics`; the control period is a whole number of them.
        supported: begin on the stand; otherwise begin limp with the feet on the floor.
        joint_noise_rad: the joints begin at home plus uniform noise of this size, from `seed`.
        physics: another world than the MJCF's; where its servos differ, each `pick_up` draws them anew, from `seed`.

    Raises:
        HardwareError: MuJoCo is not installed, or the MJCF is not the spec's robot; one sentence.
    """

    def __init__(
        self,
        spec: PolicySpec,
        model_path: Path,
        robot_config: RobotConfig | None = None,
        *,
        sim_dt_s: float | None = None,
        supported: bool = True,
        joint_noise_rad: float = 0.02,
        seed: int = 0,
        physics: Physics = OWN,
    ) -> None:
        self.lock = threading.RLock()
        self._mujoco = import_mujoco()
        physics = physics if sim_dt_s is None else physics._replace(sim_dt_s=sim_dt_s)
        self.model = compile_model(self._mujoco, model_path, physics)
        self.data = self._mujoco.MjData(self.model)
        self._spec, self._path = spec, model_path
        self._health = well(spec.num_joints)
        self._substeps = round(spec.runtime.ctrl_dt / physics.sim_dt_s)
        if self._substeps < 1 or abs(self._substeps * physics.sim_dt_s - spec.runtime.ctrl_dt) > 1e-9:
            raise HardwareError(
                f"sim_dt {physics.sim_dt_s} s: expected a whole fraction of the control period {spec.runtime.ctrl_dt} s"
            )
        parts = self.parts = find_parts(self._mujoco, self.model, model_path, spec, robot_config)
        self._joint_qpos, self._joint_qvel, self._base_qpos, self._base_body, self._imu, self._touch = parts
        self._stand, self._weld = int(self.model.body(STAND).mocapid[0]), self.model.equality(STAND).id
        rng = np.random.default_rng(seed)
        noise = rng.uniform(-joint_noise_rad, joint_noise_rad, spec.num_joints)
        self._start_rad = np.clip(spec.robot.home + noise, spec.robot.range_min, spec.robot.range_max)
        self._push_n, self._push_s = np.zeros(3), 0.0
        self._lowering, self._fresh = False, True
        self._torques_nm = np.zeros((self._substeps, spec.num_joints))  # |torque| of the last control period
        self._servos = Servos(self.model, physics, rng)
        self._zero_rad = self._servos.exchange()
        self.disable()
        self.place(self._start_rad, supported=supported)

    # What the loop sees

    async def start(self) -> None:
        """Nothing to wait for."""

    async def stop(self) -> None:
        """Limp."""
        self.disable()

    def read(self) -> Signals:
        """Signals after one more control period of physics; all of them fresh."""
        if not self._fresh:
            self.step(self._substeps)
        self._fresh = False
        return self.sense()

    def sense(self) -> Signals:
        """Signals of this instant of physics."""
        mj, data = self._mujoco, self.data
        quat, velocity = np.zeros(4), np.zeros(6)
        with self.lock:
            mj.mju_mat2Quat(quat, data.site_xmat[self._imu])
            mj.mj_objectVelocity(self.model, data, mj.mjtObj.mjOBJ_SITE, self._imu, velocity, 1)
            return Signals(
                quat_wxyz=quat.astype(np.float32),
                gyro_rad_s=velocity[:3].astype(np.float32),
                joint_pos_rad=(data.qpos[self._joint_qpos] - self._zero_rad).astype(np.float32),
                joint_vel_rad_s=data.qvel[self._joint_qvel].astype(np.float32),
                foot_switches=(data.sensordata[self._touch] > SWITCH_CLOSES_N).astype(np.float32),
                stamp_s=np.asarray(data.time),
                joint_age_s=np.zeros(self._spec.num_joints, np.float32),
                imu_age_s=np.zeros((), np.float32),
            )

    def health(self) -> Health:
        """Cool and charged, whatever happens."""
        return self._health

    def write(self, target_rad: Array) -> None:
        """New targets (J,) rad for the position actuators."""
        self.data.ctrl[:] = np.asarray(target_rad) + self._zero_rad

    def enable(self) -> None:
        """The actuators begin to push."""
        self.model.opt.disableflags &= ~int(self._mujoco.mjtDisableBit.mjDSBL_ACTUATION)

    def disable(self) -> None:
        """No actuator gives any force; what is left is the gears' friction and damping."""
        self.model.opt.disableflags |= int(self._mujoco.mjtDisableBit.mjDSBL_ACTUATION)

    def leave_out(self, buses: int) -> None:
        """There are no buses."""

    def close(self) -> None:
        """Limp; there is no device to let go of."""
        self.disable()

    # What only a twin has

    def power(self, joints: Array) -> None:
        """Torque at some joints, (J,) bool, and none at the others."""
        self.enable()
        self.model.opt.disableactuator = sum(1 << int(joint) for joint in np.flatnonzero(~np.asarray(joints)))

    def step(self, count: int) -> None:
        """Let physics advance by `count` steps of its own."""
        mj, model, data = self._mujoco, self.model, self.data
        with self.lock:
            for _ in range(count):
                data.xfrc_applied[self._base_body, :3] = self.push_n
                self._push_s -= model.opt.timestep
                mj.mj_step(model, data)
                if self._lowering:
                    self._lower()
                self._note_torque(1)
            self._settle()

    def leap(self, count: int) -> None:
        """As `step`, with one call into MuJoCo where nothing but physics changes: other threads go on meanwhile."""
        with self.lock:
            if self._lowering or self._push_s > 0:
                self.step(count)
                return
            self.data.xfrc_applied[self._base_body, :3] = 0  # the last push is over
            self._mujoco.mj_step(self.model, self.data, count)
            self._note_torque(count)
            self._settle()

    @property
    def enabled(self) -> bool:
        """Whether the actuators give force."""
        return not self.model.opt.disableflags & int(self._mujoco.mjtDisableBit.mjDSBL_ACTUATION)

    @property
    def supported(self) -> bool:
        """Whether the stand still holds the base, also while it goes down."""
        return bool(self.data.eq_active[self._weld])

    @property
    def time_s(self) -> float:
        """Simulated time."""
        return float(self.data.time)

    @property
    def qpos(self) -> Float64:
        """All positions as MuJoCo has them (nq,): what a picture needs. A copy."""
        with self.lock:
            return np.array(self.data.qpos)

    @property
    def base_position_m(self) -> Float64:
        """The base in the world (3,): x forward at start, y left, z up. A copy."""
        return self.qpos[self._base_qpos : self._base_qpos + 3]

    @property
    def torque_nm(self) -> Float64:
        """What the actuators give now (J,), zeros while limp. A copy."""
        with self.lock:
            return np.array(self.data.actuator_force)

    @property
    def peak_torque_nm(self) -> Float64:
        """The largest |torque| of each actuator in the last control period (J,). A copy."""
        with self.lock:
            return np.asarray(self._torques_nm.max(axis=0))

    def push(self, force_n: Array, duration_s: float) -> None:
        """A force (3,) N, world frame, on the base's centre of mass, from the next `read` on; it replaces the last."""
        with self.lock:
            self._push_n, self._push_s = np.asarray(force_n, np.float64), float(duration_s)

    @property
    def push_n(self) -> Float64:
        """The force (3,) N that pushes now, world frame. A copy."""
        return np.array(self._push_n) if self._push_s > 1e-9 else np.zeros(3)

    def release(self) -> None:
        """The stand goes down until a foot touches the floor, then lets go. `supported` tells when it has."""
        self._lowering = self.supported

    def attend(self, record: TickRecord) -> None:
        """Be the person beside the robot, as a hook of the loop: set it down in STANDBY, pick it up in IDLE."""
        if record.mode is Mode.STANDBY and self.supported:
            self.release()
        elif record.mode is Mode.IDLE and not self.supported:
            self.place(self._start_rad)

    def pick_up(self) -> None:
        """Put the robot on the stand for another go, limp; where servos differ it is another robot."""
        with self.lock:
            self.disable()
            self._push_s = 0.0
            self.data.warning.number[:] = 0
            self._zero_rad = self._servos.exchange()
            self.place(self._start_rad)

    def place(
        self, joint_pos_rad: Array, quat_wxyz: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0), supported: bool = True
    ) -> None:
        """Put the joints (J,) rad and the IMU (wxyz) where they are wanted, at rest; the next `read` sees exactly that.

        On the stand the feet are clear of the floor; otherwise the lowest point of the robot touches it.
        """
        with self.lock:
            self._place(np.asarray(joint_pos_rad), np.asarray(quat_wxyz, np.float64), supported)

    def _place(self, joint_pos_rad: Array, quat_wxyz: Array, supported: bool) -> None:
        mj, model, data = self._mujoco, self.model, self.data
        base = slice(self._base_qpos, self._base_qpos + 7)
        data.qpos[:], data.qvel[:], data.qacc_warmstart[:] = self.model.qpos0, 0, 0
        data.qpos[base] = (0, 0, 0, 1, 0, 0, 0)
        data.qpos[self._joint_qpos] = joint_pos_rad + self._zero_rad
        mj.mj_kinematics(model, data)
        imu, back, quat = np.zeros(4), np.zeros(4), np.zeros(4)
        mj.mju_mat2Quat(imu, data.site_xmat[self._imu])
        mj.mju_negQuat(back, imu)
        mj.mju_mulQuat(quat, quat_wxyz, back)
        data.qpos[base] = (0, 0, 0, *quat)
        mj.mj_forward(model, data)  # the origin lies in the floor: contacts tell how deep the lowest point is
        depth_m = -min((float(contact.dist) for contact in data.contact), default=0.0)
        data.qpos[self._base_qpos + 2] = depth_m + (CLEARANCE_M if supported else 0.0)
        mj.mj_forward(model, data)
        data.eq_active[self._weld] = supported
        data.mocap_pos[self._stand], data.mocap_quat[self._stand] = data.qpos[base][:3], data.qpos[base][3:]
        self._lowering, self._fresh = False, True
        self._torques_nm[:] = np.abs(data.actuator_force)

    def _settle(self) -> None:
        """mj_step leaves the sensors one physics step behind the joints."""
        self._mujoco.mj_forward(self.model, self.data)
        np.maximum(self._torques_nm[-1], np.abs(self.data.actuator_force), out=self._torques_nm[-1])

    def _note_torque(self, steps: int) -> None:
        self._torques_nm[:-steps] = self._torques_nm[steps:]
        self._torques_nm[-steps:] = np.abs(self.data.actuator_force)

    def _lower(self) -> None:
        """Move the stand down; take it away once a foot is on the floor."""
        self.data.mocap_pos[self._stand][2] -= LOWERING_M_S * self.model.opt.timestep
        if any(contact.dist <= 0 for contact in self.data.contact):
            self.data.eq_active[self._weld] = self._lowering = False
