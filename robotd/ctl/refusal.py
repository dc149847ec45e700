"""Bad ends as one sentence: what a verb raises, and how the errors of the other rooms become it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click


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
        raise Refusal(" ".join(str(problem).split())) from problem
