"""The base of all sections of a training config: frozen, and unknown keys are errors."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class Section(BaseModel):
    """A mapping of the training YAML."""

    model_config = ConfigDict(extra="forbid", frozen=True)
