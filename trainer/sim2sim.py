"""A bundle in physics that its training never used: how much of what it learned is about one simulator?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import mujoco
import numpy as np

from contract import BundleError, load_bundle
from contract.bundle_files import ROBOT_CONFIG_FILE, ROBOT_MODEL_FILE

from .config import TrainConfig, load_train_config
from .env import Env
from .evaluate import EVALUATION_SIM_DT, Kick, Policy, bundle_policy, evaluation_env, roll
from .gate import default_command
from .onnx_network import open_session
from .physics.robot_model import RobotModel, index_robot
from .tally import Evaluation, Moment, Tally

PUSH_N = 10.0
_PLAY_DAMPING, _PLAY_ARMATURE = 0.005, 1e-4  # Nm s/rad and kg m2 of a link that rattles between two teeth


class World(NamedTuple):
    """How physics differs from the model's own at 2 ms; None leaves it.

    solref: time constant s and damping ratio of every contact; solimp: its impedances at rest and pressed, and the
    width m between; play_rad: a real second joint after each servo, free to both sides by this much; delay_s: of every
    target; strength: of all servos, gain and torque limit.
    """

    name: str
    words: str
    integrator: str | None = None
    solver: str | None = None
    cone: str | None = None
    sim_dt: float = EVALUATION_SIM_DT
    solref: tuple[float, float] | None = None
    solimp: tuple[float, float, float] | None = None
    play_rad: float = 0.0
    delay_s: float | None = None
    strength: float | None = None


PLAY = math.radians(0.5)
SOFT: dict[str, Any] = {"solref": (0.04, 1.0), "solimp": (0.85, 0.95, 0.003)}
WORLDS = (
    World("evaluation's", "as trainer eval: Euler, Newton, 2 ms"),
    World("implicit", "implicitfast integrator, 1 ms", integrator="implicitfast", sim_dt=0.001),
    World("CG, elliptic", "conjugate gradients, elliptic cones, 4 ms", solver="CG", cone="elliptic", sim_dt=0.004),
    World("RK4", "Runge-Kutta of 4th order, 2.5 ms", integrator="RK4", sim_dt=0.0025),
    World("soft floor", "contacts give way within 40 ms instead of 20", **SOFT),
    World("hard floor", "contacts give way within 4 ms, 1 ms", solref=(0.004, 1.0), sim_dt=0.001),
    World("backlash", "a joint with 0.5 deg of play to both sides at each servo, 1 ms", sim_dt=0.001, play_rad=PLAY),
    World("delay 0 ms", "targets arrive at once", delay_s=0.0),
    World("delay 40 ms", "targets arrive 40 ms late", delay_s=0.04),
    World("battery low", "servos at 80 % of their gain and torque", strength=0.8),
    World(
        "all at once",
        "implicitfast, 1 ms, soft floor, play, 30 ms late, 80 % of the torque",
        integrator="implicitfast", sim_dt=0.001, play_rad=PLAY, delay_s=0.03, strength=0.8, **SOFT,
    ),
)  # fmt: skip


class Row(NamedTuple):
    """One world: what of it training never had (a sentence, empty where all was there), and what came of the trials."""

    world: World
    unseen: str
    calm: Evaluation
    pushed: Evaluation


def sim2sim(
    bundle: Path,
    worlds: Sequence[World] = WORLDS,
    trials: int = 64,
    steps: int = 500,
    seed: int = 0,
    say: Callable[[str], None] = lambda sentence: None,
    counted: Callable[[Policy], Policy] = lambda policy: policy,
) -> list[Row]:
    """Run a bundle's own robot in each world, half of the robots pushed once; `counted` may count what is asked of the
    policy, which is 2 * trials * steps for each world where none falls. Raises ContractError."""
    load_bundle(bundle, open_session)
    config, policy = own_task(bundle), counted(bundle_policy(bundle))
    rows = []
    for world in worlds:
        say(f"{world.name}: {world.words}")
        calm, pushed = _trials(env_in(world, config, 2 * trials, steps), policy, trials, steps, seed)
        rows.append(Row(world, unseen(world, config), calm, pushed))
    return rows


def own_task(bundle: Path) -> TrainConfig:
    """The bundle's training config on the bundle's own robot."""
    config = load_train_config(bundle / "training_config.yaml")
    model, facts = (str((bundle / name).resolve()) for name in (ROBOT_MODEL_FILE, ROBOT_CONFIG_FILE))
    env = config.env.model_copy(update={"model": model, "robot_config": facts, "reference": None})
    return config.model_copy(update={"env": env})


def env_in(world: World, config: TrainConfig, robots: int, steps: int) -> Env:
    """The task as it is evaluated, robots as different as in training, in another world."""
    env = evaluation_env(config, robots, steps, 0.0, default_command(config.task), floor="flat")
    changed: dict[str, Any] = {}
    if world.delay_s is not None:
        changed["control_latency"] = (world.delay_s, world.delay_s)
    if world.strength is not None:
        changed["motor_strength"] = (world.strength, world.strength)
    return replace(
        env,
        config=env.config.model_copy(update={"sim_dt": world.sim_dt}),
        random=env.random.model_copy(update=changed),
        robot=robot_in(world, Path(config.env.model), env.robot),
    )


def robot_in(world: World, path: Path, robot: RobotModel) -> RobotModel:
    """The robot of the MJCF at `path` in another world. Raises BundleError."""
    spec = mujoco.MjSpec.from_file(str(path))
    option = spec.option
    option.timestep = world.sim_dt
    if world.integrator is not None:
        option.integrator = getattr(mujoco.mjtIntegrator, f"mjINT_{world.integrator.upper()}")
    if world.solver is not None:
        option.solver = getattr(mujoco.mjtSolver, f"mjSOL_{world.solver}")
    if world.cone is not None:
        option.cone = getattr(mujoco.mjtCone, f"mjCONE_{world.cone.upper()}")
    for geom in spec.geoms:
        if world.solref is not None:
            geom.solref = world.solref
        if world.solimp is not None:
            geom.solimp[:3] = world.solimp
    if world.play_rad:
        _loosen(spec, world.play_rad)
    try:
        model = spec.compile()
    except ValueError as problem:
        raise BundleError(f"{path}: MuJoCo cannot load it ({problem}), expected an MJCF; export it again") from None
    return index_robot(model, robot.config, path)


def _loosen(spec: Any, play_rad: float) -> None:
    """Behind each driven joint a second one with hardly any room: the servo sees its own shaft only."""
    for key in list(spec.keys):  # their qpos would be too short
        spec.delete(key)
    room = np.degrees(play_rad) if spec.compiler.degree else play_rad
    for actuator in spec.actuators:
        joint = spec.joint(actuator.target)
        joint.parent.add_joint(
            name=f"{joint.name}_play",
            type=mujoco.mjtJoint.mjJNT_HINGE,
            axis=joint.axis,
            pos=joint.pos,
            limited=True,
            range=(-room, room),
            solref_limit=(0.004, 1.0),
            damping=[_PLAY_DAMPING, 0, 0],
            armature=_PLAY_ARMATURE,
            frictionloss=0,
        )


def unseen(world: World, config: TrainConfig) -> str:
    """What of a world lies outside of what training drew; empty where nothing does."""
    laws, own = config.domain_randomization, World("", "")
    found = [
        name
        for name in ("integrator", "solver", "cone", "solref", "play_rad")
        if getattr(world, name) != getattr(own, name)
    ]
    if world.sim_dt != config.env.sim_dt:
        found.append(f"{1000 * world.sim_dt:g} ms steps (training: {1000 * config.env.sim_dt:g})")
    for value, law, unit in ((world.delay_s, laws.control_latency, " s"), (world.strength, laws.motor_strength, "")):
        if value is not None and not law[0] <= value <= law[1]:
            found.append(f"{value:g}{unit} (training: {law[0]:g} to {law[1]:g})")
    names = {"solref": "contacts", "play_rad": "joints with play"}
    return ", ".join(names.get(name, name) for name in found)


def _trials(env: Env, policy: Policy, each: int, steps: int, seed: int) -> tuple[Evaluation, Evaluation]:
    """Half of the robots in peace; the others pushed once, in directions spread evenly."""
    angle = np.linspace(0, 2 * np.pi, each, endpoint=False)
    force = np.zeros((2 * each, 3))
    force[each:, 0], force[each:, 1] = PUSH_N * np.cos(angle), PUSH_N * np.sin(angle)
    tallies = (Tally(env.config.ctrl_dt), Tally(env.config.ctrl_dt))
    for moment in roll(env, policy, seed, kick=Kick(force)):
        for tally, part in zip(tallies, _halves(moment, each), strict=True):
            tally.add(part)
        if not any(tally.up.any() for tally in tallies):
            break
    calm, pushed = (tally.result(steps) for tally in tallies)
    return calm, pushed


def _halves(moment: Moment, each: int) -> Iterator[Moment]:
    for part in (slice(0, each), slice(each, None)):
        yield jax.tree.map(lambda values, part=part: values[part], moment)
