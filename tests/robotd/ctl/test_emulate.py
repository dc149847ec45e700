"""robotctl emulate as a user has it: a process of its own, faults into it, and an orderly end."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bench_rig import PATIENT, Robotctl, spawn


@contextmanager
def emulator(directory: Path, *words: object) -> Iterator[subprocess.Popen[str]]:
    """A running one, ended by SIGTERM; its first line of output has been read."""
    with spawn("emulate", "--dir", directory, "--json", *words) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            assert ready["control"] == str(directory / "control.sock")
            yield process
        finally:
            process.terminate()
            process.wait(timeout=30)


def scan(robotctl: Robotctl, port: Path, ids: str) -> list[int]:
    """Ids that answer."""
    return [
        servo["id"]
        for servo in robotctl("bus", "scan", "--port", port, "--ids", ids, "--json", *PATIENT).json["servos"]
    ]


def test_it_serves_wildrobot_until_sigterm_and_leaves_a_witness(tmp_path: Path, robotctl: Robotctl) -> None:
    with emulator(tmp_path) as process:
        assert scan(robotctl, tmp_path / "upper", "10-12") == [11]
        assert scan(robotctl, tmp_path / "left_leg", "5-6") == [5]
        assert scan(robotctl, tmp_path / "right_leg", "5-6") == [6]
    assert process.returncode == 0
    arrivals = [json.loads(line) for line in (tmp_path / "witness.jsonl").read_text().splitlines()]
    assert {arrival["bus"] for arrival in arrivals} == {"upper", "left_leg", "right_leg"}
    assert not list(tmp_path.glob("*leg")) and not (tmp_path / "control.sock").exists()


def test_ctrl_c_ends_it_as_interrupted(tmp_path: Path) -> None:
    with emulator(tmp_path) as process:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err.strip()) == (130, "")
    assert (tmp_path / "witness.jsonl").exists()


def test_its_ports_are_listed_for_people(tmp_path: Path) -> None:
    with spawn("emulate", "--dir", tmp_path, "--bus", "arm=1-3,3", "--bus", "hand=9") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        process.terminate()
    assert lines[0].split() == [str(tmp_path / "arm"), "servos", "1,", "2,", "3,", "3"]
    assert lines[1].split() == [str(tmp_path / "hand"), "servos", "9"]
    assert "Ctrl-C ends them" in lines[2]


def test_faults_from_the_start_and_into_a_running_one(tmp_path: Path, robotctl: Robotctl) -> None:
    with emulator(tmp_path, "--fault", "left_leg/3=off", "--fault", "upper=off"):
        assert scan(robotctl, tmp_path / "left_leg", "1-5") == [1, 2, 4, 5]
        assert scan(robotctl, tmp_path / "upper", "11") == []
        said = robotctl("emulate", "--dir", tmp_path, "--inject", "left_leg=off", "--inject", "left_leg/3=ok")
        assert (said.code, said.out) == (0, "  left_leg is off now\n  left_leg/3 is ok now\n")
        assert scan(robotctl, tmp_path / "left_leg", "1-5") == [3]


def test_it_is_stopped_by_another_process(tmp_path: Path, robotctl: Robotctl) -> None:
    with emulator(tmp_path) as process:
        assert robotctl("emulate", "--dir", tmp_path, "--stop").code == 0
        assert process.wait(timeout=30) == 0
    assert robotctl("emulate", "--dir", tmp_path, "--stop").code == 3


def test_baud_and_echo_are_those_of_the_wires(tmp_path: Path, robotctl: Robotctl) -> None:
    with emulator(tmp_path, "--baud", "57600", "--echo", "--bus", "leg=2"):
        words = ("--port", tmp_path / "leg", "--ids", "2", "--baud", "57600", "--json", *PATIENT)
        assert robotctl("bus", "scan", *words).code == 0
        report = robotctl("bus", "test", *words, "--seconds", "0.5", "--max-failed-percent", "20").json
    assert report["passed"] and report["echo"] and report["baud"] == 57_600


def test_a_second_one_in_the_same_folder_is_refused_and_the_first_lives(tmp_path: Path, robotctl: Robotctl) -> None:
    with emulator(tmp_path):
        said = robotctl("emulate", "--dir", tmp_path)
        assert scan(robotctl, tmp_path / "upper", "11") == [11]
    assert said.code == 2
    assert said.sentence.endswith("an emulator runs there already; end it with --stop, or take another folder")


def test_the_leavings_of_a_killed_one_do_not_keep_the_next_from_starting(tmp_path: Path, robotctl: Robotctl) -> None:
    with emulator(tmp_path) as process:
        process.kill()
        process.wait(timeout=30)
    assert (tmp_path / "upper").is_symlink()
    with emulator(tmp_path):
        assert scan(robotctl, tmp_path / "upper", "11") == [11]


def test_a_file_that_is_no_link_is_not_replaced(tmp_path: Path, robotctl: Robotctl) -> None:
    (tmp_path / "upper").write_text("mine")
    said = robotctl("emulate", "--dir", tmp_path)
    assert (said.code, (tmp_path / "upper").read_text()) == (2, "mine")
    assert said.sentence == f"{tmp_path / 'upper'} is there already and is no port's link, expected another --dir"


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (("--bus", "leg"), 2, "found '', expected ids as in 1,2,3"),
        (("--bus", "../leg=1"), 2, "found '../leg=1', expected NAME=IDS as in left_leg=1-5"),
        (("--bus", "a=1", "--bus", "a=2"), 2, "a stands there twice, expected each bus once"),
        (("--fault", "left_leg/3"), 2, "found 'left_leg/3', expected DEVICE=KIND with one of ok, off, stuck"),
        (("--fault", "left_leg/3=tired"), 2, "found 'left_leg/3=tired', expected DEVICE=KIND"),
        (("--fault", "arm=off"), 2, "--fault arm: no such bus, there are left_leg, right_leg, upper"),
        (("--fault", "upper/3=off"), 2, "--fault upper/3: no such servo on upper, there are 11"),
        (("--inject", "upper=off"), 3, "no emulator answers"),
        (("--stop",), 3, "no emulator answers"),
        (("--latency-ms", "nan"), 2, "found nan, expected a finite number"),
    ],
)
def test_bad_input_is_one_sentence(
    words: tuple[str, ...], code: int, expected: str, tmp_path: Path, robotctl: Robotctl
) -> None:
    said = robotctl("emulate", "--dir", tmp_path, *words)
    assert said.code == code
    assert expected in said.sentence
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("upper/3", "--inject upper/3: servo 3 is not on upper; there are 11"),
        ("upper/x", "--inject upper/x: servo 'x' on upper: expected a number"),
        ("arm", "--inject arm: no device 'arm'; there are left_leg, right_leg, upper"),
    ],
)
def test_a_fault_for_nobody_is_refused(device: str, expected: str, tmp_path: Path, robotctl: Robotctl) -> None:
    with emulator(tmp_path):
        said = robotctl("emulate", "--dir", tmp_path, "--inject", f"{device}=off")
    assert (said.code, said.sentence) == (2, expected)


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path, robotctl: Robotctl) -> None:
    (tmp_path / "file").touch()
    assert "expected a folder that can be written" in robotctl("emulate", "--dir", tmp_path / "file").sentence
    long = tmp_path / ("x" * 120)
    assert "too long for the path of a socket" in robotctl("emulate", "--dir", long).sentence


def test_somebody_elses_socket_is_not_talked_to_for_ever(tmp_path: Path, robotctl: Robotctl) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "control.sock"))
        server.listen()
        said = robotctl("emulate", "--dir", tmp_path)
    assert said.code == 2
