"""Reads the weights in an ONNX file, without the onnx package: enough of the protobuf wire format for tensors.

A value that is not finite does not always show in the answers: a Clip or Relu swallows it. So the file is searched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import BundleError

VARINT, FIXED64, BYTES, FIXED32 = (
    0,
    1,
    2,
    5,
)  # wire types; a tag is a field's number in onnx.proto, then 3 bits of these
MODEL_GRAPH = 7 << 3 | BYTES
GRAPH_NODE, GRAPH_TENSOR = 1 << 3 | BYTES, 5 << 3 | BYTES
NODE_OUTPUT, NODE_ATTRIBUTE = 2 << 3 | BYTES, 5 << 3 | BYTES
ATTRIBUTE_TENSOR, ATTRIBUTE_GRAPH = 5 << 3 | BYTES, 6 << 3 | BYTES
TENSOR_TYPE, TENSOR_NAME, TENSOR_RAW = 2 << 3 | VARINT, 8 << 3 | BYTES, 9 << 3 | BYTES
TENSOR_FLOATS = (4 << 3 | BYTES, 4 << 3 | FIXED32)  # packed in one piece, or one by one
TENSOR_DOUBLES = (10 << 3 | BYTES, 10 << 3 | FIXED64)
FLOAT_TYPES = {1: "<f4", 10: "<f2", 11: "<f8"}


class Weight(NamedTuple):
    """A tensor in the file; values (N,) are empty or bytes where it holds no floating-point numbers."""

    name: str
    values: NDArray[Any]


def check_weights(content: bytes, where: str) -> None:
    """Raises BundleError at the first weight that is NaN, or infinite in a tensor of more than one value.

    A single infinite value can be meant: it is how a Clip says that it has no bound.
    """
    try:
        weights = list(read_weights(content))
    except (ValueError, IndexError):
        raise BundleError(f"{where}: weights cannot be read, expected an ONNX model; export again") from None
    for name, values in weights:
        bad = np.isnan(values) if values.size == 1 else ~np.isfinite(values)
        if np.any(bad):
            index = int(np.argmax(bad))
            found = f"value {index} of weight {name!r} is {values[index]}"
            raise BundleError(f"{where}: {found}, expected only finite weights; export again")


def read_weights(content: bytes) -> Iterator[Weight]:
    """All initializers and constants of the model, those of nested graphs too.

    Raises:
        ValueError, IndexError: not a protobuf message.
    """
    for tag, graph in _fields(content):
        if tag == MODEL_GRAPH:
            yield from _graph_weights(graph)


def _graph_weights(graph: bytes) -> Iterator[Weight]:
    for tag, item in _fields(graph):
        if tag == GRAPH_TENSOR:
            yield _tensor(item)
        elif tag == GRAPH_NODE:
            yield from _node_weights(item)


def _node_weights(node: bytes) -> Iterator[Weight]:
    output = next((item.decode() for tag, item in _fields(node) if tag == NODE_OUTPUT), "")
    for tag, attribute in _fields(node):
        if tag != NODE_ATTRIBUTE:
            continue
        for inner, item in _fields(attribute):
            if inner == ATTRIBUTE_TENSOR:
                tensor = _tensor(item)
                yield tensor._replace(name=tensor.name or output)
            elif inner == ATTRIBUTE_GRAPH:
                yield from _graph_weights(item)


def _tensor(data: bytes) -> Weight:
    kind, name, raw, floats, doubles = 0, "", b"", b"", b""
    for tag, item in _fields(data):
        if tag == TENSOR_TYPE:
            kind = item
        elif tag == TENSOR_NAME:
            name = item.decode()
        elif tag == TENSOR_RAW:
            raw = item
        elif tag in TENSOR_FLOATS:
            floats += item
        elif tag in TENSOR_DOUBLES:
            doubles += item
    stored = raw or {1: floats, 11: doubles}.get(kind, b"")
    return Weight(name, np.frombuffer(stored, FLOAT_TYPES.get(kind, "u1")))


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """(tag, value) for each field of a message: an int for a varint, bytes for everything else."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == VARINT:
            value, at = _varint(data, at)
            yield tag, value
            continue
        if wire not in (FIXED32, FIXED64, BYTES):
            raise ValueError(f"wire type {wire}")
        size, at = _varint(data, at) if wire == BYTES else ({FIXED32: 4, FIXED64: 8}[wire], at)
        if at + size > len(data):
            raise ValueError("cut short")
        yield tag, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
