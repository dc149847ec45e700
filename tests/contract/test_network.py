"""The network of a bundle: its face, its weights and its recorded answers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from bundle_builder import (
    make_bundle,
    make_files,
    make_spec,
    make_spec_data,
    open_session,
    random_network,
    replace_file,
    to_json,
    zero_network,
)
from onnx import TensorProto, helper, numpy_helper
from sentences import assert_sentence

from contract.bundle import load_bundle
from contract.errors import BundleError
from contract.network import Network
from contract.onnx_weights import check_weights, read_weights

SPEC = make_spec()
GOOD = random_network(SPEC)
WEIGHTS = [tensor.name for tensor in onnx.load_from_string(GOOD).graph.initializer]


def with_weight(name: str, place: int, value: float) -> bytes:
    """The good network with one value of one weight changed."""
    model = onnx.load_from_string(GOOD)
    for tensor in model.graph.initializer:
        if tensor.name == name:
            values = numpy_helper.to_array(tensor).copy()
            values.reshape(-1)[place] = value
            tensor.CopyFrom(numpy_helper.from_array(values, name))
    return bytes(model.SerializeToString())


def refused(path: Path, *words: object) -> None:
    with pytest.raises(BundleError) as caught:
        load_bundle(path, open_session, allow_unverified=True)
    assert_sentence(caught.value, *words)


@pytest.mark.parametrize("golden", [True, False])
@pytest.mark.parametrize("weight", WEIGHTS)
def test_a_nan_in_any_weight_is_refused_by_name(tmp_path: Path, weight: str, golden: bool) -> None:
    path = make_bundle(tmp_path / "b", golden=golden)
    for place in (0, -1):
        replace_file(path, "policy.onnx", with_weight(weight, place, math.nan))
        refused(path, path / "policy.onnx", repr(weight), "is nan", "expected only finite weights")


def test_an_infinite_weight_is_refused_and_an_open_clip_is_not() -> None:
    for weight in ("mean", "deviation", "kernel0", "bias2"):
        with pytest.raises(BundleError, match=f"weight '{weight}' is -?inf"):
            check_weights(with_weight(weight, 1, math.inf), "policy.onnx")
    check_weights(with_weight("high", 0, math.inf), "policy.onnx")


def test_weights_are_found_however_they_are_stored() -> None:
    values = np.array([1.0, math.nan, 3.0])
    stored = [
        numpy_helper.from_array(values.astype(np.float32), "w"),
        numpy_helper.from_array(values.astype(np.float64), "w"),
        numpy_helper.from_array(values.astype(np.float16), "w"),
        helper.make_tensor("w", TensorProto.FLOAT, [3], values),
        helper.make_tensor("w", TensorProto.DOUBLE, [3], values),
    ]
    for tensor in stored:
        graph = helper.make_graph([], "g", [], [], [tensor])
        constant = helper.make_node("Constant", [], ["w"], value=tensor)
        for parts in (graph, helper.make_graph([constant], "g", [], [])):
            content = helper.make_model(parts).SerializeToString()
            assert [weight.name for weight in read_weights(content)] == ["w"]
            with pytest.raises(BundleError, match="value 1 of weight 'w' is nan"):
                check_weights(content, "policy.onnx")


def test_whole_numbers_among_the_weights_are_no_matter() -> None:
    tensor = numpy_helper.from_array(np.array([-1, 7]), "shape")
    check_weights(helper.make_model(helper.make_graph([], "g", [], [], [tensor])).SerializeToString(), "policy.onnx")


def test_every_weight_of_the_file_is_read() -> None:
    expected = {t.name: numpy_helper.to_array(t).reshape(-1) for t in onnx.load_from_string(GOOD).graph.initializer}
    found = {weight.name: weight.values for weight in read_weights(GOOD)}
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


@pytest.mark.parametrize("content", [b"", b"no network", GOOD[:100], GOOD[:-7], b"\x00" * 50, b"\x80" * 50])
def test_what_is_no_network_is_refused(tmp_path: Path, content: bytes) -> None:
    path = make_bundle(tmp_path / "b")
    replace_file(path, "policy.onnx", content)
    refused(path, path / "policy.onnx", "expected")


def test_a_file_cut_anywhere_never_ends_in_a_traceback() -> None:
    for end in range(0, len(GOOD), 37):
        try:
            check_weights(GOOD[:end], "policy.onnx")
        except BundleError as problem:
            assert_sentence(problem, "policy.onnx", "cannot be read")


def _model(inputs: list[Any], outputs: list[Any], nodes: list[Any]) -> bytes:
    graph = helper.make_graph(nodes, "policy", inputs, outputs)
    return bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    )


def face(
    input_name: str = "observation",
    output_name: str = "action",
    input_shape: tuple[int | str, ...] = (1, 44),
    output_shape: tuple[int | str, ...] = (1, 11),
    kind: int = TensorProto.FLOAT,
) -> bytes:
    """A network that only cuts its input to the first 11 values, with any face."""
    node = helper.make_node("Slice", [input_name, "a", "b", "axis"], [output_name])
    graph_inputs = [helper.make_tensor_value_info(input_name, kind, input_shape)]
    graph_outputs = [helper.make_tensor_value_info(output_name, kind, output_shape)]
    bounds = {"a": 0, "b": 11, "axis": len(input_shape) - 1}
    constants = [
        helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.array([value])))
        for name, value in bounds.items()
    ]
    return _model(graph_inputs, graph_outputs, [*constants, node])


FACES: list[tuple[Callable[[], bytes], str, str]] = [
    (lambda: face(input_name="obs"), "inputs are ['obs']", "expected one named 'observation'"),
    (lambda: face(output_name="mu"), "outputs are ['mu']", "expected one named 'action'"),
    (lambda: face(input_shape=(1, 48)), "shape [1, 48]", "expected [1, 44]"),
    (lambda: face(input_shape=(2, 44), output_shape=(2, 11)), "shape [2, 44]", "expected [1, 44]"),
    (lambda: face(input_shape=(44,), output_shape=(11,)), "shape [44]", "expected [1, 44]"),
    (lambda: face(input_shape=("batch", "size")), "shape ['batch', 'size']", "expected [1, 44]"),
    (lambda: face(kind=TensorProto.DOUBLE), "type tensor(double)", "expected tensor(float)"),
    (lambda: face(kind=TensorProto.FLOAT16), "type tensor(float16)", "expected tensor(float)"),
]


@pytest.mark.parametrize(("build", "found", "expected"), FACES)
def test_a_network_with_another_face_is_refused(
    tmp_path: Path, build: Callable[[], bytes], found: str, expected: str
) -> None:
    path = make_bundle(tmp_path / "b", golden=False)
    replace_file(path, "policy.onnx", build())
    refused(path, path / "policy.onnx", found, expected)


@pytest.mark.parametrize("batch", [1, "batch"])
def test_a_fixed_or_an_open_batch_is_accepted(tmp_path: Path, batch: int | str) -> None:
    path = make_bundle(tmp_path / "b", golden=False)
    replace_file(path, "policy.onnx", face(input_shape=(batch, 44), output_shape=(batch, 11)))
    network = load_bundle(path, open_session).network
    observation = np.arange(44, dtype=np.float32)
    np.testing.assert_array_equal(network(observation), observation[:11])


def test_a_network_for_another_robot_is_refused(tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "b", golden=False)
    replace_file(path, "policy.onnx", random_network(make_spec(joints=8)))
    refused(path, path / "policy.onnx", "shape [1, 35]", "expected [1, 44]")


def test_an_action_of_another_length_than_declared_is_refused() -> None:
    class Liar:
        def __init__(self) -> None:
            self.real = open_session(GOOD)
            self.get_inputs, self.get_outputs = self.real.get_inputs, self.real.get_outputs

        def run(self, names: object, feed: object) -> list[np.ndarray]:
            return [np.zeros((1, 7), np.float32)]

    with pytest.raises(BundleError, match=r"policy.onnx: gives \[1, 7\] values, expected \[1, 11\]"):
        Network(Liar(), SPEC)


def test_the_answer_belongs_to_the_caller() -> None:
    network = Network(open_session(GOOD), SPEC)
    first = network(np.ones(44, np.float32))
    kept = first.copy()
    network(np.zeros(44, np.float32))
    np.testing.assert_array_equal(first, kept)


def test_the_zero_network_holds_home() -> None:
    network = Network(open_session(zero_network(SPEC)), SPEC)
    np.testing.assert_array_equal(network(np.ones(44, np.float32)), np.zeros(11))


@pytest.mark.parametrize("seed", [1, 2])
def test_another_network_than_the_recorded_one_is_refused(tmp_path: Path, seed: int) -> None:
    path = make_bundle(tmp_path / "b")
    replace_file(path, "policy.onnx", random_network(SPEC, seed))
    refused(path, path / "golden.json", "row 0", "differs by", "expected at most 0.0001", "policy.onnx")


def test_a_small_change_of_one_weight_is_seen_by_the_golden_actions(tmp_path: Path) -> None:
    path = make_bundle(tmp_path / "b")
    replace_file(path, "policy.onnx", with_weight("bias2", 4, 0.3))
    refused(path, path / "golden.json", "differs by", "export again")


GOLDEN_MISTAKES: list[tuple[Callable[[dict[str, Any]], object], tuple[str, ...]]] = [
    (lambda g: g.pop("action"), ("'action' is missing",)),
    (lambda g: g.update(surprise=1), ("unknown key 'surprise'",)),
    (lambda g: g["observation"].pop(), ("7 observations and 8 actions", "equally many")),
    (lambda g: g.update(observation=[], action=[]), ("0 observations and 0 actions", "at least one")),
    (lambda g: g["observation"][2].pop(), ("row 2 has 43 numbers in and 11 out", "expected 44 in and 11 out")),
    (lambda g: g["action"][3].append(0.0), ("row 3 has 44 numbers in and 12 out", "expected 44 in and 11 out")),
    (lambda g: g["action"][1].__setitem__(0, "0.5"), ("action[1][0]", "'0.5'", "expected a number")),
    (lambda g: g["action"][1].__setitem__(0, math.nan), ("action[1][0]", "nan", "expected a finite number")),
    (lambda g: g["action"][1].__setitem__(0, 5.0), ("row 1", "differs by", "expected at most 0.0001")),
    (lambda g: g.update(tolerance=0.5), ("tolerance", "found 0.5", "at most 0.01")),
    (lambda g: g.update(tolerance=0), ("tolerance", "found 0.0", "above 0")),
]


@pytest.mark.parametrize(("change", "words"), GOLDEN_MISTAKES)
def test_a_mistake_in_the_golden_file_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], words: tuple[str, ...]
) -> None:
    path = make_bundle(tmp_path / "b")
    golden = json.loads((path / "golden.json").read_text())
    change(golden)
    replace_file(path, "golden.json", to_json(golden))
    refused(path, path / "golden.json", *words)


def test_the_spec_decides_the_dims(tmp_path: Path) -> None:
    data = make_spec_data(layout=("gravity_local", "prev_action"))
    files = make_files(data)
    path = make_bundle(tmp_path / "b", data)
    replace_file(path, "policy_spec.json", to_json(make_spec_data()))
    refused(path, path / "policy.onnx", "shape [1, 14]", "expected [1, 44]")
    assert (path / "policy.onnx").read_bytes() == files["policy.onnx"]
