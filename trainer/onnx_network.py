"""The actor as ONNX: normaliser folded in, activation from the network's own config, parity proven or no file."""

from __future__ import annotations

import os
from typing import Any

import jax
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from contract import BundleError, PolicySpec

from .networks import OBSERVATION_CLIP, Agent, Networks

OPS = {"elu": "Elu", "relu": "Relu", "tanh": "Tanh"}
OPSET = 17
PARITY_INPUTS = 2048
PARITY_TOLERANCE = 1e-5


def build_onnx(networks: Networks, agent: Agent, spec: PolicySpec) -> bytes:
    """The deterministic policy [1, O] -> [1, J] as ONNX bytes, compared with the JAX network.

    Raises:
        BundleError: the two differ by more than 1e-5 on any of 2048 inputs, or a weight is not finite.
    """
    content = _serialize(networks, agent, spec)
    worst = parity_error(content, networks, agent)
    if not worst <= PARITY_TOLERANCE:
        raise BundleError(f"policy.onnx: differs from the network by {worst:.2g}, expected at most {PARITY_TOLERANCE}")
    return content


def parity_error(content: bytes, networks: Networks, agent: Agent) -> float:
    """Largest |ONNX - JAX| over 2048 inputs that cover the normaliser's range and beyond; nan if one is not finite."""
    inputs = sample_observations(agent, PARITY_INPUTS)
    session = open_session(content)
    name = session.get_inputs()[0].name
    given = np.concatenate([session.run(None, {name: row[None]})[0] for row in inputs])
    expected = np.asarray(jax.jit(networks.mean)(agent, inputs))
    return float(np.max(np.abs(given - expected)))


def sample_observations(agent: Agent, count: int, seed: int = 0) -> np.ndarray:
    """Observations (count, O) float32 as the policy met them, every fourth far outside of that."""
    rng = np.random.default_rng(seed)
    mean, std = np.asarray(agent.obs_norm.mean), np.sqrt(np.asarray(agent.obs_norm.var))
    spread = np.where(np.arange(count) % 4 == 3, 6.0, 1.0)[:, None]
    samples: np.ndarray = (mean + spread * std * rng.normal(size=(count, len(mean)))).astype(np.float32)
    return samples


def open_session(content: bytes) -> Any:
    """A single-threaded onnxruntime.InferenceSession for `contract.load_bundle`."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read at its import: it sends nothing and keeps no device id
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _serialize(networks: Networks, agent: Agent, spec: PolicySpec) -> bytes:
    model = spec.model
    norm = agent.obs_norm
    weights = {
        "obs_mean": norm.mean,
        "obs_scale": 1.0 / np.sqrt(np.asarray(norm.var) + 1e-5),
        "clip_low": np.float32(-OBSERVATION_CLIP),
        "clip_high": np.float32(OBSERVATION_CLIP),
    }
    nodes, network_input = [], model.input_name
    mirrors = networks.mirrors
    if mirrors is not None:
        network_input = "both_sides"
        nodes += _both_sides(model.input_name, network_input)
        weights |= {"obs_order": mirrors.obs.order, "obs_sign": mirrors.obs.sign}
    nodes += [
        helper.make_node("Sub", [network_input, "obs_mean"], ["centred"]),
        helper.make_node("Mul", ["centred", "obs_scale"], ["scaled"]),
        helper.make_node("Clip", ["scaled", "clip_low", "clip_high"], ["hidden_0"]),
    ]
    layers = agent.actor["params"]
    activation = OPS[networks.config.activation]
    for i in range(len(layers)):
        layer, last = layers[f"Dense_{i}"], i == len(layers) - 1
        weights |= {f"weight_{i}": layer["kernel"], f"bias_{i}": layer["bias"]}
        out = model.output_name if last and mirrors is None else f"linear_{i}"
        nodes.append(helper.make_node("Gemm", [f"hidden_{i}", f"weight_{i}", f"bias_{i}"], [out]))
        if not last:
            nodes.append(helper.make_node(activation, [out], [f"hidden_{i + 1}"]))
    if mirrors is not None:
        nodes += _one_side(out, model.output_name)
        weights |= {"half": np.float32(0.5), "action_order": mirrors.action.order, "action_sign": mirrors.action.sign}
        weights |= {"first": np.array([0]), "second": np.array([1])}
    for name, value in weights.items():
        if not np.all(np.isfinite(np.asarray(value))):
            raise BundleError(f"policy.onnx: {name} holds a value that is not finite; the run diverged, train again")
    graph = helper.make_graph(
        nodes,
        "policy",
        [helper.make_tensor_value_info(model.input_name, TensorProto.FLOAT, [1, model.obs_dim])],
        [helper.make_tensor_value_info(model.output_name, TensorProto.FLOAT, [1, model.action_dim])],
        [numpy_helper.from_array(_tensor(value), name) for name, value in weights.items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="wildrobot")
    proto.ir_version = 8
    facts = {"contract_version": spec.contract_version, "actuator_names": ",".join(spec.robot.actuator_names)}
    helper.set_model_props(proto, facts)
    onnx.checker.check_model(proto)
    return bytes(proto.SerializeToString())


def _both_sides(observation: str, rows: str) -> list[onnx.NodeProto]:
    """[1, O] -> [2, O]: the observation and its mirror image."""
    return [
        helper.make_node("Gather", [observation, "obs_order"], ["obs_swapped"], axis=1),
        helper.make_node("Mul", ["obs_swapped", "obs_sign"], ["obs_mirrored"]),
        helper.make_node("Concat", [observation, "obs_mirrored"], [rows], axis=0),
    ]


def _one_side(rows: str, action: str) -> list[onnx.NodeProto]:
    """[2, J] -> [1, J]: the mean of the first row and the second's mirror image."""
    return [
        helper.make_node("Gather", [rows, "first"], ["straight"], axis=0),
        helper.make_node("Gather", [rows, "second"], ["reflected"], axis=0),
        helper.make_node("Gather", ["reflected", "action_order"], ["swapped_back"], axis=1),
        helper.make_node("Mul", ["swapped_back", "action_sign"], ["mirrored_back"]),
        helper.make_node("Add", ["straight", "mirrored_back"], ["sum"]),
        helper.make_node("Mul", ["sum", "half"], [action]),
    ]


def _tensor(value: Any) -> np.ndarray:
    """Indices as int64, all else as float32."""
    array = np.asarray(value)
    return array.astype(np.int64 if np.issubdtype(array.dtype, np.integer) else np.float32)
