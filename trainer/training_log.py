"""metrics.jsonl, read back: what training said about itself."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

from contract import ConfigError

TERM, STYLE = "reward/", "reward/amp_style"
WINDOW = 20


class Comparison(NamedTuple):
    """Mean reward of one control step: in the last iterations of training, and in evaluation."""

    training: float
    evaluation: float

    @property
    def difference(self) -> float:
        """Evaluation less training."""
        return self.evaluation - self.training

    def sentence(self) -> str:
        """For people, with what makes the two differ."""
        share = f" ({self.difference / abs(self.training):+.1%})" if self.training else ""
        return (
            f"reward_per_step {self.evaluation:.4f} here, {self.training:.4f} in training's last {WINDOW} iterations: "
            f"{self.difference:+.4f}{share}; training drew its actions, its commands and its pushes, on coarser physics"
        )


def read_log(path: Path) -> list[dict[str, Any]]:
    """All iterations, oldest first; a last line that training has not written to its end is left out.

    Raises:
        ConfigError: the file cannot be read, a line is not JSON, or there is none.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as problem:
        raise ConfigError(f"{path}: {problem.strerror}, expected a run's metrics.jsonl; check the path") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not text, expected a run's metrics.jsonl; check the path") from None
    rows = []
    for line in text.splitlines(keepends=True):
        try:
            rows += [json.loads(line)] if line.strip() else []
        except ValueError:
            if line.startswith("{") and not line.endswith("\n"):
                break
            raise ConfigError(f"{path}: a line is not JSON, expected a run's metrics.jsonl; check the path") from None
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise ConfigError(f"{path}: found no iterations, expected a run's metrics.jsonl; train first")
    return rows


def reward_per_step(rows: list[dict[str, Any]], reward_scale: float, where: str) -> float:
    """Mean reward of one control step in the last iterations, style reward left out. Raises ConfigError."""
    terms = [[v for k, v in row.items() if k.startswith(TERM) and k != STYLE] for row in rows[-WINDOW:]]
    if not all(terms):
        raise ConfigError(f"{where}: no {TERM}<term> in its last iterations, expected them; it is of another trainer")
    return reward_scale * math.fsum(math.fsum(row) for row in terms) / len(terms)


def compare(path: Path, reward_scale: float, evaluation: float) -> Comparison:
    """Evaluation's reward of one step against training's. Raises ConfigError."""
    return Comparison(reward_per_step(read_log(path), reward_scale, str(path)), evaluation)
