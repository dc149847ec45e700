"""robotctl dashboard as a command: what it prints, and its bad ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from bench_rig import Robotctl
from daemon_rig import LONG_S, daemon
from dashboard_rig import PROGRAM, Dashboard


@pytest.fixture(scope="module")
def home(zero_bundle_path: Path) -> Iterator[Path]:
    """Where a robotd runs."""
    with (
        tempfile.TemporaryDirectory(prefix="wr-") as folder,
        daemon(Path(folder), zero_bundle_path, "--hal", "mock"),
    ):
        yield Path(folder)


@pytest.fixture
def here(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This process is beside that robotd."""
    monkeypatch.setenv("WILDROBOT_HOME", str(home))
    return home


def test_without_a_daemon_it_is_one_sentence_and_3(robotctl: Robotctl, tmp_path: Path) -> None:
    said = robotctl("dashboard", "--socket", tmp_path / "none.sock")
    assert said.code == 3 and "no robotd answers there" in said.sentence


def test_a_port_that_is_taken_is_named(robotctl: Robotctl, here: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = robotctl("dashboard", "--port", port)
    assert said.code == 2 and f"--host 127.0.0.1 --port {port}: " in said.sentence and "in use" in said.sentence


@pytest.mark.parametrize("host", ["no-such-host.invalid", "203.0.113.1"])
def test_an_address_that_is_not_here_is_named(host: str, robotctl: Robotctl, here: Path) -> None:
    said = robotctl("dashboard", "--host", host, "--port", "0")
    assert said.code == 2 and f"--host {host} --port 0: " in said.sentence


def test_a_model_that_is_no_robot_is_named(robotctl: Robotctl, here: Path, tmp_path: Path) -> None:
    said = robotctl("dashboard", "--port", "0", "--model", tmp_path / "none.xml")
    assert said.code == 2 and f"--model {tmp_path / 'none.xml'}: " in said.sentence


@pytest.mark.parametrize("missing", ["aiohttp", "plotly"])
def test_what_is_not_installed_is_named_with_the_extra(
    missing: str, robotctl: Robotctl, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == missing or "ctl.cockpit" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    said = robotctl("dashboard", "--port", "0")
    assert (
        said.code == 2
        and f"no {missing}, which the dashboard needs; pip install 'wildrobot[dashboard]'" in said.sentence
    )


def test_without_mujoco_it_serves_all_but_the_figure(home: Path) -> None:
    code = "import sys; sys.modules['mujoco'] = None; from robotd.ctl.cli import main; main()"
    command = [sys.executable, "-c", code, "dashboard", "--port", "0", "--json"]
    environment = {**os.environ, "WILDROBOT_HOME": str(home)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        port = int(json.loads(process.stdout.readline())["look"].rstrip("/").rpartition(":")[2])
        import gzip
        from urllib.request import urlopen

        with urlopen(f"http://127.0.0.1:{port}/scene.json", timeout=LONG_S) as answer:
            assert "pip install 'wildrobot[sim]'" in json.loads(gzip.decompress(answer.read()))["note"]
        process.terminate()
        assert process.wait(LONG_S) == 0 and process.stderr.read() == ""


def test_the_links_for_people_and_ctrl_c(home: Path) -> None:
    environment = {**os.environ, "WILDROBOT_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    command = [*PROGRAM, "dashboard", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        lines = [process.stdout.readline() for _ in range(3)]
        assert "#key=" in lines[0] and "#" not in lines[1] and "Ctrl-C" in lines[2]
        process.send_signal(signal.SIGINT)
        assert process.wait(LONG_S) == 130
        assert "#key" not in process.stderr.read()


def test_the_key_file_keeps_links_alive(home: Path, tmp_path: Path) -> None:
    keys = []
    for _ in range(2):
        served = Dashboard(home, "--key-file", str(tmp_path / "key"))
        keys.append(served.key)
        assert served.end() == 0
        served.process.stdout.close()  # type: ignore[union-attr]
    assert keys[0] == keys[1] and len(keys[0]) >= 32
    other = Dashboard(home)
    assert other.key != keys[0] and other.end() == 0
    other.process.stdout.close()  # type: ignore[union-attr]
