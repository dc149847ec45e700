"""What a page may say over its live connection, and how it becomes a request to robotd. Pure.

A message is a JSON object with the key `say`: `key` (with `key`), one of ACTS, `policy` (with `name`), `velocity` (with
`forward`, `sideways`, `turn`, each in [-1, 1] of the limits, `factor` in [0, 1], and `at_ms`, the page's own monotonic
clock), or `release`. Anything else is refused with one sentence.
"""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

from robotd.ctl.teleop_mapping import Hand, Limits, Patience, Stick, velocity
from robotd.messages import Activate, Arm, Clear, Estop, MessageError, Request, Stop, SwitchPolicy, Velocity
from robotd.wire import short

ACTS: dict[str, Request] = {"arm": Arm(), "clear": Clear(), "activate": Activate(), "stop": Stop(), "estop": Estop()}
MAX_TEXT = 2048
WORDS = ("key", *ACTS, "policy", "velocity", "release")


class Key(NamedTuple):
    """The page shows its key."""

    key: str


class Act(NamedTuple):
    """word: as the page said it."""

    word: str
    request: Request


class Steer(NamedTuple):
    """A stick is held. at_ms: when the page said so, by its own clock."""

    request: Velocity
    at_ms: float


class LetGo(NamedTuple):
    """The stick was let go."""


Order = Key | Act | Steer | LetGo


def read_order(text: str, limits: Limits) -> Order:
    """What a message asks for. Raises MessageError, one sentence."""
    fields = _fields(text)
    say = fields.get("say")
    if say == "key":
        return Key(_text(fields, "key"))
    if say == "release":
        return LetGo()
    if say == "velocity":
        return _steer(fields, limits)
    if say == "policy":
        return Act("policy", SwitchPolicy(_text(fields, "name")))
    if isinstance(say, str) and say in ACTS:
        return Act(say, ACTS[say])
    raise MessageError(f"say: found {short(say)}, expected one of {', '.join(WORDS)}")


def _steer(fields: dict[str, Any], limits: Limits) -> Steer:
    stick = Stick(*(_number(fields, name, -1, 1) for name in Stick._fields))
    hand = Hand(going=stick, until_s=0.0, factor=_number(fields, "factor", 0, 1))
    asked = Velocity(*velocity(hand, 0.0, limits, Patience()))
    return Steer(asked, _number(fields, "at_ms", 0, 1e15))


def _fields(text: str) -> dict[str, Any]:
    if len(text) > MAX_TEXT:
        raise MessageError(f"found {len(text)} characters, expected at most {MAX_TEXT}")
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        raise MessageError("found no JSON, expected an object") from None
    if not isinstance(fields, dict):
        raise MessageError("found no JSON object, expected one")
    return fields


def _number(fields: dict[str, Any], name: str, low: float, high: float) -> float:
    value = fields.get(name)
    number = float(value) if type(value) in (int, float) else math.nan  # type: ignore[arg-type]
    if not low <= number <= high:
        raise MessageError(f"{name}: found {short(value)}, expected a number from {low:g} to {high:g}")
    return number


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise MessageError(f"{name}: found {short(value)}, expected text")
    return value
