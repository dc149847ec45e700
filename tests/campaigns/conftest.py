"""Where the campaigns find the rigs of other tests, and what they share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / room) for room in ("firmware_bridge", "robotd/ctl", "e2e")]


@pytest.fixture
def robot() -> Any:
    """The standing bundle and its robot on emulated wires."""
    from fault_campaign import CONFIG, standing
    from wired_robot import WiredRobot

    bundle = standing()
    wired = WiredRobot(bundle, CONFIG.hardware, 1)
    yield wired, bundle
    wired.close()
