"""One training run: rollout, update, log, checkpoint. Everything that learns is in other files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
import yaml

from contract import ConfigError

from .amp.expert import load_expert
from .amp.stage import AmpStage, AmpState
from .checkpoint import FOLDER, checkpoints, load_checkpoint, load_meta, save_checkpoint, weights_hash
from .config import TrainConfig, config_hash
from .distributed import Processes
from .dump import FOLDER as DUMP
from .dump import LOSSES, DivergedError, RunStoppedError, StorageError, first_bad, save_dump
from .env import Env
from .metrics import EpisodeMeter, MetricsLog, loss_metrics
from .networks import Networks
from .physics.backends import create_physics
from .physics.body_state import Physics
from .physics.native import NativePhysics
from .ppo import LearnerState, Transition, make_optimizer, make_update
from .rollout import Sampler, Worker
from .run_folder import alone_in, unwritable
from .symmetry import make_mirrors
from .task import make_env, motion_asset

__all__ = ["DivergedError", "RunState", "RunStoppedError", "TrainState", "Trainer", "train"]

KEEP_CHECKPOINTS = 3


class TrainState(NamedTuple):
    """All that learning changes; amp is None without a discriminator."""

    learner: LearnerState
    amp: AmpState | None


class RunState(NamedTuple):
    """All that the next iterations depend on, as one pytree of arrays.

    key: the raw words of the run's random key; physics: a backend's snapshot; meter: the episode meter's.
    """

    learner: LearnerState
    amp: AmpState | None
    key: Any
    worker: Worker
    physics: dict[str, Any]
    meter: dict[str, Any]


@runtime_checkable
class Restorable(Protocol):
    """Physics whose whole state can be saved."""

    def snapshot(self) -> dict[str, Any]: ...
    def restore(self, arrays: Mapping[str, Any]) -> None: ...


def init_learner(config: TrainConfig, env: Env, networks: Networks, key: Any) -> LearnerState:
    """Fresh parameters for an env's sizes, in one program: op by op it takes seconds to compile."""
    body = jax.tree.map(lambda x: x[0], one_robot_at_home(env))
    obs, critic_obs = jax.eval_shape(lambda key, body: env.observe(env.start(key).state, body, key), key, body)

    @jax.jit
    def fresh(key: Any) -> LearnerState:
        agent = networks.init(key, obs.shape[-1], critic_obs.shape[-1])
        opt_state = make_optimizer(config.ppo).init(agent)
        return LearnerState(agent, agent, opt_state, jnp.asarray(config.ppo.learning_rate), jnp.zeros((), jnp.int32))

    learner: LearnerState = fresh(key)
    return learner


def make_amp(config: TrainConfig, env: Env) -> AmpStage | None:
    """The AMP stage of a config, None where it has none. Raises ConfigError."""
    if not config.amp.enable_amp:
        return None
    expert = load_expert(motion_asset(config.amp.expert), env.spec.robot.actuator_names, config.env.ctrl_dt)
    return AmpStage(config.amp, expert, env.robot.config)


def make_networks(config: TrainConfig, env: Env) -> Networks:
    """Actor and critic for an env's robot and layout."""
    return Networks.create(config.network, env.spec.num_joints, make_mirrors(env.spec, env.robot.config))


def one_robot_at_home(env: Env) -> Any:
    """One robot at home: its BodyState tells all shapes."""
    one = NativePhysics(env.robot, 1, env.config.decimation, 1)
    return one.reset(np.arange(1), env.robot.home_qpos[None], np.zeros((1, env.robot.model.nv)))


