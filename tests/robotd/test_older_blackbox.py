"""Black boxes of a robotd that knew fewer faults and less of the robot's health are read and replayed all the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from black_box_rig import config_of, filled, read_back
from older_box import OLD_ROWS, SINCE_THEN, make_older
from robot_builder import setup_of, zeros

from robotd.blackbox_codec import are_readable, columns_of, example_record
from robotd.blackbox_layout import leaves
from robotd.blackbox_reader import BlackBoxFile
from robotd.fault_table import FAULT_TABLE
from robotd.replay import first_difference, replay

SETUP = setup_of(config=config_of())


def test_an_older_file_is_read_as_of_a_robot_that_was_well(tmp_path: Path) -> None:
    path = tmp_path / "blackbox.bin"
    records = filled(path, 200)
    make_older(path)
    with BlackBoxFile(path) as file:
        assert not file.columns.keys() & set(SINCE_THEN)
        assert file.columns["before.safety.lasted"].shape == (OLD_ROWS,) < (len(FAULT_TABLE),)
        assert are_readable(file.header.columns, example_record(SETUP))
    back = read_back(path, SETUP)
    assert len(back) == len(records) == 200
    for found, expected in zip(back, records, strict=True):
        assert first_difference(expected, found, 0.0) is None
        assert np.array_equal(found.health.servo_age_s, np.zeros(SETUP.spec.num_joints))


def test_rows_that_older_files_know_are_where_they_were() -> None:
    then = (
        "NONFINITE TILT IMU_STALE IMU_STALE JOINT_STALE BUS OVERRUN JOINT_LIMIT TRACKING OVERHEAT UNDERVOLT OPERATOR "
        "OPERATOR LINK"
    )
    assert [row.fault.name for row in FAULT_TABLE[:OLD_ROWS]] == then.split()


def test_an_older_file_is_replayed(tmp_path: Path) -> None:
    path = tmp_path / "blackbox.bin"
    filled(path, 200)
    make_older(path)
    result = replay(read_back(path, SETUP), SETUP, zeros(SETUP.spec))
    assert result.difference is None and result.ticks == 200 and result.active > 20


def test_other_columns_are_still_refused() -> None:
    example = example_record(SETUP)
    columns = columns_of(example)
    assert are_readable(columns, example)
    for name in ("signals.quat_wxyz", "health.temperature_degc", "before.safety.lasted", "mode"):
        assert not are_readable([column for column in columns if column.name != name], example)
    longer = [c._replace(shape=(99,)) if c.name == "before.safety.lasted" else c for c in columns]
    assert not are_readable(longer, example)
    assert not are_readable([*columns, columns[0]._replace(name="health.mood")], example)
    assert not are_readable([c._replace(type="<f8") if c.name == SINCE_THEN[0] else c for c in columns], example)
    assert {name for name, _ in leaves(example)} == {column.name for column in columns}
