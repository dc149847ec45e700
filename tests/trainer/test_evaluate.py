"""Evaluation: what is measured, the wishes of each robot, floors, pushes, and the report's shape."""

import json
import math
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from contract import ConfigError, assets_dir, load_robot_config, rotate
from trainer.amp.features import feature_dim
from trainer.config import CommandConfig, TrainConfig
from trainer.env import Env
from trainer.evaluate import TILT_RAD, Kick, evaluate, evaluation_env, roll, slope_of, stochastic, tally_of
from trainer.exam import command_grid
from trainer.physics.body_state import BodyState
from trainer.physics.robot_model import load_robot_model
from trainer.randomization import DomainRandomization
from trainer.tally import Moment, Tally
from trainer.training_log import compare

JOINTS = 11


def at_home(obs: np.ndarray) -> np.ndarray:
    """A policy that asks for the home pose."""
    return np.zeros((len(obs), JOINTS), np.float32)


@pytest.fixture(scope="module")
def still(config: TrainConfig) -> Env:
    """Eight ideal robots on a level floor, for half a second."""
    plain = config.model_copy(update={"domain_randomization": DomainRandomization()})
    return evaluation_env(plain, 8, 25)


def body(batch: int, x_m: float, vx: float, left: float = 5.0, right: float = 5.0) -> BodyState:
    level = np.tile(np.array([1.0, 0, 0, 0], np.float32), (batch, 1))
    zeros = np.zeros((batch, 3), np.float32)
    feet = np.zeros((batch, 2, 3), np.float32)
    feet[:, 0, 1], feet[:, 1, 1] = 0.1, -0.1
    joints = np.zeros((batch, JOINTS), np.float32)
    force = np.tile(np.array([left, left, right, right], np.float32), (batch, 1))
    place, speed = zeros + np.array([x_m, 0, 0.4]), zeros + np.array([vx, 0, 0])
    return BodyState(place, level, speed, zeros, joints, joints, joints + 0.5, level, zeros, force, feet)


def moment(fell: list[bool], action: float, before: BodyState, after: BodyState) -> Moment:
    batch = len(fell)
    states = SimpleNamespace(command=np.tile([0.4, 0, 0], (batch, 1)), heading_error=np.full(batch, 0.1))
    outcome = SimpleNamespace(reward=np.full(batch, 2.0), terminated=np.array(fell))
    return Moment(states, before, after, np.full((batch, JOINTS), action), outcome, np.zeros((batch, 3)))  # type: ignore[arg-type]


def test_figures_are_those_of_the_steps_before_a_fall() -> None:
    tally, ctrl_dt = Tally(0.5), 0.5
    bodies = [body(2, 0.3 * ctrl_dt * k, 0.3) for k in range(5)]
    for k in range(4):
        tally.add(moment([False, k >= 1], float(k % 2), bodies[k], bodies[k + 1]))
    found = tally.result(4)
    assert (found.trials, found.survived, found.success_rate, found.episode_length_mean) == (2, 1, 0.5, 2.5)
    assert found.reward_per_step == pytest.approx(2.0)
    assert found.forward_velocity_m_s == pytest.approx(0.3)
    assert found.velocity_error_m_s == pytest.approx(0.1)
    assert found.mean_abs_torque_nm == pytest.approx(0.5)
    assert found.gait_symmetry == pytest.approx(1.0)
    assert found.action_smoothness == pytest.approx(2.0), "actions go 0 1 0 1"
    assert found.max_drift_m == pytest.approx(0.6)
    assert found.heading_drift_deg == pytest.approx(math.degrees(0.1))
    assert tally.trials().lengths.tolist() == [4, 1] and np.isnan(tally.trials().velocity[1]).all()


def test_gait_symmetry_falls_where_one_foot_stands_less() -> None:
    tally = Tally(0.5)
    for right in (0.0, 5.0):
        tally.add(moment([False], 0.0, body(1, 0, 0), body(1, 0, 0, right=right)))
    assert tally.result(2).gait_symmetry == pytest.approx(1 - 1 / 3)


def test_what_is_not_finite_becomes_null_in_json() -> None:
    tally = Tally(0.5)
    tally.add(moment([True], 0.0, body(1, 0, 0), body(1, 0, 0)))
    text = json.dumps(tally.result(5).as_dict(), allow_nan=False)
    assert json.loads(text)["min_foot_gap_m"] is None


def test_each_robot_has_its_own_command_and_its_own_kick(still: Env) -> None:
    commands = np.column_stack([np.linspace(-0.1, 0.6, 8), np.zeros(8), np.linspace(0, 0.7, 8)])
    force = np.zeros((8, 3))
    force[4:, 1] = 6.0
    moments = list(roll(still, at_home, commands=commands, kick=Kick(force, start_s=0.1, duration_s=0.1)))
    assert all(np.allclose(seen.states.command, commands) for seen in moments)
    pushes = np.array([seen.push[:, 1] for seen in moments])
    assert np.flatnonzero(pushes[:, 5]).tolist() == [5, 6, 7, 8, 9] and not pushes[:, :4].any()
    sideways = moments[9].body.base_linvel[:, 1]
    assert sideways[4:].mean() > 0.05 + abs(sideways[:4].mean()), "6 N for .1 s on 3.4 kg: at most .18 m/s"


