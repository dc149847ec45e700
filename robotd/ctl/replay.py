"""Verb replay: a black box run through a bundle once more, to see whether the same comes out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from pydantic import ValidationError

from contract import Bundle, ContractError, load_deployment
from robotd.blackbox import spec_hash
from robotd.blackbox_codec import are_readable, example_record, record_of
from robotd.blackbox_layout import BlackBoxError, Header
from robotd.blackbox_reader import BlackBoxFile
from robotd.bundle_choice import bundle_option
from robotd.bundle_store import BundleStoreError, bundle_in_use
from robotd.config import RobotdConfig
from robotd.ctl.finite_range import FiniteRange
from robotd.ctl.log import chosen_box
from robotd.ctl.log_export import counted
from robotd.ctl.progress import Progress
from robotd.ctl.refusal import CheckFailed, Refusal, refusing
from robotd.policy import open_session
from robotd.record import TickRecord
from robotd.replay import Result, replay
from robotd.tick import Infer
from robotd.tick_state import Setup, make_setup

EXIT_OK, EXIT_DIFFERENT = 0, 1


class Stage(NamedTuple):
    """What the records are run through, and what is to be said of it first."""

    setup: Setup
    networks: Mapping[str, Infer]
    warnings: list[str]


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@bundle_option("Folder or name of the policy; without it the one in use.")
@click.option("--allow-unverified", is_flag=True, help="Take a bundle whose checksums are missing or stale.")
@click.option("--last", "last_s", type=FiniteRange(0.001, 1e6), help="Only so many seconds before the end.")
@click.option(
    "--tolerance",
    type=FiniteRange(0, 1),
    default=0.0,
    show_default=True,
    help="By how much numbers may differ; another kind of machine needs about 1e-4.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    file: Path | None,
    bundle: Path | None,
    allow_unverified: bool,
    last_s: float | None,
    tolerance: float,
    as_json: bool,
) -> int:
    """Run a black box through contract, policy and safety once more.

    Signals, orders, skipped periods and robotd.yaml come from FILE (the newest black box unless you name one), the
    policies from the bundle, the code is what is installed. Names the first field that comes out otherwise.

    \b
    Example:
      robotctl replay --bundle wildrobot --last 10

    Exit codes: 0 everything is the same, 1 something is not, 2 refused.
    """
    progress = Progress(sys.stderr)
    with refusing(BlackBoxError, BundleStoreError, ContractError), BlackBoxFile(chosen_box(file)) as opened:
        folder = bundle or bundle_in_use()
        bundles, _ = load_deployment(folder, open_session, allow_unverified)
        stage = _stage(opened, bundles, folder)
        for warning in stage.warnings:
            progress.say(f"warning: {warning}")
        scan = opened.scan()
        records = _records(opened, counted(opened, scan, last_s, progress.show), stage.setup)
        result = replay(records, stage.setup, stage.networks, tolerance)
    progress.end()
    if not result.ticks and result.difference is None:
        raise CheckFailed(f"{opened.path}: holds no intact tick, expected at least one; take another file")
    if as_json:
        click.echo(json.dumps(_to_json(result, scan.corrupt, opened.path, folder)))
    else:
        click.echo(_to_text(result, scan.corrupt))
    return EXIT_OK if result.difference is None else EXIT_DIFFERENT


def _stage(file: BlackBoxFile, bundles: Mapping[str, Bundle], path: Path) -> Stage:
    """The recorded run's setup with the bundle's policies. Raises Refusal where they are not for its robot."""
    header = file.header
    matched = _matched(header, bundles, path)
    first = matched[header.policy]
    if list(first.spec.robot.actuator_names) != header.joints:
        raise Refusal(
            f"{path}: drives {', '.join(first.spec.robot.actuator_names)}, expected the joints of {file.path}: "
            f"{', '.join(header.joints)}; take the bundle that ran there"
        )
    try:
        config = RobotdConfig.model_validate(header.config)
    except ValidationError as problem:
        error = problem.errors(include_url=False)[0]
        place = ".".join(map(str, error["loc"]))
        raise Refusal(
            f"{file.path}: its robotd.yaml does not fit this robotd ({place}: {error['msg']}), expected one that does; "
            "use the robotd that recorded it"
        ) from None
    specs = {name: bundle.spec for name, bundle in matched.items()}
    setup = make_setup(first.spec, first.robot_config, config, specs, header.policy)
    if not are_readable(header.columns, example_record(setup)):
        raise Refusal(
            f"{file.path}: its records have other columns than this robotd with {path} makes, expected the same; "
            "use the robotd and the bundle that recorded it"
        )
    warnings = [
        f"{name} is not the policy that was recorded: its spec is another one"
        for name, spec in specs.items()
        if spec_hash(spec) != header.policies[name]
    ]
    return Stage(setup, {name: bundle.network for name, bundle in matched.items()}, warnings)


def _matched(header: Header, bundles: Mapping[str, Bundle], path: Path) -> dict[str, Bundle]:
    """The bundle of each recorded policy; a single policy is recognised under any name. Raises Refusal."""
    if len(header.policies) == len(bundles) == 1:
        return {header.policy: next(iter(bundles.values()))}
    missing = [name for name in header.policies if name not in bundles]
    if missing:
        raise Refusal(
            f"{path}: has the policies {', '.join(bundles)}, expected {', '.join(header.policies)} as in the black "
            "box; take the bundle that ran there"
        )
    return {name: bundles[name] for name in header.policies}


def _records(file: BlackBoxFile, rows: Iterator[Any], setup: Setup) -> Iterator[TickRecord]:
    example = example_record(setup)
    return (record_of(row, file.header.columns, example) for row in rows)


def _to_json(result: Result, corrupt: int, file: Path, bundle: Path) -> dict[str, Any]:
    found = result.difference
    plain = None if found is None else {key: _plain(value) for key, value in found._asdict().items()}
    counts = {"ticks": result.ticks, "active": result.active, "starts": result.starts, "corrupt": corrupt}
    return {"identical": found is None, **counts, "difference": plain, "file": str(file), "bundle": str(bundle)}


def _to_text(result: Result, corrupt: int) -> str:
    gaps = result.starts - 1
    lines = [f"  {result.ticks} ticks identical, {result.active} of them active"]
    if corrupt or gaps > 0:
        lines.append(f"  {corrupt} records torn or changed; begun anew after {max(gaps, 0)} gaps")
    if (found := result.difference) is not None:
        was, is_now = _plain(found.recorded), _plain(found.computed)
        lines.append(f"  tick {found.number}: {found.field} differs: recorded {was}, computed {is_now}")
    return "\n".join(lines)


def _plain(value: Any) -> Any:
    """For JSON and for people."""
    if hasattr(value, "names"):
        return list(value.names)
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return value if value is None or isinstance(value, bool | int | str) else float(np.float64(value))