class Trainer:
    """The parts of a run, and one iteration of it. `physics` replaces the config's backend."""

    def __init__(self, config: TrainConfig, physics: Physics | None = None, processes: Processes | None = None) -> None:
        self.config, self.processes = config, processes or Processes.alone()
        num_envs = self.processes.own_share(config.env.num_envs)
        self.env = make_env(config, num_envs=num_envs)
        self.networks = make_networks(config, self.env)
        env = self.env
        physics = physics or create_physics(env.config.backend, env.robot, num_envs, env.config.decimation)
        self.sampler = Sampler(env, self.networks, physics)
        self.amp = make_amp(config, env)
        self.meter = EpisodeMeter(num_envs)
        self._update = make_update(self.networks, config.ppo)

    def begin(self) -> RunState:
        """A run before its first iteration, from the config's seed."""
        key, k_init, k_start, k_amp = jax.random.split(jax.random.key(self.config.seed), 4)
        learner = init_learner(self.config, self.env, self.networks, k_init)
        worker = self.sampler.start(self.processes.own_key(k_start))
        return self._freeze(learner, self.amp.init(k_amp) if self.amp else None, key, worker)

    def thaw(self, state: RunState) -> None:
        """Put physics and meter where `state` has them, to go on from there."""
        if isinstance(self.sampler.physics, Restorable):
            self.sampler.physics.restore(state.physics)
        self.meter.restore(state.meter)

    def load(self, checkpoint: Path, fresh: RunState) -> tuple[RunState, bool]:
        """A checkpoint's state, and whether it is all of it.

        Where the course of the run differs (another config, processes, or physics that cannot be saved), only what
        was learned is taken over; episodes and random numbers begin anew. Raises ConfigError.
        """
        meta = load_meta(checkpoint)
        if meta.get("course") == self.course and isinstance(self.sampler.physics, Restorable):
            state = load_checkpoint(checkpoint, fresh)[0]
            self.thaw(state)
            return state, True
        amp = fresh.amp if meta.get("amp", fresh.amp is not None) else None
        learned = load_checkpoint(checkpoint, TrainState(fresh.learner, amp))[0]
        key = jax.random.fold_in(jax.random.wrap_key_data(fresh.key), int(meta["iteration"]))
        state = fresh._replace(learner=learned.learner, amp=learned.amp or fresh.amp, key=jax.random.key_data(key))
        return state, False

    @property
    def course(self) -> str | None:
        """Equal for runs of which one can go on bit by bit where the other stopped."""
        same = self.config.model_copy(update={"iterations": 1, "checkpoint_every": 1})
        return config_hash(same) if self.processes.count == 1 else None

    def iterate(self, state: RunState, iteration: int) -> tuple[RunState, dict[str, Any], Transition]:
        """One iteration from `state`, where physics and meter must stand: the state after it, metrics, the rollout."""
        config, amp_state, started = self.config, state.amp, time.monotonic()
        key, k_rollout, k_update, k_amp = jax.random.split(jax.random.wrap_key_data(state.key), 4)
        agent, own = self.processes.mine(state.learner.agent), self.processes.own_key(k_rollout)
        worker, rollout, terms = self.sampler.collect(agent, state.worker, own, config.ppo.num_steps)
        collected = time.monotonic()
        metrics = self.meter.add(rollout)
        shared = self.processes.share(rollout)
        if self.amp is not None and iteration > config.amp.amp_start_iteration:
            shared, amp_state, styles = self._add_style(shared, amp_state, self.processes.same(k_amp))
            metrics |= styles
            terms["amp_style"] = config.amp.amp_reward_weight * styles["amp_reward_mean"]
        learner, losses = self._update(state.learner, shared, self.processes.same(k_update))
        metrics |= {"iteration": iteration, "env_steps": int(learner.env_steps)} | loss_metrics(losses)
        now = time.monotonic()
        metrics |= {f"reward/{name}": value for name, value in terms.items()}
        metrics |= {"rollout_s": collected - started, "update_s": now - collected}
        metrics["physics_s"], self.sampler.physics_s = self.sampler.physics_s, 0.0
        metrics["env_steps_per_sec"] = shared.reward.size / (now - started)
        return self._freeze(learner, amp_state, key, worker), metrics, rollout

    def _add_style(self, rollout: Transition, state: Any, key: Any) -> tuple[Transition, AmpState, dict[str, float]]:
        """The rollout with the style reward added, asked before the discriminator learns; the state after that."""
        assert self.amp is not None
        style = self.amp.style_reward(state, rollout.amp_pair)
        amp_state, metrics = self.amp.update(state, rollout.amp_pair, key)
        weight = np.float32(self.config.reward_scale * self.config.amp.amp_reward_weight)
        rollout = rollout._replace(reward=rollout.reward + weight * style)
        return rollout, amp_state, {name: float(value) for name, value in metrics.items()}

    def _freeze(self, learner: LearnerState, amp: AmpState | None, key: Any, worker: Worker) -> RunState:
        physics = self.sampler.physics
        snapshot = physics.snapshot() if isinstance(physics, Restorable) else {}
        return RunState(learner, amp, jax.random.key_data(key), worker, snapshot, self.meter.snapshot())


