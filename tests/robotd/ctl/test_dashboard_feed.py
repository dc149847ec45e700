"""What the dashboard reads of robotd, and how its threads end."""

from __future__ import annotations

import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_rig import Daemon, daemon, wait_for

from contract import assets_dir
from robotd.ctl.cockpit.feed import END_S, Feed
from robotd.ctl.cockpit.twin import Twin


@pytest.fixture(scope="module")
def robot(zero_bundle_path: Path) -> Iterator[Daemon]:
    with (
        tempfile.TemporaryDirectory(prefix="wr-") as folder,
        daemon(Path(folder), zero_bundle_path, "--hal", "mock") as started,
    ):
        yield started


def test_the_end_leaves_no_thread_behind(robot: Daemon) -> None:
    ticks: list[str] = []
    feed = Feed(robot.socket, Twin(assets_dir() / "wildrobot.xml"), lambda kind, _: ticks.append(kind))
    before = threading.active_count()
    feed.start()
    wait_for(lambda: {"tick", "state"} <= set(ticks))
    assert threading.active_count() == before + 2
    feed.stop()
    assert threading.active_count() == before


def test_a_robotd_that_stands_still_does_not_keep_the_end_waiting(robot: Daemon) -> None:
    feed = Feed(robot.socket, None, lambda *_: None)
    robot.process.send_signal(signal.SIGSTOP)
    try:
        feed.start()
        begin_s = time.monotonic()
        feed.stop()
        assert time.monotonic() - begin_s < 3 * END_S
    finally:
        robot.process.send_signal(signal.SIGCONT)
