"""The network of a bundle behind one call, whatever runtime opened it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from .errors import BundleError
from .spec import Float32, PolicySpec


class Port(Protocol):
    """Name, shape and type of a network's input or output, as onnxruntime tells them."""

    @property
    def name(self) -> str: ...
    @property
    def shape(self) -> Sequence[Any]: ...
    @property
    def type(self) -> str: ...


class Session(Protocol):
    """The part of onnxruntime.InferenceSession that is used; `run` raises ValueError where the network fails."""

    def get_inputs(self) -> Sequence[Any]: ...
    def get_outputs(self) -> Sequence[Any]: ...
    def run(self, output_names: Sequence[str], input_feed: dict[str, Any]) -> Sequence[Any]: ...


OpenSession = Callable[[bytes], Session]
"""Opens the content of policy.onnx; raises ValueError where it cannot."""


class Network:
    """Calls a session with (O,) and gives (J,). Checks names, shapes and types once, when it is made.

    Raises:
        BundleError: the network's face is not the spec's, or a probe gives a value that is not finite.
        ValueError: the session cannot run it, or tells a name that is no text.
    """

    def __init__(self, session: Session, spec: PolicySpec, where: str = "policy.onnx") -> None:
        model = spec.model
        _check_port("input", session.get_inputs(), model.input_name, model.obs_dim, where)
        _check_port("output", session.get_outputs(), model.output_name, model.action_dim, where)
        self._session = session
        self._outputs = [model.output_name]
        self._input = np.zeros((1, model.obs_dim), np.float32)
        self._feed = {model.input_name: self._input}
        rng = np.random.default_rng(0)
        for probe in [np.zeros(model.obs_dim), *rng.normal(0.0, 1.0, (16, model.obs_dim))]:
            self._input[0] = probe
            rows = session.run(self._outputs, self._feed)[0]
            if rows.shape != (1, model.action_dim):
                found = list(rows.shape)
                raise BundleError(f"{where}: gives {found} values, expected [1, {model.action_dim}]; export again")
            if not np.all(np.isfinite(rows)):
                raise BundleError(
                    f"{where}: gives values that are not finite, expected numbers: its weights are broken; export again"
                )

    def __call__(self, observation: Float32) -> Float32:
        """(O,) float32 -> (J,) float32; the result is the caller's."""
        self._input[0] = observation
        action: Float32 = self._session.run(self._outputs, self._feed)[0][0]
        return action


def _check_port(kind: str, ports: Sequence[Port], name: str, dim: int, where: str) -> None:
    if len(ports) != 1 or ports[0].name != name:
        raise BundleError(f"{where}: {kind}s are {[p.name for p in ports]}, expected one named {name!r}; export again")
    port = ports[0]
    if port.type != "tensor(float)":
        raise BundleError(
            f"{where}: {kind} {name!r} has type {port.type}, expected tensor(float), float32; export again"
        )
    shape = list(port.shape)
    if len(shape) != 2 or shape[1] != dim or (isinstance(shape[0], int) and shape[0] != 1):
        raise BundleError(f"{where}: {kind} {name!r} has shape {shape}, expected [1, {dim}] as policy_spec.json says")
