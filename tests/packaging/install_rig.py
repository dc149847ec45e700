"""A wheel built from this checkout, and environments that hold it and what it asks for, and nothing of the checkout.

Short form: dependencies are linked out of the environment that runs the tests, exactly those that the wheel's metadata
names, so no network is needed. With WILDROBOT_PACKAGING=1 they are resolved and installed from the package index.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

LONG = bool(os.environ.get("WILDROBOT_PACKAGING"))
ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r"^[A-Za-z0-9._-]+")


def uv() -> str:
    """The program uv; empty where there is none."""
    beside = Path(sys.executable).with_name("uv")
    return shutil.which("uv") or (str(beside) if beside.exists() else "")


def build(folder: Path) -> tuple[Path, Path]:
    """sdist and wheel, the wheel made out of the sdist.

    Raises LookupError: there is no uv, or no build backend and no network to fetch it; RuntimeError: the build fails.
    """
    if not uv():
        raise LookupError("uv is not installed")
    said = ""
    for how in ("--offline", "--quiet"):  # what is cached is enough, else it is fetched
        done = subprocess.run(
            [uv(), "build", how, "--out-dir", str(folder), str(ROOT)], capture_output=True, text=True, check=False
        )
        said = done.stderr
        if done.returncode == 0:
            return next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))
    missing = "Failed to resolve requirements" in said or "Failed to fetch" in said
    raise (LookupError if missing else RuntimeError)(f"it cannot be built: {said.strip()[-1000:]}")


class Environment:
    """A virtual environment with the wheel; commands run in it with a home of their own, far from the checkout."""

    def __init__(self, folder: Path, wheel: Path, extras: tuple[str, ...] = ()) -> None:
        self.folder, self.home = folder, folder / "home"
        self.home.mkdir(parents=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "env")], check=True)
        self.bin = folder / "env" / "bin"
        wanted = f"{wheel}[{','.join(extras)}]" if extras else str(wheel)
        how = ["--quiet"] if LONG else ["--offline", "--no-deps"]
        command = [uv(), "pip", "install", *how, "--python", str(self.bin / "python"), wanted]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        if not LONG:
            _link_requirements(extras, next((folder / "env").glob("lib/python*/site-packages")))

    @property
    def variables(self) -> dict[str, str]:
        """Of the environment that commands see."""
        kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
        return {**kept, "WILDROBOT_HOME": str(self.home), "PATH": f"{self.bin}:{kept['PATH']}"}

    def run(self, *words: object) -> subprocess.CompletedProcess[str]:
        """A command of this environment, from its home."""
        command = [str(self.bin / str(words[0])), *map(str, words[1:])]
        return subprocess.run(command, capture_output=True, text=True, cwd=self.home, env=self.variables, check=False)


def _link_requirements(extras: tuple[str, ...], site: Path) -> None:
    """Put links to everything that the wheel asks for into `site`, and to nothing else."""
    for dist in _closure("wildrobot", extras).values():
        for top in {Path(str(file)).parts[0] for file in dist.files or ()} - {"..", "__pycache__"}:
            place, source = site / top, Path(str(dist.locate_file(top)))
            if not place.exists() and source.exists():
                place.symlink_to(source)


def _closure(name: str, extras: tuple[str, ...]) -> dict[str, Distribution]:
    """All that a distribution needs, by name, without itself. `wildrobot` is read from the running environment."""
    found: dict[str, Distribution] = {}
    open_ends = [(name, frozenset(extras))]
    while open_ends:
        current, wanted = open_ends.pop()
        for line in distribution(current).requires or ():
            requirement, _, marker = line.partition(";")
            if not _applies(marker.strip(), wanted):
                continue
            match = NAME.match(requirement.strip())
            assert match is not None, line
            key = match.group().lower()
            if key in found or key == name:
                continue
            try:
                found[key] = distribution(key)
            except PackageNotFoundError:
                continue  # for another platform
            inner = re.search(r"\[(.*?)\]", requirement)
            open_ends.append((key, frozenset(inner.group(1).split(",")) if inner else frozenset()))
    return found


def _applies(marker: str, extras: frozenset[str]) -> bool:
    """Whether a requirement's marker asks for it here. Only `extra` is judged: what is not installed is left out."""
    asked = re.findall(r"extra\s*==\s*['\"]([^'\"]+)['\"]", marker)
    return not asked or bool(set(asked) & extras)
