"""Settings that all tests share."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import settings

os.environ.setdefault("JAX_PLATFORMS", "cpu")
# What XLA compiled for one test or one `trainer` that a test starts serves all later ones.
COMPILED = tempfile.TemporaryDirectory(prefix="wr-jax-", ignore_cleanup_errors=True)
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", COMPILED.name)
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job and its children ignore it

settings.register_profile("wildrobot", deadline=None, derandomize=True, print_blob=False)
settings.load_profile("wildrobot")


@pytest.fixture(autouse=True)
def graphics_as_found() -> Iterator[None]:
    """No test changes what draws in those after it."""
    before = os.environ.get("MUJOCO_GL")
    yield
    os.environ.pop("MUJOCO_GL", None)
    if before is not None:
        os.environ["MUJOCO_GL"] = before


@pytest.fixture(scope="session", autouse=True)
def own_home() -> Iterator[None]:
    """Where daemons of the tests have socket, lock and black box: not where those of this machine have them."""
    before = os.environ.get("WILDROBOT_HOME")
    with tempfile.TemporaryDirectory(prefix="wr-") as folder:
        os.environ["WILDROBOT_HOME"] = folder
        yield
    if before is None:
        del os.environ["WILDROBOT_HOME"]
    else:
        os.environ["WILDROBOT_HOME"] = before
