"""Each of the eight fault kinds at a servo: what the driver reports and how soon, over a real pty."""

from __future__ import annotations

import pytest
from sensor_fault_rows import FaultRow
from servo_fault_rows import servo_rows

from firmware_bridge.emulator.fault import FaultKind

EXPECTED = {
    "ok": ("ok", "limp confirmed"),
    "off": ("no reply, 3 in a row", "limp not confirmed"),
    "stuck": ("ok", "limp confirmed"),
    "garbage": ("garbled, 3 in a row", "limp not confirmed"),
    "wrong": ("a leap, refused until confirmed", "limp confirmed"),
    "slow": ("3 in a row", "limp"),
    "delayed": ("ok", "limp confirmed"),
    "intermittent": ("no reply, 3 in a row", "limp"),
}


@pytest.fixture(scope="module")
def rows() -> dict[str, FaultRow]:
    found = servo_rows(injections=1, seconds=0.8, reply_s=0.015)
    print(*found, sep="\n")
    return {row.fault: row for row in found}


@pytest.mark.parametrize("kind", FaultKind)
def test_the_driver_reports_what_it_can_know(rows: dict[str, FaultRow], kind: FaultKind) -> None:
    report, limp = EXPECTED[kind]
    assert report in rows[kind].report
    assert limp in rows[kind].report
    assert (rows[kind].ms is None) == (report == "ok")


@pytest.mark.parametrize("kind", ["stuck", "delayed"])
def test_what_the_driver_cannot_know_shows_as_distance_from_the_target(rows: dict[str, FaultRow], kind: str) -> None:
    def units(row: FaultRow) -> int:
        return int(row.report.split("up to ")[1].split()[0])

    assert units(rows[kind]) > units(rows["ok"])
