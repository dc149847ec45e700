"""From a checkpoint to a policy bundle: network, spec, robot, golden actions, figures and checksums."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import yaml

from contract import load_bundle, save_bundle, spec_to_json
from contract.mjcf import flatten_mjcf

from .config import TrainConfig, config_hash
from .evaluate import Policy, checkpoint_policy, evaluate, evaluation_env
from .gate import STANDING_COMMAND, WALKING_COMMAND
from .onnx_network import build_onnx, open_session, sample_observations
from .task import asset, make_env, with_provenance

GOLDEN_ROWS = 32
GOLDEN_TOLERANCE = 1e-4
TRIALS, STEPS = 64, 500
PUSHES = {"undisturbed": 0.0, "pushed_5n": 5.0, "pushed_10n": 10.0}


def work() -> int:
    """Control steps of all robots in an export's trials, where none falls."""
    return len(PUSHES) * TRIALS * STEPS


def export_bundle(
    config: TrainConfig,
    checkpoint: Path,
    out: Path,
    sign: Callable[[bytes], bytes] | None = None,
    counted: Callable[[Policy], Policy] = lambda policy: policy,
) -> dict[str, Any]:
    """Write the bundle `out`, signed as `contract.save_bundle` says, and load it as the robot will.

    Args:
        counted: may count what is asked of the policy in the trials, `work()` where no robot falls.

    Returns:
        The figures in its metrics.json: deterministic trials of 10 s, undisturbed and with 5 N and 10 N pushes.

    Raises:
        ContractError: no usable checkpoint, or network and ONNX differ.
    """
    policy, networks, agent, meta = checkpoint_policy(config, checkpoint)
    env = make_env(config)
    command = WALKING_COMMAND if config.task == "walking" else STANDING_COMMAND
    asked = counted(policy)
    metrics = {
        name: evaluate(evaluation_env(config, TRIALS, STEPS, push_n, command), asked).as_dict()
        for name, push_n in PUSHES.items()
    }
    spec = with_provenance(
        env.spec,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        training_config_hash=config_hash(config),
        checkpoint_id=f"{config.task}/{checkpoint.name}",
        package_version=version("wildrobot"),
        metrics={name: figures["survived"] / figures["trials"] for name, figures in metrics.items()},
    )
    network = build_onnx(networks, agent, spec)
    observations = sample_observations(agent, GOLDEN_ROWS, seed=1)
    golden = {
        "observation": np.round(observations.astype(float), 6).tolist(),
        "action": policy(np.round(observations.astype(float), 6).astype(np.float32)).astype(float).tolist(),
        "tolerance": GOLDEN_TOLERANCE,
    }
    files = {
        "policy.onnx": network,
        "policy_spec.json": spec_to_json(spec).encode(),
        "golden.json": json.dumps(golden).encode() + b"\n",
        "metrics.json": json.dumps({**metrics, "iteration": meta["iteration"]}, indent=2).encode() + b"\n",
        "training_config.yaml": yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False).encode(),
        "robot_config.yaml": asset(config.env.robot_config).read_bytes(),
        "robot.xml": flatten_mjcf(asset(config.env.model)).encode(),
    }
    with TemporaryDirectory() as folder:  # the old bundle gives way only to one that loads
        trial = Path(folder) / out.name
        save_bundle(trial, files)
        load_bundle(trial, open_session)
    save_bundle(out, files, sign)
    return metrics
