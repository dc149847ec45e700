"""A real robotd on the mock robot, asked through its socket: who gets in, what is done, and what is dropped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from daemon_rig import START, Daemon, Raw, daemon, wait_for

from contract import assets_dir
from robotd.control_socket import LOG_EVERY_S, REQUESTS_PER_TICK, STOP_PLACES
from robotd.ctl import cli
from robotd.messages import AskStatus, AskTiming, Done, Estop, Release, Status, Stop, Subscribe, Telemetry, Velocity

DEPLOYMENT = assets_dir() / "bundles" / "wildrobot"
MAX_CLIENTS = 6
CONFIG = f"control: {{max_clients: {MAX_CLIENTS}}}\nsafety: {{link_silent_s: 2.0}}\n"
OTHER_GROUP, NOBODY = 12, 65534  # any group that is not root's own

# Nobody may not read every Python's files: what is imported, is imported before.
AS_NOBODY = """
import contextlib, io, os, sys
from robotd.ctl.cli import run
with contextlib.redirect_stderr(io.StringIO()):
    run(["status", "--socket", "/nowhere"])
os.setgroups([int(group) for group in sys.argv[1].split(",") if group])
os.setgid(65534)
os.setuid(65534)
sys.exit(run(["status", "--socket", sys.argv[2]]))
"""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A short path that every user can walk."""
    with tempfile.TemporaryDirectory(prefix="wr-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def running(home: Path) -> Iterator[Daemon]:
    with daemon(home, DEPLOYMENT, "--hal", "mock", config=CONFIG) as started:
        yield started


@pytest.fixture
def robot(running: Daemon) -> Iterator[Daemon]:
    """In IDLE, before and after."""
    yield running
    with running.client() as client:
        client.act(Estop())
    assert cli.run(["clear", "--socket", str(running.socket)]) == 0
    assert running.status().mode == "idle"


def said(robot: Daemon, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """What a verb prints; its exit code is checked."""
    capsys.readouterr()
    assert cli.run([*words, "--socket", str(robot.socket)]) == code
    out, err = capsys.readouterr()
    return out + err


def test_a_session_from_arming_to_clearing(robot: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    assert "mode         idle" in said(robot, capsys, "status")
    assert "expected standby; `robotctl arm` first" in said(robot, capsys, "activate", code=1)
    assert "standby" in said(robot, capsys, "arm", "--wait")
    assert "expected idle" in said(robot, capsys, "arm", code=1)
    assert said(robot, capsys, "policy") == "* standing\n  walking\n"
    assert said(robot, capsys, "activate") == "active: standing runs\n"
    assert said(robot, capsys, "slow", "0.9") == "slow motion 0.9\n"
    assert said(robot, capsys, "policy", "walking") == "walking runs\n"
    assert said(robot, capsys, "velocity", "0.2", "0", "-0.1", "--for", "0.5") == "the command is yours\n"
    assert said(robot, capsys, "velocity", "0.2", "--for", "0.2", "--json").startswith('{"ok": true')
    assert said(robot, capsys, "policy", "--json").endswith('"current": "walking"}\n')
    assert robot.status().claimed_by == ""
    assert "did you mean 'walking'" in said(robot, capsys, "policy", "wolking", code=2)
    assert said(robot, capsys, "stop", "--wait").splitlines() == [
        "stopping: it crouches, then torque goes off",
        "torque is off, latched: OPERATOR",
    ]
    assert said(robot, capsys, "stop", "--wait") == "torque is off, latched: OPERATOR\n"
    assert "OPERATOR" in said(robot, capsys, "status")
    assert "`robotctl clear` first" in said(robot, capsys, "arm", code=1)
    assert said(robot, capsys, "clear") == "cleared: idle, torque off\n"
    assert said(robot, capsys, "slow", "1") == "slow motion 1\n"
    assert '"policy": "walking"' in said(robot, capsys, "status", "--json")
    assert said(robot, capsys, "policy", "standing") == "standing will run\n"


def test_timing_prints_three_histograms(robot: Daemon, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(robot, capsys, "timing")
    assert all(f"\n{name}: p50 " in text for name in ("lateness", "tick", "slack"))
    assert '"overruns"' in said(robot, capsys, "timing", "--json")


@pytest.mark.parametrize(
    "words, sentence",
    [
        (["velocity", "9"], "vx_m_s: found 9.0, expected -2 to 2"),
        (["velocity", "nan"], "vx_m_s: found nan, expected -2 to 2"),
        (["slow", "0"], "factor: found 0.0, expected 0.1 to 1"),
    ],
)
def test_a_value_out_of_bounds_is_refused(
    robot: Daemon, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sentence in said(robot, capsys, *words, code=2)


def test_a_controller_that_dies_stops_the_robot(robot: Daemon) -> None:
    robot.activate()
    with Raw(robot.socket) as controller:
        controller.say(Velocity(0.1))
        assert isinstance(controller.hear(), Done)
    status = robot.wait_for_mode("stopping", "fault")
    assert "LINK" in status.present


def test_a_controller_that_releases_the_command_is_not_missed(robot: Daemon) -> None:
    robot.activate()
    with Raw(robot.socket) as controller:
        controller.say(Velocity(0.1))
        controller.say(Release())
        assert isinstance(controller.hear(), Done) and isinstance(controller.hear(), Done)
    time.sleep(1.5)
    assert "LINK" not in robot.status().faults + robot.status().present


def test_telemetry_has_every_second_tick(robot: Daemon) -> None:
    with robot.client() as client:
        stream = client.telemetry(2)
        ticks = [next(stream).tick for _ in range(20)]
    assert all(tick % 2 == 0 for tick in ticks) and ticks == sorted(set(ticks))


def test_a_reader_that_sleeps_loses_the_oldest_ticks_and_is_told(robot: Daemon) -> None:
    with Raw(robot.socket) as sleeper, robot.client() as client:
        sleeper.say(Subscribe(1))
        before = client.ask(AskStatus(), Status)
        wait_for(lambda: client.ask(AskStatus(), Status).lost > before.lost + 20)
        now = client.ask(AskStatus(), Status)
        heard: list[Telemetry] = []
        while not heard or heard[-1].tick < now.tick:
            answer = sleeper.hear()
            if isinstance(answer, Telemetry):
                heard.append(answer)
    ticks = [answer.tick for answer in heard]
    missing = ticks[-1] - ticks[0] + 1 - len(ticks)
    assert ticks == sorted(set(ticks)) and missing >= 20
    assert heard[-1].dropped == missing


def test_one_who_asks_and_never_reads_is_dropped(robot: Daemon) -> None:
    with Raw(robot.socket) as deaf:
        deaf.socket.settimeout(0.2)
        wait_for(lambda: _is_dropped(deaf) or "takes no answers" in robot.log)
    assert robot.status().mode == "idle"


def _is_dropped(deaf: Raw) -> bool:
    try:
        for number in range(50):
            deaf.say(AskTiming(), number)
    except TimeoutError:
        return False
    except OSError:
        return True
    return False


@pytest.mark.parametrize(
    "data, sentence",
    [
        (b"\xff\xff\xff\xff", "a frame of 4294967295 bytes, expected 1 to 1024"),
        (b"\x00\x00\x00\x01\xc1", "not msgpack"),
        (b"GET / HTTP/1.1\r\n\r\n", "a frame of 1195725856 bytes"),
    ],
)
def test_who_sends_no_message_is_told_and_dropped(robot: Daemon, data: bytes, sentence: str) -> None:
    with Raw(robot.socket) as stranger:
        stranger.socket.sendall(data)
        assert sentence in stranger.last_words()


def test_a_message_that_never_ends_is_dropped(robot: Daemon) -> None:
    with Raw(robot.socket) as half:
        half.socket.sendall(b"\x00\x00\x00\x20half")
        assert "unfinished" in half.last_words()


def test_who_floods_is_slowed_then_dropped_and_nobody_else_notices(robot: Daemon) -> None:
    time.sleep(LOG_EVERY_S + 0.1)  # the log says only so often that somebody was dropped
    begun = robot.status().tick
    with Raw(robot.socket) as flood:
        flood.socket.settimeout(2.0)
        sent = answered = 0
        try:
            while sent < 100_000:
                flood.say(Release(), 1)
                sent += 1
                if sent % 100 == 0:
                    answered += flood.count()
                    assert robot.status().mode == "idle"
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            pass
    ticks = robot.status().tick - begun + 1
    assert f"over {REQUESTS_PER_TICK} requests in each" in robot.log
    assert 0 < answered <= ticks * REQUESTS_PER_TICK < 100_000


def test_a_full_house_makes_room_for_one_more_by_dropping_the_idle(robot: Daemon) -> None:
    raws = [Raw(robot.socket) for _ in range(MAX_CLIENTS)]
    try:
        with Raw(robot.socket) as late:
            late.say(AskStatus())
            assert f"{MAX_CLIENTS} clients are connected already" in late.last_words()
        time.sleep(1.2)
        assert robot.status().clients <= MAX_CLIENTS
        with robot.client() as client:
            assert client.act(Stop()).ok
    finally:
        for raw in raws:
            raw.socket.close()


@pytest.mark.parametrize("verb", ["estop", "stop"])
def test_a_stop_gets_in_however_many_are_connected(
    robot: Daemon, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """All places are taken by readers of telemetry, who are not idle; those of the stops by some who say nothing."""
    with ExitStack() as places:
        for _ in range(MAX_CLIENTS):
            places.enter_context(Raw(robot.socket)).say(Subscribe(1))
        assert said(robot, capsys, "arm", code=2).count("clients are connected already") == 1
        for _ in range(3 * STOP_PLACES):
            places.enter_context(Raw(robot.socket))
        assert "torque" in said(robot, capsys, verb)
        assert "clients are connected already" in said(robot, capsys, "status", code=2)


def as_nobody(robot: Daemon, *groups: int) -> subprocess.CompletedProcess[str]:
    """`robotctl status` as nobody, with these supplementary groups."""
    words = [",".join(map(str, groups)), str(robot.socket)]
    return subprocess.run([sys.executable, "-c", AS_NOBODY, *words], capture_output=True, text=True, check=False)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@needs_root
def test_others_may_not_open_the_socket(robot: Daemon) -> None:
    assert robot.socket.stat().st_mode & 0o777 == 0o660
    refused = as_nobody(robot)
    assert refused.returncode == 2 and refused.stderr.count("\n") == 1
    assert "permission denied, expected root or a member of group robot" in refused.stderr


@needs_root
def test_others_are_refused_by_their_credentials_even_where_the_file_lets_them_in(robot: Daemon) -> None:
    robot.socket.chmod(0o666)
    try:
        refused = as_nobody(robot)
    finally:
        robot.socket.chmod(0o660)
    assert refused.returncode == 2 and refused.stdout == ""
    assert f"uid {NOBODY} may not command this robot, expected root" in refused.stderr
    assert refused.stderr.count("\n") == 1


@needs_root
def test_a_member_of_the_group_is_let_in_and_the_group_owns_the_socket() -> None:
    import grp

    group = grp.getgrgid(OTHER_GROUP).gr_name
    with tempfile.TemporaryDirectory(prefix="wr-") as folder:
        Path(folder).chmod(0o755)
        with daemon(Path(folder), DEPLOYMENT, "--hal", "mock", config=f"control: {{group: {group}}}\n") as robot:
            assert robot.socket.stat().st_gid == OTHER_GROUP
            member = as_nobody(robot, OTHER_GROUP)
            assert (member.returncode, member.stderr) == (0, "")
            assert as_nobody(robot).returncode == 2


def test_a_second_daemon_is_refused_and_the_socket_of_a_killed_one_replaced(running: Daemon, home: Path) -> None:
    command = [sys.executable, "-c", START, "--bundle", str(DEPLOYMENT), "--hal", "mock"]
    environment = {**os.environ, "WILDROBOT_HOME": str(home)}
    state = sorted((home / "var").rglob("*"))
    second = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert second.returncode == 2
    assert f"robotd (pid {running.process.pid}) holds the control socket" in second.stderr
    assert running.status().mode == "idle"
    assert sorted((home / "var").rglob("*")) == state, "the black box of the first is left alone"
    with tempfile.TemporaryDirectory(prefix="wr-") as folder:
        with daemon(Path(folder), DEPLOYMENT, "--hal", "mock") as killed:
            killed.kill()
            assert killed.socket.exists()
        with daemon(Path(folder), DEPLOYMENT, "--hal", "mock") as third:
            assert third.status().mode == "idle"
            third.process.send_signal(signal.SIGTERM)
            wait_for(lambda: third.process.poll() is not None)
            assert third.process.returncode == 0 and not third.socket.exists()
