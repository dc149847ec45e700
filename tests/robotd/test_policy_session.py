"""onnxruntime as the loop needs it, and its many errors as one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bundle_builder import random_network, real_spec

from robotd.policy import open_session

SPEC = real_spec()


def test_it_runs_a_network_in_one_thread_without_spinning() -> None:
    session = open_session(random_network(SPEC))
    options = session.inner.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert session.inner.get_providers() == ["CPUExecutionProvider"]
    action = session.run(["action"], {"observation": np.zeros((1, SPEC.model.obs_dim), np.float32)})[0]
    assert action.shape == (1, 11) and np.all(np.isfinite(action))


@pytest.mark.parametrize("opener", ["robotd.policy", "trainer.onnx_network"])
def test_it_neither_reports_to_its_maker_nor_keeps_a_device_id(tmp_path: Path, opener: str) -> None:
    """onnxruntime 1.31 does both on Linux, into ~/.cache, unless it is told otherwise before its import."""
    pytest.importorskip("jax" if opener.startswith("trainer") else "numpy")
    (tmp_path / "policy.onnx").write_bytes(random_network(SPEC))
    code = f"import sys, {opener} as it; it.open_session(open(sys.argv[1] + '/policy.onnx', 'rb').read())"
    env = {**os.environ, "HOME": str(tmp_path)} | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    env.pop("ORT_DISABLE_TELEMETRY", None)
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["policy.onnx"]


@pytest.mark.parametrize("content", [b"", b"not a network", b"\x00" * 4096, random_network(SPEC)[:-200]])
def test_what_cannot_be_opened_is_a_value_error(content: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError):
        open_session(content)
    assert capfd.readouterr() == ("", "")  # stderr is kept for the daemon's one sentence


def test_what_fails_while_it_runs_is_a_value_error_too() -> None:
    session = open_session(random_network(SPEC))
    with pytest.raises(ValueError, match="InvalidArgument"):
        session.run(["action"], {"observation": np.zeros((1, 3), np.float32)})
