"""robotctl calibrate killed at a prompt with SIGKILL: the old calibration stays whole, and the next run goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from calibration_rig import OF_WILDROBOT, calibration_of, offset_errors

from robotd.calibration import backups, load_calibration, robot_identity, save_calibration
from robotd.ctl.calibration.draft import DRAFT_SUFFIX, PARTS
from robotd.ctl.calibration.hidden_robot import draw_truth
from robotd.wiring import Wiring

SEED = 7
PROGRAM = """
import os, signal, sys
from robotd.ctl.calibration.hidden_person import HiddenPerson
left, answer = int(sys.argv.pop(1)), HiddenPerson.answer

def mortal(person, prompt):
    global left
    left -= 1
    if left == 0:
        print(prompt.name, file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    return answer(person, prompt)

HiddenPerson.answer = mortal
from robotd.ctl.cli import main
main()
"""
CHAIN = (7, 26, 21, 30)
"""At which of its prompts each run in a row is killed, counted from 1."""


def calibrate(path: Path, kill_at: int = 0) -> subprocess.CompletedProcess[str]:
    """All steps on the hidden robot, killed at the prompt of a number, counted from 1; 0 for never."""
    words = ["calibrate", "--hal", "emulated", "--seed", str(SEED), "--file", str(path), "--ids", "1-60"]
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(kill_at), *words], capture_output=True, text=True, timeout=300, check=False
    )


def asked_by(run: subprocess.CompletedProcess[str]) -> list[str]:
    """Names of the prompts that were answered in a run, in order."""
    lines = (line.strip() for line in run.stderr.splitlines())
    return [line[1:].partition("]")[0] for line in lines if line.startswith("[") and "]" in line]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The place of a calibration that somebody has made before."""
    save_calibration(tmp_path / "calibration.yaml", calibration_of(draw_truth(OF_WILDROBOT, Wiring(), SEED + 1)))
    return tmp_path / "calibration.yaml"


def kill(path: Path, number: int) -> str:
    """Run until a prompt and kill there; the old calibration is as it was. Returns the prompt's name."""
    before = path.read_bytes()
    killed = calibrate(path, number)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert path.read_bytes() == before and load_calibration(path, robot_identity(OF_WILDROBOT)) is not None
    return killed.stderr.splitlines()[-1]


def finish(path: Path, killed_at: str) -> None:
    """Run to the end: no step before the one that was killed is asked again, and what is written is the truth."""
    resumed = calibrate(path)
    assert resumed.returncode == 0, resumed.stderr
    steps = {name.partition(".")[0] for name in asked_by(resumed)}
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


@pytest.mark.slow
@pytest.mark.skipif("WILDROBOT_CALIBRATION_KILL" not in os.environ, reason="long: WILDROBOT_CALIBRATION_KILL=1")
def test_killed_at_each_single_prompt_it_goes_on(path: Path) -> None:
    whole = calibrate(path.with_name("whole.yaml"))
    prompts = asked_by(whole)
    assert len(prompts) > 80
    old = path.read_bytes()
    for number, name in enumerate(prompts, 1):
        for each in path.parent.glob("calibration.yaml*"):
            each.unlink()
        path.write_bytes(old)
        assert kill(path, number) == name
        finish(path, name)
        print(f"killed at {name}: well", flush=True)
