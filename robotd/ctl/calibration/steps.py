"""The steps by name and in order; one is imported when it runs."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

from robotd.ctl.calibration.bench import Bench
from robotd.ctl.calibration.draft import NEEDS, PARTS
from robotd.ctl.refusal import Refusal

MODULES = {step: {"range": "stops"}.get(step, step) for step in PARTS}


def expect_needs(done: Sequence[str], wanted: Sequence[str], command: str = "robotctl calibrate") -> None:
    """What each wanted step needs is done, or wanted before it.

    Args:
        command: with the options that the same robot takes, for the hint.

    Raises:
        Refusal: it is not; says what to run.
    """
    reached = set(done)
    for step in (each for each in PARTS if each in wanted and each not in reached):
        lacking = [need for need in NEEDS[step] if need not in reached]
        if lacking:
            run = [each for each in PARTS if each in wanted or each in lacking]
            raise Refusal(f"{step} needs {', '.join(lacking)} first; run {command} {' '.join(run)}")
        reached.add(step)


def run_steps(bench: Bench, wanted: Sequence[str], say: Callable[[str], None]) -> None:
    """Do the wanted steps in order, but those that the draft has done. Raises Refusal, CheckFailed, Unreachable."""
    expect_needs(bench.draft.content.done, wanted)
    steps = [each for each in PARTS if each in wanted]
    for number, step in enumerate(steps, 1):
        if step in bench.draft.content.done:
            say(f"{step}: done before; --undo {step} to do it again")
            continue
        say(f"{step}, step {number} of {len(steps)}:")
        importlib.import_module(f"robotd.ctl.calibration.{MODULES[step]}").run(bench)
        bench.draft.finish(step)
