"""`python tests/robotd/ctl/bringup_page.py` runs every command of docs/bringup.md and writes beside it what it said.

Commands stand in blocks of shell, and what they said in the block of text behind each. All of it lives in an empty
folder, without hardware.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "bringup.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```\n(?:```text\n.*?^```\n)?", re.MULTILINE | re.DOTALL)
EXITS = re.compile(r"# exits (\d+)")
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
LONG_S = 180.0
LONGEST, KEPT = 90, 30
"""Lines: what is longer than the one stands on the page with so many of its first and of its last."""
TRIES = 3
"""Emulated wires live in wall time: a machine that is busy elsewhere makes a robot stop, as it should."""
TALKS_ON_STDERR = ("dry-run", "calibrate")
BY_NAME = ("dry-run", "doctor")
"""Verbs whose lines are `name: what was found`; what was found is different in every run."""
PROGRAMS = {
    # On a machine with other work, missed deadlines would stop the robot: here they are taken out, and dry runs and
    # tests of the IMU are in simulated time. With WILDROBOT_PATIENT_WIRES servos may take their time to answer.
    "robotd": """
from robotd import daemon
from robotd.clock import MonotonicClock
from robotd.ctl.patience import PatientClock
daemon.MonotonicClock = lambda early_s: PatientClock(MonotonicClock())
daemon.realtime.prepare = lambda config: ()
daemon.main()
""",
    "robotctl": """
import os, sys
from firmware_bridge import servo_bus
if "WILDROBOT_PATIENT_WIRES" in os.environ:
    servo_bus.REPLY_S = 0.15 if "scan" in sys.argv else 0.5
if "dry-run" in sys.argv:
    from simulated_robot import simulate_dry_runs
    simulate_dry_runs(setattr)
if "imu" in sys.argv:
    from simulated_robot import simulate_imu_tests
    simulate_imu_tests(setattr)
from robotd.ctl.cli import main
main()
""",
}
YOUNG = "ticks so far"
"""What status says of a daemon that has run for less than a second: it is asked again."""


class Step(NamedTuple):
    """One line of the page. code: of its exit; background: it ends with `&`."""

    line: str
    words: tuple[str, ...]
    code: int
    background: bool


class Said(NamedTuple):
    """What a step did."""

    code: int
    text: str


def steps_of(block: str) -> list[Step]:
    """The lines of one block of shell."""
    steps = []
    for line in block.splitlines():
        words = shlex.split(line, comments=True)
        exits = EXITS.search(line)
        code = int(exits[1]) if exits else 0
        steps.append(Step(line, tuple(word for word in words if word != "&"), code, "&" in words))
    return steps


def blocks_of(page: str) -> list[list[Step]]:
    """All blocks of shell, in order."""
    return [steps_of(block[1]) for block in BLOCK.finditer(page)]


def run_page(page: str, folder: Path, patient: bool = False) -> list[list[tuple[Step, Said]]]:
    """Run every step in an empty folder, in order; what goes on in the background ends at the end.

    Args:
        patient: servos may take their time to answer, since the machine has other work.

    Raises:
        AssertionError: a step did not end with the code that the page says.
    """
    (folder / "assets").symlink_to(ROOT / "assets")
    with ExitStack() as background:
        return [[(step, _run(step, folder, background, patient)) for step in block] for block in blocks_of(page)]


def with_transcripts(page: str, blocks: list[list[tuple[Step, Said]]]) -> str:
    """The page with what its commands said."""
    said = iter(blocks)

    def block(found: re.Match[str]) -> str:
        text = "".join(said_of(step, words) for step, words in next(said))
        return f"```sh\n{found[1]}```\n" + (f"```text\n{text}```\n" if text else "")

    return BLOCK.sub(block, page)


def said_of(step: Step, said: Said) -> str:
    """A step's words as they stand on the page."""
    if not said.text:
        return ""
    lines = said.text.splitlines()
    if len(lines) > LONGEST:
        lines = [*lines[:KEPT], f"  ... {len(lines) - 2 * KEPT} lines ...", *lines[-KEPT:]]
    return "".join(f"{line}\n" for line in (f"$ {shlex.join(step.words)}", *lines))


