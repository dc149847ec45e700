"""Kills in their short form, and that a victim that writes badly is found out. The long form is `make campaigns`."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import kill_campaign
import pytest
from kill_victims import VICTIMS, Said, Victim, kill


@pytest.mark.parametrize("part", kill_campaign.parts(short=True))
def test_a_kill_loses_nothing(part: str) -> None:
    found: list[dict[str, Any]] = []
    kill_campaign.run([part], lambda name, each: found.append(each))
    assert [each["problems"] for each in found] == [[]]


def _half_written(folder: Path, said: Said) -> None:
    """Writes in place, as one must not."""
    for number in itertools.count(1):
        with (folder / "calibration.yaml").open("w") as file:
            for _ in range(200):
                file.write("robot: half of one\n")
                file.flush()
        said(number)


def _forgetful(folder: Path, said: Said) -> None:
    """Says more than it has written."""

    def more(number: int) -> None:
        said(number + 1000)

    VICTIMS["checkpoint"].writes(folder, more)


def test_a_file_that_is_half_written_is_found(tmp_path: Path) -> None:
    assert kill(Victim(_half_written, VICTIMS["calibration"].findings), tmp_path, 1)


def test_a_file_that_is_older_than_it_should_be_is_found(tmp_path: Path) -> None:
    (found,) = kill(Victim(_forgetful, VICTIMS["checkpoint"].findings), tmp_path, 1)
    assert "was written" in found


def test_a_victim_that_ends_by_itself_is_no_kill(tmp_path: Path) -> None:
    (found,) = kill(Victim(lambda folder, said: None, VICTIMS["bundle"].findings), tmp_path, 1)
    assert "ended by itself" in found


def test_the_long_form_has_two_hundred() -> None:
    assert len(kill_campaign.parts(short=False)) == 200
