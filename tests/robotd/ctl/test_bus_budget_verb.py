"""robotctl bus-budget: figures, split, exit codes; where the figures come from is tested with firmware_bridge."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench_rig import Robotctl

from firmware_bridge.bus_budget import bus_budget


def test_wildrobot_on_three_buses_fits(robotctl: Robotctl) -> None:
    said = robotctl("bus-budget", "--json")
    assert said.code == 0
    report = said.json
    assert set(report) == {"fits", "conditions", "buses", "suggested_split"}
    assert report["conditions"] == {"baud": 115200, "latency_ms": 1.0, "tick_ms": 20.0, "max_age_ms": 60.0}
    assert [(bus["bus"], bus["joints"]) for bus in report["buses"]] == [("left_leg", 5), ("right_leg", 5), ("upper", 1)]
    assert report["fits"] is all(bus["fits"] for bus in report["buses"])


def test_eleven_joints_on_one_bus_do_not_fit_and_a_split_is_suggested(robotctl: Robotctl) -> None:
    said = robotctl("bus-budget", "--joints-per-bus", "11", "--json")
    table = robotctl("bus-budget", "--joints-per-bus", "11")
    assert (said.code, table.code) == (1, 1)
    (bus,) = said.json["buses"]
    assert bus["wire_ms"] == 22.917, "hardware.md: 22.9 ms, more than the tick of 20 ms"
    assert bus["read_ms"] == pytest.approx(3.64, abs=0.05), "hardware.md: 3.64 ms over a USB adapter"
    assert bus["age_mean_ms"] < bus["age_p95_ms"] < bus["age_max_ms"]
    expected = bus_budget(11)
    assert bus["age_p95_ms"] == round(expected.age_p95_s * 1e3, 3) and bus["reads_hz"] == round(expected.reads_hz, 3)
    assert said.json["suggested_split"] == [6, 5]
    assert "115%" in table.out and "split the joints over 2 buses (6 + 5)" in table.out
    assert "84 / 113 / 127 ms" in table.out


def test_conditions_are_obeyed(robotctl: Robotctl) -> None:
    fast = robotctl("bus-budget", "--joints-per-bus", "11", "--baud", 1_000_000, "--latency-ms", 0, "--json")
    slow = robotctl("bus-budget", "--joints-per-bus", "4,4", "--latency-ms", 16, "--json")
    lax = robotctl("bus-budget", "--joints-per-bus", "4,4", "--latency-ms", 16, "--max-age-ms", 200, "--json")
    tick = robotctl("bus-budget", "--joints-per-bus", "11", "--tick-ms", 40, "--max-age-ms", 100, "--json")
    assert [said.code for said in (fast, slow, lax, tick)] == [0, 1, 0, 0]
    assert slow.json["buses"][0]["read_ms"] == pytest.approx(fast.json["buses"][0]["read_ms"] + 16, abs=1.5)


def test_where_no_split_helps_it_says_so(robotctl: Robotctl) -> None:
    said = robotctl("bus-budget", "--joints-per-bus", "2", "--latency-ms", 100)
    assert said.code == 1 and "no split helps" in said.out
    assert (
        robotctl("bus-budget", "--joints-per-bus", "2", "--latency-ms", 100, "--json").json["suggested_split"] is None
    )


def test_a_config_gives_buses_and_baud(tmp_path: Path, robotctl: Robotctl) -> None:
    config = tmp_path / "robotd.yaml"
    config.write_text(
        "hardware:\n  baud: 57600\n  buses: {a: {port: x}, b: {port: y}}\n"
        "  joints: {hip: {bus: a, servo_id: 1}, knee: {bus: a, servo_id: 2}}\n  calibration: {hip: {}, knee: {}}\n"
    )
    report = robotctl("bus-budget", "--config", config, "--json").json
    assert report["conditions"]["baud"] == 57_600
    assert [(bus["bus"], bus["joints"]) for bus in report["buses"]] == [("a", 2)]
    assert robotctl("bus-budget", "--config", config, "--baud", 115200, "--json").json["conditions"]["baud"] == 115_200


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--joints-per-bus", "0"), "found '0', expected the joints of each bus as in 11 or 5,5,1"),
        (("--joints-per-bus", "5,,1"), "found '5,,1', expected"),
        (("--joints-per-bus", "many"), "found 'many', expected"),
        (("--config", "no.yaml"), "no.yaml: No such file or directory"),
        (("--config", "no.yaml", "--joints-per-bus", "3"), "--config and --joints-per-bus say the same thing"),
        (("--baud", "1"), "--baud"),
        (("--latency-ms", "nan"), "--latency-ms"),
    ],
)
def test_bad_options_are_one_sentence(words: tuple[str, ...], expected: str, robotctl: Robotctl) -> None:
    said = robotctl("bus-budget", *words)
    assert said.code == 2
    assert expected in said.sentence
