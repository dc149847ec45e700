"""The verbs of `trainer`, one file each. Heavy imports happen inside the functions, so that --help is quick."""

from __future__ import annotations

from pathlib import Path


def own_config(run: Path | None, bundle: Path | None) -> Path:
    """Where the training config of a run, a checkpoint or a bundle lies."""
    if bundle is not None:
        return bundle / "training_config.yaml"
    folder = run or Path()
    return next((p / "config.yaml" for p in (folder, *folder.parents) if (p / "config.yaml").is_file()), folder)
