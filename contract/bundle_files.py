"""The files of a bundle on disk: written whole or not at all, read only as they were written."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from . import schema
from .errors import BundleError, ChecksumError

SPEC_FILE = "policy_spec.json"
NETWORK_FILE = "policy.onnx"
CHECKSUM_FILE = "checksums.json"
SIGNATURE_FILE = "signature.json"
ROBOT_CONFIG_FILE = "robot_config.yaml"
ROBOT_MODEL_FILE = "robot.xml"
GOLDEN_FILE = "golden.json"
DEPLOYMENT_FILE = "deployment.json"
MAX_JSON_BYTES = 4 << 20
_HERE, _EXCHANGE = -100, 2  # AT_FDCWD, RENAME_EXCHANGE of Linux


class Verified(NamedTuple):
    """problems: what was allowed though it does not fit, one sentence each; networks: the content of each policy.onnx
    as it was verified, so that no other one is run."""

    problems: list[str]
    networks: dict[Path, bytes]


def save_bundle(path: Path, files: Mapping[str, bytes], sign: Callable[[bytes], bytes] | None = None) -> None:
    """Write a bundle: all `files` (relative name -> content) and their checksums, or nothing.

    `sign` makes signature.json from checksums.json. A signature among `files` is left out: it was of other checksums.

    They go to a temporary folder beside `path`, are flushed to the disk, and change places with the bundle that was
    there: at each moment one of them is at `path`, whole. Only on a file system that cannot let folders change places
    (Linux's can) a kill between two renames leaves nothing at `path`, and the old bundle in `.NAME.*.old` beside it.

    Raises:
        BundleError: a name leads out of the bundle, or what lies at `path` is not a bundle.
        OSError: the disk refused; what lies at `path` is still a whole bundle, the old one or the new one.
    """
    path = Path(path).resolve()
    _check_free(path)
    content = {name: data for name, data in files.items() if name not in (CHECKSUM_FILE, SIGNATURE_FILE)}
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in sorted(content.items())}
    content[CHECKSUM_FILE] = (json.dumps(sums, indent=2) + "\n").encode()
    if sign is not None:
        content[SIGNATURE_FILE] = sign(content[CHECKSUM_FILE])
    for name in content:
        inside(path, name, path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    old = temporary.with_name(temporary.name + ".old")
    try:
        write_files(temporary, content)
        if not (path.exists() and _exchange(temporary, path)):
            if path.exists():
                path.rename(old)
            temporary.rename(path)
        sync_folder(path.parent)
    finally:
        if old.exists() and not path.exists():
            old.rename(path)
        shutil.rmtree(old, ignore_errors=True)
        shutil.rmtree(temporary, ignore_errors=True)


def verify_checksums(path: Path, allow: bool) -> Verified:
    """Compare every file with its checksum. What is missing or stale is accepted by `allow`, or the first raises.

    Raises:
        BundleError: a listed file is missing, a file is a symbolic link, or checksums.json cannot be read.
        ChecksumError: a checksum is missing or stale.
    """
    present = _file_names(path)
    file = path / CHECKSUM_FILE
    problems = []
    sums: dict[str, str] = {}
    if not file.is_file():
        problems.append(f"{file}: file is missing, expected a checksum of every file")
    else:
        sums = schema.read_mapping(read_json(file), str(file), str, BundleError)
        for name in sorted(set(sums) - present):
            missing = inside(path, name, file)
            raise BundleError(f"{missing}: file is missing, expected because {CHECKSUM_FILE} lists it; export again")
        for name in sorted(present - set(sums)):
            problems.append(f"{path / name}: not in {CHECKSUM_FILE}, expected a checksum for every file")
    networks = {}
    for name in sorted(present):
        content = read_bytes(path / name)
        if Path(name).name == NETWORK_FILE:
            networks[path / name] = content
        found = hashlib.sha256(content).hexdigest()
        if found != sums.get(name, found):
            problems.append(f"{path / name}: changed since the export: sha256 {found[:12]}, expected {sums[name][:12]}")
    if problems and not allow:
        raise ChecksumError(f"{problems[0]}; export again, or load it with --allow-unverified if you trust it")
    return Verified([f"{problem} (unverified, allowed)" for problem in problems], networks)


def inside(path: Path, name: str, where: Path) -> Path:
    """The place of a relative name in bundle `path`. Raises BundleError naming `where` if it leads out of it."""
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts or "\0" in name or not name:
        raise BundleError(f"{where}: found the path {name!r}, expected one inside the bundle; correct it")
    return path / relative


def read_json(file: Path) -> Any:
    """What a JSON file holds. Raises BundleError where it holds none, a key twice, or more than MAX_JSON_BYTES."""
    content = read_bytes(file)
    if len(content) > MAX_JSON_BYTES:
        raise BundleError(f"{file}: {len(content)} bytes, expected at most {MAX_JSON_BYTES}; export again")
    try:
        return json.loads(content.decode(), object_pairs_hook=_unique_keys)
    except RecursionError:
        problem = "nested too deeply"
    except UnicodeDecodeError as error:
        problem = f"byte {error.start} is not text"
    except ValueError as error:  # no JSON, a key twice, or a number of thousands of digits
        problem = str(error).split(";")[0]
    raise BundleError(f"{file}: not JSON ({problem}), expected what the export wrote; export again") from None


def read_bytes(file: Path) -> bytes:
    """What a file holds. Raises BundleError where it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise BundleError(f"{file}: {error.strerror}, expected a file that can be read; check its owner") from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    for key, value in pairs:
        if key in keys:
            raise ValueError(f"key {key!r} stands twice")
        keys[key] = value
    return keys


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change places at once; False where C library, kernel or file system cannot."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "renameat2"):
        return False
    done: int = libc.renameat2(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE)
    return done == 0


def _check_free(path: Path) -> None:
    """A bundle may take the place of a bundle or of an empty folder: never of what somebody else put there."""
    marks = (SPEC_FILE, DEPLOYMENT_FILE, CHECKSUM_FILE)
    if not path.exists() or any((path / mark).is_file() for mark in marks):
        return
    if not path.is_dir() or any(path.iterdir()):
        raise BundleError(f"{path}: exists and is not a bundle, expected a free name; choose another or remove it")


def _file_names(path: Path) -> set[str]:
    names = set()
    for file in path.rglob("*"):
        if file.is_symlink():
            raise BundleError(f"{file}: is a symbolic link, expected a plain file; copy what it points to")
        if file.is_file():
            names.add(file.relative_to(path).as_posix())
    return names - {CHECKSUM_FILE, SIGNATURE_FILE}


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write and flush all files into a folder, then the folders that name them; all may read. Raises OSError."""
    for name, data in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fchmod(stream.fileno(), 0o644)
            os.fsync(stream.fileno())
    for inner in (folder, *(p for p in folder.rglob("*") if p.is_dir())):
        inner.chmod(0o755)
        sync_folder(inner)


def sync_folder(path: Path) -> None:
    """Flush the names in a folder to the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
