"""The verbs of `trainer`, one file each. Heavy imports happen inside the functions, so that --help is quick."""

from __future__ import annotations

from pathlib import Path

from contract import ConfigError
from contract.bundle import read_deployment
from contract.bundle_files import DEPLOYMENT_FILE, SPEC_FILE


def own_config(run: Path | None, bundle: Path | None) -> Path:
    """Where the training config of a run, a checkpoint or a bundle lies. Raises ConfigError, BundleError."""
    if bundle is not None:
        return one_policy(bundle) / "training_config.yaml"
    folder = run or Path()
    found = next((p / "config.yaml" for p in (folder, *folder.parents) if (p / "config.yaml").is_file()), None)
    if found is None:
        why = "no run, it has no config.yaml" if folder.exists() else "no such run"
        raise ConfigError(f"{folder}: {why}, expected a folder runs/NAME or one of its checkpoints; correct the path")
    return found


def one_policy(bundle: Path) -> Path:
    """The folder itself. Raises ConfigError, BundleError: it is not there, or a deployment of several policies."""
    if not bundle.is_dir():
        raise ConfigError(f"{bundle}: no such bundle folder, expected one with {SPEC_FILE}; check the path")
    if (bundle / DEPLOYMENT_FILE).is_file():
        policies = read_deployment(bundle).policies
        raise ConfigError(
            f"{bundle}: a deployment of {', '.join(policies)}, expected the bundle of one policy; name one of them, "
            f"e.g. {bundle / next(iter(policies.values()))}"
        )
    return bundle
