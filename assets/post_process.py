"""Makes the robot's MJCF and robot_config.yaml from a CAD export: run `python post_process.py` in this folder.

Input: what onshape-to-robot wrote (onshape/robot.xml, or a URDF) and one YAML per robot with what CAD cannot know
(onshape/wildrobot.yaml). The same input gives the same bytes. See docs/assets.md.
"""

from __future__ import annotations

import difflib
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from cad.aligned import align
from cad.audit import Audit, Finding, audit, compare_weights
from cad.description import CONFIG, check_frames, config_text
from cad.export import Export, RuleError
from cad.facts import Facts, load_facts
from cad.geometry import build_geometry
from cad.mjcf_export import read_mjcf_export
from cad.mjcf_text import mjcf_text
from cad.stance import compile_model, find_poses
from cad.urdf_export import read_urdf_export

from contract.errors import ContractError

HERE = Path(__file__).resolve().parent
WEIGH_IN = "measured.yaml"
FAILED, REFUSED = 1, 2
_DIFF_LINES = 40


class Product(NamedTuple):
    """The texts of both files by name, the audit, and notes on what became of the meshes."""

    files: dict[str, str]
    audited: Audit
    notes: list[str]


def produce(robot: Path) -> Product:
    """Everything that post_process writes, for the robot whose YAML is at `robot`.

    Raises:
        RuleError: an element of the export breaks a rule.
        ContractError: the YAML or the outcome is not valid.
    """
    facts = load_facts(robot)
    source = f"{robot.parent.name}/{facts.export} and {robot.parent.name}/{robot.name}"
    export = align(_read(robot.parent / facts.export), facts)
    check_frames(export, facts)
    audited = audit(export, facts)
    geometry = build_geometry(export, facts)
    limp = compile_model(mjcf_text(export, geometry, facts), facts.model)
    poses = find_poses(limp, export, facts)
    text = mjcf_text(export, geometry, facts, poses, source)
    compile_model(text, facts.model)
    config = config_text(export, facts, poses, audited, source)
    return Product({facts.model: text, CONFIG: config}, audited, _notes(export, facts, geometry.notes))


def _read(path: Path) -> Export:
    if not path.is_file():
        raise RuleError(f"{path}: no such file, the rule is the export that the YAML names; run onshape-to-robot")
    return read_urdf_export(path) if path.suffix == ".urdf" else read_mjcf_export(path)


def _notes(export: Export, facts: Facts, fits: list[str]) -> list[str]:
    lost = sorted(
        {f.name for link in export.links for f in link.frames} - {facts.imu, *facts.foot_switches.frames.values()}
    )
    return [*fits, *(f"frame {name}: left out, nothing asks for it" for name in lost)]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--robot", type=click.Path(path_type=Path), help="A robot's YAML, beside its export [WildRobot's].")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder for both files [assets; with --robot, the YAML's]."
)
@click.option(
    "--measured", type=click.Path(path_type=Path), help=f"Weigh-in sheet [{WEIGH_IN} in OUT, if it is there]."
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a file is not what would be written.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(robot: Path | None, out: Path | None, measured: Path | None, check: bool, as_json: bool) -> None:
    """Make the robot's MJCF and robot_config.yaml from its CAD export.

    Exit codes: 0 written or up to date; 1 the scale contradicts the model, or --check found a stale file; 2 the export
    or the YAML breaks a rule. Example: python post_process.py --robot myrobot/myrobot.yaml
    """
    out = out or (HERE if robot is None else robot.parent)
    robot = robot or HERE / "onshape" / "wildrobot.yaml"
    sheet = measured or (out / WEIGH_IN if (out / WEIGH_IN).exists() else None)
    try:
        product = produce(robot)
        weighed = compare_weights(product.audited, sheet) if sheet is not None else []
        changes = {name: _write(out / name, text, check) for name, text in product.files.items()}
    except (RuleError, ContractError) as error:
        click.echo(f"post_process: {error}", err=True)
        sys.exit(REFUSED)
    except OSError as error:
        click.echo(f"post_process: --out {out}: {error.strerror}, expected a folder that can be written", err=True)
        sys.exit(REFUSED)
    if as_json:
        click.echo(json.dumps(_report(product, weighed, changes)))
    else:
        _tell(product, weighed, changes, check)
    stale = check and any(change is None or change for change in changes.values())
    sys.exit(FAILED if stale or not all(finding.passed for finding in weighed) else 0)


def _write(path: Path, text: str, check: bool) -> list[str] | None:
    """What changes in a file, as lines of a diff; None: it is new."""
    old = path.read_text(encoding="utf-8") if path.exists() else None
    if text != old and not check:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if old is None:
        return None
    return list(difflib.unified_diff(old.splitlines(), text.splitlines(), "before", "after", lineterm="", n=0))


def _report(product: Product, weighed: list[Finding], changes: dict[str, list[str] | None]) -> dict[str, Any]:
    audited = product.audited
    return {
        "files": {n: "new" if c is None else "changed" if c else "up to date" for n, c in changes.items()},
        "mass_kg": {"total": round(audited.total_kg, 6), **audited.mass_kg},
        "com_m": (np.round(audited.com_m, 6) + 0.0).tolist(),
        "asymmetry": {"mass": audited.mass_share, "inertia": audited.inertia_share, "length_m": audited.length_m},
        "weigh_in": [finding._asdict() for finding in weighed],
        "notes": product.notes,
    }


def _tell(product: Product, weighed: list[Finding], changes: dict[str, list[str] | None], check: bool) -> None:
    audited = product.audited
    click.echo("mass and inertia")
    for name, mass in audited.mass_kg.items():
        click.echo(f"  {name:16s}{mass:8.3f} kg")
    com = ", ".join(f"{x:.3f}" for x in audited.com_m.round(3) + 0.0)
    click.echo(f"  {'in all':16s}{audited.total_kg:8.3f} kg, centre of mass at ({com}) m from the base, joints at 0")
    click.echo(f"  left and right differ by {audited.mass_share:.2%} in mass, {audited.inertia_share:.2%} in inertia, "
               f"{1e3 * audited.length_m:.2f} mm at most")  # fmt: skip
    for finding in weighed:
        click.echo(f"  {'pass' if finding.passed else 'FAIL'}  {finding.sentence()}")
    click.echo("primitives in the place of meshes")
    for note in product.notes:
        click.echo(f"  {note}")
    for name, change in changes.items():
        if change is not None and not change:
            click.echo(f"{name}: up to date")
            continue
        click.echo(f"{name}: {'would be ' if check else ''}{'written' if change is None else 'changed'}")
        for line in (change or [])[:_DIFF_LINES]:
            click.echo(f"  {line}")
        if len(change or []) > _DIFF_LINES:
            click.echo(f"  ... and {len(change or []) - _DIFF_LINES} lines more")


if __name__ == "__main__":
    main()
