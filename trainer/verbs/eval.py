"""`trainer eval`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from contract import ConfigError, ContractError, load_bundle

from ..cli import FAILED
from . import own_config
from .finite import FINITE, FiniteRange


@click.command("eval")
@click.option("--checkpoint", "run", type=Path, help="a run or one of its checkpoints")
@click.option("--bundle", type=Path, help="a bundle, run through ONNX as on the robot")
@click.option("--config", "config_path", type=Path, help="training YAML [the run's or the bundle's own]")
@click.option("--num-episodes", "trials", type=click.IntRange(1), default=256, show_default=True, help="trials")
@click.option(
    "--num-steps", "steps", type=click.IntRange(1), default=500, show_default=True, help="of a trial, 20 ms each"
)
@click.option("--velocity", type=FINITE, help="commanded forward velocity, m/s [0.4 to walk, 0 to stand]")
@click.option("--command", "asked", type=(FINITE,) * 3, help="vx vy m/s and yaw rate rad/s; or --velocity")
@click.option("--push-n", type=FiniteRange(0), default=10.0, show_default=True, help="N, .2 s every 2-4 s")
@click.option("--floor", type=click.Choice(("flat", "tilted", "rough")), help="[slopes by the config's law]")
@click.option("--stochastic", is_flag=True, help="draw actions as in training")
@click.option("--seed", type=int, default=0, show_default=True, help="of all that is drawn")
@click.option("--ladder", is_flag=True, help="5, 8, 10, 15, 20 N in 8 directions, as a table")
@click.option("--long-run", is_flag=True, help="64 robots for 120 s")
@click.option("--floors", is_flag=True, help="also on level, tilted and rough floors")
@click.option("--envelope", type=Path, help="PNG: what a grid of commands leads to")
@click.option("--compare-metrics", type=Path, help="a run's metrics.jsonl: compare reward_per_step")
@click.option("--json", "as_json", is_flag=True, help="one JSON object on stdout")
def command(
    run: Path | None,
    bundle: Path | None,
    config_path: Path | None,
    velocity: float | None,
    asked: tuple[float, float, float] | None,
    stochastic: bool,
    compare_metrics: Path | None,
    envelope: Path | None,
    as_json: bool,
    **terms: Any,
) -> None:
    """Deterministic trials from rest in full MuJoCo at 2 ms, robots as different as in training.

    \b
    Examples:
      trainer eval --bundle assets/bundles/walking --ladder --long-run --floors --json
      trainer eval --checkpoint runs/walking --command .3 0 .2 --compare-metrics runs/walking/metrics.jsonl

    Exit codes: 0 ok, 1 a line of the gate is missed, 2 refused, 130 interrupted.
    """
    from ..assessment import Terms, assess, policy_origin, work
    from ..config import load_train_config
    from ..gate import default_command
    from ..progress import Progress
    from ..training_log import compare, read_log

    if (run is None) == (bundle is None):
        raise ContractError("trainer eval: found both or neither of --checkpoint and --bundle, expected one of them")
    if velocity is not None and asked is not None:
        raise ConfigError("trainer eval: found both --velocity and --command, expected one of them")
    config = load_train_config(config_path or own_config(run, bundle))
    if compare_metrics is not None:
        read_log(compare_metrics)  # refuse before minutes are spent
    goal = asked or (default_command(config.task) if velocity is None else (velocity, 0.0, 0.0))
    checkpoint_id, policy, on_pair = _policy(config, run, bundle, stochastic, terms["seed"])
    asked_for = Terms(command=goal, **terms)
    with Progress("evaluating", work(config, asked_for)) as progress:
        report = assess(config, progress.counted(policy), asked_for, on_pair)
    data, lines = {"policy": policy_origin(config, checkpoint_id)} | report.as_dict(), [report.table()]
    if compare_metrics is not None:
        comparison = compare(compare_metrics, config.reward_scale, report.undisturbed.reward_per_step)
        data["compare_metrics"] = comparison._asdict() | {"difference": comparison.difference}
        lines.append(comparison.sentence())
    if envelope is not None:
        lines.append(_draw(config, policy, envelope, terms["seed"]))
    click.echo(json.dumps(data) if as_json else "\n".join(lines))
    sys.exit(0 if report.passed else FAILED)


def _policy(config: Any, run: Path | None, bundle: Path | None, stochastic: bool, seed: int) -> Any:
    """The checkpoint that it is of, the policy, and the judge of its style where it has one."""
    from ..checkpoint import latest_checkpoint
    from ..evaluate import bundle_policy, checkpoint_policy
    from ..evaluate import stochastic as with_spread
    from ..onnx_network import open_session
    from ..style import load_style_judge

    if bundle is not None:
        if stochastic:
            raise ConfigError(
                f"{bundle}: found --stochastic with a bundle, which holds no spread of actions; use --checkpoint"
            )
        spec = load_bundle(bundle, open_session).spec
        return str(spec.provenance.checkpoint_id), bundle_policy(bundle), None
    checkpoint = latest_checkpoint(run or Path())
    policy, networks, agent, _ = checkpoint_policy(config, checkpoint)
    if stochastic:
        policy = with_spread(policy, networks, agent, seed)
    return f"{config.task}/{checkpoint.name}", policy, load_style_judge(config, checkpoint)


def _draw(config: Any, policy: Any, path: Path, seed: int) -> str:
    from ..exam import envelope, envelope_steps
    from ..figures import draw_envelope
    from ..progress import Progress

    with Progress("envelope", envelope_steps(config)) as progress:
        measured = envelope(config, progress.counted(policy), seed=seed)
    try:
        path.write_bytes(draw_envelope(measured, f"{config.task}: commands and what came of them"))
    except OSError as problem:
        raise ConfigError(
            f"{path}: {problem.strerror}, expected a PNG that can be written; choose another place"
        ) from None
    return f"envelope: {path}"
