"""Verb completion: what makes a shell complete verbs and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

EXIT_OK = 0
VARIABLE = "_ROBOTCTL_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> int:
    """Print the lines that make a shell complete verbs and options.

    \b
    Examples:
      echo 'source <(robotctl completion bash)' >> ~/.bashrc
      echo 'source <(robotctl completion zsh)' >> ~/.zshrc
      robotctl completion fish > ~/.config/fish/completions/robotctl.fish

    Exit codes: 0 ok, 2 refused.
    """
    from robotd.ctl.cli import robotctl

    kind = get_completion_class(shell)
    assert kind is not None  # each of the choices has one
    click.echo(kind(robotctl, {}, "robotctl", VARIABLE).source())
    return EXIT_OK
