"""Many ticks on the twin with the black box on: nothing grows, nothing fails, the ring replays.

WILDROBOT_SOAK_TICKS=1000000 for the long form; `python benchmarks/soak.py` prints the figures.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest

from contract import assets_dir

TICKS = int(os.environ.get("WILDROBOT_SOAK_TICKS", "20000"))
SOAK = Path(__file__).parents[2] / "benchmarks" / "soak.py"


@pytest.mark.timeout(36_000)
def test_lockstep_ticks_on_the_twin_do_not_grow_and_replay(tmp_path: Path) -> None:
    place = importlib.util.spec_from_file_location("soak", SOAK)
    assert place is not None and place.loader is not None
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    result = module.soak(TICKS, "sim", assets_dir() / "bundles" / "standing", tmp_path)
    assert result.error is None and result.faults == () and result.ticks > TICKS
    assert result.active > TICKS - 500
    assert result.rss_kib < 1024
    assert result.replayed.difference is None and result.replayed.active > 0
    assert result.replayed.ticks == min(result.ticks, 30_000)
