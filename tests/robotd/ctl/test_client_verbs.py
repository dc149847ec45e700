"""The verbs of the control socket where no robotd is, or something else."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgpack
import pytest

from robotd import wire
from robotd.ctl import cli, status, timing
from robotd.messages import Check, Done, Status
from robotd.places import socket_path, unit_path
from robotd.timing import Histogram

VERBS = (
    ["status"],
    ["arm"],
    ["clear"],
    ["activate"],
    ["stop"],
    ["estop"],
    ["velocity", "0.1"],
    ["slow", "0.5"],
    ["policy"],
    ["policy", "walking"],
    ["timing"],
)
PATH_WORD = "robotd.sock"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Short enough for a socket: relative to the folder of the test."""
    monkeypatch.chdir(tmp_path)
    return Path(PATH_WORD)


def sentence(capsys: pytest.CaptureFixture[str], words: list[str], path: Path, code: int) -> str:
    """The one on stderr."""
    assert cli.run([*words, "--socket", str(path)]) == code
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(f"robotctl: {path}: ") and err.count("\n") == 1
    return err


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_without_a_daemon_it_is_one_sentence_and_3(
    words: list[str], path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no robotd answers there; start it: robotd --bundle" in sentence(capsys, words, path, 3)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["velocity", "0.1", "--for", "nan"], "'--for': found nan, expected a finite number"),
        (["velocity", "0.1", "--for", "inf"], "'--for': inf is not in the range 0.1<=x<=3600"),
        (["velocity", "nan"], "vx_m_s: found nan, expected -2 to 2"),
        (["velocity", "0", "0", "nan"], "yaw_rad_s: found nan, expected -4 to 4"),
        (["slow", "nan"], "factor: found nan, expected 0.1 to 1"),
    ],
)
def test_what_is_no_number_is_refused_before_a_daemon_is_looked_for(
    words: list[str], problem: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run([*words, "--socket", str(path)]) == 2
    assert problem in capsys.readouterr().err


def test_on_a_robot_with_a_service_that_is_what_to_start(
    path: Path, own_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unit_path().parent.mkdir(parents=True)
    unit_path().touch()
    assert "start it: robotd --bundle" in sentence(capsys, ["status"], path, 3), "another socket is another robotd's"
    said = sentence(capsys, ["status"], socket_path(), 3)
    assert said.endswith("start it: sudo systemctl start robotd (why it ended: journalctl -u robotd)\n")


def test_the_left_socket_of_a_dead_daemon_is_nobody_too(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(path))
    assert "no robotd answers there" in sentence(capsys, ["status"], path, 3)


@pytest.fixture
def answering(path: Path) -> Iterator[list[bytes]]:
    """A server that sends these bytes to whoever comes, after his first request, and hangs up."""
    said: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            client, _ = server.accept()
            with client:
                client.recv(4096)
                client.sendall(b"".join(said))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield said
        thread.join(timeout=10)


def test_what_is_no_robotd_is_not_believed(
    answering: list[bytes], path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answering.append(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert "a frame of 1213486160 bytes, expected 1 to 65536" in sentence(capsys, ["status"], path, 3)


def test_a_robotd_of_another_version_is_named(
    answering: list[bytes], path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = msgpack.packb([99, "status", 1, {}])
    answering.append(len(body).to_bytes(4, "big") + body)
    assert "version: found 99, expected 1; install the same" in sentence(capsys, ["status"], path, 3)


def test_a_robotd_that_hangs_up_is_said(answering: list[bytes], path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "robotd has hung up" in sentence(capsys, ["stop"], path, 3)


def test_an_act_that_did_not_come_to_pass_is_1(
    answering: list[bytes], path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answering.append(wire.answers.encode(Done(False, "NOT STOPPED: cut the power", "active", 3), 1))
    assert cli.run(["stop", "--socket", str(path)]) == 1
    assert capsys.readouterr().err == "robotctl: NOT STOPPED: cut the power\n"


@pytest.mark.parametrize("verb", ["activate", "arm", "clear", "estop", "stop", "slow"])
def test_acts_tell_programs_what_came_of_them(
    verb: str, answering: list[bytes], path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check = Check("upright", False, "tilted by 30 deg", "set it upright", True)
    answering.append(wire.answers.encode(Done(False, "not so", "idle", 3, (check,)), 1))
    assert cli.run([verb, *(["0.5"] if verb == "slow" else []), "--json", "--socket", str(path)]) == 1
    out, err = capsys.readouterr()
    done = json.loads(out)
    assert err == "" and (done["ok"], done["text"], done["mode"]) == (False, "not so", "idle")
    assert done["checks"][0]["fix"] == "set it upright"


def test_client_verbs_bring_nothing_heavy() -> None:
    modules = ", ".join(f"robotd.ctl.{words[0]}" for words in VERBS)
    program = f"import {modules}, sys; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"numpy", "onnxruntime", "mujoco", "pydantic", "yaml", "contract", "asyncio"}


def test_octaves_hold_every_duration_once() -> None:
    histogram = Histogram()
    durations_us = (0.05, 0.15, 40.0, 41.0, 300.0, 5000.0)
    for duration_us in durations_us:
        histogram.add(duration_us / 1e6)
    spans = timing.octaves(histogram.counts)
    assert sum(count for _, _, count in spans) == len(durations_us)
    for low_us, high_us, _ in spans:
        assert high_us == pytest.approx(2 * low_us, rel=1e-3)
    for duration_us in durations_us[1:]:
        assert any(low_us * 0.98 <= duration_us <= high_us * 1.02 and count for low_us, high_us, count in spans)
    assert timing.octaves(()) == []


def test_a_histogram_that_travelled_has_the_same_quantiles() -> None:
    histogram = Histogram()
    for place in range(1000):
        histogram.add(place * 1e-6)
    assert Histogram.of(histogram.counts, histogram.max_us).quantiles() == histogram.quantiles()


def a_status(**changes: object) -> Status:
    """Of two joints."""
    fields: dict[str, object] = {
        "mode": "idle",
        "tick": 3,
        "faults": (),
        "present": ("TILT",),
        "policy": "standing",
        "policies": ("standing", "walking"),
        "command": (0.1, 0.0, 0.0),
        "claimed_by": "pid 7 (uid 0)",
        "silent_s": 0.2,
        "slow_motion": 1.0,
        "joints": ("hip", "knee"),
        "joint_pos_rad": (0.0, float("nan")),
        "tilt_rad": float("inf"),
        "imu_age_s": 0.01,
        "joint_age_s": 0.02,
        "temperature_degc": (40.0, 51.0),
        "voltage_v": 11.1,
        "bus_errors_in_a_row": (0, 2),
        "ctrl_dt": 0.02,
        "overruns": 4,
        "clients": 1,
        "lost": 0,
        "checks": (),
    }
    return Status(**(fields | changes))  # type: ignore[arg-type]


def test_status_for_people_and_for_programs() -> None:
    text = "\n".join(status.lines(a_status()))
    assert "present      TILT" in text and "standing, also walking" in text and "51 C at most, in knee" in text
    assert "by pid 7 (uid 0), heard 0.2 s ago" in text
    assert "by nobody" in "\n".join(status.lines(a_status(claimed_by="", silent_s=None)))
    data = status.to_json(a_status())
    assert data["joint_pos_rad"] == [0.0, None] and data["tilt_rad"] is None and data["overruns"] == 4
