"""The console script `trainer`. It knows each verb's name and one line of help, and imports only the verb in use."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from contract import ContractError

FAILED, REFUSED, INTERRUPTED = 1, 2, 130

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# verb: (module in trainer.verbs that has a click command named `command`, one line of help)
VERBS = {
    "card": ("card", "Put one page into a bundle: how it was trained and what it was seen to do."),
    "check-pose": ("check_pose", "Prove that joint targets survive the way through a bundle's actions and back."),
    "completion": ("completion", "Print the lines that make a shell complete verbs and options."),
    "deploy": ("deploy", "Join bundles into one that a robot can switch between."),
    "drop-test": ("drop_test", "Drop the robot: does physics stay sane, does it come to stand?"),
    "eval": ("eval", "Deterministic trials in full MuJoCo: velocity, torque, falls, pushes."),
    "export": ("export", "Write a checkpoint's policy bundle and verify it as the robot will."),
    "keygen": ("keygen", "Make a key that signs bundles."),
    "motion": ("motion", "Build, import and look at reference motions."),
    "pictures": ("pictures", "Draw the robot for the README."),
    "reach-test": ("reach_test", "Squat, stride and gait inside the joint ranges, over the soles?"),
    "record-expert": ("record_expert", "Record a trained walker as the expert that AMP is shown."),
    "replay-dump": ("replay_dump", "Run the iteration again that ended a run with a value that is not finite."),
    "report": ("report", "Write one HTML page of runs: curves, rewards, gate, gait, torques, configs."),
    "sign": ("sign", "Vouch for a bundle with a key: signature.json over its checksums."),
    "sim2sim": ("sim2sim", "Run a bundle in physics that its training never used."),
    "speed-test": ("speed_test", "Joint speeds of the gait against the servos'."),
    "torque-test": ("torque_test", "Torques of squat, one leg and gait against the servos'; what to change."),
    "train": ("train", "Train a policy with PPO, with or without AMP."),
    "validate-setup": ("validate_setup", "Check robot, physics, rewards and learner before hours are spent."),
    "visualize": ("visualize", "Watch a policy: in a window, in the browser, or as a film."),
}


class Verbs(click.Group):
    """Verbs are imported when they run; what the contract refuses becomes one sentence and exit code 2."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS and ctx.resilient_parsing:
            return None
        if cmd_name not in VERBS:
            import difflib  # here: help is to be quick

            near = difflib.get_close_matches(cmd_name, VERBS, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"the verbs are {', '.join(sorted(VERBS))}"
            raise click.UsageError(f"no verb {cmd_name!r}; {hint}")
        command: click.Command = importlib.import_module(f"trainer.verbs.{VERBS[cmd_name][0]}").command
        return command

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """As click's, but a usage error is one sentence, as all other refusals."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        try:
            sys.exit(super().main(args, prog_name, complete_var, standalone_mode=False, **extra))
        except click.exceptions.NoArgsIsHelpError as problem:
            click.echo(problem.format_message(), err=True)
            sys.exit(REFUSED)
        except click.ClickException as problem:
            click.echo(f"trainer: {problem.format_message()}", err=True)
            sys.exit(problem.exit_code)
        except click.Abort:
            sys.exit(INTERRUPTED)
        except OSError as problem:
            if not _stdout_is_full():
                raise
            wanted = "expected room for the output; make some there or send it elsewhere"
            click.echo(f"trainer: stdout: {problem.strerror}, {wanted}", err=True)
            sys.exit(REFUSED)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        verbs = [CompletionItem(name, help=VERBS[name][1]) for name in sorted(VERBS) if name.startswith(incomplete)]
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl([(name, VERBS[name][1]) for name in sorted(VERBS)])

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ContractError as problem:
            click.echo(f"trainer: {problem}", err=True)
            sys.exit(REFUSED)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)


def _stdout_is_full() -> bool:
    """Whether stdout takes no more; what it still holds is then dropped, or the interpreter fails on it at exit."""
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return True
    return False


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """From a YAML file to a policy bundle.

    Exit codes: 0 ok, 1 a check failed or a run diverged, 2 refused, 130 interrupted.
    """
