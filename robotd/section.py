"""What all parts of robotd.yaml have in common: strict, unchangeable, no unknown key, no infinity."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """One mapping of robotd.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def bounded(low: float, high: float) -> Any:
    """A number that no file can take out of [low, high]."""
    return Field(ge=low, le=high)
