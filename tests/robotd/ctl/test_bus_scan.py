"""robotctl bus scan on emulated wires behind real ports."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench_rig import PATIENT, Robotctl, bench_of

from firmware_bridge.emulator.joints import FirstOrderJoints
from robotd.lock import HardwareLock


def test_a_scan_finds_every_servo_and_how_it_is_and_moves_nothing(tmp_path: Path, robotctl: Robotctl) -> None:
    with bench_of(tmp_path, 1, 4) as bench:
        joints = bench.joints["leg"]
        assert isinstance(joints, FirstOrderJoints)
        with bench.lock:
            joints.place(4, 250.0)
            bench.wires["leg"].servos[1].supply(11_100)
            bench.wires["leg"].servos[1].warm(47)
        said = robotctl("bus", "scan", "--port", tmp_path / "leg", "--ids", "0-5", "--json", *PATIENT)
        asked = {arrival.command for arrival in bench.witness.since()}
    assert said.code == 0
    report = said.json
    assert (report["passed"], report["port"], report["duplicates"]) == (True, str(tmp_path / "leg"), [])
    assert [servo["id"] for servo in report["servos"]] == [1, 4]
    found = {name: report["servos"][1][name] for name in ("baud", "position_units", "temperature_degc", "voltage_v")}
    assert found == {"baud": 115200, "position_units": 250, "temperature_degc": 47, "voltage_v": 11.1}
    assert report["servos"][1]["loaded"] is False and report["servos"][1]["duplicate"] is False
    assert asked and all(command.endswith("read") for command in asked)


def test_the_table_is_for_people(tmp_path: Path, robotctl: Robotctl) -> None:
    with bench_of(tmp_path, 3):
        said = robotctl("bus", "scan", "--port", tmp_path / "leg", "--ids", "1-4", *PATIENT)
    assert said.code == 0
    row = next(line for line in said.out.splitlines() if line.split()[:1] == ["3"])
    assert row.split()[:7] == ["3", "115200", "500", "120.0", "off", "35", "12.00"]
    assert "1 servo found, no id is shared" in said.out
    assert "asking 4 ids at 115200 baud" in said.err


def test_two_servos_with_one_id_are_seen_and_fail_the_scan(tmp_path: Path, robotctl: Robotctl) -> None:
    with bench_of(tmp_path, 1, 2, 2):
        said = robotctl("bus", "scan", "--port", tmp_path / "leg", "--ids", "1-3", "--json", *PATIENT)
        table = robotctl("bus", "scan", "--port", tmp_path / "leg", "--ids", "1-3", *PATIENT)
    assert (said.code, table.code) == (1, 1)
    assert said.json["duplicates"] == [2] and said.json["passed"] is False
    assert "FAILED: answers of id 2 are garbled" in table.out and "set-id" in table.out


def test_nobody_there_fails_with_a_hint(tmp_path: Path, robotctl: Robotctl) -> None:
    with bench_of(tmp_path, 9):
        said = robotctl("bus", "scan", "--port", tmp_path / "leg", "--ids", "1-2", "--json")
        table = robotctl("bus", "scan", "--port", tmp_path / "leg", "--ids", "1-2")
    assert (said.code, said.json["servos"], said.json["passed"]) == (1, [], False)
    assert table.code == 1 and "none of the asked ids answers at 115200 baud" in table.out
    assert "--all-bauds" in table.out


def test_servos_at_another_rate_are_found_with_all_bauds_only(tmp_path: Path, robotctl: Robotctl) -> None:
    with bench_of(tmp_path, 2, baud=57_600):
        usual = robotctl("bus", "scan", "--port", tmp_path / "leg", "--ids", "1-3", "--json")
        all_bauds = robotctl(
            "bus", "scan", "--port", tmp_path / "leg", "--ids", "1-3", "--all-bauds", "--json", *PATIENT
        )
    assert usual.code == 1
    assert all_bauds.code == 0
    assert [(servo["id"], servo["baud"]) for servo in all_bauds.json["servos"]] == [(2, 57_600)]


def test_a_port_that_is_not_there_gives_3(tmp_path: Path, robotctl: Robotctl) -> None:
    said = robotctl("bus", "scan", "--port", tmp_path / "leg", "--ids", "1")
    assert said.code == 3
    assert said.sentence == f"{tmp_path / 'leg'}: no such port; plug the adapter in, or name another port"


def test_a_port_that_another_process_holds_gives_3(tmp_path: Path, robotctl: Robotctl) -> None:
    from firmware_bridge.serial_line import SerialLine

    with bench_of(tmp_path, 1):
        line = SerialLine(tmp_path / "leg", 115_200)
        said = robotctl("bus", "scan", "--port", tmp_path / "leg", "--ids", "1")
        line.close()
    assert said.code == 3 and "another process holds it" in said.sentence


VERBS = (
    ("bus", "scan", "--port", "leg"),
    ("bus", "test", "--port", "leg", "--ids", "1"),
    ("servo", "show", "--port", "leg", "--id", "1"),
    ("servo", "set-id", "--port", "leg", "--from", "1", "--to", "2"),
    ("servo", "write-limits", "--port", "leg", "--id", "1", "--max-temp-c", "70"),
    ("imu", "test"),
)


@pytest.mark.parametrize("words", VERBS, ids=lambda words: " ".join(words[:2]))
def test_while_somebody_holds_the_hardware_every_verb_refuses(
    words: tuple[str, ...], tmp_path: Path, robotctl: Robotctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with bench_of(tmp_path, 1) as bench:
        with HardwareLock("robotd") as held:
            said = robotctl(*words)
        assert bench.witness.seen == 0
    assert said.code == 2
    assert said.sentence.startswith("robotd (pid ")
    assert said.sentence.endswith(f" holds the hardware ({held.path}); end it first")


def test_the_lock_is_let_go_afterwards(tmp_path: Path, robotctl: Robotctl) -> None:
    with bench_of(tmp_path, 1):
        for _ in range(2):
            assert robotctl("bus", "scan", "--port", tmp_path / "leg", "--ids", "1", *PATIENT).code == 0
    HardwareLock("robotd").close()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--ids", "1,x"), "found 'x', expected ids as in 1,2,3 or 1-11, or all"),
        (("--ids", "5-3"), "found '5-3', expected ids from 0 to 253, the lower first"),
        (("--ids", "254"), "found '254', expected ids from 0 to 253"),
        (("--ids", "1,1"), "found '1,1', expected each id once"),
        (("--ids", ""), "found '', expected ids"),
        (("--baud", "0"), "--baud"),
        (("--reply-ms", "0"), "--reply-ms"),
        (("--bus", "leg"), "expected one of --port and --bus"),
    ],
)
def test_bad_options_are_one_sentence(words: tuple[str, ...], expected: str, robotctl: Robotctl) -> None:
    said = robotctl("bus", "scan", "--port", "no-port", *words)
    assert said.code == 2
    assert expected in said.sentence


def test_without_a_port_it_is_asked_for(robotctl: Robotctl) -> None:
    said = robotctl("bus", "scan")
    assert said.code == 2
    assert said.sentence == "expected one of --port and --bus, as in --port /dev/ttyUSB0"


def test_a_bus_of_robotd_yaml_gives_its_port(tmp_path: Path, robotctl: Robotctl) -> None:
    config = tmp_path / "robotd.yaml"
    config.write_text(
        f"hardware:\n  buses: {{leg: {{port: {tmp_path / 'leg'}}}}}\n  joints: {{knee: {{bus: leg, servo_id: 2}}}}\n"
        "  calibration: {knee: {}}\n"
    )
    with bench_of(tmp_path, 2):
        said = robotctl("bus", "scan", "--bus", "leg", "--config", config, "--ids", "1-3", "--json", *PATIENT)
        wrong = robotctl("bus", "scan", "--bus", "arm", "--config", config)
        tested = robotctl("bus", "test", "--bus", "leg", "--config", config, "--seconds", "0.5", "--json", *PATIENT)
    assert (said.code, said.json["port"]) == (0, str(tmp_path / "leg"))
    assert (wrong.code, wrong.sentence) == (2, "--bus arm: no such bus, robotd.yaml has leg")
    assert [servo["id"] for servo in tested.json["servos"]] == [2]
