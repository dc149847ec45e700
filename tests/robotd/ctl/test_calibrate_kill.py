"""robotctl calibrate killed at a prompt with SIGKILL: the old calibration stays whole, and the next run goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from calibration_rig import OF_WILDROBOT, offset_errors

from robotd.calibration import load_calibration, robot_identity, save_calibration
from robotd.ctl.calibration.draft import PARTS
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
CI_PROMPTS = (1, 5, 14, 25, 60, 75)
"""Of a run that is not killed; the long form takes them all."""
ALL = bool(os.environ.get("WILDROBOT_CALIBRATION_KILL"))


def calibrate(path: Path, kill_at: int = 0) -> subprocess.CompletedProcess[str]:
    """All steps on the hidden robot, killed at the prompt of a number, counted from 1; 0 for never."""
    words = ["calibrate", "--hal", "emulated", "--seed", str(SEED), "--file", str(path), "--ids", "1-60"]
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(kill_at), *words], capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A calibration that nobody disturbed, and how many prompts it took."""
    path = tmp_path_factory.mktemp("whole") / "calibration.yaml"
    done = calibrate(path)
    assert done.returncode == 0, done.stderr
    return path, sum(line.strip().startswith("[") for line in done.stderr.splitlines())


def test_killed_at_a_prompt_the_old_file_stays_whole_and_the_next_run_goes_on(
    whole: tuple[Path, int], tmp_path: Path
) -> None:
    undisturbed, prompts = whole
    assert prompts > 50
    for number in range(1, prompts + 1) if ALL else (each for each in CI_PROMPTS if each <= prompts):
        path = tmp_path / str(number) / "calibration.yaml"
        old = load_calibration(undisturbed)
        assert old is not None
        save_calibration(path, old.model_copy(update={"date": "2026-01-01T00:00:00+00:00"}))
        before = path.read_bytes()
        killed = calibrate(path, number)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert path.read_bytes() == before and load_calibration(path, robot_identity(OF_WILDROBOT)) is not None
        resumed = calibrate(path)
        assert resumed.returncode == 0, resumed.stderr
        found = load_calibration(path, robot_identity(OF_WILDROBOT))
        assert found is not None and offset_errors(found, draw_truth(OF_WILDROBOT, Wiring(), SEED)) == []
        asked = {line.split("]")[0].strip(" [") for line in resumed.stderr.splitlines() if line.strip().startswith("[")}
        steps = {name.partition(".")[0] for name in asked}
        at = killed.stderr.splitlines()[-1].partition(".")[0]
        if at in PARTS:
            earlier = list(PARTS)[: list(PARTS).index(at)]
            assert not steps & set(earlier), f"killed at {at}, and {steps & set(earlier)} asked again"
        assert not path.with_name(path.name + ".draft").exists()