def test_commands_of_another_number_of_robots_are_refused(still: Env) -> None:
    with pytest.raises(ConfigError, match=r"found shape \(2, 3\), expected \(8, 3\)"):
        next(iter(roll(still, at_home, commands=np.zeros((2, 3)))))


def test_tilted_floors_have_one_slope_and_all_directions(still: Env) -> None:
    seen = next(iter(roll(still, at_home, slope_rad=slope_of("tilted"))))
    up = np.array([rotate(jnp.asarray(q), jnp.array([0.0, 0.0, 1.0])) for q in seen.states.floor_quat])
    assert np.allclose(np.arccos(up[:, 2]), TILT_RAD, atol=2e-4)
    assert np.allclose(up[:, :2].sum(0), 0, atol=1e-5)
    heights = np.sum(up * seen.body.base_pos, axis=1)
    assert np.allclose(heights, heights[0], atol=0.01), "each robot stands on its own floor"


def test_pairs_are_handed_over_and_fallen_robots_marked(still: Env) -> None:
    looks: list[tuple[np.ndarray, np.ndarray]] = []

    def lean(obs: np.ndarray) -> np.ndarray:
        return np.where(np.arange(len(obs))[:, None] < 4, 0.0, 20.0).astype(np.float32) * np.ones((1, JOINTS))

    tally = tally_of(still, roll(still, lean), lambda pairs, up: looks.append((pairs, up)))
    assert len(looks) == 25 and looks[0][0].shape == (8, 2, feature_dim(JOINTS))
    assert np.allclose(looks[3][0][:, 1], looks[4][0][:, 0], atol=1e-5), "one step ends where the next begins"
    assert looks[-1][1].tolist() == tally.up.tolist()


def test_same_seed_same_figures_another_seed_others(config: TrainConfig) -> None:
    env = evaluation_env(config, 4, 10)
    first, again, other = (evaluate(env, at_home, seed) for seed in (3, 3, 4))
    assert first == again and first != other


def test_stochastic_actions_have_the_networks_spread() -> None:
    networks = SimpleNamespace(std=lambda agent: np.full(JOINTS, 0.3))
    drawn = stochastic(at_home, networks, None, seed=1)(np.zeros((2000, 5)))  # type: ignore[arg-type]
    assert drawn.std() == pytest.approx(0.3, rel=0.03) and abs(drawn.mean()) < 0.01


def test_rough_floor_has_bumps_of_ten_millimetres_none_at_the_start() -> None:
    robot = load_robot_model(
        assets_dir() / "scene_rough.xml", load_robot_config(assets_dir() / "robot_config.yaml"), 0.002
    )
    model = robot.model
    bumps = np.flatnonzero((model.geom_bodyid == 0) & (np.arange(model.ngeom) != robot.floor))
    assert len(bumps) > 100
    assert np.allclose(model.geom_pos[bumps, 2] + model.geom_size[bumps, 2], 0.01)
    near = np.abs(model.geom_pos[bumps, 0]) - model.geom_size[bumps, 0]
    assert near.min() > 0.2
    assert model.geom_pos[bumps, 0].max() > 5.5
    sole = model.geom("left_toe")
    assert all(model.geom_contype[b] & sole.conaffinity[0] for b in bumps)


def test_an_unknown_floor_is_refused(config: TrainConfig) -> None:
    with pytest.raises(ConfigError, match="floor: found 'muddy', expected one of flat, tilted, rough"):
        evaluation_env(config, 1, 1, floor="muddy")


def test_the_grid_of_commands_reaches_beyond_training() -> None:
    commands, groups = command_grid(CommandConfig(vx_m_s=(0.0, 0.4), yaw_rad_s=(-0.4, 0.4)))
    assert commands[:, 0].min() == pytest.approx(-0.1) and commands[:, 0].max() == pytest.approx(0.5)
    assert commands[groups["vx_yaw"], 2].max() == pytest.approx(0.6)
    assert not commands[groups["vx"], 1:].any() and not commands[groups["vx_vy"], 2].any()
    assert commands[groups["vx_vy"], 1].max() == pytest.approx(0.15), "also where training has one value only"
    assert sum(len(commands[part]) for part in groups.values()) == len(commands)


def test_reward_is_compared_with_the_trainings(tmp_path) -> None:
    log = tmp_path / "metrics.jsonl"
    rows = [{"iteration": k, "reward/alive": 9.0} for k in range(5)]
    rows += [{"reward/alive": 1.0, "reward/torque_penalty": -0.4, "reward/amp_style": 7.0} for _ in range(20)]
    log.write_text("\n".join(map(json.dumps, rows)))
    found = compare(log, 0.1, 0.09)
    assert found.training == pytest.approx(0.06) and found.difference == pytest.approx(0.03)
    assert "+0.0300 (+50.0%)" in found.sentence()


@pytest.mark.parametrize(
    ("text", "sentence"), [("", "no iterations"), ("x", "not JSON"), ('{"loss": 1}', "no reward/<term>")]
)
def test_a_log_that_is_none_is_refused(tmp_path, text: str, sentence: str) -> None:
    log = tmp_path / "metrics.jsonl"
    log.write_text(text)
    with pytest.raises(ConfigError, match=f"metrics.jsonl: .*{sentence}"):
        compare(log, 0.1, 0.0)
