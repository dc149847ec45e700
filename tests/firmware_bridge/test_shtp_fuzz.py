"""The fuzz target of the IMU's bytes, short form; WILDROBOT_FUZZ_INPUTS=1000000 makes it the long one."""

from __future__ import annotations

import os

from shtp_fuzz import fuzz

from firmware_bridge.shtp import MAX_PACKET_BYTES

INPUTS = int(os.environ.get("WILDROBOT_FUZZ_INPUTS", "20000"))


def test_mutated_transactions_do_no_harm() -> None:
    """No exception, nothing unbounded; and the fuzz reaches what lies behind the header."""
    figures = fuzz(INPUTS)
    assert figures.held_bytes <= MAX_PACKET_BYTES
    assert figures.slowest_s < 1.0
    assert figures.packets > INPUTS / 10 and figures.rejected > INPUTS / 10
    assert figures.reports > INPUTS / 100 and figures.samples > INPUTS / 1000
