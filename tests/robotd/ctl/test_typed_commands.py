"""What README and docs tell people to type of robotctl: verbs and options that exist, and the dry run's rows work."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from bench_rig import Robotctl
from dry_run_rig import DryRun

from robotd.ctl.cli import robotctl as main

ROOT = Path(__file__).resolve().parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SNIPPET = re.compile(r"`(?:sudo )?robotctl ([^`]+)`")
LINE = re.compile(r"^(?:\$ )?(?:sudo )?robotctl (.+)$", re.MULTILINE)


def commands(text: str) -> list[list[str]]:
    """The words behind `robotctl`, in snippets of prose and in blocks, comments left out."""
    parts = text.replace("\\\n", " ").split("```")
    found = [snippet for prose in parts[::2] for snippet in SNIPPET.findall(prose)]
    found += [line for block in parts[1::2] for line in LINE.findall(block)]
    return [[word for word in shlex.split(each, comments=True) if word != "&"] for each in found]


def unknown_options(words: list[str]) -> list[str]:
    """The options that the verb does not have. Raises click.UsageError for an unknown verb."""
    command: click.Command | None = main
    with click.Context(main) as context:
        for word in words:
            if not isinstance(command, click.Group) or not re.fullmatch(r"[a-z][a-z-]*", word):
                break
            _, command, _ = command.resolve_command(context, [word])
    assert command is not None
    known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)} | {"--help"}
    return [word for word in words if word.startswith("--") and word.partition("=")[0] not in known]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_shown_exists(page: Path) -> None:
    shown = commands(page.read_text(encoding="utf-8"))
    assert {" ".join(words): unknown_options(words) for words in shown if unknown_options(words)} == {}


def test_a_wrong_command_would_be_found() -> None:
    assert commands("`robotctl bus scan --port P` and\n```sh\nrobotctl doctor &  # why\n```\n") == [
        ["bus", "scan", "--port", "P"],
        ["doctor"],
    ]
    assert unknown_options(["bus", "scan", "--prot", "P"]) == ["--prot"]
    assert unknown_options(["--help"]) == [] and unknown_options(["--hlep"]) == ["--hlep"]
    with pytest.raises(click.UsageError):
        unknown_options(["dry-ran", "--bundle"])


def test_the_runbooks_rows_of_the_dry_run_work(
    robotctl: Robotctl, monkeypatch: pytest.MonkeyPatch, zero_bundle_path: Path
) -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8").split("## The runbook's commands")[1]
    rows = [words for words in commands(table) if words[0] == "dry-run"]
    assert [words[3:] for words in rows] == [[], ["--off-ground", "--slow", "0.25"], ["--ground", "--low-torque"]]
    dry_run = DryRun(robotctl, monkeypatch)
    for words in rows:
        bundle = [str(zero_bundle_path) if word == "D" else word for word in words[1:]]
        said = dry_run(*bundle, "--hal", "mock").said
        assert said.code == 0 and "all passed" in said.out
