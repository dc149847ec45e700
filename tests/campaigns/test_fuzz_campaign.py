"""The fuzz campaign in its short form, and that it finds what it must find."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fuzz_campaign
import pytest
from fuzz_campaign import Find, feed
from fuzz_target import Target
from fuzz_targets import TARGETS
from mutation import JSON_WORDS, as_yaml, mutate_bytes, mutate_text, mutate_tree


@pytest.fixture(autouse=True)
def finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(fuzz_campaign, "FINDS", tmp_path)
    return tmp_path


@pytest.mark.parametrize("part", fuzz_campaign.parts(short=True))
def test_a_reader_survives_a_few_inputs(part: str) -> None:
    found: list[dict[str, Any]] = []
    fuzz_campaign.run_short([part], lambda name, each: found.append(each))
    assert [each["problems"] for each in found] == [[]] and found[0]["tried"] > 0


@pytest.mark.parametrize("name", TARGETS)
def test_mutations_reach_both_ends_of_a_reader(name: str) -> None:
    """Some inputs are accepted, some refused: otherwise nothing behind the door was tried."""
    target, dice, outcomes = TARGETS[name](), random.Random(1), set()
    for _ in range(3000):
        outcomes.add(feed(target, target.make(dice)))
        if outcomes >= {True, False}:
            break
    fuzz_campaign.close()
    assert not any(isinstance(each, Find) for each in outcomes)
    assert outcomes == {True, False}


def _raises(problem: Exception) -> Callable[[bytes], bool]:
    def read(data: bytes) -> bool:
        raise problem

    return read


@pytest.mark.parametrize(
    ("problem", "is_find"),
    [
        (KeyError("x"), True),
        (RecursionError(), True),
        (MemoryError(), True),
        (ValueError("one short sentence"), False),
        (ValueError("two\nlines"), True),
        (ValueError("x" * 2000), True),
        (ValueError(""), True),
    ],
)
def test_what_is_a_find(problem: Exception, is_find: bool) -> None:
    found = feed(Target(lambda dice: b"", _raises(problem), (ValueError,)), b"input")
    assert isinstance(found, Find) is is_find and (not is_find or found.data == b"input")


def test_a_reader_that_hangs_and_one_that_grows_are_found(monkeypatch: pytest.MonkeyPatch, finds: Path) -> None:
    def hang(data: bytes) -> bool:
        while True:
            pass

    def grow(data: bytes) -> bool:
        return bool(bytearray(8 << 30))

    monkeypatch.setattr(fuzz_campaign, "HANG_S", 0.05)
    for read, what in ((hang, "HangError"), (grow, "MemoryError")):
        monkeypatch.setitem(TARGETS, "bad", lambda read=read: Target(lambda dice: b"input", read, (ValueError,)))
        monkeypatch.setitem(fuzz_campaign.INPUTS, "bad", 2)
        found: list[dict[str, Any]] = []
        fuzz_campaign.run(["bad/0"], lambda name, each, found=found: found.append(each))  # type: ignore[misc]
        assert found[0]["survived"] == 1 and what in found[0]["problems"][0]
        assert any(file.read_bytes() == b"input" for file in finds.iterdir())


def test_a_part_is_its_seed() -> None:
    tree = {"a": [1, 2.5, {"b": "text"}], "c": {"d": None, "e": True}}
    made = [
        [
            (
                mutate_bytes(b"some bytes", dice),
                mutate_text("a: 1\nb: 2\n", JSON_WORDS, dice),
                as_yaml(mutate_tree(tree, dice)),
            )
            for _ in range(300)
        ]
        for dice in (random.Random(7), random.Random(7))
    ]
    assert made[0] == made[1] and len(set(made[0])) > 290
    assert tree == {"a": [1, 2.5, {"b": "text"}], "c": {"d": None, "e": True}}


def test_ten_million_inputs() -> None:
    parts = [part.rpartition("/")[0] for part in fuzz_campaign.parts(short=False)]
    assert sum(fuzz_campaign.INPUTS[name] for name in parts) >= 10_000_000
