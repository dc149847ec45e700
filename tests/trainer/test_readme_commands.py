"""What the README and the docs tell people to type: verbs and options that exist, and no verb left unsaid."""

import re
from pathlib import Path

import click
import pytest

from trainer.cli import VERBS, main

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE, SNIPPET = "```", re.compile(r"`([^`]+)`")


def commands(page: Path) -> list[list[str]]:
    """The words behind `trainer` in every snippet of a page, comments left out."""
    parts = page.read_text(encoding="utf-8").replace("\\\n", " ").split(FENCE)
    lines = [line for block in parts[1::2] for line in block.splitlines()]
    snippets = [snippet for text in parts[::2] for snippet in SNIPPET.findall(text)]
    words = [re.sub(r"#.*", "", line).split() for line in (*lines, *snippets)]
    found = []
    for snippet in words:
        if snippet[:3] == ["mjpython", "-m", "trainer"]:
            snippet = snippet[2:]
        if snippet[:1] == ["trainer"] and len(snippet) > 1:
            found.append(snippet[1:])
    return found


def unknown_options(words: list[str]) -> list[str]:
    """The options that the verb does not have. Raises click.UsageError for an unknown verb."""
    with click.Context(main) as context:
        command = main.get_command(context, words[0])
        if isinstance(command, click.Group):
            command = command.commands[words[1]]
    assert command is not None
    known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)}
    return [word for word in words if word.startswith("--") and word.partition("=")[0] not in known]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_shown_exists(page: Path) -> None:
    assert {" ".join(words): unknown_options(words) for words in commands(page) if unknown_options(words)} == {}


def test_the_readme_shows_every_verb() -> None:
    assert set(VERBS) - {words[0] for words in commands(ROOT / "README.md")} == set()


def test_a_wrong_command_would_be_found() -> None:
    assert unknown_options(["eval", "--bundle", "x", "--laddder"]) == ["--laddder"]
    with pytest.raises(click.UsageError):
        unknown_options(["evaluate", "--bundle"])
