"""Is everything in place before hours are spent? Checks with a name, what was found, and the cure."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from contract import GOLDEN_POSES, ContractError, check_golden_pose

from .config import TrainConfig
from .env import Env
from .feasibility.checks import all_verdicts
from .feasibility.twin import load_twin
from .feasibility.verdict import FAIL, PASS, WARN, Verdict
from .onnx_network import PARITY_TOLERANCE, build_onnx, parity_error
from .randomization import DomainRandomization
from .task import make_env
from .train import init_learner, make_networks

PACKAGES = ("jax", "flax", "optax", "mujoco", "onnx", "onnxruntime", "numpy")
STAND_STEPS = 50


KNOWN_NM = {"hip_roll": 2.9, "knee_pitch": 3.2}
"""What the torque test warns of in the shipped robot, up to so much: docs/feasibility.md."""


class Check(NamedTuple):
    """One line of the report: `found` in words; `cure` counts where it did not pass."""

    name: str
    passed: bool
    found: str
    cure: str
    warned: bool = False

    def line(self) -> str:
        """For people: one word of status, the name, and what was found."""
        status = "FAIL" if not self.passed else "warn" if self.warned else "pass"
        text = f"{status}  {self.name:14s}{self.found}"
        return text if self.passed else f"{text}; {self.cure}"


def validate(config: TrainConfig, runs: Path) -> Iterator[Check]:
    """All checks of a config, in an order in which each can rely on those before it.

    A robot, layout or motion that the contract refuses ends it with its own sentence, as a failed check.
    """
    yield _versions()
    try:
        env = make_env(config, DomainRandomization(), num_envs=4)
    except ContractError as problem:
        yield Check("env", False, str(problem), "correct what the sentence names")
        return
    spec = env.spec
    yield Check("env", True, f"{spec.num_joints} joints, observation {spec.model.obs_dim}, {config.task}", "")
    checks: tuple[Callable[[Env], Check], ...] = (_golden_poses, _stands, _rewards, _mirrors)
    for check in checks:
        yield check(env)
    yield from _twin(config)
    yield _onnx(config, env)
    yield _writable(runs)
    cores = os.cpu_count() or 1
    yield Check("machine", True, f"{cores} cores, jax on {jax.default_backend()}", "")


def _versions() -> Check:
    found, missing = [f"python {sys.version.split()[0]}"], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    text = ", ".join(found) + (f"; missing: {', '.join(missing)}" if missing else "")
    return Check("packages", not missing, text, "uv sync --extra sim --extra trainer")


def _golden_poses(env: Env) -> Check:
    """Attitudes and joints with a known physical meaning, through physics and the env's sensors."""
    from .physics.native import NativePhysics

    physics = NativePhysics(env.robot, 1, env.config.decimation, 1)
    state = env.start(jax.random.key(0)).state
    wrong = []
    names = env.robot.config.actuator_names
    poses = [pose for pose in GOLDEN_POSES if set(pose.joints_from_home_rad) <= set(names)]  # not all robots have them
    for pose in poses:
        qpos = env.robot.home_qpos
        qpos[env.robot.base_qpos + 3 : env.robot.base_qpos + 7] = pose.quat_wxyz
        for name, delta in pose.joints_from_home_rad.items():
            qpos[env.robot.qpos[names.index(name)]] += delta
        body = physics.reset(np.arange(1), qpos[None], np.zeros((1, env.robot.model.nv)))
        one = jax.tree.map(lambda x: jnp.asarray(x[0]), body)
        wrong += check_golden_pose(env.spec, pose, env.signals(state, one))
    found = wrong[0] if wrong else f"{len(poses)} poses read as they should"
    return Check("golden poses", not wrong, found, "mend the MJCF's axes or IMU site")


