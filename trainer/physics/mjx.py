"""MuJoCo's MJX for accelerators: the whole batch as one jitted function on jax arrays, in float32."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Mapping
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from mujoco import mjx

from contract import ConfigError, rotate

from .body_state import Array, BodyState, PhysicsParams
from .robot_model import RobotModel

ITERATIONS, LS_ITERATIONS = 4, 8
MODEL_FIELDS = (
    "geom_friction", "geom_quat", "body_mass", "body_inertia", "dof_damping", "dof_frictionloss", "actuator_gainprm",
    "actuator_biasprm", "actuator_forcerange", "body_invweight0", "dof_invweight0",
)  # fmt: skip


class MjxState(NamedTuple):
    """B robots between two physics steps.

    qpos (B, nq), qvel (B, nv) current; warmstart (B, nv) the solver's last acceleration; torque (B, nv) Nm and
    touch (B, 4) N of the last physics step.
    """

    qpos: Array
    qvel: Array
    warmstart: Array
    torque: Array
    touch: Array


class MjxPhysics:
    """B robots, each with its own model fields: trainer.physics.body_state.Physics, as jax arrays on jax's device.

    Nothing goes through the host, unless `reset` is given fewer than all robots; `reset_where` never does.
    """

    def __init__(
        self,
        robot: RobotModel,
        num_envs: int,
        decimation: int,
        impl: Literal["jax", "warp"] = "jax",
        iterations: int = ITERATIONS,
        ls_iterations: int = LS_ITERATIONS,
    ) -> None:
        """`decimation` physics steps make one control step; (ls_)iterations bound the solver and its line search.

        Raises:
            ConfigError: impl is "warp" without an NVIDIA GPU or without warp-lang.
        """
        if impl == "warp":
            check_warp()
        self.robot = robot
        self.num_envs = num_envs
        self.decimation = decimation
        source = copy.copy(robot.model)
        source.opt.iterations, source.opt.ls_iterations = iterations, ls_iterations
        self._nominal = mjx.put_model(source, impl="jax")
        self._blank = mjx.make_data(self._nominal, impl="jax")
        self._model, self._start = self._nominal, self._blank
        if impl == "warp":
            contacts, rows = len(self._blank._impl.contact.dist), self._blank._impl.efc_J.shape[0]
            self._model = mjx.put_model(source, impl="warp")
            self._start = mjx.make_data(source, impl="warp", naconmax=contacts * num_envs, njmax=rows)
        self._device = jax.devices()[0]
        self._advance = jax.jit(self._advance_batch)
        self._place = jax.jit(self._place_batch)
        self._vary = jax.jit(self._vary_batch)
        self._state = jax.tree.map(self._put, self._state_at_home())
        self._fields = {name: self._put(self._everyone(getattr(self._nominal, name))) for name in MODEL_FIELDS}

    def step(self, targets: Array, push_force: Array) -> BodyState:
        """One control step; see the protocol."""
        targets, push = self._put(targets), self._put(push_force)
        return self._moved(self._state, targets, push, self._put(np.ones(self.num_envs, bool)), self.decimation)

    def reset(self, ids: np.ndarray, qpos: Array, qvel: Array, params: PhysicsParams | None = None) -> BodyState:
        """Put robots into states; see the protocol. Compiled once, whatever the number of ids."""
        ids = np.asarray(ids)
        mask = np.zeros(self.num_envs, bool)
        mask[ids] = True

        def spread(rows: Array) -> np.ndarray:
            rows = np.asarray(rows, np.float32)
            full = np.zeros((self.num_envs, *rows.shape[1:]), np.float32)
            full[ids] = rows
            return full

        fields = None if params is None else PhysicsParams(*map(spread, params))
        return self.reset_where(mask, spread(qpos), spread(qvel), fields)

    def reset_where(self, mask: Array, qpos: Array, qvel: Array, params: PhysicsParams | None = None) -> BodyState:
        """`reset` of the robots where mask (B,) is true, on the device alone: all arguments have B rows."""
        mask = self._put(mask)
        if params is not None:
            self._fields = self._vary(self._fields, mask, PhysicsParams(*map(self._put, params)))
        state, hold = self._place(self._state, mask, self._put(qpos), self._put(qvel))
        return self._moved(state, hold, self._put(np.zeros((self.num_envs, 3))), mask, 0)

    def _moved(self, state: MjxState, targets: Array, push: Array, mask: Array, substeps: int) -> BodyState:
        body: BodyState
        self._state, body = self._advance(self._fields, state, targets, push, mask, substeps)
        return body

    def _put(self, x: Array) -> Array:
        """Committed to the device, float32 or bool: anything else would compile the dynamics a second time."""
        kind = jnp.bool_ if x.dtype == bool else jnp.float32
        return jax.device_put(jnp.asarray(x, kind), self._device)

    def _advance_batch(
        self, fields: Mapping[str, Array], state: MjxState, targets: Array, push: Array, mask: Array, substeps: Array
    ) -> tuple[MjxState, BodyState]:
        """`substeps` physics steps, or with 0 the forces of the robots in `mask` as they stand.

        One function for both, since compiling the dynamics takes most of a minute.
        """

        def substep(i: Array, state: MjxState) -> MjxState:
            moved = jax.vmap(self._step_one)(fields, state, targets[:, i], push)
            forces = jax.tree.map(lambda new, old: jnp.where(mask[:, None], new, old), moved, state)
            resting = state._replace(torque=forces.torque, touch=forces.touch)
            chosen: MjxState = jax.tree.map(lambda a, b: jnp.where(substeps > 0, a, b), moved, resting)
            return chosen

        state = jax.lax.fori_loop(0, jnp.maximum(substeps, 1), substep, state)
        return state, jax.vmap(self._look_one)(state)

    def _step_one(self, fields: Mapping[str, Array], state: MjxState, ctrl: Array, push: Array) -> MjxState:
        r, start = self.robot, self._start
        # the warp implementation places geoms of the world only once, so each robot's floor is placed here
        floor = jax.vmap(rotate, (None, 0))(fields["geom_quat"][r.floor], jnp.eye(3)).T
        data = start.replace(
            qpos=state.qpos,
            qvel=state.qvel,
            qacc_warmstart=state.warmstart,
            ctrl=start.ctrl.at[r.actuator].set(ctrl),
            xfrc_applied=start.xfrc_applied.at[r.base_body, :3].set(push),
            geom_xmat=start.geom_xmat.at[r.floor].set(floor.reshape(start.geom_xmat.shape[1:])),
        )
        data = mjx.step(self._model.replace(**fields), data)
        touch = data.sensordata[r.foot_force]
        return MjxState(data.qpos, data.qvel, data.qacc_warmstart, data.qfrc_actuator, touch)

    def _look_one(self, state: MjxState) -> BodyState:
        """What is current by kinematics alone, and the last forces."""
        r, model = self.robot, self._nominal
        data = self._blank.replace(qpos=state.qpos, qvel=state.qvel)
        data = mjx.com_vel(model, mjx.com_pos(model, mjx.kinematics(model, data)))
        data = mjx.sensor_vel(model, mjx.sensor_pos(model, data))
        p, v = r.base_qpos, r.base_qvel
        return BodyState(
            base_pos=state.qpos[p : p + 3],
            base_quat=state.qpos[p + 3 : p + 7],
            base_linvel=state.qvel[v : v + 3],
            base_angvel=state.qvel[v + 3 : v + 6],
            joint_pos=state.qpos[r.qpos],
            joint_vel=state.qvel[r.qvel],
            joint_torque=state.torque[r.qvel],
            imu_quat=data.sensordata[r.imu_quat],
            imu_gyro=data.sensordata[r.imu_gyro],
            foot_force=state.touch,
            foot_pos=data.site_xpos[r.foot_sites].mean(1),
        )

    def _place_batch(self, state: MjxState, mask: Array, qpos: Array, qvel: Array) -> tuple[MjxState, Array]:
        """The robots of the mask in new states, and targets that hold everyone's pose."""
        fresh = MjxState(qpos, qvel, *(jnp.zeros_like(field) for field in state[2:]))
        state = jax.tree.map(lambda new, old: jnp.where(mask[:, None], new, old), fresh, state)
        return state, jnp.repeat(state.qpos[:, None, self.robot.qpos], self.decimation, axis=1)

    def _vary_batch(self, fields: dict[str, Array], mask: Array, params: PhysicsParams) -> dict[str, Array]:
        varied: dict[str, Array] = jax.vmap(self._fields_of_one)(params)

        def choose(new: Array, old: Array) -> Array:
            return jnp.where(mask.reshape(-1, *[1] * (new.ndim - 1)), new, old)

        return {name: choose(varied[name], fields[name]) for name in fields}

    def _fields_of_one(self, params: PhysicsParams) -> dict[str, Array]:
        """One robot's model fields: the MJCF's values, scaled, and what MuJoCo derives from masses."""
        r, m, p = self.robot, self._nominal, params
        fields = {
            "geom_friction": m.geom_friction.at[:, 0].set(p.friction),
            "geom_quat": m.geom_quat.at[r.floor].set(p.floor_quat),
            "body_mass": m.body_mass * p.mass_scale,
            "body_inertia": m.body_inertia * p.mass_scale[:, None],
            "dof_damping": m.dof_damping.at[r.qvel].multiply(p.joint_damping),
            "dof_frictionloss": m.dof_frictionloss.at[r.qvel].multiply(p.joint_friction),
        }
        for name in ("actuator_gainprm", "actuator_biasprm", "actuator_forcerange"):
            fields[name] = getattr(m, name).at[r.actuator].multiply(p.motor_strength[:, None])
        return fields | self._inverse_weights(fields["body_mass"], fields["body_inertia"])

    def _inverse_weights(self, mass: Array, inertia: Array) -> dict[str, Array]:
        """How lightly bodies and joints answer to forces in the MJCF's first pose; contacts' stiffness follows."""
        m = self._nominal.replace(body_mass=mass, body_inertia=inertia)
        data = mjx.com_pos(m, mjx.kinematics(m, self._blank.replace(qpos=m.qpos0)))
        data = mjx.crb(m, data)
        inverse = jnp.linalg.inv(mjx.full_m(m, data))

        def answer(body: Array, point: Array) -> Array:
            weights = [jnp.trace(jac.T @ inverse @ jac) / 3 for jac in mjx.jac(m, data, point, body)]
            return jnp.stack(weights)

        free = self.robot.base_qvel
        dofs = jnp.diag(inverse)
        for start in (free, free + 3):
            dofs = dofs.at[start : start + 3].set(dofs[start : start + 3].mean())
        moving = jnp.asarray(self.robot.model.body_weldid != 0)
        bodies = jax.vmap(answer)(jnp.arange(self.robot.model.nbody), data.xipos)
        return {"body_invweight0": jnp.where(moving[:, None], bodies, 0.0), "dof_invweight0": dofs}

    def _state_at_home(self) -> MjxState:
        model = self.robot.model
        sizes = (model.nv, model.nv, model.nv, len(self.robot.foot_force))
        home = jnp.asarray(self.robot.home_qpos, jnp.float32)
        return MjxState(self._everyone(home), *(jnp.zeros((self.num_envs, size), jnp.float32) for size in sizes))

    def _everyone(self, of_one: Array) -> Array:
        return jnp.tile(of_one, (self.num_envs, *[1] * of_one.ndim))


def check_warp() -> None:
    """Raises ConfigError where MJX's warp implementation cannot run."""
    found = jax.default_backend()
    if found not in {"gpu", "cuda"}:
        raise ConfigError(
            f"physics 'warp': jax found only a {found}, expected an NVIDIA GPU; install jax with CUDA on a machine "
            "that has one, or take 'native' or 'mjx'"
        )
    if importlib.util.find_spec("warp") is None:
        raise ConfigError("physics 'warp': package warp-lang is missing, expected it beside mujoco-mjx; install it")
