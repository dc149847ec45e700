"""Networks that mean harm are refused before a runtime sees them, and what is checked is what is run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from bundle_builder import make_bundle, make_spec, open_session, random_network, remake_checksums, replace_file
from onnx import TensorProto, helper, numpy_helper
from sentences import assert_sentence

from contract import BundleError, assets_dir, load_bundle
from contract.onnx_operators import MAX_NETWORK_BYTES, MAX_NODES, OPERATORS, check_operators
from contract.onnx_weights import check_weights

SPEC = make_spec()
GOOD = random_network(SPEC)
HARMFUL = ("Loop", "If", "Scan", "Expand", "Tile", "ConstantOfShape", "Range", "Resize", "Pad", "OneHot", "gemm")
SHIPPED = sorted((assets_dir() / "bundles").rglob("policy.onnx"))


def never(content: bytes) -> Any:
    pytest.fail("a runtime was given what is to be refused")


def refused(path: Path, content: bytes, *words: object, opened_by: Callable[[bytes], Any] = never) -> None:
    bundle = make_bundle(path / "b", golden=False)
    replace_file(bundle, "policy.onnx", content)
    with pytest.raises(BundleError) as caught:
        load_bundle(bundle, opened_by)
    assert_sentence(caught.value, bundle / "policy.onnx", *words)


def after(nodes: list[Any], weights: dict[str, Any] | None = None) -> onnx.ModelProto:
    """The good network, whose answer is `before`; `nodes` make the action of it."""
    model = onnx.load_from_string(GOOD)
    for node in model.graph.node:
        if node.output[0] == "action":
            node.output[0] = "before"
    model.graph.node.extend(nodes)
    for name, value in (weights or {}).items():
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    return model


def body() -> Any:
    return helper.make_graph([helper.make_node("Identity", ["before"], ["inner"])], "body", [], [])


def harmful(name: str) -> bytes:
    """A network with one operator that no policy has."""
    attributes: dict[str, Any] = {"Loop": {"body": body()}, "Scan": {"body": body()}}.get(name, {})
    if name == "If":
        attributes = {"then_branch": body(), "else_branch": body()}
    return bytes(after([helper.make_node(name, ["before"], ["action"], **attributes)]).SerializeToString())


@pytest.mark.parametrize("name", HARMFUL)
def test_an_operator_that_no_policy_has_is_refused_by_name(tmp_path: Path, name: str) -> None:
    refused(tmp_path, harmful(name), f"operator '{name}'", "docs/contract-reference.md lists them")


def test_an_operator_of_another_maker_is_refused(tmp_path: Path) -> None:
    node = helper.make_node("Gemm", ["before"], ["action"], domain="com.microsoft")
    refused(tmp_path, after([node]).SerializeToString(), "operator 'com.microsoft.Gemm'")


def test_a_name_is_told_as_text_whatever_it_is(tmp_path: Path) -> None:
    name = "\x1b]0;owned\x07\n" + "x" * 5000
    refused(tmp_path, harmful(name), r"operator '\x1b]0;owned")


def test_of_two_names_of_one_node_both_count(tmp_path: Path) -> None:
    """A runtime takes the last one that stands in a node."""
    node = helper.make_node("Identity", ["before"], ["action"]).SerializeToString()
    for twice in (node + b"\x22\x04Loop", b"\x22\x04Loop" + node):
        graph = onnx.load_from_string(after([]).SerializeToString()).graph.SerializeToString()
        graph += b"\x0a" + bytes([len(twice)]) + twice
        refused(tmp_path, b"\x3a" + varint(len(graph)) + graph, "operator 'Loop'")


def varint(value: int) -> bytes:
    groups = []
    while True:
        value, low = value >> 7, value & 0x7F
        groups.append(low | (0x80 if value else 0))
        if not value:
            return bytes(groups)


def test_graphs_and_sparse_weights_in_an_attribute_are_refused(tmp_path: Path) -> None:
    dense = numpy_helper.from_array(np.ones(1, np.float32), "v")
    sparse = helper.make_sparse_tensor(dense, numpy_helper.from_array(np.array([3])), [9])
    attributes = {"a graph": {"b": body()}, "sparse": {"b": sparse}, "list of weights": {"b": [dense]}}
    for word, attribute in attributes.items():
        node = helper.make_node("Identity", ["before"], ["action"], **attribute)
        refused(tmp_path, after([node]).SerializeToString(), "operator 'Identity'", word)


def test_sparse_weights_and_functions_are_refused(tmp_path: Path) -> None:
    sparse, functions = after([]), after([])
    dense = numpy_helper.from_array(np.ones(1, np.float32), "v")
    sparse.graph.sparse_initializer.append(
        helper.make_sparse_tensor(dense, numpy_helper.from_array(np.array([3])), [9])
    )
    node = helper.make_node("Identity", ["a"], ["b"])
    functions.functions.append(helper.make_function("", "Gemm", ["a"], ["b"], [node], [helper.make_opsetid("", 17)]))
    refused(tmp_path, sparse.SerializeToString(), "sparse weights")
    refused(tmp_path, functions.SerializeToString(), "functions of its own")


def test_a_network_that_is_too_large_or_of_another_format_is_refused() -> None:
    many = after([helper.make_node("Identity", ["before"], [f"y{n}"]) for n in range(MAX_NODES)])
    contents = {
        "bytes": GOOD + bytes(MAX_NETWORK_BYTES),
        "operators, expected at most": many.SerializeToString(),
        "cannot be read": b"\x12\x09\x0a\x00ORTM" + b"abc" + GOOD,
        "operators cannot be read": onnx.ModelProto(ir_version=8).SerializeToString(),
    }
    for words, content in contents.items():
        with pytest.raises(BundleError) as caught:
            check_operators(content, "policy.onnx")
        assert_sentence(caught.value, "policy.onnx", words)


@pytest.mark.parametrize("content", [b"\x80" * (8 << 20), b"\xba\x80\x80\x80\x10\x00", b"\x0b"])
def test_what_no_runtime_reads_alike_is_refused_at_once(content: bytes) -> None:
    """Varints without end, tags of more than 32 bits, groups."""
    for check in (check_operators, check_weights):
        with pytest.raises(BundleError, match="cannot be read"):
            check(content + GOOD, "policy.onnx")


@pytest.mark.parametrize("name", ["kernel0", "mean"])
@pytest.mark.parametrize("location", ["weights.bin", "../secret", "/etc/hostname"])
def test_weights_in_another_file_are_refused_even_in_the_bundle(tmp_path: Path, name: str, location: str) -> None:
    bundle = make_bundle(tmp_path / "b", golden=False)
    model = onnx.load(bundle / "policy.onnx")
    weight = next(each for each in model.graph.initializer if each.name == name)
    size = len(weight.raw_data)
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=location)
    (bundle / "policy.onnx").write_bytes(model.SerializeToString())
    (bundle / "weights.bin").write_bytes(np.full(size // 4, -np.inf, np.float32).tobytes())
    remake_checksums(bundle)
    with pytest.raises(BundleError) as caught:
        load_bundle(bundle, never)
    assert_sentence(caught.value, bundle / "policy.onnx", f"weight '{name}' lies in another file")


def halves() -> Any:
    return helper.make_node("Constant", [], ["w"], value=helper.make_tensor("w", TensorProto.FLOAT16, [1], [1.0]))


def brain_floats() -> Any:
    tensor = helper.make_tensor("w", TensorProto.BFLOAT16, [2], b"\x80\x7f\x80\x7f", raw=True)
    return helper.make_node("Constant", [], ["w"], value=tensor)


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (helper.make_node("Constant", [], ["w"], value_float=float("nan")), "value 0 of weight 'w' is nan"),
        (helper.make_node("Constant", [], ["w"], value_floats=[1.0, float("inf")]), "value 1 of weight 'w' is inf"),
        (helper.make_node("Elu", ["before"], ["w"], alpha=float("nan")), "value 0 of weight 'w' is nan"),
        (halves(), "weight 'w' keeps halves as whole numbers"),
        (brain_floats(), "weight 'w' is of type 16"),
    ],
)
def test_numbers_that_the_weights_would_not_show_are_refused(tmp_path: Path, node: Any, words: str) -> None:
    refused(tmp_path, after([node]).SerializeToString(), words)


def test_two_tensors_in_one_attribute_are_refused() -> None:
    """A runtime makes one of them, with the first one's type and the second one's values."""
    first = numpy_helper.from_array(np.ones(2, np.float32), "w").SerializeToString()
    second = b"\x4a\x08" + np.full(2, np.nan, np.float32).tobytes()
    parts = b"".join(b"\x2a" + bytes([len(part)]) + part for part in (first, second))
    node = b"\x12\x01c\x22\x08Constant\x2a" + bytes([len(parts)]) + parts
    graph = b"\x0a" + bytes([len(node)]) + node
    with pytest.raises(BundleError, match="weight 'w' stands twice"):
        check_weights(b"\x3a" + bytes([len(graph)]) + graph, "policy.onnx")


def test_a_network_that_fails_while_it_runs_is_refused(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("ReduceSum", ["observation"], ["sum"], keepdims=0),
        helper.make_node("Add", ["sum", "far"], ["place"]),
        helper.make_node("Cast", ["place"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["before", "index"], ["none"], axis=1),
        helper.make_node("Unsqueeze", ["none", "one"], ["column"]),
        helper.make_node("Add", ["before", "column"], ["action"]),
    ]
    model = after(nodes, {"far": np.float32(1000), "one": np.array([1])})
    refused(tmp_path, model.SerializeToString(), "cannot be run", "Gather", opened_by=open_session)


@pytest.mark.parametrize("rows", [0, 2])
def test_an_answer_of_another_number_of_rows_is_refused(tmp_path: Path, rows: int) -> None:
    nodes = [
        helper.make_node("ReduceSum", ["observation", "one"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "none"], ["zero"]),
        helper.make_node("Add", ["zero", "rows"], ["float"]),
        helper.make_node("Cast", ["float"], ["to"], to=TensorProto.INT64),
        helper.make_node("Concat", ["before", "before"], ["both"], axis=0),
        helper.make_node("Slice", ["both", "from", "to", "from"], ["action"]),
    ]
    numbers = {"one": np.array([1]), "from": np.array([0]), "none": np.float32([0]), "rows": np.float32([rows])}
    model = after(nodes, numbers)
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_param = "rows"
    refused(tmp_path, model.SerializeToString(), f"[{rows}, 11] values", opened_by=open_session)


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    content = GOOD.replace(b"observation", b"observati\xff\xfe")
    refused(tmp_path, content, "cannot be run", opened_by=open_session)


def test_what_was_hashed_is_what_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is read once: whoever changes it in the meantime changes nothing."""
    bundle, real, reads = make_bundle(tmp_path / "b"), Path.read_bytes, []

    def swapped(file: Path) -> bytes:
        content = real(file)
        if file.name == "policy.onnx":
            reads.append(file)
            file.write_bytes(random_network(SPEC, seed=99))
        return content

    monkeypatch.setattr(Path, "read_bytes", swapped)
    loaded = load_bundle(bundle, lambda content: open_session(content) if content == GOOD else never(content))
    assert loaded.verified and reads == [bundle / "policy.onnx"]


def test_the_networks_that_ship_and_those_that_others_export_are_taken() -> None:
    assert len(SHIPPED) == 4
    for file in SHIPPED:
        check_operators(file.read_bytes(), str(file))
        used = {node.op_type for node in onnx.load(file).graph.node}
        assert used <= OPERATORS
    usual = {"Gemm", "MatMul", "Add", "Elu", "Relu", "Tanh", "Sigmoid", "LayerNormalization", "LSTM", "GRU", "Constant"}
    assert usual <= OPERATORS and {onnx.defs.get_schema(name).name for name in OPERATORS} == OPERATORS
