"""Bundles that the tests of robotd share."""

from __future__ import annotations

from pathlib import Path

import pytest
from bundle_builder import make_real_bundle, real_spec, zero_network

from contract import Bundle, load_bundle
from robotd.policy import open_session


@pytest.fixture(scope="session")
def zero_bundle_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of our robot whose policy holds home."""
    return make_real_bundle(tmp_path_factory.mktemp("bundles") / "zero", zero_network(real_spec()))


@pytest.fixture(scope="session")
def zero_bundle(zero_bundle_path: Path) -> Bundle:
    """The same, loaded with the daemon's own onnxruntime session."""
    return load_bundle(zero_bundle_path, open_session)