def _stands(env: Env) -> Check:
    """A second at home without a policy."""
    from .physics.native import NativePhysics

    physics, robot = NativePhysics(env.robot, 1, env.config.decimation, 1), env.robot
    body = physics.reset(np.arange(1), robot.home_qpos[None], np.zeros((1, robot.model.nv)))
    target = np.tile(robot.config.home, (1, env.config.decimation, 1))
    for _ in range(STAND_STEPS):
        body = physics.step(target, np.zeros((1, 3)))
    height, home = float(body.base_pos[0, 2]), robot.config.base.standing_height_m
    return Check(
        "stands", abs(height - home) < 0.02, f"base at {height:.3f} m, home {home:.3f} m", "correct home_pose_rad"
    )


def _twin(config: TrainConfig) -> Iterator[Check]:
    """Drop, torque, speed and reach; a warning passes and is said."""
    yield from (twin_check(verdict) for verdict in all_verdicts(load_twin(config)))


def twin_check(verdict: Verdict) -> Check:
    """A verdict as one line: what is nearest to its limit, or beyond it."""
    name = f"{verdict.test} test"
    told = replace(verdict, findings=tuple(f for f in verdict.findings if f.value != 0 or f.status != PASS))
    if not told.findings:
        return Check(name, True, verdict.notes[0] if verdict.notes else "nothing found", "")
    most = told.worst
    found = f"{most.case}, {most.joint}" if most.joint else most.case
    found += f", {most.value:.3g} {most.unit}, passes up to {most.good:.3g}"
    if verdict.status == PASS:
        return Check(name, True, f"nearest to its limit: {found}", "")
    found += f", fails above {most.bad:.3g}"
    if verdict.status == FAIL:
        return Check(name, False, found, most.advice)
    known = "; known for the shipped robot, see docs/feasibility.md" if _known(verdict) else ""
    return Check(name, True, f"{found}: {most.advice}{known}", "", warned=True)


def _known(verdict: Verdict) -> bool:
    """Whether the shipped robot has all of these warnings too."""
    warnings = [finding for finding in verdict.findings if finding.status == WARN]
    kinds = [(finding.joint or "").partition("_")[2] for finding in warnings]
    return verdict.test == "torque" and all(
        finding.value <= KNOWN_NM.get(kind, 0.0) for finding, kind in zip(warnings, kinds, strict=True)
    )


def _rewards(env: Env) -> Check:
    from .physics.native import NativePhysics

    physics = NativePhysics(env.robot, 1, env.config.decimation, 1)
    state = env.start(jax.random.key(0)).state
    body = physics.reset(np.arange(1), env.robot.home_qpos[None], np.zeros((1, env.robot.model.nv)))
    one = jax.tree.map(lambda x: jnp.asarray(x[0]), body)
    _, outcome = env.judge(state, one, one, jnp.zeros(env.spec.num_joints))
    bad = [name for name, value in outcome.terms.items() if not np.isfinite(value)]
    found = (
        f"{bad[0]} is not finite at home" if bad else f"{len(outcome.terms)} terms, {float(outcome.reward):.3f} at home"
    )
    return Check("rewards", not bad, found, "mend that term in trainer/rewards.py")


def _mirrors(env: Env) -> Check:
    from .symmetry import make_mirrors

    mirrors = make_mirrors(env.spec, env.robot.config)
    for name, mirror in zip(mirrors._fields, mirrors, strict=True):
        x = np.arange(len(mirror.order)) + 1.0
        if not np.array_equal(mirror(mirror(x)), x):
            return Check("symmetry", False, f"the mirror of {name} does not undo itself", "correct symmetric_joint")
    return Check("symmetry", True, "left and right mirror each other", "")


def _onnx(config: TrainConfig, env: Env) -> Check:
    """A fresh network exported and compared."""
    networks = make_networks(config, env)
    agent = init_learner(config, env, networks, jax.random.key(0)).agent
    worst = parity_error(build_onnx(networks, agent, env.spec), networks, agent)
    return Check("export", worst <= PARITY_TOLERANCE, f"ONNX differs by {worst:.1e} at most", "report it: it is a bug")


def _writable(runs: Path) -> Check:
    try:
        runs.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=runs):
            pass
    except OSError as problem:
        return Check("runs folder", False, f"{runs}: {problem.strerror}", "name another by --runs")
    return Check("runs folder", True, f"{runs} can be written", "")
