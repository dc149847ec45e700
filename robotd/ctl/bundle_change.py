"""Changes the bundles of a robot: install, use, roll back, remove. A kill at any moment leaves only whole bundles, and
one of them in use; what was half there is gone with the next change."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import resource
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from contract import BundleError, ContractError, load_deployment
from contract.bundle_files import CHECKSUM_FILE, SIGNATURE_FILE, sync_folder, write_files
from robotd.bundle_choice import find_installed
from robotd.bundle_store import IN_USE, NAME, BundleStoreError, history, in_use, installed, is_held
from robotd.config import BundlesConfig
from robotd.ctl.bundle_source import Source, read_source
from robotd.policy import open_session
from robotd.signature import SignatureError, require_signature
from robotd.whole_file import write_whole

KEPT = 20
MEMORY = 1 << 30  # bytes that a bundle may take while it is verified
_DRAFT, _GONE = ".incoming-", ".outgoing-"


@contextmanager
def changing(folder: Path) -> Iterator[None]:
    """One change at a time; what a killed one has left is cleared away first.

    Raises:
        BundleStoreError: another change is going on.
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for rest in (*folder.glob(f"{_DRAFT}*"), *folder.glob(f"{_GONE}*"), *folder.glob(f".{IN_USE}.*part")):
            _delete(rest)
        yield
    except BlockingIOError:
        raise BundleStoreError(f"{folder}: another robotctl bundle is at work, expected none; try again") from None
    finally:
        os.close(descriptor)


def install(folder: Path, source: Source, policy: BundlesConfig, name: str = "") -> tuple[str, bool]:
    """Put a bundle among the others, under a name that is its content's, so that none is ever replaced.

    Args:
        source: its files; `policy`: whose bundles are taken; `name`: in place of the source's own stem.

    Returns:
        Its full name, and whether it is new. The first bundle of a robot is in use from then on.

    Raises:
        BundleError, SignatureError: it does not verify as robotd would verify it.
        BundleStoreError: no such name, or another bundle has it.
        OSError: the folder cannot be written.
    """
    full = full_name(name or source.stem, source)
    with changing(folder):
        if full in installed(folder):
            load_as_robotd(folder / full, policy)
            if read_source(folder / full).files != source.files:  # eight digits can be made to fit
                raise BundleStoreError(
                    f"{folder / full}: holds other files, expected those of {source.stem}; choose a name with --name"
                )
            return full, False
        draft = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=folder))
        try:
            write_files(draft, source.files)
            _load_draft(draft, folder / full, policy)
            chosen = _chosen(folder)
            if chosen and not history(folder):  # the only one until now, chosen by nobody: it stays in use
                _write_history(folder, chosen)
            draft.rename(folder / full)
            sync_folder(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        if not chosen:
            _write_history(folder, [full])
    return full, True


def use(folder: Path, name: str, policy: BundlesConfig) -> tuple[str, bool]:
    """Choose the bundle that robotd runs from its next start on.

    Returns:
        Its full name, and whether this changes anything.

    Raises:
        BundleError, SignatureError, BundleStoreError, OSError: as `install`.
    """
    with changing(folder):
        full = find_installed(folder, name)
        load_as_robotd(folder / full, policy)
        chosen = _chosen(folder)
        if chosen[-1:] == [full]:
            if not history(folder):
                _write_history(folder, chosen)
            return full, False
        _write_history(folder, [*chosen, full])
    return full, True


def roll_back(folder: Path, policy: BundlesConfig) -> tuple[str, str]:
    """Choose the bundle that was in use before.

    Returns:
        The one in use until now, and the one from now on.

    Raises:
        BundleError, SignatureError, BundleStoreError, OSError: as `install`; also where there was none before.
    """
    with changing(folder):
        chosen, there = history(folder), installed(folder)
        now = chosen[-1] if chosen else ""
        place = next((n for n in reversed(range(len(chosen))) if chosen[n] in there and chosen[n] != now), None)
        if place is None:
            raise BundleStoreError(
                f"{folder}: no other bundle was in use before, expected one; robotctl bundle use NAME"
            )
        load_as_robotd(folder / chosen[place], policy)
        _write_history(folder, chosen[: place + 1])
    return now, chosen[place]


def remove(folder: Path, name: str) -> str:
    """Delete a bundle that is neither in use nor running; returns its full name. Raises BundleStoreError, OSError."""
    with changing(folder):
        full = find_installed(folder, name)
        if full != name:
            raise BundleStoreError(f"{folder}: {name!r} is the beginning of {full}, expected the whole name")
        if _chosen(folder)[-1:] == [full]:
            raise BundleStoreError(f"{folder / full}: is in use, expected another one; robotctl bundle use NAME first")
        if is_held(folder / full):
            raise BundleStoreError(f"{folder / full}: a robotd runs it, expected none; restart robotd first")
        gone = folder / f"{_GONE}{full}"
        (folder / full).rename(gone)  # from here on it is no bundle any more
        sync_folder(folder)
        _delete(gone)
    return full


def full_name(stem: str, source: Source) -> str:
    """The stem and eight digits of the content: of checksums and signature, which fix every file.

    Raises:
        BundleError: no checksums.
        BundleStoreError: no such name.
    """
    if CHECKSUM_FILE not in source.files:
        raise BundleError(f"{stem}: has no {CHECKSUM_FILE}, expected an exported bundle; export again")
    digest = hashlib.sha256(source.files[CHECKSUM_FILE] + source.files.get(SIGNATURE_FILE, b"")).hexdigest()[:8]
    plain = re.sub(r"[^A-Za-z0-9._+-]", "-", stem).strip("-.")[:80]
    plain = plain if plain.endswith(f"-{digest}") else f"{plain}-{digest}"
    if not NAME.fullmatch(plain):
        raise BundleStoreError(f"{stem!r} is no name for a bundle, expected letters and digits; choose one with --name")
    return plain


def load_as_robotd(bundle: Path, policy: BundlesConfig) -> Sequence[str]:
    """Verify a bundle as robotd does, in bounded memory; returns the names of its policies.

    Raises:
        BundleError, SignatureError: it does not verify, or takes more memory than any policy.
    """
    require_signature(bundle, policy)
    try:
        with _bounded_memory():
            bundles, _ = load_deployment(bundle, open_session)
    except MemoryError:
        raise BundleError(f"{bundle}: takes over {MEMORY >> 20} MiB, expected a policy; export a smaller one") from None
    return tuple(bundles)


@contextmanager
def _bounded_memory() -> Iterator[None]:
    """Address space grows by no more than MEMORY: a few small matrices can be multiplied to one of any size."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    bound = pages * resource.getpagesize() + MEMORY
    known = [each for each in before if each != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min([bound, *known]), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _delete(path: Path) -> None:
    """Somebody's link to a bundle elsewhere is no more than a link."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    else:
        shutil.rmtree(path)


def _load_draft(draft: Path, place: Path, policy: BundlesConfig) -> None:
    """What is wrong with it is told of the place where it would be, not of the draft."""
    try:
        load_as_robotd(draft, policy)
    except (ContractError, SignatureError) as problem:
        raise type(problem)(str(problem).replace(str(draft), place.name)) from None


def _chosen(folder: Path) -> list[str]:
    """History whose last name is in use; empty where none is."""
    try:
        current = in_use(folder)
        before = list(history(folder))
    except BundleStoreError:
        return []
    return before or [current]


def _write_history(folder: Path, names: Sequence[str]) -> None:
    write_whole(folder / IN_USE, "".join(f"{name}\n" for name in names[-KEPT:]))
