"""Checkpoints: arrays as npz, the rest as JSON; written beside, flushed and renamed, so there is never half a one."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from contract import ConfigError

ARRAYS_FILE, META_FILE, FOLDER, CONFIG_FILE = "arrays.npz", "meta.json", "checkpoints", "config.yaml"


def save_checkpoint(
    folder: Path,
    state: Any,
    meta: dict[str, Any],
    keep: int | None = None,
    files: Mapping[str, bytes] | None = None,
) -> None:
    """Save a pytree of arrays under their paths in the tree, and `meta` as JSON.

    Killed at any moment it leaves the folder whole or absent, and older checkpoints as they were.

    Args:
        keep: so many checkpoints stay beside each other, the oldest go; None keeps all.
        files: more files of the same folder, by name.

    Raises:
        OSError: it could not be written; nothing of it is left behind.
    """
    folder = Path(folder)
    arrays = io.BytesIO()
    np.savez_compressed(arrays, allow_pickle=False, **named_arrays(state))
    contents = {ARRAYS_FILE: arrays.getvalue(), META_FILE: (json.dumps(meta, indent=2) + "\n").encode()}
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary, replaced = (folder.with_name(f".{folder.name}.{end}") for end in ("part", "replaced"))
    _remove_unfinished(folder.parent)
    try:
        temporary.mkdir()
        for name, content in {**contents, **(files or {})}.items():
            with (temporary / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        _sync_folder(temporary)
        if folder.exists():
            folder.rename(replaced)
        temporary.rename(folder)
        _sync_folder(folder.parent)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    shutil.rmtree(replaced, ignore_errors=True)
    if keep is not None:
        for old in checkpoints(folder.parent)[:-keep]:
            shutil.rmtree(old)


def named_arrays(state: Any) -> dict[str, Any]:
    """The leaves of a pytree by their paths in it, as numpy arrays."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(state)
    return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}


def weights_hash(state: Any) -> str:
    """SHA-256 in hex over names, types, shapes and bytes of a pytree's arrays: equal hashes are equal bits."""
    digest = hashlib.sha256()
    for name, array in sorted(named_arrays(state).items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def load_meta(folder: Path) -> dict[str, Any]:
    """A checkpoint's meta data. Raises ConfigError."""
    try:
        meta = json.loads((Path(folder) / META_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise _unusable(folder, problem) from None
    if not isinstance(meta, dict):
        raise _unusable(folder, ValueError(f"{META_FILE} holds {type(meta).__name__}"))
    return meta


def load_checkpoint(folder: Path, template: Any) -> tuple[Any, dict[str, Any]]:
    """Load what `save_checkpoint` wrote, in the shape of `template`, which may be a part of it.

    Raises:
        ConfigError: files missing or broken, or arrays of another network.
    """
    folder = Path(folder)
    meta = load_meta(folder)
    try:
        with np.load(folder / ARRAYS_FILE, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError) as problem:
        raise _unusable(folder, problem) from None
    leaves, tree = jax.tree_util.tree_flatten_with_path(template)
    values = []
    for path, leaf in leaves:
        name = jax.tree_util.keystr(path)
        found = arrays.get(name)
        if found is None:
            raise ConfigError(
                f"{folder}: holds no {name}, expected one of shape {np.shape(leaf)}; it is of another config or of an "
                f"older trainer: train anew"
            )
        if found.shape != np.shape(leaf):
            shapes = f"{name} has shape {found.shape}, expected shape {np.shape(leaf)}"
            raise ConfigError(f"{folder}: {shapes}; it is another network's")
        values.append(found)
    return jax.tree_util.tree_unflatten(tree, values), meta


def checkpoints(folder: Path) -> list[Path]:
    """The whole checkpoints in a folder, fewest steps first."""
    found = [path for path in Path(folder).glob("*") if path.name.isdigit() and (path / META_FILE).is_file()]
    return sorted(found, key=lambda path: int(path.name))


def latest_checkpoint(run: Path) -> Path:
    """The checkpoint with the most steps of a run folder, or `run` itself if it is one. Raises ConfigError."""
    run = Path(run)
    if (run / META_FILE).is_file():
        return run
    found = checkpoints(run / FOLDER)
    if not found and (run / CONFIG_FILE).is_file():
        raise ConfigError(
            f"{run}: no checkpoint found, the run was stopped before its first one; begin it anew: "
            f"trainer train --config {run / CONFIG_FILE} --run {run}"
        )
    if not found:
        raise ConfigError(f"{run}: no checkpoint found, expected a run folder with checkpoints/<step>/ in it")
    return found[-1]


def _unusable(folder: Path, problem: Exception) -> ConfigError:
    why = f"{Path(problem.filename).name}: {problem.strerror}" if isinstance(problem, FileNotFoundError) else problem
    return ConfigError(f"{folder}: no usable checkpoint ({why}), expected {ARRAYS_FILE} and {META_FILE}")


def _remove_unfinished(parent: Path) -> None:
    """What a killed process left half written."""
    for left in parent.glob(".*.part"):
        shutil.rmtree(left, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
