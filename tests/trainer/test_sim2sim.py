"""Other physics really are other, are said to be unseen only where they are, and the card joins the bundle."""

import json
import shutil
from pathlib import Path

import mujoco
import numpy as np
import pytest
from click.testing import CliRunner

from contract import assets_dir, load_bundle
from trainer.cli import main
from trainer.config import TrainConfig
from trainer.onnx_network import open_session
from trainer.physics.native import NativePhysics
from trainer.sim2sim import SOFT, WORLDS, World, env_in, own_task, sim2sim, unseen
from trainer.sim2sim_card import join_bundle, table

STANDING = assets_dir() / "bundles/standing"


@pytest.fixture(scope="module")
def task() -> TrainConfig:
    return own_task(STANDING)


def test_each_world_changes_the_compiled_model(task: TrainConfig) -> None:
    plain = env_in(WORLDS[0], task, 2, 10).robot.model
    world = World("x", "", "implicitfast", "CG", "elliptic", 0.004, play_rad=0.01, **SOFT)
    changed = env_in(world, task, 2, 10).robot.model
    assert changed.opt.integrator == mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    assert (changed.opt.solver, changed.opt.cone) == (mujoco.mjtSolver.mjSOL_CG, mujoco.mjtCone.mjCONE_ELLIPTIC)
    assert changed.opt.timestep == 0.004 and changed.njnt == plain.njnt + plain.nu
    assert (changed.geom_solref == SOFT["solref"]).all() and not (plain.geom_solref == SOFT["solref"]).all()
    assert changed.body_mass.sum() == pytest.approx(plain.body_mass.sum())


def test_a_joint_with_play_gives_way_while_its_servo_stands_still(task: TrainConfig) -> None:
    """The load moves the link inside the play, and the servo's own shaft, which is what is read, does not see it."""
    world = next(world for world in WORLDS if world.play_rad)
    robot = env_in(world, task, 1, 10).robot
    physics = NativePhysics(robot, 1, 20, 1)
    physics.reset(np.arange(1), robot.home_qpos[None], np.zeros((1, robot.model.nv)))
    for _ in range(50):
        body = physics.step(np.tile(robot.config.home, (1, 20, 1)), np.zeros((1, 3)))
    play = [robot.model.joint(f"{name}_play").qposadr[0] for name in robot.config.actuator_names]
    moved = np.abs(physics.snapshot()["qpos"][0, play])
    assert moved.max() > 0.8 * world.play_rad, "the load takes the play up"
    assert moved.max() < 1.5 * world.play_rad
    assert body.joint_pos.shape == (1, len(robot.config.actuator_names))


def test_delay_and_strength_reach_the_robots(task: TrainConfig) -> None:
    env = env_in(World("x", "", delay_s=0.04, strength=0.8), task, 2, 10)
    assert env.random.control_latency == (0.04, 0.04) and env.random.motor_strength == (0.8, 0.8)
    assert env.random.mass_scale == task.domain_randomization.mass_scale


def test_only_what_training_never_drew_is_called_unseen(task: TrainConfig) -> None:
    dt, law = task.env.sim_dt, task.domain_randomization
    assert unseen(World("as trained", "", sim_dt=dt, delay_s=law.control_latency[0]), task) == ""
    assert "0.04 s (training" in unseen(World("late", "", sim_dt=dt, delay_s=0.04), task)
    assert "0.8 (training" in unseen(World("weak", "", sim_dt=dt, strength=0.8), task)
    assert unseen(World("soft", "", sim_dt=dt, **SOFT), task) == "contacts"
    assert sum(bool(unseen(world, task)) for world in WORLDS) >= 4


def test_the_card_joins_the_bundle(tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(STANDING, tmp_path / "standing"))
    rows = sim2sim(bundle, [WORLDS[0], WORLDS[-1]], trials=2, steps=20)
    assert [row.world.name for row in rows] == ["evaluation's", "all at once"]
    assert rows[0].calm.survived == 2 and rows[0].calm.mean_abs_torque_nm != rows[1].calm.mean_abs_torque_nm
    assert "all at once" in table(rows)
    before = json.loads((bundle / "metrics.json").read_text())
    before.pop("sim2sim", None)
    join_bundle(bundle, rows)
    load_bundle(bundle, open_session)
    metrics = json.loads((bundle / "metrics.json").read_text())
    assert set(metrics["sim2sim"]) == {"evaluation's", "all at once"}
    assert metrics["sim2sim"]["all at once"]["calm"]["trials"] == 2
    assert {name: metrics[name] for name in before} == before
    assert "![" in (bundle / "sim2sim.md").read_text() and (bundle / "sim2sim.png").stat().st_size > 10_000


def test_an_unknown_world_is_one_sentence() -> None:
    done = CliRunner().invoke(main, ["sim2sim", "--bundle", str(STANDING), "--world", "mars"])
    assert done.exit_code == 2 and "'mars', expected one of" in done.output
