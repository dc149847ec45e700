"""What README and docs tell people to type: blocks of shell, rows of README's table, snippets in the text."""

from __future__ import annotations

import itertools
import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from robotd.ctl.cli import robotctl
from robotd.daemon import robotd
from trainer.cli import main as trainer

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUN_ELSEWHERE = {"bringup.md": "tests/robotd/ctl/test_bringup_page.py"}
"""Pages whose blocks have a test of their own, which also compares what was said."""
PROGRAMS: dict[str, click.Command] = {"robotctl": robotctl, "robotd": robotd, "trainer": trainer}
OTHERS = (
    "apt", "cd", "cp", "echo", "export", "git", "ln", "pip", "raspi-config", "source", "ssh", "sudo", "systemctl",
    "usermod", "uv",
)  # fmt: skip
"""Words that a block may begin a command with beside our programs, make, python and pytest."""
FENCE = re.compile(r"^( *)(`{3,})([\w-]*)([^\n]*)\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r'title="(slow|hardware)\b')
SNIPPET = re.compile(r"`([^`\n]+)`")
EXITS = re.compile(r"# exits (\d+)")
TABLE_HEAD = "| to | run | needs |"
NEEDS = {
    "", "time", "hardware", "root", "your files", "a black box", "a quiet machine", "a running robotd", "a screen",
    "a second terminal",
}  # fmt: skip
"""What README's table may say that a command needs; where it says nothing the command is run by a test."""


class Block(NamedTuple):
    """A block of shell. mark: slow, hardware, or nothing, where a test runs it."""

    page: str
    line: int
    mark: str
    text: str


class Row(NamedTuple):
    """A row of README's table: its snippets that are whole commands, and those that continue one before them."""

    line: int
    snippets: tuple[str, ...]
    needs: str


def blocks_of(page: Path) -> list[Block]:
    """All blocks of shell on a page."""
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in FENCE.finditer(text):
        mark = MARK.search(fence[4])
        if fence[3] in ("sh", "bash", "console", "shell"):
            line = text.count("\n", 0, fence.start()) + 2
            found.append(Block(page.name, line, mark[1] if mark else "", textwrap.dedent(fence[5])))
    return found


def unmarked_commands(page: Path) -> list[str]:
    """Lines that begin with one of our programs in blocks that are not said to be shell: nobody would run them."""
    text = page.read_text(encoding="utf-8")
    lines = [line for fence in FENCE.finditer(text) if not fence[3] for line in fence[5].splitlines()]
    return [line for line in lines if line.split()[:1] and line.split()[0] in PROGRAMS]


def lines_of(text: str) -> list[str]:
    """The lines of a block, those that end with a backslash joined to the next."""
    return [
        line for line in text.replace("\\\n", " ").splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]


def rows() -> list[Row]:
    """The rows of README's first table."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    start = lines.index(TABLE_HEAD) + 2
    body = itertools.takewhile(lambda line: line.startswith("|"), lines[start:])
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))] for line in body]
    return [
        Row(number, tuple(SNIPPET.findall(run)), needs[0] if needs else "")
        for number, (_, run, *needs) in enumerate(cells, start + 1)
    ]


def whole(snippets: tuple[str, ...]) -> list[str]:
    """The commands of a row. `verb ...`, `--option` and `... --option` go on with the command before them."""
    found: list[str] = []
    for snippet in snippets:
        words = snippet.split()
        if words[0] in PROGRAMS or words[0] in OTHERS or words[0] in ("make", "python"):
            found.append(snippet)
        elif words[0].startswith("--") or words[0] == "...":
            found.append(f"{found[-1]} {snippet.removeprefix('...').strip()}")
        else:
            found.append(f"{found[-1].split()[0]} {snippet}")
    return found


def snippets_of(page: Path) -> list[str]:
    """Snippets in the text that begin with one of our programs and go on, without their sudo."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    starts = tuple(f"{program} " for program in PROGRAMS)
    return [each for snippet in SNIPPET.findall(text) if (each := snippet.removeprefix("sudo ")).startswith(starts)]


def segments(line: str) -> Iterator[list[str]]:
    """The commands of one line of shell, as words, without settings of variables, redirections and comments."""
    words = shlex.shlex(line, posix=True, punctuation_chars="&|;<>()")
    words.whitespace_split = True
    command: list[str] = []
    for word in words:
        if set(word) <= set("<>"):
            next(words, None)  # the file
        elif set(word) <= set("&|;<>()"):
            yield from [command] if command else []
            command = []
        elif command or not re.match(r"\w+=", word):
            command.append(word)
    yield from [command] if command else []


def problems_of(words: list[str]) -> list[str]:
    """What is wrong with one command: an unknown program, verb, option or choice, or a file that is not there."""
    words = words[1:] if words[0] == "sudo" else words[3:] if words[:2] == ["taskset", "-c"] else words
    name = Path(words[0]).name  # some stand with their environment's folder
    if name in PROGRAMS:
        return problems_with(PROGRAMS[name], name, words[1:])
    if name == "make":
        targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
        return [f"make has no target {word}" for word in words[1:] if "=" not in word and word not in targets]
    if name in ("python", "python3", "pytest"):
        if words[1:2] == ["-m"]:
            return []
        paths = [word.partition("::")[0] for word in words[1:] if "/" in word or word.endswith(".py")]
        options = {word for before, word in itertools.pairwise(words) if before.startswith("--")}
        there = [path for path in paths if (ROOT / path).exists() or (ROOT / "assets" / path).exists()]
        return [f"{path} is not there" for path in paths if path not in there and path not in options]
    return [] if name in OTHERS else [f"{name} is no program that these pages speak of"]


def problems_with(command: click.Command, path: str, words: list[str]) -> list[str]:
    """What a command's own parser has against words; a placeholder such as DIR stands for any value."""
    try:
        with click.Context(command, info_name=path, **command.context_settings) as context:
            if isinstance(command, click.Group):
                _, verb, rest = command.resolve_command(context, list(words) or ["--help"])
                assert verb is not None
                return problems_with(verb, f"{path} {words[0]}", rest)
            given, left, _ = command.make_parser(context).parse_args(list(words))
    except click.UsageError as problem:
        return [f"{path}: {problem.format_message()}"]
    found = [f"{path}: nobody takes {' '.join(left)}"] if left else []
    for param in command.params:
        values = given.get(param.name or "")
        if param.required and values in (None, ()):
            found.append(f"{path}: {param.name} is required")
        if isinstance(param.type, click.Choice):
            chosen = values if isinstance(values, list | tuple) else [values]
            wrong = [word for word in chosen if isinstance(word, str) and word not in param.type.choices]
            found += [f"{path}: {word} is none of {', '.join(param.type.choices)}" for word in wrong if word.islower()]
    return found


def unknown_options(words: list[str]) -> list[str]:
    """Options in a snippet of prose that its verb lacks. Raises click.UsageError: no such verb."""
    command, rest = PROGRAMS[words[0]], [word.strip("[]()…,") for word in words[1:]]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        with click.Context(command) as context:
            verb = command.get_command(context, rest[0])
            if verb is None:
                raise click.UsageError(f"no verb {rest[0]!r}")
            command, rest = verb, rest[1:]
    known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)} | {"--help", "-h"}
    return [word for word in rest if word.startswith("--") and word.partition("=")[0] not in known]
