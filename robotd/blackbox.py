"""The black box: a ring of the last minutes' records in a mapped file, always on, which outlives the daemon's death."""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np

from contract import FOOT_SWITCHES, PolicySpec
from contract.spec import CONTRACT_VERSION
from robotd.blackbox_codec import MODES, Encoder, columns_of, example_record
from robotd.blackbox_layout import BlackBoxError, Header, row_type
from robotd.blackbox_reader import BlackBoxFile
from robotd.mode import Event
from robotd.record import TickRecord
from robotd.safety import Fault
from robotd.tick import Setup


class BlackBox:
    """A hook of the loop that keeps each record. What it has taken is in the file, also when the process is killed.

    Args:
        path: of the file; one that is there and holds records becomes NAME.1.SUFFIX, and so on.
        setup: of the run; its config says how much is kept.
        now_s: the loop's clock; wall_s: the time of day at its present time, s since 1970.

    Raises:
        BlackBoxError: there can be no such file; one sentence.
    """

    def __init__(self, path: Path, setup: Setup, now_s: Callable[[], float], wall_s: float) -> None:
        self.path = path
        self._now_s, self._sequence = now_s, 0
        self.header = make_header(setup, wall_s, now_s())
        self._encoder = Encoder(self.header.columns)
        self._row = self._encoder.row
        self._bytes = self._row.view(np.uint8).data
        self._crc_at = self.header.record_bytes - 4
        self._ring = _create(path, self.header, setup.config.black_box.keep)

    def __call__(self, record: TickRecord) -> None:
        """Keep one record: built beside the file, then copied into it in one go."""
        header, row = self.header, self._row
        self._encoder.encode(record)
        place = self._sequence % header.capacity
        self._sequence += 1
        row["sequence"], row["time_s"] = self._sequence, self._now_s()
        row["crc"] = zlib.crc32(self._bytes[: self._crc_at])
        at = header.first_at + place * header.record_bytes
        self._ring[at : at + header.record_bytes] = self._bytes

    def close(self) -> None:
        """Let the file go; harmless if it is never called."""
        self._ring.close()


def make_header(setup: Setup, wall_s: float, clock_s: float) -> Header:
    """What a reader must know of this run."""
    spec, config = setup.spec, setup.config
    columns = columns_of(example_record(setup))
    header = Header(
        columns=columns,
        record_bytes=row_type(columns).itemsize,
        capacity=max(1, round(config.black_box.minutes * 60 / spec.runtime.ctrl_dt)),
        first_at=0,
        ctrl_dt=spec.runtime.ctrl_dt,
        wall_s=wall_s,
        clock_s=clock_s,
        robot=spec.robot.robot_name,
        joints=list(spec.robot.actuator_names),
        foot_switches=list(FOOT_SWITCHES),
        contract_version=CONTRACT_VERSION,
        policies={name: spec_hash(policy) for name, policy in setup.policies.items()},
        policy=setup.policy,
        modes=[mode.value for mode in MODES],
        events={event.name: int(event) for event in Event},
        faults={str(fault.name): int(fault) for fault in Fault if fault},
        config=config.model_dump(mode="json"),
    )
    return header.laid_out()


def spec_hash(spec: PolicySpec) -> str:
    """SHA-256 of all that a policy means."""
    return hashlib.sha256(json.dumps(asdict(spec), sort_keys=True).encode()).hexdigest()


def _create(path: Path, header: Header, keep: int) -> mmap.mmap:
    """The whole file under another name, then the older ones step aside, then it gets its own name."""
    new = path.with_name(f"{path.name}.new")
    size = header.first_at + header.capacity * header.record_bytes
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        fd = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)  # follows no link
        try:
            os.posix_fallocate(fd, 0, size)  # a full disk shows now, not as a SIGBUS in a tick
            os.pwrite(fd, header.to_bytes(), 0)
            os.fsync(fd)
            ring = mmap.mmap(fd, size)
            ring[:: mmap.PAGESIZE]  # touches every page, so that none is fetched in a tick
        finally:
            os.close(fd)
        rotate(path, keep)
        new.replace(path)
    except OSError as problem:
        with suppress(OSError):
            new.unlink()
        raise BlackBoxError(
            f"{path}: the black box cannot be made ({problem.strerror}), expected {size / 1e6:.1f} MB in a folder that "
            "can be written; make room, set WILDROBOT_HOME, or lower black_box.minutes in robotd.yaml"
        ) from None
    return ring


def rotate(path: Path, keep: int) -> None:
    """Let `path` and the older files beside it step back by one, and delete what is older than `keep`.

    A file without a record holds nothing that could be lost, so it makes no other step back.
    """
    if not path.exists() or (keep and not _has_records(path)):
        return
    for number in range(keep, 0, -1):
        before = older(path, number - 1)
        if before.exists():
            before.replace(older(path, number))
    path.unlink(missing_ok=True)


def older(path: Path, number: int) -> Path:
    """The name of the file that has stepped back so often: blackbox.bin, blackbox.1.bin, ..."""
    return path.with_name(f"{path.stem}.{number}{path.suffix}") if number else path


def _has_records(path: Path) -> bool:
    """Whether it must be kept; a file that is no black box is somebody's, so it is."""
    try:
        with BlackBoxFile(path) as file:
            return bool(len(file.scan().sequence))
    except BlackBoxError:
        return True
