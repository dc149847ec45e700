"""Prompts: each has a name, so that a person at the terminal, a file of answers, or a rehearsal can answer it."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

import click
import yaml

from contract.plain_yaml import load_plain
from robotd.ctl.refusal import Refusal

DONE = "done"


class Prompt(NamedTuple):
    """What a person is asked.

    name: as `offsets.left_knee_pitch`, the step first; text: what to look at or to do; choices: all answers that count.
    """

    name: str
    text: str
    choices: tuple[str, ...] = (DONE,)


class Person(Protocol):
    """Who answers, after having done what the prompt says."""

    def answer(self, prompt: Prompt) -> str:
        """One of the prompt's choices. Raises Refusal, click.Abort."""
        ...


class PersonAtTerminal:
    """Somebody who reads and types. An empty line is `done` where nothing else can be said."""

    def answer(self, prompt: Prompt) -> str:
        """Ask until it is one of the choices. Raises Refusal: nobody can type here; click.Abort."""
        click.echo(f"\n  {prompt.text}", err=True)
        hint = "Enter when done" if prompt.choices == (DONE,) else ", ".join(prompt.choices)
        while True:
            said = _typed(f"  [{prompt.name}] {hint}")
            if not said and prompt.choices == (DONE,):
                return DONE
            if said in prompt.choices:
                return str(said)
            click.echo(f"  {_unknown(said, prompt)}", err=True)


def _typed(text: str) -> str:
    try:
        return str(click.prompt(text, default="", show_default=False, err=True)).strip().lower()
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise Refusal(f"{text.strip()}: the input has ended; run it in a terminal, or give --answers FILE") from None


class PersonOnPaper:
    """Answers out of a YAML file: a mapping of prompt names to answers. What only says `done` may be left out."""

    def __init__(self, path: Path) -> None:
        self._path, self._answers = path, read_answers(path)

    def answer(self, prompt: Prompt) -> str:
        """What the file says. Raises Refusal: it says nothing, or nothing that counts."""
        said = self._answers.get(prompt.name, DONE if prompt.choices == (DONE,) else None)
        if said is None:
            raise Refusal(
                f"{self._path}: no answer for the prompt {prompt.name}, expected one of {', '.join(prompt.choices)}; "
                f"add the line '{prompt.name}: {prompt.choices[0]}'"
            )
        if said not in prompt.choices:
            raise Refusal(f"{self._path}: {prompt.name}: {_unknown(said, prompt)}")
        show(prompt, said)
        return said


def read_answers(path: Path) -> Mapping[str, str]:
    """Answers by name of the prompt. Raises Refusal."""
    try:
        data = load_plain(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise Refusal(f"--answers {path}: {problem.strerror}, expected a YAML file; check the path") from None
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise Refusal(f"--answers {path}: not YAML ({' '.join(str(problem).split())}); correct that line") from None
    if not isinstance(data, dict):
        raise Refusal(f"--answers {path}: found {type(data).__name__}, expected a mapping of prompts to answers")
    return {str(name): str(answer).lower() for name, answer in data.items()}


def show(prompt: Prompt, answer: str) -> None:
    """What was asked and answered where nobody types, on stderr."""
    click.echo(f"  {prompt.text}\n  [{prompt.name}] {answer}", err=True)


def _unknown(said: str, prompt: Prompt) -> str:
    near = difflib.get_close_matches(said, prompt.choices, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(prompt.choices)}"
    return f"found {said!r}, {hint}"
