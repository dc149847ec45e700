"""Opens a policy's network with onnxruntime, for a loop that must not wait: one thread, no spinning."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any


def open_session(content: bytes) -> RuntimeSession:
    """A session of the network in `content`, as `contract.load_bundle` wants it.

    Raises:
        ValueError: onnxruntime cannot open it; its own errors derive from Exception and from nothing else.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read at its import: it sends nothing and keeps no device id
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as runtime

    errors = (
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
        MemoryError,
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = 4  # what goes wrong comes as an exception; stderr is for one sentence
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"], enable_fallback=0)
    except errors as problem:
        raise ValueError(f"{type(problem).__name__}: {problem}") from None
    return RuntimeSession(session, errors)


class RuntimeSession:
    """An onnxruntime.InferenceSession, `inner`, whose `run` raises ValueError where the network fails."""

    def __init__(self, inner: Any, errors: tuple[type[Exception], ...]) -> None:
        self.inner = inner
        self.get_inputs, self.get_outputs = inner.get_inputs, inner.get_outputs
        self._run, self._errors = inner.run, errors

    def run(self, output_names: Sequence[str], input_feed: dict[str, Any]) -> Sequence[Any]:
        """The outputs of these names, float32 arrays. Raises ValueError."""
        try:
            outputs: Sequence[Any] = self._run(output_names, input_feed)
        except self._errors as problem:
            raise ValueError(f"{type(problem).__name__}: {problem}") from None
        return outputs
