"""robotctl log and replay on the command line: lists, stories, MCAP and CSV for others, one-sentence errors."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from bench_rig import Robotctl
from black_box_rig import WALL_S, box_at, config_of, filled, flip, rewrite, session, shipped
from older_box import make_older
from robot_builder import setup_of, tilted

from robotd.ctl.log_topics import TOPICS
from robotd.places import blackbox_path

TICKS = 200


@pytest.fixture
def newest() -> Path:
    """The newest black box of the test's robot: 200 ticks, in the last ones it lies on its side."""
    path, setup = blackbox_path(), setup_of(config=config_of())
    box = box_at(path, setup)
    for record in session(setup, TICKS, lambda number: {"quat_wxyz": tilted(60)} if number >= 180 else {}):
        box(record)
    box.close()
    return path


def test_the_list_names_every_black_box(newest: Path, robotctl: Robotctl) -> None:
    box_at(newest).close()
    (newest.parent / "blackbox.7.bin").write_text("x")
    code, out, _ = robotctl("log", "list")
    lines = out.splitlines()
    assert code == 0 and len(lines) == 4
    assert lines[0] == f"  {newest.parent}:"
    assert "blackbox.bin" in lines[1] and "0 ticks" in lines[1]
    assert "blackbox.1.bin" in lines[2] and "200 ticks" in lines[2] and "TILT" in lines[2]
    assert "is not a black box" in lines[3]
    files = json.loads(robotctl("log", "list", "--json")[1])["files"]
    assert [file.get("ticks") for file in files] == [0, 200, None] and files[1]["faults"] == ["TILT"]


