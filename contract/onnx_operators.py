"""Which networks a robot runs: those of a short list of operators, all of it in one file.

What is not on the list is refused before a runtime sees it: rounds without end (Loop, Scan), graphs inside of graphs,
outputs of any size (Expand, Tile, Range), files beside the network.
"""

from __future__ import annotations

from .errors import BundleError
from .onnx_wire import (
    ATTRIBUTE_GRAPHS,
    ATTRIBUTE_OTHERS,
    GRAPH_NODE,
    GRAPH_SPARSE,
    MODEL_FUNCTION,
    MODEL_GRAPH,
    NODE_ATTRIBUTE,
    NODE_DOMAIN,
    NODE_OPERATOR,
    fields,
)
from .schema import short

MAX_NETWORK_BYTES = 16 << 20
MAX_NODES = 2000
_ACTIVATIONS = (
    "Celu Clip Elu Erf Gelu HardSigmoid HardSwish LeakyRelu Mish PRelu Relu Selu Sigmoid Softmax Softplus Softsign Tanh"
)
_NUMBER_BY_NUMBER = (
    "Abs Add And Cast Cos Div Equal Exp Greater Less Log Max Mean Min Mul Neg Not Or Pow Reciprocal Sign Sin Sqrt Sub "
    "Sum Where"
)
_LAYERS = "BatchNormalization GRU Gemm LSTM LayerNormalization MatMul RNN ReduceMax ReduceMean ReduceMin ReduceSum"
_SHAPES = "Concat Constant Dropout Flatten Gather Identity Reshape Shape Slice Split Squeeze Transpose Unsqueeze"
OPERATORS = frozenset(f"{_ACTIVATIONS} {_NUMBER_BY_NUMBER} {_LAYERS} {_SHAPES}".split())
_ONNX = ("", "ai.onnx")
_ORT = b"ORTM"  # by these letters onnxruntime knows a format of its own, which is not read here
_HOLDS = {GRAPH_SPARSE: "sparse weights", MODEL_FUNCTION: "functions of its own"}


def check_operators(content: bytes, where: str) -> None:
    """Check an ONNX file, all of its operators, for what a robot does not run.

    Raises:
        BundleError: no ONNX model, a large one, an operator that is not in OPERATORS, a graph inside of a node, sparse
            weights, or functions.
    """
    if len(content) > MAX_NETWORK_BYTES:
        raise BundleError(f"{where}: {len(content)} bytes, expected at most {MAX_NETWORK_BYTES}; export a smaller one")
    try:
        nodes = _nodes(content, where)
        for node in nodes:
            _check_node(node, where)
    except BundleError:
        raise
    except (ValueError, IndexError):
        nodes = []
    if not nodes or content[4:8] == _ORT:
        raise BundleError(f"{where}: operators cannot be read, expected an ONNX model; export again")
    if len(nodes) > MAX_NODES:
        raise BundleError(f"{where}: {len(nodes)} operators, expected at most {MAX_NODES}; export a smaller one")


def _nodes(content: bytes, where: str) -> list[bytes]:
    graphs = [graph for tag, graph in _plain_fields(content, where) if tag == MODEL_GRAPH]
    return [node for graph in graphs for tag, node in _plain_fields(graph, where) if tag == GRAPH_NODE]


def _plain_fields(message: bytes, where: str) -> list[tuple[int, bytes]]:
    """Raises BundleError at what no policy has."""
    found = list(fields(message))
    for tag, _ in found:
        if tag in _HOLDS:
            raise BundleError(f"{where}: holds {_HOLDS[tag]}, expected plain weights and operators; export again")
    return found


def _check_node(node: bytes, where: str) -> None:
    """Every operator and domain that stands in it: a runtime takes the last."""
    found = list(fields(node))
    operators = [_text(item) for tag, item in found if tag == NODE_OPERATOR]
    domains = [_text(item) for tag, item in found if tag == NODE_DOMAIN]
    strange = [name for name in operators if name not in OPERATORS]
    if strange or any(domain not in _ONNX for domain in domains):
        name = short(".".join([*domains, *(strange or operators)]).lstrip("."))
        raise BundleError(
            f"{where}: operator {name}, expected those of a policy (docs/contract-reference.md lists them); "
            "export it without"
        )
    for tag, attribute in found:
        if tag == NODE_ATTRIBUTE:
            inner = {inner for inner, _ in fields(attribute)}
            if not inner.isdisjoint((*ATTRIBUTE_GRAPHS, *ATTRIBUTE_OTHERS)):
                kind = "a graph" if not inner.isdisjoint(ATTRIBUTE_GRAPHS) else "sparse weights or a list of weights"
                name = short(operators[-1] if operators else "")
                raise BundleError(f"{where}: operator {name} holds {kind}, expected plain attributes; export again")


def _text(item: bytes) -> str:
    return item.decode(errors="backslashreplace")
