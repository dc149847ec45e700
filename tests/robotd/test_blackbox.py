"""The black box: bit for bit, a ring, checked record by record, kept when the next daemon starts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from black_box_rig import WALL_S, box_at, config_of, filled, flip, read_back, session
from robot_builder import setup_of

from robotd.blackbox import older
from robotd.blackbox_codec import example_record
from robotd.blackbox_layout import MAGIC, BlackBoxError, leaves
from robotd.blackbox_reader import BlackBoxFile
from robotd.mode import Mode
from robotd.record import TickRecord

RING = 300  # ticks in 0.1 minutes


def assert_same(found: TickRecord, expected: TickRecord) -> None:
    for (name, a), (_, b) in zip(leaves(found), leaves(expected), strict=True):
        assert type(a) is type(b), name
        if isinstance(b, np.ndarray):
            assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes()), name
        else:
            assert a == b, name


def test_every_record_comes_back_bit_for_bit(tmp_path: Path) -> None:
    records = filled(tmp_path / "blackbox.bin", RING)
    back = read_back(tmp_path / "blackbox.bin", setup_of(config=config_of()))
    assert len(back) == RING and {Mode.HOMING, Mode.STANDBY, Mode.ACTIVE} <= {record.mode for record in back}
    assert records[70].skipped and any(record.observation is None for record in records)
    for found, expected in zip(back, records, strict=True):
        assert_same(found, expected)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("field", ["quat_wxyz", "joint_pos_rad", "imu_age_s"])
def test_what_is_not_finite_is_kept_with_its_fault(tmp_path: Path, field: str, value: float) -> None:
    setup = setup_of(config=config_of())
    bad = np.array(getattr(example_record(setup).signals, field))
    bad[...] = value
    records = session(setup, 150, lambda number: {field: bad} if number == 130 else {})
    box = box_at(tmp_path / "blackbox.bin", setup)
    for record in records:
        box(record)
    back = read_back(tmp_path / "blackbox.bin", setup)
    assert "NONFINITE" in back[130].faults.names and "NONFINITE" not in back[129].faults.names
    assert_same(back[130], records[130])


@pytest.mark.parametrize("ticks", [1, RING - 1, RING, RING + 1, 2 * RING + 17])
def test_the_ring_keeps_the_newest_in_their_order(tmp_path: Path, ticks: int) -> None:
    filled(tmp_path / "blackbox.bin", ticks)
    back = read_back(tmp_path / "blackbox.bin", setup_of(config=config_of()))
    assert [record.number for record in back] == list(range(max(0, ticks - RING), ticks))


def test_a_flipped_bit_anywhere_costs_that_record_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "blackbox.bin"
    filled(path, 40)
    whole = path.read_bytes()
    with BlackBoxFile(path) as file:
        size = file.header.record_bytes
    for offset in [*range(0, size, 37), size - 4, size - 1]:
        flip(path, 20, offset)
        with BlackBoxFile(path) as file:
            scan = file.scan()
            numbers = [int(row["number"]) for row in file.rows(scan)]
        assert scan.corrupt == 1 and numbers == [n for n in range(40) if n != 20], offset
        path.write_bytes(whole)


def test_a_record_in_the_wrong_place_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "blackbox.bin"
    filled(path, 40)
    with BlackBoxFile(path) as file:
        first, size = file.header.first_at, file.header.record_bytes
    data = bytearray(path.read_bytes())
    data[first + 7 * size : first + 8 * size] = data[first + 9 * size : first + 10 * size]
    path.write_bytes(data)
    with BlackBoxFile(path) as file:
        scan = file.scan()
        assert scan.corrupt == 1 and scan.sequence.tolist() == [n for n in range(1, 41) if n != 8]


def test_the_header_tells_all_that_a_reader_needs(tmp_path: Path) -> None:
    path = tmp_path / "blackbox.bin"
    filled(path, 3)
    start = path.read_bytes()
    length = int.from_bytes(start[len(MAGIC) : len(MAGIC) + 4], "little")
    plain = json.loads(start[len(MAGIC) + 8 :][:length])  # without a line of our code
    setup = setup_of(config=config_of())
    assert plain["joints"] == list(setup.spec.robot.actuator_names) and plain["ctrl_dt"] == 0.02
    assert plain["contract_version"] == "1.2.0" and len(plain["policies"]["policy"]) == 64
    assert plain["config"]["safety"]["tilt_deg"] == 45 and plain["capacity"] == RING
    assert plain["faults"]["NONFINITE"] == 1 and plain["modes"][0] == "idle" and plain["events"]["ESTOP"] == 5
    with BlackBoxFile(path) as file:
        rows = list(file.rows(file.scan()))
        assert [file.plain(row, "number") for row in rows] == [0, 1, 2]
        assert file.plain(rows[0], "mode") == "homing" and file.plain(rows[0], "orders.events") == ["ARM"]
        assert file.wall_s(rows[1]) == pytest.approx(WALL_S + 0.04)


def test_last_seconds_only(tmp_path: Path) -> None:
    filled(tmp_path / "blackbox.bin", 200)
    with BlackBoxFile(tmp_path / "blackbox.bin") as file:
        assert [int(row["number"]) for row in file.rows(file.scan(), 0.1)] == list(range(195, 200))


def test_a_daemon_that_goes_on_writing_does_not_confuse_the_reader(tmp_path: Path) -> None:
    setup = setup_of(config=config_of())
    records = session(setup, RING + 120)
    box = box_at(tmp_path / "blackbox.bin", setup)
    for record in records[:RING]:
        box(record)
    with BlackBoxFile(tmp_path / "blackbox.bin") as file:
        scan, numbers = file.scan(), []
        for row in file.rows(scan):
            numbers.append(int(row["number"]))
            if len(numbers) == 50:
                for record in records[RING:]:
                    box(record)
    assert numbers == [*range(50), *range(120, RING)]


def damaged(path: Path, how: str) -> None:
    data = path.read_bytes()
    changed = {
        "is not a black box": b"PK\x03\x04" + data,
        "is empty": b"",
        "ends within its header": data[:20],
        "torn or changed": data[:100] + b"x" + data[101:],
    }
    path.write_bytes(changed[how])


@pytest.mark.parametrize("how", ["is not a black box", "is empty", "ends within its header", "torn or changed"])
def test_a_file_that_is_none_is_one_sentence(tmp_path: Path, how: str) -> None:
    path = tmp_path / "blackbox.bin"
    filled(path, 3)
    damaged(path, how)
    with pytest.raises(BlackBoxError) as caught:
        BlackBoxFile(path)
    message = str(caught.value)
    assert how in message and str(path) in message and "expected" in message and "\n" not in message


def test_a_file_that_was_cut_off_gives_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "blackbox.bin"
    filled(path, 40)
    with BlackBoxFile(path) as file:
        end = file.header.first_at + 10 * file.header.record_bytes
    path.write_bytes(path.read_bytes()[: end + 5])
    with BlackBoxFile(path) as file:
        scan = file.scan()
        assert scan.sequence.tolist() == list(range(1, 11)) and scan.missing == RING - 10 and scan.corrupt == 0


def test_a_new_start_keeps_so_many_older_files_and_no_empty_ones(tmp_path: Path) -> None:
    path = tmp_path / "var" / "blackbox.bin"
    for ticks in (1, 2, 3, 4):
        filled(path, ticks)
    box_at(path).close()
    box_at(path).close()  # nothing was written: nothing steps back
    counts = []
    for number in (0, 1, 2):
        with BlackBoxFile(older(path, number)) as file:
            counts.append(len(file.scan().sequence))
    assert counts == [0, 4, 3] and len(list(path.parent.iterdir())) == 3
    assert older(path, 2).name == "blackbox.2.bin"


def test_what_is_no_black_box_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "blackbox.bin"
    path.write_text("my diary")
    filled(path, 2)
    assert older(path, 1).read_text() == "my diary"


def test_where_there_can_be_none_robotd_says_why(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file")
    with pytest.raises(BlackBoxError, match=r"blackbox.bin: the black box cannot be made \(.*\), expected 0\.\d MB"):
        box_at(tmp_path / "var" / "blackbox.bin")
