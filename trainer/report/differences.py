"""In what the configs of runs differ, key by key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..config import TrainConfig


def differences(configs: Sequence[TrainConfig]) -> dict[str, tuple[str, ...]]:
    """Dotted keys whose values are not the same in all configs, and the value in each."""
    tables = [flat(config.model_dump(mode="json")) for config in configs]
    keys = dict.fromkeys(key for table in tables for key in table)
    found = {key: tuple(table.get(key, "-") for table in tables) for key in keys}
    return {key: values for key, values in found.items() if len(set(values)) > 1}


def flat(data: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """Nested data as one text for each dotted key."""
    rows: dict[str, str] = {}
    for key, value in data.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping):
            rows |= flat(value, f"{name}.")
        else:
            rows[name] = _text(value)
    return rows


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value)) or "none"
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
