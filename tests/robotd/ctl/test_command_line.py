"""robotctl itself: fast help, near misses, one sentence and an exit code for bad input."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from robotd.ctl import cli

HEAVY = ("mujoco", "onnxruntime", "numpy", "jax", "pydantic", "yaml", "PIL", "contract", "robotd.daemon")


def run_help(*arguments: str) -> tuple[str, list[str]]:
    """What `robotctl ARGUMENTS` prints in a fresh process, and the heavy modules that it imported."""
    program = (
        "import sys, json\n"
        "from robotd.ctl.cli import run\n"
        f"code = run({list(arguments)!r})\n"
        f"print(json.dumps([code, [name for name in {HEAVY!r} if name in sys.modules]]))"
    )
    began_s = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    print(f"robotctl {' '.join(arguments)}: {time.perf_counter() - began_s:.2f} s")
    *text, last = done.stdout.splitlines()
    code, imported = json.loads(last)
    assert code == 0
    return "\n".join(text), imported


def test_help_lists_every_verb_and_imports_none() -> None:
    text, imported = run_help("--help")
    assert imported == []
    for verb, (_, line) in cli.VERBS.items():
        assert verb in text
        assert line.split()[0] in text


def test_every_verb_has_a_module_with_the_help_that_is_listed() -> None:
    for module, line in cli.VERBS.values():
        command = importlib.import_module(f"robotd.ctl.{module}").command
        assert isinstance(command, click.Command)
        assert command.help is not None and command.help.splitlines()[0] == line


@pytest.mark.parametrize(("typed", "meant"), [("demmo", "demo"), ("chek-pose", "check-pose"), ("Demo", "demo")])
def test_unknown_verb_names_the_nearest(typed: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([typed]) == 2
    assert capsys.readouterr().err == f"robotctl: no verb {typed!r}; did you mean {meant!r}?\n"


def test_verb_like_no_other_gets_the_whole_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["xyzzy"]) == 2
    err = capsys.readouterr().err
    assert all(verb in err for verb in cli.VERBS)


def test_without_a_verb_the_help_is_shown_and_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([]) == 2
    assert "demo" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["demo", "--bundle", "no/such/bundle"], "no/such/bundle: no such bundle folder"),
        (["check-pose", "--bundle", "no/such/bundle"], "no/such/bundle: no such bundle folder"),
        (["demo", "--seconds", "0"], "--seconds"),
        (["demo", "--seconds", "nan"], "--seconds"),
        (["demo", "--push-n", "-1"], "--push-n"),
        (["demo", "--hal", "real"], "--hal"),
        (["demo", "--secnds", "3"], "--seconds"),
        (["demo", "extra"], "extra"),
        (["check-pose"], "--bundle"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("robotctl: ") and err.count("\n") == 1
    assert words in err
    assert "Traceback" not in err


def test_folder_for_pictures_that_is_a_file_is_refused(
    zero_bundle_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "taken"
    file.write_text("")
    assert cli.run(["demo", "--hal", "mock", "--bundle", str(zero_bundle_path), "--out", str(file)]) == 2
    assert "expected a folder" in capsys.readouterr().err


def test_interrupt_gives_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.robotctl, "main", interrupted)
    assert cli.run(["demo"]) == 130


def test_a_full_disk_is_one_sentence() -> None:
    command = [sys.executable, "-c", "from robotd.ctl.cli import main; main()", "bus-budget"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "robotctl: the output: no space left on device; free some, then try again\n"
