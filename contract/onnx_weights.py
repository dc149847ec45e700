"""Reads the weights in an ONNX file, without the onnx package.

A value that is not finite does not always show in the answers: a Clip or Relu swallows it. So the file is searched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import BundleError
from .onnx_wire import (
    ATTRIBUTE_FLOATS,
    ATTRIBUTE_TENSOR,
    BYTES,
    FIXED32,
    FIXED64,
    GRAPH_NODE,
    GRAPH_TENSOR,
    MODEL_GRAPH,
    NODE_ATTRIBUTE,
    NODE_OUTPUT,
    VARINT,
    fields,
)

TENSOR_TYPE, TENSOR_NAME, TENSOR_RAW = 2 << 3 | VARINT, 8 << 3 | BYTES, 9 << 3 | BYTES
TENSOR_FLOATS = (4 << 3 | BYTES, 4 << 3 | FIXED32)  # packed in one piece, or one by one
TENSOR_DOUBLES = (10 << 3 | BYTES, 10 << 3 | FIXED64)
TENSOR_PLACES = (13 << 3 | BYTES, 14 << 3 | VARINT)  # where they lie, if not in this file; 0 is here
FLOAT_TYPES = {1: "<f4", 10: "<f2", 11: "<f8"}
OTHER_TYPES = frozenset((2, 3, 4, 5, 6, 7, 9, 12, 13))  # whole numbers and truths


class Weight(NamedTuple):
    """A tensor in the file; values (N,) are empty or bytes where it holds no floating-point numbers; problem: why its
    values cannot be seen, empty where they can."""

    name: str
    values: NDArray[Any]
    problem: str = ""


def check_weights(content: bytes, where: str) -> None:
    """Raises BundleError at the first weight that is NaN, infinite in a tensor of more than one value, or elsewhere.

    A single infinite value can be meant: it is how a Clip says that it has no bound.
    """
    try:
        for name, values, problem in read_weights(content):
            bad = np.isnan(values) if values.size == 1 else ~np.isfinite(values)
            if problem:
                raise BundleError(f"{where}: weight {name!r} {problem}, expected its values in the file; export again")
            if np.any(bad):
                index = int(np.argmax(bad))
                found = f"value {index} of weight {name!r} is {values[index]}"
                raise BundleError(f"{where}: {found}, expected only finite weights; export again")
    except BundleError:
        raise
    except (ValueError, IndexError):
        raise BundleError(f"{where}: weights cannot be read, expected an ONNX model; export again") from None


def read_weights(content: bytes) -> Iterator[Weight]:
    """All initializers of the model, and all numbers in attributes of its nodes; not those of graphs inside of nodes.

    Raises:
        ValueError, IndexError: not a protobuf message.
    """
    for tag, graph in fields(content):
        for inner, item in fields(graph) if tag == MODEL_GRAPH else ():
            if inner == GRAPH_TENSOR:
                yield _tensor(item)
            elif inner == GRAPH_NODE:
                yield from _node_weights(item)


def _node_weights(node: bytes) -> Iterator[Weight]:
    found = list(fields(node))
    output = next((item.decode() for tag, item in found if tag == NODE_OUTPUT), "")
    for attribute in (list(fields(item)) for tag, item in found if tag == NODE_ATTRIBUTE):
        numbers = b"".join(item for tag, item in attribute if tag in ATTRIBUTE_FLOATS)
        if numbers:
            yield Weight(output, np.frombuffer(numbers, "<f4"))
        tensors = [_tensor(item) for tag, item in attribute if tag == ATTRIBUTE_TENSOR]
        for tensor in tensors:
            problem = "stands twice" if len(tensors) > 1 else tensor.problem  # a runtime would make one of the two
            yield Weight(tensor.name or output, tensor.values, problem)


def _tensor(data: bytes) -> Weight:
    kind, name, raw, elsewhere = 0, "", b"", False
    floats, doubles = [], []
    for tag, item in fields(data):
        if tag == TENSOR_TYPE:
            kind = item
        elif tag == TENSOR_NAME:
            name = item.decode()
        elif tag == TENSOR_RAW:
            raw = item
        elif tag in TENSOR_FLOATS:
            floats.append(item)
        elif tag in TENSOR_DOUBLES:
            doubles.append(item)
        elif tag in TENSOR_PLACES:
            elsewhere = elsewhere or item != 0
    stored = raw or b"".join({1: floats, 11: doubles}.get(kind, []))
    problem = "lies in another file" if elsewhere else ""
    if not problem and kind not in FLOAT_TYPES and kind not in OTHER_TYPES:
        problem = f"is of type {kind} of ONNX"
    if not problem and kind == 10 and not raw:
        problem = "keeps halves as whole numbers"
    return Weight(name, np.frombuffer(stored, FLOAT_TYPES.get(kind, "u1")), problem)
