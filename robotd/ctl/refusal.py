"""Bad ends as one sentence: what a verb raises, and how the errors of the other rooms become it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from robotd.places import may_write


class Refusal(click.ClickException):
    """The verb does not start. The message is one sentence on stderr, the exit code 2."""

    exit_code = 2


class CheckFailed(click.ClickException):
    """The verb tried, and what came out is not what it should be. One sentence, exit code 1."""

    exit_code = 1


class Unreachable(click.ClickException):
    """A device is not there or does not answer. One sentence, exit code 3."""

    exit_code = 3


@contextmanager
def refusing(*errors: type[Exception]) -> Iterator[None]:
    """Turn `errors` raised inside into a Refusal with the same sentence."""
    try:
        yield
    except errors as problem:
        raise Refusal(_sentence(problem)) from problem


def expect_writable(path: Path, option: str) -> None:
    """Before anything is done whose outcome goes there. Raises Refusal: it is a folder, or this user cannot write."""
    if path.is_dir():
        raise Refusal(f"{path}: is a folder, expected a file; give another name with {option}")
    if not may_write(path):
        raise Refusal(f"{path}: this user cannot write there; use sudo, or {option} for another place")


def _sentence(problem: Exception) -> str:
    if isinstance(problem, OSError) and problem.filename:
        barred = isinstance(problem, PermissionError) and os.geteuid() != 0
        cure = "use sudo" if barred else "check that place"
        return f"{problem.filename}: {problem.strerror}; {cure}"
    return " ".join(str(problem).split())