def train(
    config: TrainConfig,
    run: Path,
    resume: Path | None = None,
    report: Callable[[dict[str, Any]], None] = lambda metrics: None,
    say: Callable[[str], None] = lambda sentence: None,
    wandb: bool = False,
    processes: Processes | None = None,
    physics: Physics | None = None,
    saved: Callable[[Path], None] = lambda checkpoint: None,
) -> Path:
    """Train into the folder `run` (config.yaml, metrics.jsonl, tensorboard/, checkpoints/<env steps>/).

    Args:
        resume: a checkpoint to go on from, of this run or of another one.
        report: called with the metrics of each iteration.
        say: called with what people should know about a resumed run.
        wandb: also write an offline W&B run.
        processes: those that train together; only the first one writes.
        physics: instead of the config's backend.
        saved: called with each checkpoint, once it is whole.

    Returns:
        The last checkpoint.

    Raises:
        ConfigError: `run` cannot be written or another process trains in it, or `resume` is not usable.
        DivergedError: a value is not finite; the state before lies in run/dump.
        StorageError: the folder takes no more.
    """
    with alone_in(run) if processes is None or processes.first else nullcontext():
        trainer = Trainer(config, physics, processes)
        return _train(trainer, run, resume, report, say, wandb, saved)


def _train(
    trainer: Trainer,
    run: Path,
    resume: Path | None,
    report: Callable[[dict[str, Any]], None],
    say: Callable[[str], None],
    wandb: bool,
    saved: Callable[[Path], None],
) -> Path:
    config = trainer.config
    text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
    done, wall_s, last = 0, 0.0, resume or run
    state = trainer.begin()
    if resume is not None:
        meta = load_meta(resume)
        state, whole = trainer.load(resume, state)
        done, wall_s = int(meta["iteration"]), float(meta.get("wall_s", 0.0))
        say(f"going on after iteration {done} of {resume}" + ("" if whole else "; episodes begin anew"))
        _refuse_later_checkpoints(run, resume)
    if not trainer.processes.first:
        for iteration in range(done + 1, config.iterations + 1):
            state, _, _ = trainer.iterate(state, iteration)
        return last
    begun = time.monotonic() - wall_s
    with closing(_open_log(run, text, done, config if wandb else None)) as log:
        for iteration in range(done + 1, config.iterations + 1):
            before = state
            state, metrics, rollout = trainer.iterate(state, iteration)
            metrics["wall_s"] = time.monotonic() - begun
            with _storing(run, last):
                log.write(metrics)
            report(metrics)
            _check_finite(run, last, before, metrics, rollout, text)
            if iteration % config.checkpoint_every == 0 or iteration == config.iterations:
                folder = run / FOLDER / str(metrics["env_steps"])
                with _storing(run, last):
                    _save(folder, trainer, state, metrics)
                last = folder
                saved(last)
    return last


def _check_finite(
    run: Path, last: Path, before: RunState, metrics: dict[str, Any], rollout: Transition, config_text: str
) -> None:
    """Keep the state before an iteration with a value that is not finite, and end the run. Raises DivergedError."""
    iteration = metrics["iteration"]
    bad = first_bad(rollout, {name: metrics[name] for name in LOSSES})
    if bad is None:
        return
    with _storing(run, last):
        save_dump(run / DUMP, before, iteration, bad, rollout, config_text)
    raise DivergedError(
        f"iteration {iteration}: {bad.sentence()}, expected a finite number; train with a lower learning rate or "
        f"another seed; to meet it again: trainer replay-dump {run / DUMP}; what was learned before is in {last}"
    )


def _save(folder: Path, trainer: Trainer, state: RunState, metrics: dict[str, Any]) -> None:
    meta = {"iteration": metrics["iteration"], "config_hash": config_hash(trainer.config), "course": trainer.course}
    meta |= {"amp": state.amp is not None, "wall_s": metrics["wall_s"], "weights_hash": weights_hash(state.learner)}
    save_checkpoint(folder, state, meta, KEEP_CHECKPOINTS)


def _open_log(run: Path, config_text: str, done: int, config: TrainConfig | None) -> MetricsLog:
    """The run's folder with its config.yaml, and its log. Raises ConfigError."""
    try:
        run.mkdir(parents=True, exist_ok=True)
        beside = run / ".config.yaml.part"
        beside.write_text(config_text, encoding="utf-8")
        beside.replace(run / "config.yaml")
        return MetricsLog(run, done, None if config is None else config.model_dump(mode="json"))
    except OSError as problem:
        raise unwritable(run, problem) from None


@contextmanager
def _storing(run: Path, last: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise StorageError(
            f"{run}: {problem.strerror}, expected room to write; make some and go on with "
            f"trainer train --resume {run}; what was learned before is in {last}"
        ) from None


def _refuse_later_checkpoints(run: Path, resume: Path) -> None:
    """Going on from an older checkpoint of the same run would leave two futures in one folder."""
    mine = checkpoints(run / FOLDER)
    if resume.resolve() in [path.resolve() for path in mine[:-1]]:
        raise ConfigError(
            f"{resume}: {mine[-1].name} is later, expected the run's last one; name another folder by --run"
        )
