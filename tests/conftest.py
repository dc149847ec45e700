"""Settings that all tests share."""

from __future__ import annotations

import os

from hypothesis import settings

os.environ.setdefault("JAX_PLATFORMS", "cpu")

settings.register_profile("wildrobot", deadline=None, derandomize=True, print_blob=False)
settings.load_profile("wildrobot")
