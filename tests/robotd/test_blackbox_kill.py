"""The black box of a process that is killed while it writes at full speed. WILDROBOT_KILLS=50 for the long campaign."""

from __future__ import annotations

import os
import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from black_box_rig import config_of, session
from robot_builder import setup_of

from robotd.blackbox_codec import example_record, record_of
from robotd.blackbox_layout import leaves
from robotd.blackbox_reader import BlackBoxFile

KILLS = int(os.environ.get("WILDROBOT_KILLS", "3"))
RECORDS = 200
WRITER = f"""
import os, sys
from pathlib import Path
from black_box_rig import box_at, config_of, session
from robot_builder import setup_of
setup = setup_of(config=config_of())
records = session(setup, {RECORDS})
box = box_at(Path(sys.argv[1]), setup)
number = 0
while True:
    box(records[number % {RECORDS}])
    number += 1
    os.write(1, number.to_bytes(8, "little"))
"""


def killed_writer(path: Path, wait_s: float) -> int:
    """Let a child write for so long, kill it; the number of records that it says it had written."""
    folders = os.pathsep.join(entry for entry in sys.path if entry)
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": folders}
    )
    assert child.stdout is not None
    said, until_s = b"", 0.0
    while not until_s or time.monotonic() < until_s:
        if select.select([child.stdout], [], [], 0.001)[0]:
            more = os.read(child.stdout.fileno(), 1 << 16)
            assert more, "the writer ended by itself"
            said, until_s = said + more, until_s or time.monotonic() + wait_s
    child.send_signal(signal.SIGKILL)
    said += child.stdout.read()
    child.stdout.close()
    assert child.wait() == -signal.SIGKILL
    return int.from_bytes(said[len(said) // 8 * 8 - 8 : len(said) // 8 * 8], "little")


@pytest.mark.parametrize("kill", range(KILLS))
def test_all_but_the_last_record_are_intact(tmp_path: Path, kill: int) -> None:
    path, setup = tmp_path / "blackbox.bin", setup_of(config=config_of())
    said = killed_writer(path, random.Random(kill).uniform(0, 0.3))
    records, example = session(setup, RECORDS), example_record(setup)
    with BlackBoxFile(path) as file:
        scan = file.scan()
        newest = int(scan.sequence[-1])
        kept = min(newest, file.header.capacity - scan.corrupt)
        assert said > 0 and newest >= said  # what it had finished is there
        assert scan.corrupt <= 1 and scan.sequence.tolist() == list(range(newest - kept + 1, newest + 1))
        for row in file.rows(scan):
            found = dict(leaves(record_of(row, file.header.columns, example)))
            expected = dict(leaves(records[(int(row["sequence"]) - 1) % RECORDS]))
            assert found["number"] == expected["number"] and found["command.velocity"].tobytes() == (
                expected["command.velocity"].tobytes()
            )


def test_a_killed_robotd_leaves_what_it_did(tmp_path: Path, zero_bundle_path: Path) -> None:
    program = "from robotd.daemon import main; main()"
    words = [sys.executable, "-c", program, "--hal", "mock", "--bundle", str(zero_bundle_path)]
    config = tmp_path / "robotd.yaml"
    config.write_text("realtime: {enabled: false}\nblack_box: {minutes: 1}\n")
    path = tmp_path / "var" / "lib" / "robotd" / "blackbox.bin"
    with subprocess.Popen(
        [*words, "--config", str(config)], env={**os.environ, "WILDROBOT_HOME": str(tmp_path)}, stderr=subprocess.PIPE
    ) as child:
        until_s = time.monotonic() + 60
        while not (path.exists() and _ticks_in(path) > 20):
            assert child.poll() is None and time.monotonic() < until_s, "robotd wrote no ticks"
            time.sleep(0.05)
        child.kill()
    with BlackBoxFile(path) as file:
        scan = file.scan()
        assert scan.corrupt <= 1 and scan.sequence.tolist() == list(range(1, len(scan.sequence) + 1))
        rows = list(file.rows(scan))
        assert [int(row["number"]) for row in rows] == list(range(len(rows)))
        assert {file.plain(row, "mode") for row in rows} == {"idle"}
        assert abs(file.wall_s(rows[-1]) - time.time()) < 120


def _ticks_in(path: Path) -> int:
    with BlackBoxFile(path) as file:
        return len(file.scan().sequence)
