"""Verb bundle: the policies of this robot on its disk, which one robotd runs, and the way back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from contract import ContractError, assets_dir
from robotd.bundle_store import NAME, BundleStoreError, bundles_folder, in_use, installed, is_held
from robotd.config import ConfigFileError, RobotdConfig, load_config
from robotd.ctl.refusal import Refusal, refusing
from robotd.places import config_path
from robotd.signature import SignatureError, signer_of

if TYPE_CHECKING:
    from robotd.config import BundlesConfig

EXIT_OK = 0
NEXT = "robotd takes it at its next start: systemctl restart robotd"


class Row(NamedTuple):
    """One bundle. running: a robotd runs it now; problem: why it does not verify, empty where it does; signed_by: the
    trusted key's name, empty where there is none."""

    name: str
    in_use: bool
    running: bool
    policies: tuple[str, ...]
    signed_by: str
    problem: str


@click.group()
def command() -> None:
    """Install bundles, choose the one that robotd runs, and go back."""


_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@command.command("install")
@click.argument("source")
@click.option("--name", default="", help="What to call it; without it as the source. Digits of its content follow.")
@click.option("--use", "use_it", is_flag=True, help="And choose it.")
@_json
def install_command(source: str, name: str, use_it: bool, as_json: bool) -> int:
    """Put a bundle among this robot's, verified as robotd verifies it.

    SOURCE is the name of a bundle that WildRobot ships, or else a folder or a .tar, .tar.gz or .zip of one; ./NAME is
    always a file or folder. Nothing that is installed is ever replaced; the first bundle is in use at once.

    \b
    Examples:
      robotctl bundle install wildrobot
      robotctl bundle install walking.tar.gz --use

    Exit codes: 0 ok, 2 refused.
    """
    from robotd.ctl import bundle_change, bundle_source

    with _refusing():
        files = bundle_source.read_source(_source(source))
        full, fresh = bundle_change.install(bundles_folder(), files, _policy(), name)
        if use_it:
            bundle_change.use(bundles_folder(), full, _policy())
        chosen = in_use(bundles_folder()) == full
    said = f"{'installed' if fresh else 'was there already'}: {full}{', in use' if chosen else ''}"
    return _say({"bundle": full, "new": fresh, "in_use": chosen}, said, as_json)


@command.command("list")
@_json
def list_command(as_json: bool) -> int:
    """List this robot's bundles: which is in use, which runs, whether each verifies, and who signed it.

    \b
    Example:
      robotctl bundle list

    Exit codes: 0 ok, 2 refused.
    """
    with _refusing():
        rows = [_row(name) for name in installed(bundles_folder())]
    if as_json:
        return _say({"folder": str(bundles_folder()), "bundles": [row._asdict() for row in rows]}, "", True)
    wide = max((len(row.name) for row in rows), default=0)
    for row in rows:
        about = [", ".join(row.policies)] if row.policies else []
        about += [f"signed by {row.signed_by}"] if row.signed_by else []
        about += ["runs now"] if row.running else []
        click.echo(f"{'*' if row.in_use else ' '} {row.name:<{wide}}  {'; '.join([*about, row.problem or 'verified'])}")
    if not rows:
        click.echo(f"{bundles_folder()}: no bundle; robotctl bundle install wildrobot")
    return EXIT_OK


@command.command("use")
@click.argument("name")
@_json
def use_command(name: str, as_json: bool) -> int:
    """Choose the bundle that robotd runs from its next start on. The beginning of a NAME is enough.

    \b
    Example:
      robotctl bundle use walking

    Exit codes: 0 ok, 2 refused.
    """
    from robotd.ctl import bundle_change

    with _refusing():
        full, changed = bundle_change.use(bundles_folder(), name, _policy())
    said = f"in use: {full}; {NEXT}" if changed else f"in use already: {full}"
    return _say({"bundle": full, "changed": changed}, said, as_json)


@command.command("rollback")
@_json
def rollback_command(as_json: bool) -> int:
    """Choose the bundle that was in use before this one.

    \b
    Example:
      robotctl bundle rollback

    Exit codes: 0 ok, 2 refused.
    """
    from robotd.ctl import bundle_change

    with _refusing():
        before, now = bundle_change.roll_back(bundles_folder(), _policy())
    return _say({"bundle": now, "before": before}, f"in use: {now}, no longer {before}; {NEXT}", as_json)


@command.command("remove")
@click.argument("name")
@_json
def remove_command(name: str, as_json: bool) -> int:
    """Delete a bundle. Never the one in use, nor one that a robotd runs.

    \b
    Example:
      robotctl bundle remove walking-3f2a91bc

    Exit codes: 0 ok, 2 refused.
    """
    from robotd.ctl import bundle_change

    with _refusing():
        full = bundle_change.remove(bundles_folder(), name)
    return _say({"bundle": full}, f"removed: {full}", as_json)


def _source(text: str) -> Path:
    """A shipped bundle of that name, wherever this is said, or else a path."""
    shipped = assets_dir() / "bundles" / text
    if "/" in text or not NAME.fullmatch(text) or not shipped.is_dir():
        return Path(text)
    if Path(text).exists():
        click.echo(f"{text}: the bundle that WildRobot ships; what lies in this folder is ./{text}", err=True)
    return shipped


def _row(name: str) -> Row:
    """Checksums are verified; the networks are not opened, so that a list is quick."""
    from contract.bundle import read_deployment
    from contract.bundle_files import DEPLOYMENT_FILE, verify_checksums

    path = bundles_folder() / name
    problem = signed_by = ""
    policies: tuple[str, ...] = ()
    try:
        verify_checksums(path, False)
        if (path / DEPLOYMENT_FILE).is_file():
            policies = tuple(sorted(read_deployment(path).policies))
    except ContractError as found:
        problem = f"NOT VERIFIED: {' '.join(str(found).split())}"
    policy = _policy()
    try:
        signed_by = signer_of(path, policy.trusted_keys) if policy.trusted_keys else ""
    except SignatureError as found:
        problem = problem or (f"REFUSED: {found}" if policy.require_signature else "")
    return Row(name, _in_use() == name, is_held(path), policies, signed_by, problem)


def _in_use() -> str:
    try:
        return in_use(bundles_folder())
    except BundleStoreError:
        return ""


def _policy() -> BundlesConfig:
    """Of this robot's robotd.yaml. Raises ConfigFileError."""
    path = config_path()
    return (load_config(path) if path.exists() else RobotdConfig()).bundles


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        with refusing(ContractError, SignatureError, BundleStoreError, ConfigFileError):
            yield
    except PermissionError as problem:
        raise Refusal(f"{problem.filename}: {problem.strerror}, expected to write there; use sudo") from None
    except OSError as problem:
        raise Refusal(
            f"{problem.filename or bundles_folder()}: {problem.strerror}, expected a disk that works"
        ) from None


def _say(data: dict[str, Any], text: str, as_json: bool) -> int:
    click.echo(json.dumps(data) if as_json else text)
    return EXIT_OK
