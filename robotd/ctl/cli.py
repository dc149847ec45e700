"""The console script `robotctl`. It knows each verb's name and one line of help, and imports only the verb in use."""

from __future__ import annotations

import errno
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

# verb: (module in this folder that has a click command named `command`, one line of help)
VERBS = {
    "activate": ("activate", "Let the policy run: from STANDBY to ACTIVE."),
    "arm": ("arm", "Switch torque on and move home: from IDLE to STANDBY."),
    "bundle": ("bundle", "Install bundles, choose the one that robotd runs, and go back."),
    "bus": ("bus", "Find the servos on a bus, and measure how well it works."),
    "bus-budget": ("bus_budget", "Compute how old feedback will be, and whether the schedule fits the tick."),
    "calibrate": ("calibrate", "Find out how this robot is put together: all steps, or the named ones."),
    "check-pose": ("check_pose", "Prove that joint targets survive the way through a bundle's actions and back."),
    "clear": ("clear", "Clear latched faults: from FAULT to IDLE."),
    "completion": ("completion", "Print the lines that make a shell complete verbs and options."),
    "compare": ("compare", "Replay a log's commands on the physics twin and compare the joints."),
    "dashboard": ("dashboard", "Serve one page in the browser that shows the robot live, and steers it."),
    "demo": ("demo", "Run a policy on the physics twin, push it, and film what happened."),
    "doctor": ("doctor", "See what of this machine fits robotd, and how to mend the rest."),
    "dry-run": ("dry_run", "See what a policy would do to the robot, before it may do it."),
    "emulate": ("emulate", "Serve emulated servo buses in a process of their own, with faults on demand."),
    "estop": ("estop", "Torque off now. A standing robot falls."),
    "imu": ("imu", "Try out the IMU."),
    "limp": ("limp", "Torque off at every servo, whether robotd lives or not."),
    "log": ("log", "Look at the black box: the ring of all that happened in the last minutes."),
    "policy": ("policy", "List the policies of the deployment, or switch to NAME."),
    "replay": ("replay", "Run a black box through contract, policy and safety once more."),
    "report": ("report", "Make one page of a black box: what happened, what led to each stop, and how well it ran."),
    "selftest": (
        "selftest",
        "Inject every fault of the table on emulated wires and measure how soon the wires are safe.",
    ),
    "service": ("service", "Put robotd under systemd, and take it away again."),
    "servo": ("servo", "Look at one servo, and write its id and limits."),
    "slow": ("slow", "Slow the robot down by a FACTOR from 0.1 to 1."),
    "status": ("status", "Say how the robot is: mode, faults, policy, servos, and what speaks against arming."),
    "stop": ("stop", "Stop in an orderly way: crouch, then torque off."),
    "teleop": ("teleop", "Drive by keyboard or gamepad, for as long as a key or button is held."),
    "sysid": ("sysid", "Find delay, speed limit, lag, backlash and friction of each servo, beside the MJCF's."),
    "timing": ("timing", "Print lateness, tick time and slack of the daemon's loop since its start, as histograms."),
    "velocity": ("velocity", "Command a velocity: VX and VY in m/s, YAW in rad/s."),
}
EXIT_REFUSED = 2
EXIT_INTERRUPTED = 130


class Verbs(click.Group):
    """A group whose verbs are imported when they are run, not when they are listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all verbs."""
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module; None where there is no such verb."""
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"robotd.ctl.{VERBS[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb, or name the nearest one."""
        if args[0] not in VERBS and not args[0].startswith("-") and not ctx.resilient_parsing:
            import difflib  # here: help is to be quick

            near = difflib.get_close_matches(args[0], VERBS, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"the verbs are {', '.join(sorted(VERBS))}"
            raise click.UsageError(f"no verb {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Verbs from the table above, importing none of them, and options."""
        from click.shell_completion import CompletionItem

        verbs = [CompletionItem(name, help=VERBS[name][1]) for name in sorted(VERBS) if name.startswith(incomplete)]
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs from the table above, importing none of them."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, VERBS[name][1]) for name in sorted(VERBS)])


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
def robotctl() -> None:
    """Look at, try out and steer a WildRobot.

    Exit codes: 0 ok, 1 a check failed or the robot stopped, 2 refused, 3 hardware not reachable, 130 interrupted.
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code; what is wrong with the input is one sentence on stderr."""
    try:
        result = robotctl.main(args=arguments, prog_name="robotctl", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as problem:
        click.echo(problem.format_message(), err=True)
        return EXIT_REFUSED
    except click.ClickException as problem:
        click.echo(f"robotctl: {problem.format_message()}", err=True)
        return problem.exit_code
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except OSError as problem:
        if problem.errno != errno.ENOSPC:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what could not be written is not tried again at the end
        where = problem.filename or "the output"
        click.echo(f"robotctl: {where}: no space left on device; free some, then try again", err=True)
        return EXIT_REFUSED
    return result if isinstance(result, int) else 0


def main() -> None:
    """Entry point of the console script."""
    code = run()
    if code == EXIT_INTERRUPTED:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # pressed twice, it would end Python's own end with a traceback
    sys.exit(code)
