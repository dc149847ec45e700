"""A black box as an older robotd would have written it: fewer faults, and less of the robot's health."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from robotd.blackbox_layout import Column, row_type
from robotd.blackbox_reader import BlackBoxFile
from robotd.fault_table import Fault
from robotd.health import Health

OLD_ROWS = 14
SINCE_THEN = tuple(f"health.{name}" for name in Health._fields[3:])
KEYS_SINCE_THEN = ("health_stale_s", "foot_stale_s", "torque_debounce_s", "other_joint_stale_s")
FAULTS_SINCE_THEN = tuple(fault.name for fault in Fault if fault > Fault.LINK)


def make_older(path: Path) -> None:
    """Write a file anew, without what it did not have then."""
    with BlackBoxFile(path) as file:
        header, rows = file.header, list(file.rows(file.scan()))
    columns = [_older(column) for column in header.columns if column.name not in SINCE_THEN]
    kind = row_type(columns)
    safety = {key: value for key, value in header.config["safety"].items() if key not in KEYS_SINCE_THEN}
    header = replace(
        header,
        columns=columns,
        record_bytes=kind.itemsize,
        faults={name: bit for name, bit in header.faults.items() if name not in FAULTS_SINCE_THEN},
        config=header.config | {"safety": safety},
    ).laid_out()
    places = np.zeros(header.capacity, kind)
    for row in rows:
        old = np.zeros(1, kind)
        for name in kind.names[:-1]:
            old[name] = row[name][:OLD_ROWS] if name.startswith("before.safety.la") else row[name]
        old["crc"] = zlib.crc32(old.tobytes()[:-4])
        places[(int(row["sequence"]) - 1) % header.capacity] = old[0]
    path.write_bytes(header.to_bytes().ljust(header.first_at, b"\0") + places.tobytes())


def _older(column: Column) -> Column:
    return column._replace(shape=(OLD_ROWS,)) if column.name.startswith("before.safety.la") else column
