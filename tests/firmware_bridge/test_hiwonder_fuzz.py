"""The fuzz target of the servos' bytes, short form; WILDROBOT_FUZZ_INPUTS=1000000 makes it the long one."""

from __future__ import annotations

import json
import os

from hiwonder_fuzz import fuzz

from firmware_bridge.emulator.control import Control
from firmware_bridge.emulator.witness import Witness
from firmware_bridge.hiwonder import MAX_PACKET_BYTES

INPUTS = int(os.environ.get("WILDROBOT_FUZZ_INPUTS", "20000"))


def test_mutated_streams_do_no_harm() -> None:
    """No exception, nothing unbounded; and the fuzz reaches what lies behind the checksum."""
    figures = fuzz(INPUTS)
    assert figures.held_bytes < MAX_PACKET_BYTES
    assert figures.slowest_s < 1.0
    assert figures.packets > INPUTS / 4
    assert figures.bad_checksums > INPUTS / 100
    assert figures.obeyed > INPUTS / 100
    assert figures.answered > INPUTS / 1000
    assert figures.refused > INPUTS / 100


def test_the_control_channel_survives_lines_that_break_readers() -> None:
    control = Control({}, Witness(), lambda: None)
    lines = (
        b"[" * 60_000,
        b"\xff\xfe",
        b"",
        b"7",
        b'{"do": 1}',
        b'{"do": "witness", "since": 1e999}',
        b'{"do": "fault"}',
    )
    for line in lines:
        assert json.loads(control.answer(line))["ok"] is False
