"""Checkpoints: arrays as npz, the rest as JSON; written beside and renamed, so there is never half a one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jax
import numpy as np

from contract import ConfigError

ARRAYS_FILE, META_FILE = "arrays.npz", "meta.json"


def save_checkpoint(folder: Path, state: Any, meta: dict[str, Any]) -> None:
    """Save a pytree of arrays under their paths in the tree, and `meta` as JSON."""
    folder = Path(folder)
    temporary = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    leaves, _ = jax.tree_util.tree_flatten_with_path(state)
    arrays: dict[str, Any] = {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}
    np.savez(temporary / ARRAYS_FILE, **arrays)
    (temporary / META_FILE).write_text(json.dumps(meta, indent=2) + "\n", encoding="utf-8")
    if folder.exists():
        shutil.rmtree(folder)
    temporary.rename(folder)


def load_checkpoint(folder: Path, template: Any) -> tuple[Any, dict[str, Any]]:
    """Load what `save_checkpoint` wrote, in the shape of `template`.

    Raises:
        ConfigError: files missing or broken, or arrays of another network.
    """
    folder = Path(folder)
    try:
        meta = json.loads((folder / META_FILE).read_text(encoding="utf-8"))
        with np.load(folder / ARRAYS_FILE, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError) as problem:
        raise ConfigError(
            f"{folder}: no usable checkpoint ({problem}), expected {ARRAYS_FILE} and {META_FILE}"
        ) from None
    leaves, tree = jax.tree_util.tree_flatten_with_path(template)
    values = []
    for path, leaf in leaves:
        name = jax.tree_util.keystr(path)
        found = arrays.get(name)
        if found is None or found.shape != np.shape(leaf):
            shape = "nothing" if found is None else f"shape {found.shape}"
            raise ConfigError(f"{folder}: {name} has {shape}, expected shape {np.shape(leaf)}; it is another network's")
        values.append(found)
    return jax.tree_util.tree_unflatten(tree, values), meta


def latest_checkpoint(run: Path) -> Path:
    """The checkpoint with the most steps of a run folder, or `run` itself if it is one. Raises ConfigError."""
    run = Path(run)
    if (run / META_FILE).is_file():
        return run
    found = [p for p in (run / "checkpoints").glob("*") if p.name.isdigit()]
    if not found:
        raise ConfigError(f"{run}: no checkpoint found, expected a run folder with checkpoints/<step>/ in it")
    return max(found, key=lambda p: int(p.name))
