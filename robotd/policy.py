"""Opens a policy's network with onnxruntime, for a loop that must not wait: one thread, no spinning."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def open_session(path: Path) -> Any:
    """An onnxruntime.InferenceSession, as `contract.load_bundle` wants it.

    Raises:
        ValueError: onnxruntime cannot open the file; its own errors derive from Exception and from nothing else.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read at its import: it sends nothing and keeps no device id
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as runtime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = 4  # what goes wrong comes as an exception; stderr is for one sentence
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except (
        runtime.EPFail,
        runtime.EngineError,
        runtime.Fail,
        runtime.InvalidArgument,
        runtime.InvalidGraph,
        runtime.InvalidProtobuf,
        runtime.NoModel,
        runtime.NoSuchFile,
        runtime.NotImplemented,
        runtime.RuntimeException,
    ) as problem:
        raise ValueError(f"{type(problem).__name__}: {problem}") from None
