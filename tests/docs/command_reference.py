"""docs/command-reference.md: what `--help` of robotd and of every verb of robotctl and trainer says."""

from __future__ import annotations

from collections.abc import Iterator

import click

from robotd.ctl.cli import robotctl
from robotd.daemon import robotd
from trainer.cli import main as trainer

HEAD = """# Commands

Generated from `--help` by `make docs`; a test says when it is stale.
Exit codes everywhere: 0 ok, 1 a check failed or the robot stopped, 2 refused, 3 hardware not reachable, 130
interrupted.

"""
PROGRAMS: dict[str, click.Command] = {"robotd": robotd, "robotctl": robotctl, "trainer": trainer}
WIDTH = 100


def page() -> str:
    """The whole page."""
    return HEAD + "".join(f"## {name}\n{helps(name, command)}" for name, command in PROGRAMS.items())


def helps(program: str, command: click.Command) -> str:
    """A program's own help and that of each verb."""
    own = f"```text\n{help_of(program, command)}\n```\n\n"
    if not isinstance(command, click.Group):
        return own
    return own + "".join(
        f"### {path}\n```text\n{help_of(path, verb)}\n```\n\n" for path, verb in verbs(command, program)
    )


def verbs(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command below a group that does something, with all words that name it."""
    context = click.Context(group, info_name=path)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from verbs(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def help_of(path: str, command: click.Command) -> str:
    """As it is printed on a terminal of 100 columns."""
    text = command.get_help(click.Context(command, info_name=path, terminal_width=WIDTH, max_content_width=WIDTH))
    return "\n".join(line.rstrip() for line in text.splitlines())
