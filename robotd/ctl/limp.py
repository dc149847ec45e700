"""Verb limp: torque off at every servo, whether robotd lives or not."""

from __future__ import annotations

import json
from pathlib import Path

import click

from robotd.ctl.limp_now import EXIT_FAILED, EXIT_OK, exit_code, lines_of, unload
from robotd.ctl.refusal import Unreachable, refusing
from robotd.limp_plan import LimpPlan, plan_of, plan_path, read_plan
from robotd.lock import HardwareLock, HardwareLockError
from robotd.places import config_path


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help="The robotd.yaml whose servos to unload.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(config: Path | None, as_json: bool) -> int:
    """Torque off at every servo, whether robotd lives or not.

    Every servo on every bus is asked whether it obeyed.

    Without --config: what the last robotd drove, if it died; else /etc/robotd/robotd.yaml, else the default wiring.
    While robotd runs, this is its emergency stop.

    \b
    Example:
      robotctl limp

    Exit codes: 0 every servo confirmed, 1 one did not, 2 refused, 3 none did.
    """
    try:
        lock = HardwareLock("robotctl limp")
    except HardwareLockError as problem:
        return _stop_the_living(str(problem), as_json)
    with lock:
        left = read_plan() if config is None else None
        plan = left or _configured(config)
        reports = unload(plan)
        code = exit_code(reports)
        if left and code == EXIT_OK:
            plan_path().unlink(missing_ok=True)
    if as_json:
        buses = {name: {"port": plan.buses[name][0], **report._asdict()} for name, report in reports.items()}
        for bus in buses.values():
            bus["servos"] = {i: limped._asdict() | {"verified": limped.verified} for i, limped in bus["servos"].items()}
        click.echo(json.dumps({"unloaded": code == EXIT_OK, "by": "bus", "buses": buses}))
    else:
        click.echo("\n".join(lines_of(reports, plan)))
    return code


def _configured(config: Path | None) -> LimpPlan:
    """All servos of a robotd.yaml. Raises Refusal."""
    from robotd.calibration import standing_of
    from robotd.config import ConfigFileError, load_config

    usual = config_path()
    with refusing(ConfigFileError):
        wiring = load_config(config or (usual if usual.exists() else None)).hardware
    return plan_of(standing_of(wiring, None).applied(wiring))  # a calibration that cannot be used stops no limp


def _stop_the_living(held: str, as_json: bool) -> int:
    """Ask the daemon that holds the hardware for its emergency stop. Raises Unreachable: nobody answers."""
    from robotd.ctl.act import tell
    from robotd.ctl.client import Client
    from robotd.messages import Estop

    try:
        with Client() as client:
            done = client.act(Estop())
    except click.ClickException as problem:
        raise Unreachable(
            f"{held}; torque is as it was, since it answers no emergency stop ({problem.format_message()}): kill it, "
            "then `robotctl limp` again"
        ) from None
    if as_json:
        click.echo(json.dumps({"unloaded": done.ok, "by": "estop", "mode": done.mode}))
        return EXIT_OK if done.ok else EXIT_FAILED
    return tell(done)
