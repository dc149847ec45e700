"""robotd.yaml of other versions: brought up to today's form step by step, or refused with the way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from robotd.config import ConfigFileError, RobotdConfig, load_config
from robotd.migration import ROBOTD_YAML, VersionError, migrated


def renamed(data: dict[str, Any]) -> dict[str, Any]:
    return {("new" if key == "old" else key): value for key, value in data.items()}


def doubled(data: dict[str, Any]) -> dict[str, Any]:
    return data | {"new": 2 * data["new"]}


STEPS = (renamed, doubled)


@pytest.mark.parametrize(
    "data, expected",
    [
        ({"old": 1}, {"new": 2}),
        ({"version": 1, "old": 1, "else": 5}, {"new": 2, "else": 5}),
        ({"version": 2, "new": 1}, {"new": 2}),
        ({"version": 3, "new": 1}, {"new": 1}),
    ],
)
def test_each_version_takes_the_steps_that_it_lacks(data: dict[str, Any], expected: dict[str, Any]) -> None:
    before = dict(data)
    assert migrated(data, STEPS) == expected
    assert data == before


@pytest.mark.parametrize("version", [0, -1, "1", 1.0, True, None, [1]])
def test_what_is_no_version_is_refused(version: object) -> None:
    with pytest.raises(VersionError, match="expected a whole number from 1 to 3"):
        migrated({"version": version}, STEPS)


def test_a_newer_one_says_what_to_upgrade() -> None:
    with pytest.raises(VersionError, match="found 4, expected at most 3; it is of a newer robotd"):
        migrated({"version": 4}, STEPS)


def test_robotd_yaml_may_say_its_version(tmp_path: Path) -> None:
    path, today = tmp_path / "robotd.yaml", len(ROBOTD_YAML) + 1
    path.write_text(f"version: {today}\nsafety: {{tilt_deg: 30}}\n")
    assert load_config(path).safety.tilt_deg == 30
    path.write_text(f"version: {today}\n")
    assert load_config(path) == RobotdConfig()
    path.write_text(f"version: {today + 1}\n")
    with pytest.raises(ConfigFileError) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}: version: found {today + 1}")
