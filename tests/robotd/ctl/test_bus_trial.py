"""robotctl bus test on emulated wires: what it measures, what fails it, and that nothing moves or stays loaded."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from bench_rig import PATIENT, Robotctl, bench_of, spawn

from firmware_bridge.emulator.bench import BenchProcess, ServoBench
from firmware_bridge.emulator.fault import FaultKind
from firmware_bridge.emulator.joints import FirstOrderJoints
from firmware_bridge.hiwonder import Command, write
from robotd.ctl import bus_trial

LENIENT = (*PATIENT, "--max-failed-percent", "20")
"""For tests of a healthy bus: a busy machine may lose a reply or two."""
LONG_S = 20.0


def place(bench: ServoBench, servo_id: int, units: float) -> None:
    joints = bench.joints["leg"]
    assert isinstance(joints, FirstOrderJoints)
    with bench.lock:
        joints.place(servo_id, units)


def is_loaded(bench: ServoBench) -> list[bool]:
    with bench.lock:
        return [servo.loaded for servo in bench.wires["leg"].servos]


def test_a_good_bus_passes_with_figures_for_each_joint(tmp_path: Path, robotctl: Robotctl) -> None:
    with bench_of(tmp_path, 1, 2):
        said = robotctl("bus", "test", "--port", tmp_path / "leg", "--ids", "1,2", "--seconds", "1", "--json", *LENIENT)
    report = said.json
    assert (said.code, report["passed"], report["problems"], report["echo"]) == (0, True, [], False)
    assert [servo["id"] for servo in report["servos"]] == [1, 2]
    for servo in report["servos"]:
        assert servo["asked"] == servo["failed"] + round(servo["reads_hz"] * report["seconds"])
        assert servo["reads_hz"] > 0 and servo["writes_hz"] > 0
        assert servo["failed"] == servo["no_reply"] + servo["garbled"]
        # a read cannot be faster than its 14 bytes at 115200 baud, the servo and the adapter
        assert 2.7 < servo["reply_ms"]["p50"] <= servo["reply_ms"]["p95"] <= servo["reply_ms"]["max"]
    assert 3.0 < report["budget"]["reply_ms"] < 4.0
    assert "its torque comes on meanwhile" in said.err


def test_nothing_moves_and_torque_is_as_before(tmp_path: Path, robotctl: Robotctl) -> None:
    with bench_of(tmp_path, 1, 2) as bench:
        place(bench, 1, 312.0)
        place(bench, 2, 701.0)
        with bench.lock:
            bench.wires["leg"].servos[1].hear(write(2, Command.LOAD_OR_UNLOAD_WRITE, 1))
        said = robotctl("bus", "test", "--port", tmp_path / "leg", "--ids", "1-2", "--seconds", "0.6", *LENIENT)
        moves = bench.witness.since(command="move_time_write")
        assert is_loaded(bench) == [False, True]
        with bench.lock:
            assert [bench.joints["leg"].read(servo_id) for servo_id in (1, 2)] == [312.0, 701.0]
    assert said.code == 0, said
    assert {(arrival.address, arrival.values[0]) for arrival in moves} == {(1, 312), (2, 701)}
    assert "passed" in said.out


def test_read_only_writes_nothing(tmp_path: Path, robotctl: Robotctl) -> None:
    with bench_of(tmp_path, 1) as bench:
        said = robotctl(
            "bus",
            "test",
            "--port",
            tmp_path / "leg",
            "--ids",
            "1",
            "--seconds",
            "0.5",
            "--read-only",
            "--json",
            *LENIENT,
        )
        assert all(arrival.command.endswith("read") for arrival in bench.witness.since())
    assert said.code == 0 and "torque" not in said.err
    assert said.json["servos"][0]["writes_hz"] == 0


def test_an_echo_is_seen(tmp_path: Path, robotctl: Robotctl) -> None:
    with bench_of(tmp_path, 1, echo=True):
        said = robotctl("bus", "test", "--port", tmp_path / "leg", "--ids", "1", "--seconds", "0.5", "--json", *LENIENT)
        table = robotctl("bus", "test", "--port", tmp_path / "leg", "--ids", "1", "--seconds", "0.5", *LENIENT)
    assert (said.code, said.json["echo"]) == (0, True)
    assert "echo seen" in table.out


@pytest.mark.parametrize("units", [1012, -20])
def test_a_servo_outside_its_limits_is_only_read(units: int, tmp_path: Path, robotctl: Robotctl) -> None:
    with bench_of(tmp_path, 1, 2) as bench:
        place(bench, 1, float(units))
        said = robotctl(
            "bus", "test", "--port", tmp_path / "leg", "--ids", "1-2", "--seconds", "0.5", "--json", *LENIENT
        )
        assert {arrival.address for arrival in bench.witness.since(command="move_time_write")} == {2}
    first, second = said.json["servos"]
    assert first["not_written"] == f"stands at {units}, outside its limits 0 to 1000: it would move"
    assert first["writes_hz"] == 0 and second["not_written"] is None


@pytest.mark.parametrize(
    ("kind", "counted", "told"),
    [
        (FaultKind.OFF, "no_reply", "silent; check its plug"),
        (FaultKind.GARBAGE, "garbled", "mostly garbled; look for two servos with one id"),
        (FaultKind.INTERMITTENT, "no_reply", "mostly silent; look for a loose plug"),
        (FaultKind.SLOW, "no_reply", "--reply-ms"),
    ],
)
def test_a_faulty_servo_fails_the_test_by_the_kind_of_its_failures(
    kind: FaultKind, counted: str, told: str, tmp_path: Path, robotctl: Robotctl
) -> None:
    with bench_of(tmp_path, 1, 2) as bench:
        bench.fault("leg/2", kind)
        words = ("--port", tmp_path / "leg", "--ids", "1-2", "--seconds", "1", "--reply-ms", "3")  # slow: 5 and more
        said = robotctl("bus", "test", *words, "--json")
    report = said.json
    assert (said.code, report["passed"]) == (1, False)
    faulty = report["servos"][1]
    assert faulty[counted] > 0.2 * faulty["asked"]
    problem = next(problem for problem in report["problems"] if problem.startswith("servo 2 failed"))
    assert told in problem


def test_a_servo_that_moves_though_told_to_stay_ends_the_test_limp(tmp_path: Path, robotctl: Robotctl) -> None:
    with bench_of(tmp_path, 1, 2) as bench:
        bench.fault("leg/2", FaultKind.WRONG)  # it says 900 at 500, is told to be at 900, and goes
        began_s = time.monotonic()
        said = robotctl(
            "bus", "test", "--port", tmp_path / "leg", "--ids", "1-2", "--seconds", "60", "--json", *LENIENT
        )
        assert time.monotonic() - began_s < LONG_S
        assert is_loaded(bench) == [False, False]
        with bench.lock:
            assert abs(bench.joints["leg"].read(2) - 500) < 200
    assert said.code == 1
    assert any(
        "servo 2 moved by" in problem and "all torque was turned off" in problem for problem in said.json["problems"]
    )


def test_servos_that_share_an_id_are_not_written_since_one_of_them_would_move(
    tmp_path: Path, robotctl: Robotctl
) -> None:
    with bench_of(tmp_path, 1, 2, 2) as bench:
        said = robotctl(
            "bus", "test", "--port", tmp_path / "leg", "--ids", "1-2", "--seconds", "0.5", "--json", *PATIENT
        )
        assert {arrival.address for arrival in bench.witness.since(command="move_time_write")} == {1}
    assert said.code == 1
    assert "two servos shared its id" in said.json["servos"][1]["not_written"]


def test_nobody_there_is_a_failed_check(tmp_path: Path, robotctl: Robotctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_trial, "ALL", (1, 2, 3))
    with bench_of(tmp_path, 1):
        said = robotctl("bus", "test", "--port", tmp_path / "leg", "--baud", "9600")
    assert said.code == 1
    assert said.sentence == f"{tmp_path / 'leg'}: nobody answers at 9600 baud; check power, plug and ground"


def test_faults_injected_while_it_runs_are_seen(tmp_path: Path) -> None:
    with BenchProcess({"leg": [1, 2, 3]}, tmp_path) as bench:
        words = ("bus", "test", "--port", tmp_path / "leg", "--ids", "1-3", "--seconds", "3", "--json", *PATIENT)
        with spawn(*words) as verb:
            wait_until(lambda: len(bench.control.witness(command="pos_read")) > 20)
            bench.control.fault("leg/2", FaultKind.OFF)
            bench.control.fault("leg/3", FaultKind.GARBAGE)
            out, _ = verb.communicate(timeout=60)
    report = json.loads(out)
    assert verb.returncode == 1
    one, two, three = report["servos"]
    assert one["failed"] <= max(1, 0.2 * one["asked"])
    assert two["no_reply"] > 0 and two["reads_hz"] > 0, "it worked first, and then no more"
    assert three["garbled"] > 0 and three["reads_hz"] > 0
    assert {problem.split(" failed")[0] for problem in report["problems"]} >= {"servo 2", "servo 3"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGTSTP])
def test_an_interrupted_test_turns_the_torque_off_again(number: signal.Signals, tmp_path: Path) -> None:
    with BenchProcess({"leg": [1, 2]}, tmp_path) as bench:
        with spawn("bus", "test", "--port", tmp_path / "leg", "--ids", "1-2", "--seconds", "600", *PATIENT) as verb:
            wait_until(lambda: len(bench.control.witness(command="move_time_write")) > 3)
            verb.send_signal(number)
            out, err = verb.communicate(timeout=60)
        last = {arrival.address: arrival for arrival in bench.control.witness(command="load_or_unload_write")}
    assert (verb.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert {address: arrival.values for address, arrival in last.items()} == {1: (0,), 2: (0,)}


def test_a_pulled_plug_is_told(tmp_path: Path) -> None:
    words = ("bus", "test", "--port", tmp_path / "leg", "--ids", "1", "--seconds", "600", "--json")
    with bench_of(tmp_path, 1) as bench, spawn(*words) as verb:
        wait_until(lambda: len(bench.witness.since(command="move_time_write")) > 3)
        bench.unplug("leg")
        out, _ = verb.communicate(timeout=60)
    problems = json.loads(out)["problems"]
    assert verb.returncode == 1
    assert any("gone (" in problem for problem in problems)
    assert "servo 1 did not confirm that its torque is off again: cut its power" in problems


def test_what_is_no_port_is_named_once(tmp_path: Path, robotctl: Robotctl) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file"):
        said = robotctl("bus", "test", "--port", path, "--ids", 1)
        assert (said.code, said.sentence) == (3, f"{path}: not a serial port; name the adapter, as /dev/ttyUSB0")


def test_all_servos_are_found_and_tested(tmp_path: Path, robotctl: Robotctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_trial, "ALL", (1, 2, 3))
    with bench_of(tmp_path, 1, 3):
        said = robotctl("bus", "test", "--port", tmp_path / "leg", "--seconds", "0.5", "--json", *LENIENT)
    assert (said.code, [servo["id"] for servo in said.json["servos"]]) == (0, [1, 3])


def wait_until(condition: Callable[[], bool]) -> None:
    """Fails the test if it never comes."""
    end_s = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < end_s, "it never came"
        time.sleep(0.02)
