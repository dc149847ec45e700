"""Verb service: put robotd under systemd, take it away again, and show what would be written."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import click

from robotd.ctl.refusal import Refusal, refusing
from robotd.whole_file import write_whole

EXIT_OK = 0
MARK = "# written by robotctl service install, sha256 of the rest: "
FILES = {
    "robotd.service": "etc/systemd/system/robotd.service",
    "99-wildrobot.rules": "etc/udev/rules.d/99-wildrobot.rules",
    "wildrobot.sysusers": "etc/sysusers.d/wildrobot.conf",
    "wildrobot.tmpfiles": "etc/tmpfiles.d/wildrobot.conf",
}
"""Where each file of the folder systemd/ goes."""
CONFIG = ("robotd.yaml", "etc/robotd/robotd.yaml")
"""Written only where there is none, and never taken away: it is the robot's own."""
ODD = frozenset("%$;\"'\\")
"""Signs that mean something in a unit file."""
AFTER_INSTALL = (
    ("systemd-sysusers",),
    ("systemd-tmpfiles", "--create"),
    ("udevadm", "control", "--reload"),
    ("udevadm", "trigger"),
    ("systemctl", "daemon-reload"),
)


class Change(NamedTuple):
    """One file. what: written, unchanged, replaced, removed, absent, or kept."""

    path: Path
    what: str


def units_folder() -> Path:
    """The folder systemd/: in a checkout, or inside the installed package."""
    room = Path(__file__).resolve().parents[1]
    checkout = room.parent / "systemd"
    return checkout if (checkout / "robotd.service").is_file() else room / "_systemd"


def text_of(name: str, bin_folder: Path) -> str:
    """A file as it is installed: the commands' folder filled in, marked as ours."""
    text = (units_folder() / name).read_text(encoding="utf-8").replace("@BIN@", str(bin_folder))
    return f"{MARK}{_digest(text)}\n{text}"


def is_ours(text: str) -> bool:
    """Whether a file is as some `install` wrote it, whatever the version."""
    first, _, rest = text.partition("\n")
    return first.startswith(MARK) and first.removeprefix(MARK) == _digest(rest)


def refuse_edited(root: Path) -> None:
    """Raises Refusal: a person has edited one of our files."""
    for path in (root / place for place in FILES.values()):
        if path.is_symlink() or (path.exists() and not is_ours(path.read_text(encoding="utf-8"))):
            raise Refusal(f"{path} was edited by hand; move it away, or add --force to lose what was edited")


def refuse_outside(root: Path) -> None:
    """Raises Refusal: a link among the folders leads out of `root`, into a system that is not to be changed."""
    inside = root.resolve()
    for folder in (root / Path(place).parent for place in (*FILES.values(), CONFIG[1])):
        if not folder.resolve().is_relative_to(inside):
            raise Refusal(f"{folder} leads to {folder.resolve()}, expected a folder inside {root}; correct that link")


def install(root: Path, bin_folder: Path, force: bool = False) -> list[Change]:
    """Write all files below `root`.

    Raises:
        Refusal: a person has edited one, or a folder leads out of `root`, and nothing was written; OSError.
    """
    refuse_outside(root)
    texts = {root / FILES[name]: text_of(name, bin_folder) for name in FILES}
    if not force:
        refuse_edited(root)
    changes = [_write(path, text) for path, text in texts.items()]
    config = root / CONFIG[1]
    if os.path.lexists(config):
        return [*changes, Change(config, "kept")]
    return [*changes, _write(config, (units_folder() / CONFIG[0]).read_text(encoding="utf-8"))]


def uninstall(root: Path, force: bool = False) -> list[Change]:
    """Take away what `install` wrote. Raises Refusal: as `install`, and nothing was removed; OSError."""
    refuse_outside(root)
    if not force:
        refuse_edited(root)
    changes = []
    for path in (root / place for place in FILES.values()):
        changes.append(Change(path, "removed" if os.path.lexists(path) else "absent"))
        path.unlink(missing_ok=True)
    config = root / CONFIG[1]
    return [*changes, Change(config, "kept")] if os.path.lexists(config) else changes


