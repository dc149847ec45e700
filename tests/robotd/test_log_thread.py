"""The log's thread: what it writes, what it drops, how long its end takes, and that it is no real-time thread."""

from __future__ import annotations

import os
import subprocess
import sys
import time

PROGRAM = """
import fcntl, logging, os, sys, threading, time, warnings
from robotd.config import RealtimeConfig
from robotd.log_thread import LogThread
from robotd.realtime import prepare
log = logging.getLogger("robotd")
thread = LogThread(waiting=100)
prepare(RealtimeConfig())
"""


def run(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", PROGRAM + text], capture_output=True, text=True, timeout=60)


def test_log_warnings_and_tracebacks_come_out_in_order() -> None:
    done = run("""
log.info("one %d", 1)
print("two", file=sys.stderr)
warnings.warn("three")
try: 1 / 0
except ZeroDivisionError: log.exception("four")
thread.close()
print("five", file=sys.stderr)
""")
    assert done.returncode == 0, done
    lines = done.stderr.splitlines()
    assert lines[:2] == ["INFO one 1", "two"] and "UserWarning: three" in lines[2]
    assert "ERROR four" in lines and "ZeroDivisionError: division by zero" in lines and lines[-1] == "five"


def test_its_thread_keeps_the_ordinary_priority() -> None:
    done = run("""
found = {}
thread._write = lambda text: found.update(policy=os.sched_getscheduler(0), name=threading.current_thread().name)
log.info("x")
thread.close()
assert found == {"policy": os.SCHED_OTHER, "name": "log"}, found
""")
    assert done.returncode == 0, done.stderr


STALLED = """
fcntl.fcntl(2, fcntl.F_SETPIPE_SZ, 4096)
begin_s = time.monotonic()
for number in range(5000):
    log.info("number %d %s", number, "x" * 200)
    print("x" * 200, file=sys.stderr)
said_s = time.monotonic() - begin_s
begin_s = time.monotonic()
thread.close()
print(said_s, time.monotonic() - begin_s, flush=True)
"""


def test_where_nobody_reads_it_drops_and_ends_all_the_same() -> None:
    read, write = os.pipe()
    try:
        command = [sys.executable, "-c", PROGRAM + STALLED]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=write, text=True, timeout=60, check=False)
    finally:
        os.close(read)
        os.close(write)
    said_s, closed_s = map(float, done.stdout.split())
    assert done.returncode == 0 and said_s < 5 and 0.9 < closed_s < 3


def test_what_was_dropped_is_counted_once_somebody_reads_again() -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM + STALLED], stdout=-1, stderr=-1, text=True) as process:
        assert process.stderr is not None
        time.sleep(0.3)
        said = process.stderr.read()
    assert process.returncode == 0 and "INFO number 0" in said
    assert "WARNING nobody read this log for a while: " in said and said.count("messages are missing") < 20
