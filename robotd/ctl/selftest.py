"""Verb selftest: every fault of the table on emulated wires, and how soon the wires are safe."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any, NamedTuple

import click

from contract import Bundle, ContractError, assets_dir, load_deployment
from contract.schema import suggest
from robotd.bundle_choice import bundle_option
from robotd.config import ConfigFileError, RobotdConfig, load_config
from robotd.ctl.fault_trial import Found, try_once
from robotd.ctl.injections import INJECTIONS, Injection
from robotd.ctl.progress import Pace, Progress
from robotd.ctl.refusal import Refusal, Unreachable, refusing
from robotd.daemon import Refusal as StartRefusal
from robotd.daemon import Unreachable as StartUnreachable
from robotd.hal import HardwareError
from robotd.policy import open_session
from robotd.realtime import prepare

EXIT_OK, EXIT_FAILED = 0, 1
ATTEMPTS = 3


class Line(NamedTuple):
    """One row of the result; times in s. worst_s: of all trials, None where one of them failed outright."""

    injection: Injection
    promised_s: float
    found: list[Found]

    @property
    def worst_s(self) -> float | None:
        """The slowest trial."""
        times = [found.took_s for found in self.found if found.took_s is not None]
        return max(times) if len(times) == len(self.found) else None

    @property
    def passed(self) -> bool:
        """Every trial within what is promised."""
        return self.worst_s is not None and self.worst_s <= self.promised_s

    @property
    def note(self) -> str:
        """Why there is no time."""
        return next((found.note for found in self.found if found.note), "")

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        row = self.injection.row
        return {
            "fault": row.fault.name,
            "stop": row.stop.name.lower(),
            "how": self.injection.how,
            "promised_s": round(self.promised_s, 4),
            "worst_s": None if self.worst_s is None else round(self.worst_s, 4),
            "times_s": [None if found.took_s is None else round(found.took_s, 4) for found in self.found],
            "passed": self.passed,
            "note": self.note,
        }


def _choose(ctx: click.Context, parameter: click.Parameter, names: tuple[str, ...]) -> list[Injection]:
    """All rows of the named faults; all faults where none is named."""
    known = list(dict.fromkeys(str(injection.row.fault.name) for injection in INJECTIONS))
    for name in names:
        if name.upper() not in known:
            raise click.BadParameter(f"found {name!r}{suggest(name.upper(), known)}")
    wanted = {name.upper() for name in names} or set(known)
    return [injection for injection in INJECTIONS if injection.row.fault.name in wanted]


@click.command()
@click.option("--fault", "injections", multiple=True, callback=_choose, help="Only this fault; may be repeated.")
@click.option("--times", type=click.IntRange(1, 1000), default=1, show_default=True, help="Trials of each.")
@bundle_option("Whose robot; without it the standing one's.")
@click.option("--config", "config_path", type=click.Path(path_type=Path), help="robotd.yaml; without it the defaults.")
@click.option("--realtime/--no-realtime", default=True, show_default=True, help="Ask Linux for what robotd asks for.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    injections: list[Injection],
    times: int,
    bundle: Path | None,
    config_path: Path | None,
    realtime: bool,
    as_json: bool,
) -> int:
    """Inject every fault of the table on emulated wires and measure how soon the wires are safe.

    Runs robotd's loop on this machine against emulated servos, IMU and switches, about five seconds for each trial.
    Trials begin at different moments between two ticks. The time goes from the moment the condition begins, as the
    wires show it, to the moment from which on they carry only the stop's commands: all buses unloaded, or none but the
    crouch's targets. Promised are the condition's own time (as the age of a sample), its debounce, and 40 ms.

    A trial that something else stops before its fault is repeated twice: a busy machine is late by itself.

    \b
    Examples:
      robotctl selftest --times 20
      robotctl selftest --fault TILT --json

    Exit codes: 0 all within what is promised, 1 something is not, 2 refused, 3 the emulation does not start.
    """
    progress = Progress(sys.stderr)
    logging.getLogger("robotd").setLevel(logging.CRITICAL + 1)  # here faults are the plan
    with refusing(ContractError, ConfigFileError):
        config = load_config(config_path)
        bundles, default = load_deployment(bundle or assets_dir() / "bundles" / "standing", open_session)
    for step in prepare(config.realtime) if realtime else ():
        if not step.ok:
            progress.say(f"warning: real time: {step}")
    ctrl_dt, lines = bundles[default].spec.runtime.ctrl_dt, []
    pace = Pace(len(injections) * times, "trials")
    for number, injection in enumerate(injections):
        found = []
        for trial in range(times):
            progress.show(f"{injection.name}: {pace.text(number * times + trial)}")
            found.append(_try(injection, bundles[default], config, (trial + 0.5) / times))
        lines.append(Line(injection, injection.promised_s(config.safety, ctrl_dt), found))
    progress.end()
    passed = all(line.passed for line in lines)
    if as_json:
        click.echo(json.dumps({"passed": passed, "times": times, "faults": [line.to_json() for line in lines]}))
    else:
        click.echo(_table(lines, times))
    return EXIT_OK if passed else EXIT_FAILED


def _try(injection: Injection, bundle: Bundle, config: RobotdConfig, phase: float) -> Found:
    """One trial; one that something else stopped before the fault is none, and is repeated a few times."""
    found = Found(None)
    for attempt in range(ATTEMPTS):
        try:
            found = try_once(injection, bundle, config, phase)
        except StartUnreachable as problem:
            if attempt == ATTEMPTS - 1:
                raise Unreachable(str(problem)) from None
            continue
        except (StartRefusal, HardwareError) as problem:
            raise Refusal(str(problem)) from None
        if found.tried:
            break
    return found


def _table(lines: list[Line], times: int) -> str:
    rows = [f"  {'fault':<14}{'stop':<8}{'how':<46}{'promised':>10}{f'worst of {times}':>14}"]
    for line in lines:
        row, worst_s = line.injection.row, line.worst_s
        took = "none" if worst_s is None else f"{worst_s * 1e3:.0f} ms"
        promised = f"{line.promised_s * 1e3:.0f} ms"
        verdict = "pass" if line.passed else f"FAIL{f' ({line.note})' if line.note else ''}"
        names = f"{row.fault.name!s:<14}{row.stop.name.lower():<8}{line.injection.how:<46}"
        rows.append(f"  {names}{promised:>10}{took:>14}  {verdict}")
    failed = sum(not line.passed for line in lines)
    rows.append(f"  {failed} of {len(lines)} FAILED" if failed else f"  all {len(lines)} passed")
    return "\n".join(rows)
