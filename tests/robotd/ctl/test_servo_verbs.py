"""robotctl servo show, set-id and write-limits on emulated wires: what they write, and all that they refuse."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench_rig import PATIENT, Robotctl, Said, bench_of

from firmware_bridge.emulator.bench import ServoBench
from firmware_bridge.emulator.joints import FirstOrderJoints

WHOLE = {"low_units": 0, "high_units": 1000, "low_mv": 4500, "high_mv": 14_000, "max_degc": 85}


def ids_on(bench: ServoBench) -> list[int]:
    with bench.lock:
        return [servo.servo_id for servo in bench.wires["leg"].servos]


def writes_on(bench: ServoBench) -> list[str]:
    return [arrival.command for arrival in bench.witness.since() if arrival.command.endswith("write")]


def test_a_servo_gets_another_id(tmp_path: Path, robotctl: Robotctl) -> None:
    with bench_of(tmp_path, 1, 3) as bench:
        said = robotctl("servo", "set-id", "--port", tmp_path / "leg", "--from", 1, "--to", 7, "--json", *PATIENT)
        assert ids_on(bench) == [7, 3]
        back = robotctl("servo", "set-id", "--port", tmp_path / "leg", "--from", 7, "--to", 1, *PATIENT)
        assert ids_on(bench) == [1, 3]
    assert (said.code, said.json) == (0, {"port": str(tmp_path / "leg"), "from": 1, "to": 7, "verified": True})
    assert (back.code, back.out) == (0, "  servo 7 is 1 now, and answers to that and no more to 7\n")


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        (1, 3, 2, "id 3 is taken; choose a free one"),
        (2, 4, 2, "more than one servo answers to id 2; connect one at a time"),
        (8, 9, 3, "no servo answers to id 8 at 115200 baud; `robotctl bus scan` finds who does"),
        (1, 1, 2, "--from and --to are both 1, expected two ids"),
        (1, 254, 2, "--to"),
        (-1, 4, 2, "--from"),
    ],
)
def test_an_id_is_not_set_where_it_would_make_a_mess(
    old: int, new: int, code: int, words: str, tmp_path: Path, robotctl: Robotctl
) -> None:
    with bench_of(tmp_path, 1, 2, 2, 3) as bench:
        said = robotctl("servo", "set-id", "--port", tmp_path / "leg", "--from", old, "--to", new, *PATIENT)
        assert ids_on(bench) == [1, 2, 2, 3]
        assert "id_write" not in writes_on(bench)
    assert said.code == code
    assert words in said.sentence


def test_an_id_that_was_not_kept_is_a_failed_check(tmp_path: Path, robotctl: Robotctl) -> None:
    with bench_of(tmp_path, 1) as bench:
        with bench.lock:
            servo = bench.wires["leg"].servos[0]
            servo._obey = lambda command, values: True  # type: ignore[method-assign]
        said = robotctl("servo", "set-id", "--port", tmp_path / "leg", "--from", 1, "--to", 2, *PATIENT)
    assert said.code == 1
    assert said.sentence.endswith("servo 1 was told to be 2, but 2 does not answer")


def write_limits(robotctl: Robotctl, tmp_path: Path, *words: object) -> Said:
    return robotctl("servo", "write-limits", "--port", tmp_path / "leg", "--id", 2, *words, *PATIENT)


def test_limits_are_written_and_read_back(tmp_path: Path, robotctl: Robotctl) -> None:
    options = ("--min-rad", "-1.0", "--max-rad", "1.2", "--max-temp-c", 75, "--min-v", "9.5", "--max-v", "12.6")
    with bench_of(tmp_path, 2, 3):
        said = write_limits(robotctl, tmp_path, *options, "--json")
        again = write_limits(robotctl, tmp_path, "--max-temp-c", 70)
        other = robotctl("servo", "show", "--port", tmp_path / "leg", "--id", 3, "--json", *PATIENT)
    assert said.code == 0
    # 500 units + rad * 1000 / rad(240)
    after = {"low_units": 261, "high_units": 786, "low_mv": 9500, "high_mv": 12_600, "max_degc": 75}
    assert said.json == {
        "port": str(tmp_path / "leg"),
        "id": 2,
        "before": WHOLE,
        "after": after,
        "verified": True,
    }
    rows = [line.split("  ") for line in again.out.splitlines()]
    texts = {cells[1]: [cell.strip() for cell in cells[2:] if cell.strip()] for cells in rows if len(cells) > 2}
    assert texts["temperature, C"] == ["at most 75", "at most 70"]
    assert texts["angle, units"] == ["261 to 786", "261 to 786"]
    assert texts["angle, rad"] == ["-1.001 to 1.198", "-1.001 to 1.198"]
    assert other.json["temperature_limit_degc"] == 85


def test_limits_in_units_are_taken_as_they_are(tmp_path: Path, robotctl: Robotctl) -> None:
    with bench_of(tmp_path, 2):
        said = write_limits(robotctl, tmp_path, "--min-units", 100, "--max-units", 900, "--json")
    assert (said.json["after"]["low_units"], said.json["after"]["high_units"]) == (100, 900)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "nothing to write, expected one of --min-rad"),
        (
            ("--min-rad", "0.5", "--max-rad", "-0.5"),
            "would keep 619 to 381 units of angle, expected the lower limit below",
        ),
        (("--min-units", "500", "--max-units", "500"), "would keep 500 to 500 units of angle"),
        (("--min-v", "12", "--max-v", "11"), "would keep 12000 to 11000 mV"),
        (("--min-rad", "0.5"), "servo 2 stands at 500 units (0.000 rad), outside of 619 to 1000"),
        (("--min-v", "12.5"), "servo 2 is supplied with 12 V, outside of 12.5 to 14 V"),
        (("--min-rad", "0", "--min-units", "400"), "--min-rad and --min-units say the same thing"),
        (("--min-rad", "-3"), "--min-rad"),
        (("--min-rad", "nan"), "found nan, expected a finite number"),
        (("--max-v", "nan"), "found nan, expected a finite number"),
        (("--max-temp-c", "40"), "--max-temp-c"),
        (("--max-temp-c", "101"), "--max-temp-c"),
        (("--min-v", "3"), "--min-v"),
        (("--max-units", "1001"), "--max-units"),
    ],
)
def test_nonsense_is_refused_in_one_sentence_and_nothing_is_written(
    words: tuple[str, ...], expected: str, tmp_path: Path, robotctl: Robotctl
) -> None:
    with bench_of(tmp_path, 2) as bench:
        said = write_limits(robotctl, tmp_path, *words)
        assert writes_on(bench) == []
    assert said.code == 2
    assert expected in said.sentence


def test_limits_of_a_servo_that_is_not_there_or_not_alone_are_not_written(tmp_path: Path, robotctl: Robotctl) -> None:
    with bench_of(tmp_path, 1, 1) as bench:
        absent = write_limits(robotctl, tmp_path, "--max-temp-c", 70)
        shared = robotctl("servo", "write-limits", "--port", tmp_path / "leg", "--id", 1, "--max-temp-c", 70, *PATIENT)
        assert writes_on(bench) == []
    assert (absent.code, shared.code) == (3, 2)
    assert "no servo answers to id 2" in absent.sentence
    assert "more than one servo answers to id 1" in shared.sentence


def test_limits_that_a_servo_does_not_keep_are_a_failed_check(tmp_path: Path, robotctl: Robotctl) -> None:
    with bench_of(tmp_path, 2) as bench:
        with bench.lock:
            servo = bench.wires["leg"].servos[0]
            servo._obey = lambda command, values: True  # type: ignore[method-assign]
        said = write_limits(robotctl, tmp_path, "--max-temp-c", 70)
    assert said.code == 1
    assert "was told temp_max_write (70,) and says (85,)" in said.sentence


def test_a_servo_is_shown(tmp_path: Path, robotctl: Robotctl) -> None:
    with bench_of(tmp_path, 2) as bench:
        joints = bench.joints["leg"]
        assert isinstance(joints, FirstOrderJoints)
        with bench.lock:
            joints.place(2, -3.0)
        said = robotctl("servo", "show", "--port", tmp_path / "leg", "--id", 2, "--json", *PATIENT)
        table = robotctl("servo", "show", "--port", tmp_path / "leg", "--id", 2, *PATIENT)
        assert writes_on(bench) == []
    assert said.json == {
        "port": str(tmp_path / "leg"),
        "id": 2,
        "position_units": -3,
        "loaded": False,
        "temperature_degc": 35,
        "voltage_mv": 12_000,
        "offset_units": 0,
        "angle_limit_units": [0, 1000],
        "voltage_limit_mv": [4500, 14_000],
        "temperature_limit_degc": 85,
        "last_move_units_ms": [500, 0],
        "led_dark": False,
        "led_error_causes": 7,
    }
    assert "-3 units, -0.7 deg; limits 0 to 1000 units" in table.out
    assert "12.00 V, torque off outside 4.5 to 14 V" in table.out