def skeleton(page: str) -> list[str]:
    """The page without what is different in each run: numbers, widths, and what was found behind a name."""
    lines, verb, inside = [], "", False
    for line in page.splitlines():
        if line.startswith("```"):
            inside = line == "```text"
        if line.startswith("$ "):
            verb = line.split()[2] if len(line.split()) > 2 else ""
            lines.append(line)
            continue
        if inside and (verb in BY_NAME or (verb == "bus" and "FAILED" in line)):
            line = line.partition(":")[0]
        if inside and "was only read" in line:  # a servo whose first answer was lost, or came late
            continue
        if inside and verb == "doctor":
            line = "" if line.startswith("        ") else line.split()[-1] if line.split() else ""
        lines.append(" ".join(NUMBER.sub("#", line).split()) if inside else line)
    return lines


def _run(step: Step, folder: Path, background: ExitStack, patient: bool) -> Said:
    env = {**os.environ, "WILDROBOT_HOME": str(folder / "home"), "PYTHONPATH": f"{ROOT}:{Path(__file__).parent}"}
    env |= {"WILDROBOT_PATIENT_WIRES": "1"} if patient else {}
    if step.background:
        background.enter_context(_served(step, folder, env))
        return Said(0, "")
    for attempt in range(TRIES):
        print(step.line, file=sys.stderr, flush=True)
        said = _once(step, folder, env)
        if said.code == step.code and YOUNG not in said.text:
            return said
        print(f"attempt {attempt + 1}: exit {said.code}\n{said.text}", file=sys.stderr)
        time.sleep(1.0)
    raise AssertionError(f"{step.line}: exit {said.code}, expected {step.code}\n{said.text}")


def _once(step: Step, folder: Path, env: dict[str, str]) -> Said:
    done = subprocess.run(_command(step), cwd=folder, env=env, capture_output=True, text=True, timeout=LONG_S)
    assert "Traceback" not in done.stderr, done.stderr
    last = "".join(f"{line}\n" for line in done.stderr.splitlines() if line.startswith("robotctl: "))
    err = done.stderr if step.words[1] in TALKS_ON_STDERR else last
    return Said(done.returncode, _neutral(err + done.stdout, folder))


@contextmanager
def _served(step: Step, folder: Path, env: dict[str, str]) -> Iterator[None]:
    """A step in the background: begun when it says so, ended by SIGTERM."""
    log = folder / f"{step.words[0]}.log"
    with (
        log.open("w") as file,
        subprocess.Popen(_command(step), cwd=folder, env=env, stdout=file, stderr=file) as process,
    ):
        try:
            until_s = time.monotonic() + LONG_S
            while not re.search("wires are up|mode idle", log.read_text()):
                assert process.poll() is None and time.monotonic() < until_s, log.read_text()
                time.sleep(0.05)
            yield
        finally:
            process.terminate()


def _command(step: Step) -> list[str]:
    return [sys.executable, "-c", PROGRAMS[step.words[0]], *step.words[1:]]


def _neutral(text: str, folder: Path) -> str:
    """Nothing of the machine that wrote the page: no folder, no process, no kernel."""
    text = text.replace(f"{folder}/", "").replace(str(ROOT), ".").replace(sys.executable, "python")
    text = re.sub(r"\(pid \d+\)", "(pid N)", text)
    text = re.sub(r"^(  \S+ +kernel: )\S+, ", r"\1", text, flags=re.MULTILINE)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def main() -> None:
    """Write the page anew."""
    page = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="wr-") as folder:
        blocks = run_page(page, Path(folder))
    now = PAGE.read_text(encoding="utf-8")  # somebody may have written at it meanwhile
    if blocks_of(now) != blocks_of(page):
        sys.exit(f"{PAGE.name}: its commands have changed meanwhile; run this again")
    PAGE.write_text(with_transcripts(now, blocks), encoding="utf-8")
    print(f"wrote {PAGE.name}")


if __name__ == "__main__":
    main()
