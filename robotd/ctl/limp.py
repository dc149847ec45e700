"""Verb limp: torque off at every servo, whether robotd lives or not."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from firmware_bridge.servo_limp import LimpReport
from robotd.ctl.limp_now import EXIT_FAILED, EXIT_OK, LOCK_S, exit_code, lines_of, refused_to_start, unload
from robotd.ctl.refusal import Unreachable, refusing
from robotd.ctl.silent_holder import end_silent_holder
from robotd.limp_plan import LimpPlan, forget_plan, plan_of, read_plan
from robotd.lock import HardwareHeldError, HardwareLock, HardwareLockError, pid_of_holder
from robotd.places import own_config


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help="The robotd.yaml whose servos to unload.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(config: Path | None, as_json: bool) -> int:
    """Torque off at every servo, whether robotd lives or not.

    Every servo on every bus is asked whether it obeyed.

    Without --config: what the last robotd drove, if it died, and what /etc/robotd/robotd.yaml names besides; else that
    file alone, else the default wiring. While robotd runs, this is its emergency stop. A robotd or a bench verb that
    holds the hardware and does not answer is killed; whoever else holds it keeps no torque on: then it goes off beside
    him. Run by systemd after a robotd that refused to start, it leaves alone whoever holds the hardware.

    \b
    Example:
      robotctl limp

    Exit codes: 0 every servo confirmed, 1 one did not, 2 refused, 3 none did.
    """
    try:
        lock = HardwareLock("robotctl limp", patience_s=LOCK_S)
    except HardwareLockError as problem:
        if isinstance(problem, HardwareHeldError) and refused_to_start(os.environ):
            click.echo(f"{problem.holder} holds the hardware and is left alone: the refused robotd gave no torque")
            return EXIT_OK
        answered = _stop_the_living(problem, as_json)
        return _limp_against(problem, config, as_json) if answered is None else answered
    with lock:
        return _limp(config, as_json, alone=True)


def _limp_against(problem: HardwareLockError, config: Path | None, as_json: bool) -> int:
    """Torque off though the lock is not to be had and nobody answers."""
    ended, said = False, f"{problem}; no emergency stop was answered, so torque goes off beside it"
    if isinstance(problem, HardwareHeldError):
        ended, said = end_silent_holder(problem)
    click.echo(f"robotctl: {said}", err=True)
    if ended:
        with suppress(HardwareLockError), HardwareLock("robotctl limp", patience_s=LOCK_S):
            return _limp(config, as_json, alone=True)
    return _limp(config, as_json, alone=False)


def _limp(config: Path | None, as_json: bool, alone: bool) -> int:
    """Unload over the buses and say what came of it. Only who is alone there knows that the plan is done with."""
    left = read_plan() if config is None else None
    plan = left or _configured(config)
    if alone and not left and config is None and _only_simulated(plan):
        ports = ", ".join(port for port, _ in plan.buses.values())
        raise Unreachable(
            f"no servo bus is there ({ports}), and the robotd that runs is simulated and drives no servos: robotctl "
            "estop stops it; where a real robot holds torque, switch its power off"
        )
    unloaded = [(plan, unload(plan))]
    if left and alone and exit_code(unloaded[0][1]) == EXIT_OK:
        forget_plan()
    if left and (rest := _besides(left)):
        unloaded.append((rest, unload(rest)))
    code = exit_code({name: report for _, reports in unloaded for name, report in reports.items()})
    if as_json:
        buses = {name: _facts(plan, name, report) for plan, reports in unloaded for name, report in reports.items()}
        click.echo(json.dumps({"unloaded": code == EXIT_OK, "by": "bus", "buses": buses}))
    else:
        click.echo("\n".join(line for plan, reports in unloaded for line in lines_of(reports, plan)))
    return code


def _facts(plan: LimpPlan, name: str, report: LimpReport) -> dict[str, Any]:
    """One bus, for --json."""
    servos = {i: limped._asdict() | {"verified": limped.verified} for i, limped in report.servos.items()}
    return {"port": plan.buses[name][0], **report._asdict(), "servos": servos}


def _besides(left: LimpPlan) -> LimpPlan | None:
    """The servos that the robot's own robotd.yaml names and the plan does not; None where there are none."""
    if left.is_all:
        return None
    try:
        rest = _configured(None).besides(left)
    except click.ClickException as problem:
        click.echo(f"robotctl: {problem.format_message()}; only what the last robotd drove is unloaded", err=True)
        return None
    return rest if rest.buses else None


def _only_simulated(plan: LimpPlan) -> bool:
    """Whether no port is there and a robotd answers, though the hardware is ours: it has none."""
    from robotd.ctl.client import Client
    from robotd.messages import AskStatus, Status

    if any(Path(port).exists() for port, _ in plan.buses.values()):
        return False
    try:
        with Client() as client:
            client.ask(AskStatus(), Status)
    except click.ClickException:
        return False
    return True


def _configured(config: Path | None) -> LimpPlan:
    """All servos of a robotd.yaml. Raises Refusal."""
    from robotd.calibration import standing_of
    from robotd.config import ConfigFileError, load_config

    with refusing(ConfigFileError):
        wiring = load_config(own_config(config)).hardware
    return plan_of(standing_of(wiring, None).applied(wiring))  # a calibration that cannot be used stops no limp


def _may_hold(pid: int, problem: HardwareLockError) -> bool:
    """Whether this process holds the hardware, or who does cannot be seen from here."""
    holder = None
    if isinstance(problem, HardwareHeldError):
        with suppress(OSError):
            holder = pid_of_holder(problem.path)
    return holder in (pid, None)


def _stop_the_living(problem: HardwareLockError, as_json: bool) -> int | None:
    """Ask the daemon that holds the hardware for its emergency stop; None where nobody does as he is asked.

    A robotd that answers and is not who holds the hardware is simulated: its torque is not meant.
    """
    from robotd.ctl.act import tell
    from robotd.ctl.client import Client
    from robotd.messages import Estop

    try:
        with Client() as client:
            if not _may_hold(client.peer_pid, problem):
                return None
            done = client.act(Estop())
    except click.ClickException:
        return None
    if as_json:
        click.echo(json.dumps({"unloaded": done.ok, "by": "estop", "mode": done.mode}))
        return EXIT_OK if done.ok else EXIT_FAILED
    return tell(done)
