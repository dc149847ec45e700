"""robotctl calibrate killed at a prompt with SIGKILL: the old calibration stays whole, and the next run goes on."""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from calibration_rig import OF_WILDROBOT, calibration_of, offset_errors

from robotd.calibration import backups, load_calibration, robot_identity, save_calibration
from robotd.ctl import cli
from robotd.ctl.calibration.draft import DRAFT_SUFFIX, PARTS
from robotd.ctl.calibration.hidden_person import HiddenPerson
from robotd.ctl.calibration.hidden_robot import draw_truth
from robotd.ctl.calibration.prompts import Prompt
from robotd.wiring import Wiring

SEED = 7
STRIDE = 1 if "WILDROBOT_CALIBRATION_KILL" in os.environ else 40
"""From one prompt that is tried to the next; in the long form every one is."""
CHAIN = (7, 26, 21, 30)
"""At which of its prompts each run in a row is killed, counted from 1."""


class Run(NamedTuple):
    """How a process of robotctl ended, and what it said."""

    code: int
    said: str

    @property
    def asked(self) -> list[str]:
        """Names of the prompts that were answered, in order."""
        lines = (line.strip() for line in self.said.splitlines())
        return [line[1:].partition("]")[0] for line in lines if line.startswith("[") and "]" in line]


def calibrate(path: Path, kill_at: int = 0) -> Run:
    """All steps on the hidden robot in a process of its own, which gets SIGKILL at the prompt of a number, counted from
    1; 0 for never."""
    log = path.with_name("log")
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            sys.stdout = sys.stderr = log.open("w", buffering=1)
            HiddenPerson.answer = mortal(kill_at)  # type: ignore[method-assign]
            words = ["calibrate", "--hal", "emulated", "--seed", str(SEED), "--file", str(path), "--ids", "1-60"]
            code = cli.run(words)
        finally:
            os._exit(code)
    return Run(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), log.read_text())


def mortal(kill_at: int) -> Callable[[HiddenPerson, Prompt], str]:
    """The person's answers up to the prompt of that number; there the process dies."""
    numbers, answer = itertools.count(1), HiddenPerson.answer

    def until_death(person: HiddenPerson, prompt: Prompt) -> str:
        if next(numbers) == kill_at:
            print(prompt.name, file=sys.stderr)
            os.kill(os.getpid(), signal.SIGKILL)
        return answer(person, prompt)

    return until_death


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The place of a calibration that somebody has made before."""
    save_calibration(tmp_path / "calibration.yaml", calibration_of(draw_truth(OF_WILDROBOT, Wiring(), SEED + 1)))
    return tmp_path / "calibration.yaml"


def kill(path: Path, number: int) -> str:
    """Run until a prompt and kill there; the old calibration is as it was. Returns the prompt's name."""
    before = path.read_bytes()
    killed = calibrate(path, number)
    assert killed.code == -signal.SIGKILL, killed.said
    assert path.read_bytes() == before and load_calibration(path, robot_identity(OF_WILDROBOT)) is not None
    return killed.said.splitlines()[-1]


def finish(path: Path, killed_at: str) -> None:
    """Run to the end: no step before the one that was killed is asked again, and what is written is the truth."""
    resumed = calibrate(path)
    assert resumed.code == 0, resumed.said
    steps = {name.partition(".")[0] for name in resumed.asked}
    at = killed_at.partition(".")[0]
    earlier = set(list(PARTS)[: list(PARTS).index(at)]) if at in PARTS else set()
    assert at in steps | {"begin"} and not steps & earlier, f"killed at {killed_at}, asked again {steps & earlier}"
    found = load_calibration(path, robot_identity(OF_WILDROBOT))
    assert found is not None and offset_errors(found, draw_truth(OF_WILDROBOT, Wiring(), SEED)) == []
    assert not path.with_name(path.name + DRAFT_SUFFIX).exists()
    assert len(backups(path)) == 1


def test_killed_again_and_again_it_goes_on_and_the_old_file_stays_whole(path: Path) -> None:
    steps = [kill(path, number).partition(".")[0] for number in CHAIN]
    assert len(set(steps)) >= 3, "killed in different steps"
    finish(path, steps[-1])


def test_killed_at_a_prompt_it_goes_on_there(path: Path) -> None:
    prompts = calibrate(path.with_name("whole.yaml")).asked
    assert len(prompts) > 80
    old = path.read_bytes()
    for number in range(1, len(prompts) + 1, STRIDE):
        for each in path.parent.glob("calibration.yaml*"):
            each.unlink()
        path.write_bytes(old)
        assert kill(path, number) == prompts[number - 1]
        finish(path, prompts[number - 1])
        print(f"killed at {number}, {prompts[number - 1]}: well", flush=True)
