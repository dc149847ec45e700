"""robotctl report: every kind of black box gives a page that tells what happened, or one sentence why not."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench_rig import Robotctl
from black_box_rig import box_at, config_of, filled, flip, rewrite, session
from flight_rig import flown, other_robot
from robot_builder import setup_of, signals_of, tilted, zeros

from robotd.blackbox_layout import BlackBoxError
from robotd.blackbox_reader import BlackBoxFile
from robotd.ctl.fault_fixes import FIXES
from robotd.ctl.flight_report.flight import Flight, read_flight
from robotd.ctl.flight_report.story import halts, main_halt
from robotd.mode import Event, Mode
from robotd.places import blackbox_path
from robotd.record import Orders
from robotd.tick import tick
from robotd.tick_state import initial_tick_state

Changes = Callable[[int], dict[str, Any]]


def written(changes: Changes, ticks: int = 230) -> Path:
    """The newest black box: a robot that is armed and activated at once, with these changes of its signals."""
    box = box_at(blackbox_path(), setup := setup_of(config=config_of()))
    for record in session(setup, ticks, changes):
        box(record)
    box.close()
    return blackbox_path()


def flight_of(path: Path) -> Flight:
    with BlackBoxFile(path) as file:
        flight = read_flight(file, file.rows(file.scan()))
    assert flight is not None
    return flight


def first_screen(page: Path) -> str:
    """The text of the page down to its first plot."""
    text = page.read_text(encoding="utf-8")
    return html.unescape(re.sub(r"<[^>]+>", " ", text[text.index("<body") : text.index('class="plot"')]))


def leg(pose: np.ndarray, joint: int, by_rad: float) -> np.ndarray:
    moved = pose.copy()
    moved[joint] += np.float32(by_rad)
    return moved


HOME = setup_of().spec.robot.home
JOINTS = setup_of().spec.robot.actuator_names
AGES = np.zeros(len(JOINTS), np.float32)
STOPS: dict[str, tuple[dict[str, Any], str]] = {
    "TILT": ({"quat_wxyz": tilted(60)}, "60.0 deg forward, allowed 45"),
    "IMU_STALE": ({"imu_age_s": np.asarray(0.1, np.float32)}, "newest IMU sample 100 ms old, allowed 60"),
    "JOINT_STALE": ({"joint_age_s": leg(AGES, 3, 0.2)}, f"{JOINTS[3]} 200 ms old; allowed 160 ms"),
    "JOINT_LIMIT": ({"joint_pos_rad": leg(HOME, 2, 2.5)}, f"{JOINTS[2]} at"),
    "TRACKING": ({"joint_pos_rad": leg(HOME, 10, 0.4)}, f"{JOINTS[10]} at"),
    "NONFINITE": ({"gyro_rad_s": np.array([0, np.nan, 0], np.float32)}, "signals.gyro_rad_s[1] = nan"),
}


@pytest.mark.parametrize("fault", STOPS)
def test_the_first_screen_tells_the_cause_its_figure_and_what_to_do(
    fault: str, robotctl: Robotctl, tmp_path: Path
) -> None:
    signals, words = STOPS[fault]
    written(lambda number: signals if number >= 200 else {})
    said = robotctl("report", "--output", tmp_path / "a.html", "--no-pictures", "--json")
    assert said.code == 0, said
    (stop,) = said.json["stops"]
    assert stop["faults"] == [fault] and words in stop["because"][0]
    screen = first_screen(tmp_path / "a.html")
    for part in (f"stopped by {fault} after", words, FIXES[fault]):
        assert part in screen
    assert said.json["bytes"] == (tmp_path / "a.html").stat().st_size < 15e6


@pytest.mark.parametrize(
    "degrees, axis, way", [(60, 1, "forward"), (-60, 1, "backward"), (-60, 0, "to the left"), (60, 0, "to the right")]
)
def test_a_fall_has_a_direction(degrees: float, axis: int, way: str) -> None:
    path = written(lambda number: {"quat_wxyz": tilted(degrees, axis)} if number >= 200 else {})
    halt = main_halt(halts(flight_of(path)))
    assert halt is not None and way in halt.causes[0].found.words


def test_health_buses_deadlines_and_orders_are_told_too(robotctl: Robotctl, tmp_path: Path) -> None:
    """What `session` cannot change: the last stop is the heading, all are in the table."""
    setup = setup_of(config=config_of(0.6))
    box, state, well = box_at(blackbox_path(), setup), initial_tick_state(setup), setup.well
    hot = well._replace(temperature_degc=leg(np.asarray(well.temperature_degc), 4, 60))
    weak = well._replace(voltage_v=np.asarray(9.2, np.float32))
    silent = well._replace(bus_errors_in_a_row=(0, 7, 0))
    cases: list[tuple[str, dict[str, Any]]] = [
        ("OVERHEAT", {"health": hot}),
        ("UNDERVOLT", {"health": weak}),
        ("BUS", {"health": silent}),
        ("OVERRUN", {"skipped": 4}),
    ]
    for _, change in cases:
        active = stopped = 0
        while not (stopped and state.mode is Mode.IDLE):
            wish = {Mode.IDLE: Event.ARM, Mode.STANDBY: Event.ACTIVATE, Mode.FAULT: Event.CLEAR}.get(state.mode)
            bad = change if active > 10 and not stopped else {}
            skipped, health = bad.get("skipped", 0), bad.get("health")
            orders, signals = Orders((wish,) if wish else ()), signals_of(setup.spec)
            state, _, record = tick(setup, state, signals, orders, zeros(setup.spec), skipped, health)
            box(record)
            active += record.mode is Mode.ACTIVE
            stopped += record.mode in (Mode.STOPPING, Mode.FAULT)
            assert active < 200, "the fault stops it"
    box.close()
    said = robotctl("report", "--output", tmp_path / "a.html", "--no-pictures", "--json")
    assert said.code == 0, said
    told = {stop["faults"][0]: stop["because"][0] for stop in said.json["stops"]}
    assert list(told) == [name for name, _ in cases]
    assert told["OVERHEAT"] == f"{JOINTS[4]} 85 degC; allowed 75" and told["UNDERVOLT"].startswith("9.20 V, allowed 10")
    assert "right_leg: 7 failed in a row" in told["BUS"]
    assert told["OVERRUN"].startswith("4 of the last 50 deadlines missed, 4 of them right before")
    assert "stopped by OVERRUN" in said.json["headline"]


def test_a_person_s_wish_is_no_fault(robotctl: Robotctl, tmp_path: Path) -> None:
    setup = setup_of(config=config_of())
    box, state = box_at(blackbox_path(), setup), initial_tick_state(setup)
    for number in range(210):
        wish = {Mode.IDLE: Event.ARM, Mode.STANDBY: Event.ACTIVATE}.get(state.mode)
        events = (Event.ESTOP,) if number == 200 else (wish,) if wish else ()
        state, _, record = tick(setup, state, signals_of(setup.spec), Orders(events), zeros(setup.spec))
        box(record)
    box.close()
    said = robotctl("report", "--output", tmp_path / "a.html", "--no-pictures", "--json").json
    assert "stopped on order after" in said["headline"] and said["stops"][0]["stop"] == "limp"
    assert said["stops"][0]["because"] == ["the emergency stop was pulled"]


def test_a_robot_that_never_left_idle_says_what_held_it_back(robotctl: Robotctl, tmp_path: Path) -> None:
    written(lambda number: {"imu_age_s": np.asarray(0.5, np.float32)}, 50)
    said = robotctl("report", "--output", tmp_path / "a.html", "--json")
    assert said.code == 0 and "never left IDLE" in said.json["headline"] and said.json["stops"] == []
    screen = first_screen(tmp_path / "a.html")
    assert "Arming was asked for 50 times and refused" in screen and "newest IMU sample 500 ms old" in screen
    assert FIXES["IMU_STALE"] in screen
    text = (tmp_path / "a.html").read_text()
    assert "there is nothing for the twin to do" in text and "there was no target to follow" in text


def test_a_log_that_begins_after_its_stop_says_so(robotctl: Robotctl, tmp_path: Path) -> None:
    written(lambda number: {"quat_wxyz": tilted(60)} if number >= 200 else {})
    said = robotctl("report", "--output", tmp_path / "a.html", "--last", "0.2", "--json")
    assert said.code == 0 and "never left FAULT" in said.json["headline"]
    assert "what led to it is in an older black box" in first_screen(tmp_path / "a.html")


def test_torn_records_are_counted_and_leave_holes(robotctl: Robotctl, tmp_path: Path) -> None:
    path = written(lambda number: {"quat_wxyz": tilted(60)} if number >= 200 else {})
    for place in (50, 51, 120):
        flip(path, place, 60)
    said = robotctl("report", "--output", tmp_path / "a.html", "--no-pictures", "--json")
    assert said.code == 0 and said.json["corrupt"] == 3 and said.json["stops"][0]["faults"] == ["TILT"]
    flight = flight_of(path)
    assert np.flatnonzero(~flight.follows).tolist() == [0, 50, 118]
    assert np.isnan(flight.error_rad[50]).all() and np.isfinite(flight.error_rad[60]).all()


def test_the_moment_before_the_stop_may_be_torn(robotctl: Robotctl, tmp_path: Path) -> None:
    path = written(lambda number: {"quat_wxyz": tilted(60)} if number >= 200 else {})
    for place in range(196, 203):
        flip(path, place, 60)
    said = robotctl("report", "--output", tmp_path / "a.html", "--no-pictures", "--json")
    assert said.code == 0 and said.json["stops"][0]["faults"] == ["TILT"]
    assert "records before this one are torn or gone" in (tmp_path / "a.html").read_text()


def test_another_robot_has_a_page_without_pictures_that_says_so(robotctl: Robotctl, tmp_path: Path) -> None:
    other_robot(blackbox_path(), 200)
    said = robotctl("report", "--output", tmp_path / "a.html", "--json")
    assert said.code == 0, said
    text = html.unescape((tmp_path / "a.html").read_text())
    assert "Without pictures: test_robot has other joints" in text and "joint_04, " in text
    said = robotctl("report", "--output", tmp_path / "b.html", "--bundle", "assets/bundles/walking")
    assert said.code == 2 and "take the bundle that ran there" in said.sentence and not (tmp_path / "b.html").exists()


def test_the_robot_and_its_twin_are_drawn_side_by_side(robotctl: Robotctl, tmp_path: Path) -> None:
    flown(blackbox_path(), active_ticks=60)
    said = robotctl("report", "--output", tmp_path / "a.html", "--json")
    assert said.code == 0, said
    text = (tmp_path / "a.html").read_text()
    assert text.count('src="data:image/webp;base64,') >= 5 and "the same targets" in text
    assert "The twin stood on its own feet" in text and "Joints against the twin" in text


def test_what_is_not_finite_does_not_stop_the_twin(robotctl: Robotctl, tmp_path: Path) -> None:
    def lose(row: Any) -> None:
        row["signals.joint_pos_rad"][3] = np.nan
        row["signals.quat_wxyz"][0] = np.inf

    path = flown(blackbox_path(), active_ticks=60)
    with BlackBoxFile(path) as file:
        last = int(file.scan().sequence[-1])
    for place in range(last - 100, last - 96):
        rewrite(path, place, lose)
    said = robotctl("report", "--output", tmp_path / "a.html", "--json")
    assert said.code == 0, said
    assert (tmp_path / "a.html").read_text().count('src="data:image/webp;base64,') >= 5


def test_a_column_that_is_not_there_is_named() -> None:
    """As in the black box of another robotd."""
    flight = flight_of(written(lambda number: {}, 20))
    columns = [column for column in flight.header.columns if column.name != "slow_motion"]
    poorer = Flight(dataclasses.replace(flight.header, columns=columns), flight.rows)
    assert len(poorer["signals.gyro_rad_s"]) == 20
    with pytest.raises(BlackBoxError, match="has no column slow_motion, expected one; use the robotd that"):
        poorer["slow_motion"]


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["nothing.bin"], 2, "No such file"),
        (["EMPTY"], 1, "no tick was ever written"),
        (["TORN"], 1, "all 3 of its records are torn"),
        (["TEXT"], 2, "is not a black box"),
        (["FULL", "--output", "TEXT/a.html"], 2, "expected a file that can be written"),
        (["FULL", "--bundle", "none"], 2, "no such bundle folder"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    robotctl: Robotctl,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("TEXT").write_text("my diary")
    filled(Path("EMPTY"), 0)
    for name in ("FULL", "TORN"):
        filled(Path(name), 3)
    for place in range(3):
        flip(Path("TORN"), place, 50)
    said = robotctl("report", *arguments, "--no-pictures")
    assert said.code == code and words in said.sentence
    assert not list(tmp_path.glob("*.html"))


def test_without_plotly_one_sentence_says_what_to_install(
    robotctl: Robotctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(blackbox_path(), 3)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    said = robotctl("report", "--output", tmp_path / "a.html")
    assert said.code == 2 and "pip install 'wildrobot[report]'" in said.sentence and not (tmp_path / "a.html").exists()


def test_a_log_of_ten_minutes_is_thinned_and_small(robotctl: Robotctl, tmp_path: Path) -> None:
    """30,000 ticks, with one in which a joint is off by more than anywhere else: it is in the plot."""
    setup = setup_of(config=config_of(10.0))
    box, records = box_at(blackbox_path(), setup), session(setup, 300)
    for number in range(29_700):
        box(records[200 + number % 90])
    box.close()

    def spike(row: Any) -> None:
        row["signals.joint_pos_rad"][5] = 1.23456

    rewrite(blackbox_path(), 20_000, spike)
    said = robotctl("report", "--output", tmp_path / "a.html", "--no-pictures", "--json")
    assert said.code == 0 and said.json["ticks"] == 29_700 and said.json["bytes"] < 15e6
    text = (tmp_path / "a.html").read_text()
    plots = [json.loads(plot) for plot in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text)]
    lines = [line for plot in plots for line in plot["data"] if line["type"] == "scatter"]
    assert any(1.23456 in line["y"] for line in lines if line["name"] == "measured")
    assert max(len(line["x"]) for line in lines) <= 2000
    assert "the smallest and the largest value of every" in text
