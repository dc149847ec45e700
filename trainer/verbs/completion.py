"""Verb completion: what makes a shell complete verbs and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

VARIABLE = "_TRAINER_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the lines that make a shell complete verbs and options.

    \b
    Examples:
      echo 'source <(trainer completion bash)' >> ~/.bashrc
      echo 'source <(trainer completion zsh)' >> ~/.zshrc
      trainer completion fish > ~/.config/fish/completions/trainer.fish

    Exit codes: 0 ok, 2 refused.
    """
    from ..cli import main

    kind = get_completion_class(shell)
    assert kind is not None  # each of the choices has one
    click.echo(kind(main, {}, "trainer", VARIABLE).source())
