"""Expert transitions: what the discriminator is shown as good motion, and the file that keeps it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from contract import ConfigError

from ..symmetry import Mirror
from .features import FEATURES, feature_dim, feature_slices

_ARRAYS = ("pairs", "joint_names", "features", "ctrl_dt_s", "provenance")


class ExpertMotions(NamedTuple):
    """Transitions pairs (M, 2, F) float32 of amp_features at t and t + ctrl_dt_s, and where they come from."""

    pairs: np.ndarray
    joint_names: tuple[str, ...]
    ctrl_dt_s: float
    provenance: dict[str, Any]


def save_expert(path: Path, expert: ExpertMotions, dtype: str = "float16") -> None:
    """Write an npz without pickle; float16 rounds a joint angle near 1 rad by at most 0.0005 rad.

    Raises:
        ConfigError: the transitions would not load again, or the file cannot be written.
    """
    _check_pairs(path, expert.pairs, len(expert.joint_names))
    with np.errstate(over="ignore"):
        stored = expert.pairs.astype(dtype)
    if not np.isfinite(stored).all():
        raise ConfigError(f"{path}: pairs up to {np.abs(expert.pairs).max():.3g} do not fit {dtype}; save as float32")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            np.savez_compressed(
                file,
                pairs=stored,
                joint_names=np.array(expert.joint_names),
                features=np.array(FEATURES),
                ctrl_dt_s=np.float64(expert.ctrl_dt_s),
                provenance=np.array(json.dumps(expert.provenance, sort_keys=True)),
            )
    except OSError as problem:
        raise ConfigError(f"{path}: {problem.strerror}, expected a place for expert motions; name another") from None


def load_expert(path: Path, joint_names: Sequence[str], ctrl_dt_s: float) -> ExpertMotions:
    """Read transitions that were made for this robot's joints, in policy order, at this control period.

    Raises:
        ConfigError: one sentence, if the file is missing, broken, or made for another robot, period or features.
    """
    arrays = _read(path)
    missing = [name for name in _ARRAYS if name not in arrays]
    if missing:
        raise ConfigError(f"{path}: no array {missing[0]!r}, expected {', '.join(_ARRAYS)}; build the file anew")
    found = tuple(str(name) for name in np.atleast_1d(arrays["joint_names"]))
    if found != tuple(joint_names):
        at = next((i for i, (a, b) in enumerate(zip(found, joint_names, strict=False)) if a != b), None)
        where = f"{len(found)} joints" if at is None else f"{found[at]!r} as joint {at}"
        wanted = f"{len(joint_names)}" if at is None else f"{joint_names[at]!r}"
        raise ConfigError(f"{path}: joint_names has {where}, expected {wanted}; build the file for this robot")
    features = tuple(str(name) for name in np.atleast_1d(arrays["features"]))
    if features != FEATURES:
        raise ConfigError(f"{path}: features are {features}, expected {FEATURES}; build the file anew")
    period = arrays["ctrl_dt_s"]
    if period.shape != () or not np.issubdtype(period.dtype, np.number) or abs(float(period) - ctrl_dt_s) > 1e-6:
        raise ConfigError(f"{path}: ctrl_dt_s is {period}, expected {ctrl_dt_s} s; build the file at env.ctrl_dt")
    try:
        provenance = json.loads(str(arrays["provenance"]))
    except ValueError:
        provenance = None
    if not isinstance(provenance, dict) or not provenance:
        found_text = str(arrays["provenance"])[:40]
        raise ConfigError(f"{path}: provenance is {found_text!r}, expected a JSON object; state where it comes from")
    _check_pairs(path, arrays["pairs"], len(found))
    return ExpertMotions(arrays["pairs"].astype(np.float32), found, float(period), provenance)


def with_mirrored(pairs: np.ndarray, mirror: Mirror) -> np.ndarray:
    """(M, 2, F) -> (2 M, 2, F): each transition, then each seen in a mirror."""
    return np.concatenate([pairs, mirror(pairs)])


def split_held_out(pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nine tenths to learn from and a tenth that is never learned from, in runs of up to 50 neighbours.

    Neighbours in time are almost alike, so single ones held out would be known already. Below 20 transitions both are
    all of them.
    """
    count = len(pairs)
    if count < 20:
        return pairs, pairs
    run = max(1, min(50, count // 100))
    held = np.arange(count) // run % 10 == 9
    return pairs[~held], pairs[held]


def _read(path: Path) -> dict[str, np.ndarray]:
    broken = f"{path}: not an npz file of plain arrays, expected expert motions; build the file anew"
    try:
        file = np.load(path, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ConfigError(broken)
        with file:
            return {name: file[name] for name in file.files}
    except OSError as problem:
        if problem.strerror:
            raise ConfigError(f"{path}: {problem.strerror}, expected expert motions; correct amp.expert") from None
        raise ConfigError(broken) from None
    except (ValueError, zipfile.BadZipFile, EOFError):
        raise ConfigError(broken) from None


def _check_pairs(path: Path, pairs: np.ndarray, num_joints: int) -> None:
    """Shape, numbers, and orientation columns of length 1: what a wrong order or unit would break."""
    dim = feature_dim(num_joints)
    wanted = f"(M, 2, {dim}) with M >= 2"
    if not np.issubdtype(pairs.dtype, np.floating) or pairs.ndim != 3 or pairs.shape[1:] != (2, dim) or len(pairs) < 2:
        raise ConfigError(f"{path}: pairs are {pairs.dtype} {pairs.shape}, expected floats {wanted}; build it anew")
    bad = np.argwhere(~np.isfinite(pairs))
    if len(bad):
        at = tuple(int(i) for i in bad[0])
        raise ConfigError(f"{path}: pairs{list(at)} is {pairs[at]}, expected finite numbers; build it anew")
    columns = pairs[..., feature_slices(num_joints)["base_orientation"]].astype(np.float64)
    lengths = np.linalg.norm(columns.reshape(*columns.shape[:2], 2, 3), axis=-1)
    worst = lengths.flat[np.abs(lengths - 1).argmax()]
    if abs(worst - 1) > 0.05:
        raise ConfigError(
            f"{path}: base_orientation has a column of length {worst:.3g}, expected 1: the pairs are scaled or in "
            "another order; store plain amp_features"
        )
