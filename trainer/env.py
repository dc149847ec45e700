"""The env as pure JAX functions of one robot; `jax.vmap` makes the batch. Physics is called between `act` and `judge`.

Observation and action are the contract's own functions, traced: what trains here is what runs on the robot.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from contract import (
    Command,
    PolicySpec,
    PolicyState,
    Signals,
    action_to_target,
    advance,
    gravity_local,
    initial_state,
    observe,
    rotate,
    target_to_action,
)
from contract.frames import normalize_quat

from .config import EnvConfig
from .episode import Push, advance_push, draw_command, draw_pause, draw_start, multiply
from .motion.reference import ReferenceMotion
from .physics.body_state import Array, BodyState, PhysicsParams
from .physics.robot_model import RobotModel
from .randomization import DomainRandomization, Quirks, draw_physics, draw_quirks
from .rewards import REWARDS, SWITCH_CLOSES_N, RewardInputs, heading_angle, heading_velocity, to_heading
from .servo import ServoState, drive, history_length, initial_servos, read

MEAN_OVER_S = 0.5
"""Time constant of the running mean of velocity."""


class EnvState(NamedTuple):
    """What one robot's episode carries beside its physics.

    step () control steps; command (3,), next_command () step; last_action (J,) the network's raw output; joints (K, J)
    rad of the last control steps, newest first; imu (7,) quaternion and rates of the step before; heading_error ()
    rad; mean_velocity (3,) m/s forward and left and rad/s, a running mean; floor_quat (4,) wxyz; friction ().
    """

    policy: PolicyState
    servos: ServoState
    quirks: Quirks
    push: Push
    step: Array
    command: Array
    next_command: Array
    last_action: Array
    joints: Array
    imu: Array
    heading_error: Array
    mean_velocity: Array
    floor_quat: Array
    friction: Array


class Start(NamedTuple):
    """A new episode: its state, and what physics is reset to."""

    state: EnvState
    qpos: Array
    qvel: Array
    params: PhysicsParams


class Outcome(NamedTuple):
    """One step's verdict: reward (), its terms by name, terminated (fell), truncated (time is up)."""

    reward: Array
    terms: dict[str, Array]
    terminated: Array
    truncated: Array