def test_a_bare_name_out_of_the_list_is_found_by_every_verb(
    newest: Path, robotctl: Robotctl, zero_bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box_at(newest).close()
    monkeypatch.chdir(tmp_path)
    name = "blackbox.1.bin"
    for words in (
        ("log", "show", name),
        ("log", "export", name, "--output", "a.csv"),
        ("log", "layout", name, "--output", "a.json"),
        ("report", name, "--output", "a.html", "--no-pictures"),
        ("replay", name, "--bundle", zero_bundle_path),
    ):
        said = robotctl(*words)
        assert said.code == 0, (words, said.err)
    assert "200 ticks" in robotctl("log", "show", name).out
    for lost in ("blackbox.9.bin", f"elsewhere/{name}"):
        said = robotctl("log", "show", lost)
        assert said.code == 2 and said.sentence.startswith(f"{lost}: No such file")
    filled(Path(name), 3)
    assert "3 ticks" in robotctl("log", "show", name).out, "a file that lies here comes first"


def test_where_there_is_none_yet_the_list_says_so(robotctl: Robotctl) -> None:
    code, out, _ = robotctl("log", "list")
    assert code == 0 and "no black box in" in out


def test_show_tells_every_change_of_mode_and_faults(newest: Path, robotctl: Robotctl) -> None:
    code, out, _ = robotctl("log", "show")
    words = [line.split()[2:] for line in out.splitlines()[:-1]]
    assert code == 0 and words == [["homing"], ["standby"], ["active"], ["fault", "TILT"]]
    assert "200 ticks in 4.0 s" in out and out.startswith("  2023-11-14 22:13:20.0")
    last = json.loads(robotctl("log", "show", str(newest), "--last", "0.1", "--json")[1])
    assert last["ticks"] == 5 and [change["faults"] for change in last["changes"]] == [["TILT"]]


def test_damage_is_counted(newest: Path, robotctl: Robotctl) -> None:
    flip(newest, 3, 50)
    assert "(1 torn or changed left out)" in robotctl("log", "show")[1]


def test_mcap_has_a_channel_with_a_schema_for_each_topic(newest: Path, robotctl: Robotctl, tmp_path: Path) -> None:
    from mcap.reader import make_reader

    code, out, _ = robotctl("log", "export", "--output", str(tmp_path / "a.mcap"))
    assert code == 0 and "200 ticks" in out
    with (tmp_path / "a.mcap").open("rb") as stream:
        reader = make_reader(stream, validate_crcs=True)
        summary = reader.get_summary()
        assert summary is not None and summary.statistics is not None
        counts = {c.topic: summary.statistics.channel_message_counts[c.id] for c in summary.channels.values()}
        assert counts == dict.fromkeys(TOPICS, TICKS) | {"/log": 8, "/tf": TICKS // 2, "/robot": 1}
        for channel in summary.channels.values():
            schema = summary.schemas[channel.schema_id]
            assert (channel.message_encoding, schema.encoding) == ("json", "jsonschema")
        told = {}
        for schema, channel, message in reader.iter_messages():
            assert schema is not None
            told.setdefault(channel.topic, []).append(
                (message.log_time, json.loads(message.data), json.loads(schema.data))
            )
    assert [round(t / 1e9 - WALL_S, 2) for t, _, _ in told["/mode"][:2]] == [0.02, 0.04]
    assert told["/mode"][170][1] == {"mode": "active", "event": "ACTIVATE", "number": 170}
    assert told["/faults"][199][1]["raised"]["TILT"] is True and told["/faults"][10][1]["raised"]["TILT"] is False
    assert "after_rad" in told["/target"][170][1] and "after_rad" not in told["/target"][199][1]
    assert told["/signals"][170][1]["quat_wxyz"] == {"w": 1.0, "x": 0.0, "y": 0.0, "z": 0.0}
    home = {name: float(pos) for name, pos in zip(*_home(), strict=True)}
    assert told["/signals"][170][1]["joint_pos_rad"] == home
    for _, message, schema in (told[topic][170] for topic in TOPICS):
        assert set(message) <= set(schema["properties"]) and schema["type"] == "object"


def _home() -> tuple[tuple[str, ...], np.ndarray]:
    spec = setup_of().spec
    return spec.robot.actuator_names, spec.robot.home


def test_csv_has_a_line_for_each_tick(newest: Path, robotctl: Robotctl, tmp_path: Path) -> None:
    code, _, _ = robotctl("log", "export", str(newest), "--output", str(tmp_path / "a.csv"), "--last", "1")
    with (tmp_path / "a.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert code == 0 and len(rows) == 50 and [row["mode.number"] for row in rows[:2]] == ["150", "151"]
    assert rows[0]["mode.mode"] == "active" and rows[-1]["faults.raised"] == "TILT"
    assert rows[-1]["target.after_rad.waist_yaw"] == "" and float(rows[0]["target.after_rad.waist_yaw"]) == 0
    assert float(rows[0]["orders.velocity.vx"]) == pytest.approx(1.5)


def test_a_number_that_is_not_finite_is_text_in_mcap_and_named_in_csv(robotctl: Robotctl, tmp_path: Path) -> None:
    from mcap.reader import make_reader

    setup = setup_of(config=config_of())
    bad = np.array([np.nan, np.inf, 0], np.float32)
    box = box_at(blackbox_path(), setup)
    for record in session(setup, 3, lambda number: {"gyro_rad_s": bad} if number == 1 else {}):
        box(record)
    for kind in ("mcap", "csv"):
        assert robotctl("log", "export", "--output", str(tmp_path / f"a.{kind}"))[0] == 0
    with (tmp_path / "a.mcap").open("rb") as stream:
        told = [json.loads(message.data) for *_, message in make_reader(stream).iter_messages(["/signals"])]
    assert told[1]["gyro_rad_s"] == {"z": 0.0} and told[2]["gyro_rad_s"]["x"] == 0.0
    assert told[1]["not_finite"] == ["gyro_rad_s.x = nan", "gyro_rad_s.y = inf"] and "not_finite" not in told[2]
    with (tmp_path / "a.csv").open() as stream:
        assert [row["signals.gyro_rad_s.y"] for row in csv.DictReader(stream)] == ["0.0", "inf", "0.0"]


def test_without_mcap_one_sentence_says_what_to_install(
    newest: Path, robotctl: Robotctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mcap.writer", None)
    code, _, err = robotctl("log", "export", "--output", str(tmp_path / "a.mcap"))
    assert code == 2 and "pip install 'wildrobot[log]'" in err and err.count("\n") == 1
    assert list(tmp_path.glob("a.*")) == []


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["log", "show"], 2, "No such file"),
        (["log", "export", "--output", "a.txt"], 2, "found no .mcap or .csv"),
        (["log", "export", "--output", "a.csv", "--last", "nan"], 2, "expected a finite number"),
        (["log", "export", "--output", "a.csv", "--bundle", "nope"], 2, "--bundle: found it with CSV"),
        (["log", "export", "EMPTY", "--output", "a.csv"], 1, "no tick was ever written"),
        (["log", "export", "TORN", "--output", "a.csv"], 1, "all 3 of its records are torn"),
        (["log", "export", "TEXT", "--output", "a.csv"], 2, "is not a black box"),
        (["log", "export", "FULL", "--output", "TEXT/a.csv"], 2, "expected a file that can be written"),
        (["replay", "TEXT", "--bundle", "BUNDLE"], 2, "is not a black box"),
        (["replay", "EMPTY", "--bundle", "BUNDLE"], 1, "holds no intact tick"),
        (["replay", "FULL", "--bundle", "none"], 2, "no such bundle folder"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    robotctl: Robotctl,
    tmp_path: Path,
    zero_bundle_path: Path,
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
    found, out, err = robotctl(*(str(zero_bundle_path) if word == "BUNDLE" else word for word in arguments))
    assert (found, out) == (code, "") and words in err and err.count("\n") == 1 and "Traceback" not in err
    assert not list(tmp_path.glob("a.*"))


def test_replay_says_that_all_is_the_same_or_what_is_not(
    newest: Path, robotctl: Robotctl, zero_bundle_path: Path
) -> None:
    arguments = ("replay", str(newest), "--bundle", str(zero_bundle_path))
    code, out, err = robotctl(*arguments)
    assert code == 0 and "200 ticks identical" in out and "active" in out and "warning" not in err
    report = json.loads(robotctl(*arguments, "--last", "1", "--json")[1])
    assert report["identical"] and report["ticks"] == 50 and 20 < report["active"] < 50 and report["difference"] is None

    def nudge(row: object) -> None:
        row["raw_action"][4] += 0.5  # type: ignore[index]

    rewrite(newest, 160, nudge)
    code, out, _ = robotctl(*arguments)
    assert code == 1 and "160 ticks identical" in out
    assert "tick 160: raw_action[4] differs: recorded 0.5, computed 0.0" in out
    report = json.loads(robotctl(*arguments, "--json")[1])["difference"]
    assert report == {"number": 160, "field": "raw_action[4]", "recorded": 0.5, "computed": 0.0}


def test_the_box_of_an_older_robotd_is_read_by_every_verb(
    newest: Path, robotctl: Robotctl, zero_bundle_path: Path, tmp_path: Path
) -> None:
    make_older(newest)
    assert "200 ticks in 4.0 s" in robotctl("log", "show")[1]
    code, out, err = robotctl("replay", str(newest), "--bundle", str(zero_bundle_path))
    assert code == 0 and "200 ticks identical" in out, err
    for kind in ("mcap", "csv"):
        assert robotctl("log", "export", "--output", str(tmp_path / f"a.{kind}"))[0] == 0
    with (tmp_path / "a.csv").open() as stream:
        row = next(csv.DictReader(stream))
    assert "health.voltage_v" in row and "health.foot_switch_age_s" not in row
    assert robotctl("report", str(newest), "--output", str(tmp_path / "report.html"))[0] == 0


def test_replay_warns_of_a_bundle_that_is_another_and_refuses_one_for_other_joints(
    newest: Path, robotctl: Robotctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing = str(shipped("standing").path)
    code, _, err = robotctl("replay", "--bundle", standing)
    assert "warning: policy is not the policy that was recorded" in err or "other columns" in err
    assert code in (1, 2)
    code, _, err = robotctl("replay", "--bundle", str(Path(standing).parent / "wildrobot"))
    assert code == 2 and "expected policy as in the black box" in err
