"""The env as pure JAX functions of one robot; `jax.vmap` makes the batch. Physics is called between `act` and `judge`.

Observation and action are the contract's own functions, traced: what trains here is what runs on the robot.
"""

from __future__ import annotations

import math
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
)
from contract.frames import normalize_quat, rotate

from .config import EnvConfig
from .physics.body_state import Array, BodyState
from .physics.robot_model import RobotModel
from .rewards import REWARDS, RewardInputs, heading_velocity

FOOT_SWITCH_FORCE_N = 2.0


class EnvState(NamedTuple):
    """What one robot's episode carries beside its physics.

    policy; step (); command (3,); last_action (J,) the network's raw output; last_target (J,) rad; latency_steps ()
    physics steps by which targets come late; push_force (3,) N; push_steps_left (), next_push_step () control steps;
    joint_history (K, 2, J) positions rad and velocities rad/s of the last control steps, newest first;
    feedback_delay () control steps by which the policy sees joints late.
    """

    policy: PolicyState
    step: Array
    command: Array
    last_action: Array
    last_target: Array
    latency_steps: Array
    push_force: Array
    push_steps_left: Array
    next_push_step: Array
    joint_history: Array
    feedback_delay: Array


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
    weights: dict[str, float]
    reward_scale: float
    robot: RobotModel

    @property
    def noise_std(self) -> np.ndarray:
        """(O,) standard deviation of the observation noise, by the terms' names."""
        return np.concatenate(
            [np.full(e.size, self.config.observation_noise.get(e.name, 0.0)) for e in self.spec.observation.layout]
        ).astype(np.float32)

    def start(self, key: Array) -> tuple[EnvState, Array, Array]:
        """A new episode: its state, qpos (nq,), qvel (nv,)."""
        reset, robot, spec = self.config.reset, self.robot, self.spec
        k = jax.random.split(key, 8)
        joints = spec.num_joints
        home = jnp.asarray(robot.home_qpos, jnp.float32)
        q = home[robot.qpos] + jax.random.uniform(k[0], (joints,), minval=-1, maxval=1) * reset.joint_pos_rad
        q = jnp.clip(q, spec.robot.range_min, spec.robot.range_max)
        axis = jax.random.uniform(k[1], maxval=2 * math.pi)
        tilt = jax.random.uniform(k[2]) * reset.tilt_rad
        quat = jnp.stack(
            [jnp.cos(tilt / 2), jnp.sin(tilt / 2) * jnp.cos(axis), jnp.sin(tilt / 2) * jnp.sin(axis), jnp.zeros(())]
        )
        qpos = home.at[robot.qpos].set(q).at[robot.base_qpos + 3 : robot.base_qpos + 7].set(quat)
        velocity = jax.random.uniform(k[3], (robot.model.nv,), minval=-1, maxval=1)
        qvel = jnp.zeros(robot.model.nv).at[robot.qvel].set(velocity[robot.qvel] * reset.joint_vel_rad_s)
        base = slice(robot.base_qvel, robot.base_qvel + 2)
        qvel = qvel.at[base].set(velocity[base] * reset.base_vel_m_s)
        low, high = (s / self.config.sim_dt for s in self.config.latency_s)
        delay_low, delay_high = self.config.feedback_delay_steps
        state = EnvState(
            policy=jax.tree.map(jnp.asarray, initial_state(spec)),
            step=jnp.zeros((), jnp.int32),
            command=jnp.asarray(self.config.command_velocity, jnp.float32),
            last_action=jnp.zeros(joints),
            last_target=action_to_target(spec, jnp.zeros(joints)),
            latency_steps=jnp.round(jax.random.uniform(k[4], minval=low, maxval=high)).astype(jnp.int32),
            push_force=jnp.zeros(3),
            push_steps_left=jnp.zeros((), jnp.int32),
            next_push_step=self._pause(k[5], jnp.zeros((), jnp.int32)),
            joint_history=jnp.tile(jnp.stack([q, qvel[robot.qvel]]), (self.config.feedback_delay_steps[1] + 1, 1, 1)),
            feedback_delay=jax.random.randint(k[6], (), delay_low, delay_high + 1),
        )
        return state, qpos, qvel

    def signals(self, state: EnvState, body: BodyState) -> Signals:
        """What the robot's sensors would say."""
        return Signals(
            quat_wxyz=body.imu_quat,
            gyro_rad_s=body.imu_gyro,
            joint_pos_rad=body.joint_pos,
            joint_vel_rad_s=body.joint_vel,
            foot_switches=(body.foot_force > FOOT_SWITCH_FORCE_N).astype(jnp.float32),
            stamp_s=state.step * self.config.ctrl_dt,
            joint_age_s=jnp.zeros_like(body.joint_pos),
            imu_age_s=jnp.zeros(()),
        )

    def observe(self, state: EnvState, body: BodyState, key: Array) -> tuple[Array, Array]:
        """The actor's late and noisy observation (O,) and the critic's exact one (C,) with what no sensor shows."""
        signals, command = self.signals(state, body), Command(state.command)
        exact = observe(self.spec, state.policy, signals, command)
        late = state.joint_history[state.feedback_delay]
        seen = observe(
            self.spec, state.policy, signals._replace(joint_pos_rad=late[0], joint_vel_rad_s=late[1]), command
        )
        noisy = seen + self.noise_std * jax.random.normal(key, exact.shape)
        more = [
            heading_velocity(body),
            rotate(body.base_quat, body.base_angvel),
            body.base_linvel[2:3],
            10.0 * (body.base_pos[2:3] - self.robot.config.base.standing_height_m),
            body.foot_force / 20.0,
            body.joint_torque / 4.0,
            gravity_local(body.base_quat),
            state.push_force[:2] / 10.0,
        ]
        return noisy, jnp.concatenate([exact, *more])

    def act(self, state: EnvState, action: Array, key: Array) -> tuple[EnvState, Array, Array]:
        """Apply the network's raw action (J,).

        Returns:
            The next state, a target for each physics step (decimation, J) rad, and the push (3,) N.
        """
        policy, target = advance(self.spec, state.policy, action)
        substep = jnp.arange(self.config.decimation)[:, None]
        targets = jnp.where(substep < state.latency_steps, state.last_target, target)
        state = self._push(state._replace(policy=policy, last_target=target), key)
        return state, targets, state.push_force

    def judge(self, state: EnvState, body: BodyState, action: Array) -> tuple[EnvState, Outcome]:
        """Reward and end of episode, after physics."""
        height = self.robot.config.base.standing_height_m
        inputs = RewardInputs(body, action, state.last_action, state.command, jnp.asarray(height))
        terms = {name: weight * REWARDS[name](self.spec, inputs) for name, weight in self.weights.items()}
        step = state.step + 1
        fell = has_fallen(self.config, body, height)
        outcome = Outcome(
            reward=self.reward_scale * jnp.sum(jnp.stack(list(terms.values()))),
            terms=terms,
            terminated=fell,
            truncated=(step >= self.config.episode_steps) & ~fell,
        )
        newest = jnp.stack([body.joint_pos, body.joint_vel])[None]
        history = jnp.concatenate([newest, state.joint_history[:-1]])
        return state._replace(step=step, last_action=action, joint_history=history), outcome

    def _pause(self, key: Array, step: Array) -> Array:
        low, high = self.config.push.every_s
        seconds = jax.random.uniform(key, minval=low, maxval=high)
        return step + jnp.round(seconds / self.config.ctrl_dt).astype(jnp.int32)

    def _push(self, state: EnvState, key: Array) -> EnvState:
        k = jax.random.split(key, 3)
        starts = state.step >= state.next_push_step
        angle = jax.random.uniform(k[0], maxval=2 * math.pi)
        low, high = self.config.push.force_n
        size = jax.random.uniform(k[1], minval=low, maxval=high)
        fresh = size * jnp.stack([jnp.cos(angle), jnp.sin(angle), jnp.zeros(())])
        duration = round(self.config.push.duration_s / self.config.ctrl_dt)
        left = jnp.where(starts, duration, jnp.maximum(state.push_steps_left - 1, 0))
        force = jnp.where(starts, fresh, jnp.where(left > 0, state.push_force, 0.0))
        later = jnp.where(starts, self._pause(k[2], state.step), state.next_push_step)
        return state._replace(push_force=force, push_steps_left=left, next_push_step=later)


def has_fallen(config: EnvConfig, body: BodyState, standing_height_m: float) -> Array:
    """() bool: base lower than a share of its standing height, or leaning too far."""
    up = -gravity_local(normalize_quat(body.base_quat))[2]
    low = body.base_pos[2] < config.min_height_fraction * standing_height_m
    return low | (up < config.min_upright) | ~jnp.isfinite(up)
