"""`trainer record-expert`."""

from __future__ import annotations

from pathlib import Path

import click

from . import own_config


@click.command("record-expert")
@click.option("--checkpoint", "run", type=Path, required=True, help="a run or one of its checkpoints")
@click.option("--output", type=Path, required=True, help="the npz to write, e.g. runs/walker.npz")
@click.option("--pairs", type=click.IntRange(100), default=6000, show_default=True, help="transitions to keep")
@click.option("--seed", type=int, default=0, show_default=True, help="of all that is drawn")
def command(run: Path, output: Path, pairs: int, seed: int) -> None:
    """Record what a trained walker does, undisturbed, as the expert that AMP's discriminator is shown.

    A config names it by `amp.expert`: its absolute path, or its name where it lies in assets/motions.

    \b
    Example:
      trainer record-expert --checkpoint runs/expert --output runs/walker.npz

    Exit codes: 0 ok, 2 refused, 130 interrupted.
    """
    from ..amp.expert import save_expert
    from ..amp.record import record_expert
    from ..checkpoint import latest_checkpoint
    from ..config import config_hash, load_train_config
    from ..evaluate import checkpoint_policy
    from ..progress import Progress
    from ..task import make_env, native_physics

    config = load_train_config(own_config(run, None))
    checkpoint = latest_checkpoint(run)
    policy = checkpoint_policy(config, checkpoint)[0]
    calm = config.domain_randomization.model_copy(update={"push_force": (0.0, 0.0)})
    env = make_env(config, calm, reset=config.env.reset.model_copy(update={"reference_share": 0.0}))
    provenance = {
        "method": "trainer record-expert: a policy of ours, deterministic, randomised robots, no pushes",
        "source": f"{config.task}/{checkpoint.name}, training config {config_hash(config)}, seed {config.seed}",
        "licence": "as this project's",
    }
    with Progress("recording", env.config.num_envs * env.config.episode_steps) as progress:
        expert = record_expert(env, native_physics(env), progress.counted(policy), pairs, provenance, seed)
    save_expert(output, expert)
    click.echo(f"{output}: {len(expert.pairs)} transitions, {output.stat().st_size / 1000:.0f} kB")
