"""The eight ways in which an emulated device may behave, the same names and meanings for every device.

The names are PX4's (`failure <component> <kind>`). Each device obeys the meaning given here in its own terms: an
*answer* is a servo's reply packet, an IMU's report, a switch's level; a *command* is what the host sends.
"""

from __future__ import annotations

import random
from collections import deque
from enum import StrEnum
from typing import Generic, TypeVar

SLOW_FACTOR = 10
"""`slow`: answers come at a tenth of their rate, so each takes ten times as long."""
DELAY_S = 0.2
"""`delayed`: every value is this old."""
LOSS = 0.5
"""`intermittent`: this share of the messages is lost."""


class FaultKind(StrEnum):
    """How a device behaves from now on. Kinds do not add up: the last one injected counts."""

    OK = "ok"
    OFF = "off"
    STUCK = "stuck"
    GARBAGE = "garbage"
    WRONG = "wrong"
    SLOW = "slow"
    DELAYED = "delayed"
    INTERMITTENT = "intermittent"


MEANING: dict[FaultKind, str] = {
    FaultKind.OK: "as its data sheet says",
    FaultKind.OFF: "without power: obeys nothing, answers nothing, gives no force; lines float to their idle level",
    FaultKind.STUCK: "obeys and answers in time and in form, but measured values stay as at the moment of the fault; "
    "counters and sequence numbers go on",
    FaultKind.GARBAGE: "answers in time with random bytes in place of the right ones, about as many",
    FaultKind.WRONG: "answers in time and in form, but measured values are far off the truth, inside what the format "
    "can say",
    FaultKind.SLOW: f"right values, but each answer takes {SLOW_FACTOR} times as long as it should",
    FaultKind.DELAYED: f"answers in time and in form with the right values of {DELAY_S} s ago",
    FaultKind.INTERMITTENT: f"a share of {LOSS} of all messages, commands and answers alike, is lost without a trace",
}


def fault_kind(name: str) -> FaultKind:
    """The kind of this name. Raises ValueError that lists the names."""
    try:
        return FaultKind(name)
    except ValueError:
        raise ValueError(f"fault {name!r}: expected one of {', '.join(FaultKind)}") from None


class Intermittence:
    """Decides which messages `intermittent` loses: the same ones for the same seed."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)

    def loses(self) -> bool:
        """Whether the next message is lost."""
        return self._random.random() < LOSS


Value = TypeVar("Value")


class DelayLine(Generic[Value]):
    """What a value was `delay_s` ago, for `delayed`. Remembers a bounded number of samples.

    Args:
        delay_s: age of what comes out.
        samples: the most to remember; with more in `delay_s`, what comes out is younger than asked for.
    """

    def __init__(self, delay_s: float = DELAY_S, samples: int = 1024) -> None:
        self._delay_s = delay_s
        self._past: deque[tuple[float, Value]] = deque(maxlen=samples)

    def put(self, now_s: float, value: Value) -> Value:
        """Remember `value` as of `now_s` (monotonic); return the newest that is old enough, or else the oldest."""
        self._past.append((now_s, value))
        while len(self._past) > 1 and self._past[1][0] <= now_s - self._delay_s:
            self._past.popleft()
        return self._past[0][1]