def _write(path: Path, text: str) -> Change:
    before = path.read_text(encoding="utf-8") if path.is_file() and not path.is_symlink() else None
    if before == text:
        return Change(path, "unchanged")
    write_whole(path, text, 0o644)
    return Change(path, "written" if before is None else "replaced")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@click.group()
def command() -> None:
    """Put robotd under systemd, and take it away again."""


_root = click.option(
    "--root", type=click.Path(path_type=Path), default=Path("/"), show_default=True, help="For images."
)
_bin = click.option("--bin", "bin_folder", type=click.Path(path_type=Path), help="Where robotd and robotctl are.")
_force = click.option("--force", is_flag=True, help="Even where one was edited by hand.")


@command.command("install")
@_root
@_bin
@_force
def install_command(root: Path, bin_folder: Path | None, force: bool) -> int:
    """Write the unit, udev rules, user and folders. Again is harmless; nothing is started.

    \b
    Examples:
      robotctl service install
      robotctl service install --root /mnt/image

    Exit codes: 0 ok, 2 refused.
    """
    _need_root(root)
    with refusing(OSError):
        changes = install(root, _bin_folder(bin_folder), force)
    _say(changes)
    if root == Path("/"):
        _run_all((*AFTER_INSTALL, (sys.executable, "-m", "compileall", "-q", *_code())))
        click.echo("  next: robotctl bundle install wildrobot; robotctl doctor; systemctl start robotd")
    return EXIT_OK


@command.command("uninstall")
@_root
@_force
def uninstall_command(root: Path, force: bool) -> int:
    """Stop robotd and take away what install wrote. Config, state, user and group stay.

    \b
    Example:
      robotctl service uninstall

    Exit codes: 0 ok, 2 refused.
    """
    _need_root(root)
    if root == Path("/") and (root / FILES["robotd.service"]).exists():
        if not force:
            refuse_edited(root)
        _run_all((("systemctl", "disable", "--now", "robotd"),))
    with refusing(OSError):
        changes = uninstall(root, force)
    _say(changes)
    if root == Path("/"):
        _run_all((("udevadm", "control", "--reload"), ("systemctl", "daemon-reload")))
    return EXIT_OK


@command.command("show")
@_bin
def show_command(bin_folder: Path | None) -> int:
    """Print each file as install would write it.

    \b
    Example:
      robotctl service show

    Exit codes: 0 ok, 2 refused.
    """
    for name, place in FILES.items():
        click.echo(f"# /{place}\n{text_of(name, _bin_folder(bin_folder))}")
    return EXIT_OK


def _bin_folder(chosen: Path | None) -> Path:
    """Where both commands lie. Raises Refusal."""
    folder = Path(os.path.abspath(chosen or Path(sys.executable).parent))
    if missing := [name for name in ("robotd", "robotctl") if not os.access(folder / name, os.X_OK)]:
        raise Refusal(f"{folder} has no {' and no '.join(missing)}; name the folder of the commands with --bin")
    if odd := sorted({sign for sign in str(folder) if sign in ODD or sign.isspace() or not sign.isprintable()}):
        raise Refusal(f"--bin {str(folder)!r}: found {odd[0]!r}, expected a path that fits a unit; install elsewhere")
    return folder


def _code() -> list[str]:
    """What `robotctl limp` imports beside the standard library. The user robot cannot write bytecode, and to compile
    anew each time would cost limp a good part of its half second."""
    found = [importlib.util.find_spec(name) for name in ("contract", "firmware_bridge", "robotd", "serial")]
    return [folder for spec in found if spec for folder in spec.submodule_search_locations or ()]


def _need_root(root: Path) -> None:
    if root == Path("/") and os.geteuid() != 0:
        raise Refusal("only root can change this system's services; use sudo, or --root DIR for a folder of your own")


def _say(changes: list[Change]) -> None:
    for change in changes:
        click.echo(f"  {change.what:<10}{change.path}")


def _run_all(commands: tuple[tuple[str, ...], ...]) -> None:
    """Tell the system; what is not there, or refuses, is said and is no reason to stop."""
    for words in commands:
        if shutil.which(words[0]) is None:
            click.echo(f"  {words[0]} is not there, skipped `{' '.join(words)}`", err=True)
            continue
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            click.echo(f"  `{' '.join(words)}` said: {' '.join(done.stderr.split())}", err=True)
