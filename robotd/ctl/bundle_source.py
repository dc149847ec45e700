"""A bundle as it comes from elsewhere, a folder or an archive, read into memory: nothing is written for it, no path in
it is followed, and no more is read than a bundle can have."""

from __future__ import annotations

import gzip
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

from contract import BundleError
from contract.bundle_files import DEPLOYMENT_FILE, SPEC_FILE, inside

MAX_ARCHIVE_BYTES = 16 << 20
MAX_BYTES = 64 << 20
MAX_FILES = 1000
_BLOCK = 1 << 16
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_BROKEN = (
    OSError,  # gzip's own, and a zip that names a place before its beginning
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,  # a compression that zipfile does not know
    RuntimeError,  # a zip under a password
    ValueError,
    OverflowError,
)


class Source(NamedTuple):
    """files: relative name -> content; stem: what to call it."""

    files: dict[str, bytes]
    stem: str


class TooMuch(BundleError):
    """More files or bytes than any bundle has."""


def read_source(path: Path) -> Source:
    """All files of the bundle in a folder, a tar (plain or gzip) or a zip; one folder around all of them is left out.

    Raises:
        BundleError: no such source, not an archive, a path that leads out of it, a name twice, something that is
            not a plain file, or too much of it.
        OSError: it cannot be read.
    """
    if path.is_dir():
        return Source(_collect(_in_folder(path, ""), path), path.resolve().name)
    if not path.exists():
        raise BundleError(f"{path}: not there, expected the folder or archive of a bundle; check the path")
    if not path.is_file():
        raise BundleError(f"{path}: not a plain file, expected the folder or archive of a bundle")
    if path.stat().st_size > MAX_ARCHIVE_BYTES:
        raise TooMuch(f"{path}: {path.stat().st_size} bytes, expected an archive of at most {MAX_ARCHIVE_BYTES}")
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        members = _in_zip(file) if start == _ZIP else _in_tar(_Bounded(_opened(file, start), path))
        try:
            files = _collect(members, path)
        except BundleError:
            raise
        except _BROKEN as problem:
            raise _no_archive(path, problem) from None
    top = {name.partition("/")[0] for name in files}
    if len(top) == 1 and {SPEC_FILE, DEPLOYMENT_FILE}.isdisjoint(files):
        return Source({name.partition("/")[2]: files[name] for name in files if "/" in name}, top.pop())
    return Source(files, _stem(path.name))


def _collect(members: Iterator[tuple[str, str, bytes]], path: Path) -> dict[str, bytes]:
    """Checks (name, kind, content) one by one; kind is empty for a plain file. Raises BundleError."""
    files: dict[str, bytes] = {}
    total = 0
    for name, kind, content in members:
        if kind:
            raise BundleError(f"{path}: {name!r} is {kind}, expected plain files only; export again")
        if not name.isprintable() or "\\" in name:
            raise BundleError(f"{path}: found the path {name!r}, expected letters and digits; export again")
        place = inside(Path(), name, path).as_posix()
        if place in files:
            raise BundleError(f"{path}: {place!r} is in it twice, expected once; export again")
        total += len(content)
        if len(files) >= MAX_FILES or total > MAX_BYTES:
            raise TooMuch(f"{path}: over {MAX_FILES} files or {MAX_BYTES} bytes, expected a bundle; export again")
        files[place] = content
    for name in files:
        if above := next((str(p) for p in Path(name).parents if str(p) in files), None):
            raise BundleError(f"{path}: {above!r} is a file and a folder, expected one of the two; export again")
    return files


def _in_folder(folder: Path, prefix: str) -> Iterator[tuple[str, str, bytes]]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            name = f"{prefix}{entry.name}"
            if entry.is_symlink() or not (entry.is_file() or entry.is_dir()):
                yield name, "a link" if entry.is_symlink() else "a device, socket or pipe", b""
            elif entry.is_dir():
                yield from _in_folder(folder / entry.name, f"{name}/")
            else:
                yield name, "", _plain_content(folder / entry.name)


def _plain_content(file: Path) -> bytes:
    """Of a file that is still a plain one when it is opened. Raises OSError, TooMuch."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise BundleError(f"{file}: not a plain file, expected one; export again")
        return _at_most(stream, str(file))


def _in_tar(file: _Bounded) -> Iterator[tuple[str, str, bytes]]:
    with tarfile.open(fileobj=file, mode="r|") as archive:  # type: ignore[call-overload]
        for member in archive:
            if member.isdir():
                continue
            if not member.isreg() or member.issparse():
                yield member.name, "a link" if member.issym() or member.islnk() else "a device or pipe", b""
                continue
            stream = archive.extractfile(member)
            if stream is None:
                raise tarfile.ReadError("a member without content")
            yield _plain_name(member.name), "", _at_most(stream, member.name)


def _in_zip(file: IO[bytes]) -> Iterator[tuple[str, str, bytes]]:
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                yield member.filename, "a link" if kind == stat.S_IFLNK else "a device or pipe", b""
            elif member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise NotImplementedError("compressed otherwise than by deflate")
            elif not member.is_dir():
                with archive.open(member) as stream:
                    yield _plain_name(member.filename), "", _at_most(stream, member.filename)


def _at_most(stream: IO[bytes], name: str) -> bytes:
    """What is in it, whatever its header says. Raises TooMuch."""
    content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise TooMuch(f"{name!r}: over {MAX_BYTES} bytes, expected a file of a bundle; export again")
    return content


class _Bounded:
    """What a tar is read from: after MAX_BYTES it ends in TooMuch, headers of any length included."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        self._file, self._path, self._left = file, path, MAX_BYTES + MAX_FILES * 4096

    def read(self, size: int) -> bytes:
        content = self._file.read(min(size, _BLOCK))
        self._left -= len(content)
        if self._left < 0:
            raise TooMuch(f"{self._path}: unpacks to over {MAX_BYTES} bytes, expected a bundle; export again")
        return content


def _opened(file: IO[bytes], start: bytes) -> IO[bytes]:
    return gzip.GzipFile(fileobj=file) if start.startswith(_GZIP) else file  # type: ignore[return-value]


def _plain_name(name: str) -> str:
    """Tar writes ./name where it was given a dot."""
    return name.removeprefix("./")


def _stem(name: str) -> str:
    for suffix in (".tar.gz", ".tgz", ".tar", ".zip"):
        name = name.removesuffix(suffix)
    return name


def _no_archive(path: Path, problem: BaseException) -> BundleError:
    said = " ".join(str(problem).split())[:80] or type(problem).__name__
    return BundleError(f"{path}: cannot be unpacked ({said}), expected a whole .tar, .tar.gz or .zip of a bundle")
