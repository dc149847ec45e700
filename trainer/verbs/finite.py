"""Numbers on a command line that are numbers: neither NaN nor infinite."""

from __future__ import annotations

import math
from typing import Any

import click


class Finite(click.types.FloatParamType):
    """A float; NaN and infinity, which click takes, are a usage error."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; a usage error names what does not fit."""
        return _finite(self, value, super().convert(value, param, ctx), param, ctx)


class FiniteRange(click.FloatRange):
    """A FloatRange without NaN and infinity: every comparison with NaN is false, so click lets it through."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; a usage error names what does not fit."""
        return _finite(self, value, super().convert(value, param, ctx), param, ctx)


def _finite(
    kind: Finite | FiniteRange, typed: Any, number: float, param: click.Parameter | None, ctx: click.Context | None
) -> float:
    if not math.isfinite(number):
        kind.fail(f"found {typed}, expected a finite number.", param, ctx)
    return number


FINITE = Finite()
