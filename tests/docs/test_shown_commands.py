"""What README and docs tell people to type: programs, verbs, options and choices that exist, no verb left unsaid."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from shown_commands import (
    NEEDS,
    PAGES,
    PROGRAMS,
    ROOT,
    RUN_ELSEWHERE,
    blocks_of,
    lines_of,
    problems_of,
    rows,
    segments,
    snippets_of,
    unknown_options,
    unmarked_commands,
    whole,
)

from robotd.ctl.cli import VERBS as ROBOTCTL_VERBS
from trainer.cli import VERBS as TRAINER_VERBS


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_in_a_block_exists(page: Path) -> None:
    lines = [(block.line, line) for block in blocks_of(page) for line in lines_of(block.text)]
    found = {f"{at}: {line}": problems_of(words) for at, line in lines for words in segments(line)}
    assert {line: problems for line, problems in found.items() if problems} == {}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_stand_in_blocks_that_are_said_to_be_shell(page: Path) -> None:
    assert unmarked_commands(page) == [], "begin the block with ```sh"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_snippet_in_the_text_exists(page: Path) -> None:
    found = {snippet: unknown_options(snippet.split()) for snippet in snippets_of(page)}
    assert {snippet: options for snippet, options in found.items() if options} == {}


def test_every_row_of_the_table_exists_and_says_what_it_needs() -> None:
    assert len(rows()) > 40
    for row in rows():
        assert row.needs in NEEDS, f"README.md line {row.line}: needs {row.needs!r}, expected one of {sorted(NEEDS)}"
        for command in whole(row.snippets):
            for words in segments(command):
                assert problems_of(words) == [], f"README.md line {row.line}: {command}"


def test_the_readme_shows_every_verb() -> None:
    readme = ROOT / "README.md"
    shown = [words for row in rows() for command in whole(row.snippets) for words in segments(command)]
    shown += [snippet.split() for snippet in snippets_of(readme)]
    verbs = {program: {words[1] for words in shown if words[0] == program and len(words) > 1} for program in PROGRAMS}
    assert set(TRAINER_VERBS) - verbs["trainer"] == set()
    assert set(ROBOTCTL_VERBS) - verbs["robotctl"] == set()


def test_a_page_whose_blocks_are_run_elsewhere_has_that_test() -> None:
    assert all((ROOT / test).exists() for test in RUN_ELSEWHERE.values())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("robotctl statsu", "no verb"),
        ("robotctl status --jsn", "No such option"),
        ("robotctl demo --hal simm", "none of"),
        ("robotctl servo show --port P", "is required"),
        ("robotctl status now", "nobody takes"),
        ("trainer eval --bundle x --laddder", "No such option"),
        ("taskset -c 0 trainer train --configg x", "No such option"),
        ("make dmeo", "no target"),
        ("python assets/postprocess.py", "is not there"),
        ("mytool --x", "no program"),
    ],
)
def test_a_wrong_command_would_be_found(words: str, said: str) -> None:
    assert said in " ".join(problems_of(words.split()))


def test_a_wrong_snippet_would_be_found() -> None:
    assert unknown_options(["trainer", "eval", "--bundle", "x", "--laddder"]) == ["--laddder"]
    assert unknown_options(["robotctl", "velocity", "VX", "[VY", "[YAW]]", "[--for", "SECONDS]"]) == []
    for words in ("trainer evaluate --bundle", "robotctl bus scann"):
        with pytest.raises(click.UsageError):
            unknown_options(words.split())


def test_blocks_rows_and_lines_are_read_as_people_read_them(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    inner = '    ```sh title="slow: hours"\n    a \\\n      b  # why\n    # nothing\n\n    c && d | e > f\n    ```\n'
    page.write_text(f"1. x\n\n{inner}\n````md\n```sh\nno command\n```\n````\n```\nrobotctl status\n```\n")
    (block,) = blocks_of(page)
    assert (block.line, block.mark) == (4, "slow")
    assert [list(segments(line)) for line in lines_of(block.text)] == [[["a", "b"]], [["c"], ["d"], ["e"]]]
    assert unmarked_commands(page) == ["robotctl status"]
    assert list(segments("source <(robotctl completion bash)")) == [["source"], ["robotctl", "completion", "bash"]]
    assert list(segments("A=1 sudo /opt/bin/robotctl x; y &")) == [["sudo", "/opt/bin/robotctl", "x"], ["y"]]
    row = ("robotctl demo --fast", "... --hal sim", "--buses 1", "status --json", "trainer eval")
    assert whole(row) == [
        "robotctl demo --fast",
        "robotctl demo --fast --hal sim",
        "robotctl demo --fast --hal sim --buses 1",
        "robotctl status --json",
        "trainer eval",
    ]
