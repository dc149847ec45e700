"""Settings that all tests share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import settings

os.environ.setdefault("JAX_PLATFORMS", "cpu")
sys.path.insert(0, str(Path(__file__).parent))

settings.register_profile("wildrobot", deadline=None, derandomize=True, print_blob=False)
settings.load_profile("wildrobot")