@dataclass(frozen=True)
class Env:
    """One task on one robot: pure functions, closed over their constants."""

    spec: PolicySpec
    config: EnvConfig
    random: DomainRandomization
    weights: dict[str, float]
    reward_scale: float
    robot: RobotModel
    motion: ReferenceMotion | None = None

    @property
    def noise_std(self) -> np.ndarray:
        """(O,) standard deviation of the observation noise, by the terms' names."""
        return np.concatenate(
            [np.full(e.size, self.config.observation_noise.get(e.name, 0.0)) for e in self.spec.observation.layout]
        ).astype(np.float32)

    def start(self, key: Array) -> Start:
        """A new episode, drawn by the config's laws."""
        config, random, robot, spec = self.config, self.random, self.robot, self.spec
        k = jax.random.split(key, 6)
        zero = jnp.zeros((), jnp.int32)
        command = draw_command(config.command, k[0])
        params = draw_physics(random, robot, k[1])
        pose = draw_start(config.reset, robot, spec, self.motion, command, k[2])
        qpos, qvel = self._on_floor(pose.qpos, pose.qvel, params.floor_quat)
        joints = qpos[robot.qpos]
        action = target_to_action(spec, joints)
        blank = jax.tree.map(jnp.asarray, initial_state(spec))
        policy = PolicyState(action, blank.delayed_actions + action, action, pose.phase_rad)
        length = history_length(random.feedback_period_s[1], random.feedback_delay_s[1], config.ctrl_dt)
        state = EnvState(
            policy=policy,
            servos=initial_servos(action_to_target(spec, action), random.control_latency[1], config.ctrl_dt),
            quirks=draw_quirks(random, spec.num_joints, config.sim_dt, k[3]),
            push=Push(jnp.zeros(3), zero, draw_pause(random.push_every_s, config.ctrl_dt, k[4], zero)),
            step=zero,
            command=command,
            next_command=draw_pause(config.command.resample_every_s, config.ctrl_dt, k[5], zero),
            last_action=action,
            joints=joints - config.ctrl_dt * jnp.arange(length)[:, None] * qvel[robot.qvel],
            imu=jnp.zeros(7),
            heading_error=jnp.zeros(()),
            mean_velocity=command,
            floor_quat=params.floor_quat,
            friction=params.friction,
        )
        return Start(state, qpos, qvel, params)

    def signals(self, state: EnvState, body: BodyState) -> Signals:
        """What ideal sensors would say at once."""
        return Signals(
            quat_wxyz=body.imu_quat,
            gyro_rad_s=body.imu_gyro,
            joint_pos_rad=body.joint_pos,
            joint_vel_rad_s=body.joint_vel,
            foot_switches=(body.foot_force > SWITCH_CLOSES_N).astype(jnp.float32),
            stamp_s=state.step * self.config.ctrl_dt,
            joint_age_s=jnp.zeros_like(body.joint_pos),
            imu_age_s=jnp.zeros(()),
        )

    def sensed(self, state: EnvState, body: BodyState) -> Signals:
        """What this robot's own sensors say: late, biased, in whole units."""
        quirks, ctrl_dt = state.quirks, self.config.ctrl_dt
        now = jnp.concatenate([body.imu_quat, body.imu_gyro])
        before = jnp.where(state.step == 0, now, state.imu)
        imu = now + quirks.imu_delay / ctrl_dt * (before - now)
        pos, vel = read(quirks, state.joints, state.step * ctrl_dt, ctrl_dt, self.random.position_unit_rad)
        return self.signals(state, body)._replace(
            quat_wxyz=multiply(normalize_quat(imu[:4]), quirks.imu_mount),
            gyro_rad_s=rotate(quirks.imu_mount * jnp.array([1.0, -1, -1, -1]), imu[4:]) + quirks.gyro_bias,
            joint_pos_rad=pos,
            joint_vel_rad_s=vel,
        )

    def observe(self, state: EnvState, body: BodyState, key: Array) -> tuple[Array, Array]:
        """The actor's late and noisy observation (O,) and the critic's exact one (C,) with what no sensor shows."""
        command = Command(state.command)
        exact = observe(self.spec, state.policy, self.signals(state, body), command)
        seen = observe(self.spec, state.policy, self.sensed(state, body), command)
        more = [
            heading_velocity(body),
            rotate(body.base_quat, body.base_angvel),
            body.base_linvel[2:3],
            10.0 * (self.height(state, body.base_pos)[None] - self.robot.config.base.standing_height_m),
            body.foot_force / 20.0,
            body.joint_torque / 4.0,
            gravity_local(body.base_quat),
            to_heading(body, state.push.force[:2]) / 10.0,
            state.heading_error[None],
            state.mean_velocity - state.command,
            20.0 * jax.vmap(lambda foot: self.height(state, foot))(body.foot_pos),
            state.friction[None],
        ]
        return seen + self.noise_std * jax.random.normal(key, exact.shape), jnp.concatenate([exact, *more])

    def act(self, state: EnvState, action: Array, key: Array) -> tuple[EnvState, Array, Array]:
        """Apply the network's raw action (J,).

        Returns:
            The next state, what the actuators aim at in each physics step (decimation, J) rad, and the push (3,) N.
        """
        k_push, k_command, k_pause = jax.random.split(key, 3)
        policy, target = advance(self.spec, state.policy, action)
        servos, aims = drive(self.spec, state.quirks, state.servos, target, self.config.decimation)
        heading = heading_angle(state.imu[:4])
        push = advance_push(self.random, self.config.ctrl_dt, state.push, state.step, heading, k_push)
        fresh = state.step >= state.next_command
        pause = draw_pause(self.config.command.resample_every_s, self.config.ctrl_dt, k_pause, state.step)
        state = state._replace(
            policy=policy,
            servos=servos,
            push=push,
            command=jnp.where(fresh, draw_command(self.config.command, k_command), state.command),
            next_command=jnp.where(fresh, pause, state.next_command),
        )
        return state, aims, push.force

    def judge(self, state: EnvState, before: BodyState, body: BodyState, action: Array) -> tuple[EnvState, Outcome]:
        """Reward and end of episode, after physics has gone from `before` to `body`."""
        dt = self.config.ctrl_dt
        turned = heading_angle(body.base_quat) - heading_angle(before.base_quat)
        error = state.heading_error + jnp.arctan2(jnp.sin(turned), jnp.cos(turned)) - state.command[2] * dt
        velocity = jnp.append(heading_velocity(body), rotate(body.base_quat, body.base_angvel)[2])
        mean_velocity = state.mean_velocity + np.float32(dt / MEAN_OVER_S) * (velocity - state.mean_velocity)
        inputs = RewardInputs(
            body=body,
            action=action,
            last_action=state.last_action,
            command=state.command,
            height=self.height(state, body.base_pos),
            standing_height=jnp.asarray(self.robot.config.base.standing_height_m),
            heading_error=error,
            mean_velocity=mean_velocity,
            swing=self.swing(state),
            foot_velocity=(body.foot_pos - before.foot_pos) / dt,
            foot_height=jax.vmap(lambda foot: self.height(state, foot))(body.foot_pos),
        )
        terms = {name: weight * REWARDS[name](self.spec, inputs) for name, weight in self.weights.items()}
        fell = has_fallen(self.config, body, inputs.height, self.robot.config.base.standing_height_m)
        step = state.step + 1
        outcome = Outcome(
            reward=self.reward_scale * jnp.sum(jnp.stack(list(terms.values()))),
            terms=terms,
            terminated=fell,
            truncated=(step >= self.config.episode_steps) & ~fell,
        )
        state = state._replace(
            step=step,
            last_action=action,
            joints=jnp.concatenate([body.joint_pos[None], state.joints[:-1]]),
            imu=jnp.concatenate([before.imu_quat, before.imu_gyro]),
            heading_error=error,
            mean_velocity=mean_velocity,
        )
        return state, outcome

    def swing(self, state: EnvState) -> Array:
        """(2,) how high the gait clock wants the left and right foot, 0 to 1: a half sine, 0 in stance and to stand."""
        margin = self.config.double_support * np.float32(np.pi / 2)
        phase = jnp.remainder(state.policy.phase_rad + jnp.array([0.0, np.pi]), np.float32(2 * np.pi))
        share = (phase - margin) / (np.float32(np.pi) - 2 * margin)
        walking = (self.spec.runtime.gait_period_s is not None) & jnp.any(state.command != 0.0)
        return jnp.where(walking & (share > 0) & (share < 1), jnp.sin(np.float32(np.pi) * share), 0.0)

    def height(self, state: EnvState, point: Array) -> Array:
        """Distance () m of a point (3,) from the tilted floor."""
        return rotate(state.floor_quat, jnp.array([0.0, 0.0, 1.0])) @ point

    def _on_floor(self, qpos: Array, qvel: Array, floor_quat: Array) -> tuple[Array, Array]:
        """The same pose on a tilted floor."""
        p, v = self.robot.base_qpos, self.robot.base_qvel
        qpos = qpos.at[p : p + 3].set(rotate(floor_quat, qpos[p : p + 3]))
        qpos = qpos.at[p + 3 : p + 7].set(multiply(floor_quat, qpos[p + 3 : p + 7]))
        return qpos, qvel.at[v : v + 3].set(rotate(floor_quat, qvel[v : v + 3]))


def has_fallen(config: EnvConfig, body: BodyState, height_m: Array, standing_height_m: float) -> Array:
    """() bool: base lower than a share of its standing height, or leaning too far."""
    up = -gravity_local(normalize_quat(body.base_quat))[2]
    return (height_m < config.min_height_fraction * standing_height_m) | (up < config.min_upright) | ~jnp.isfinite(up)
