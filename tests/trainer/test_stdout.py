"""An output that takes no more is one sentence; a reader that left early is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from trainer.cli import main
from trainer.verbs import completion

FULL = Path("/dev/full")
SAID = "trainer: stdout: No space left on device, expected room for the output; make some there or send it elsewhere\n"
LONG = "import click, trainer.verbs.completion as v; v.command.callback = lambda shell: click.echo('x' * 100_000); "
MAIN = "from trainer.cli import main; main()"

needs_full = pytest.mark.skipif(not FULL.exists(), reason="/dev/full is Linux's")


def into(target: str, *words: object, program: str = MAIN) -> tuple[int, str]:
    """Exit code and stderr of `trainer` with its stdout into a shell's `target`."""
    command = [sys.executable, "-c", program, *map(str, words)]
    done = subprocess.run(
        ["bash", "-c", f'"$@" {target}; exit ${{PIPESTATUS[0]}}', "bash", *command],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stderr


@needs_full
@pytest.mark.parametrize("words", [("--help",), ("eval", "--help"), ("completion", "bash")])
def test_a_full_disk_behind_stdout_is_one_sentence(words: tuple[str, ...]) -> None:
    assert into("> /dev/full", *words) == (2, SAID)


@needs_full
def test_a_report_that_does_not_fit(tmp_path: Path) -> None:
    assert into("> /dev/full", "torque-test", "--no-picture", "--output", tmp_path) == (2, SAID)
    assert (tmp_path / "torque.json").is_file()


@needs_full
def test_more_than_any_buffer_holds() -> None:
    assert into("> /dev/full", "completion", "bash", program=LONG + MAIN) == (2, SAID)


def test_a_reader_that_left_early_is_no_sentence() -> None:
    assert into("| (exec < /dev/null; sleep 3)", "completion", "bash", program=LONG + MAIN) == (1, "")


def test_other_errors_of_the_system_are_not_blamed_on_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(shell: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(completion.command, "callback", broken)
    done = CliRunner().invoke(main, ["completion", "bash"])
    assert isinstance(done.exception, OSError) and done.stderr == ""
