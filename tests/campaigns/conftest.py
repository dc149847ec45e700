"""Where the campaigns find the rigs of other tests."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / room) for room in ("firmware_bridge", "robotd/ctl", "e2e")]
