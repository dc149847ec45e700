"""The protobuf wire format of an ONNX file, as little as its checks need and as strict: nothing is read here otherwise
than the network's runtime will read it. Tags are a field's number in onnx.proto, then 3 bits of a wire type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MODEL_GRAPH, MODEL_FUNCTION = 7 << 3 | BYTES, 25 << 3 | BYTES
GRAPH_NODE, GRAPH_TENSOR, GRAPH_SPARSE = 1 << 3 | BYTES, 5 << 3 | BYTES, 15 << 3 | BYTES
NODE_OUTPUT, NODE_OPERATOR, NODE_ATTRIBUTE, NODE_DOMAIN = (number << 3 | BYTES for number in (2, 4, 5, 7))
ATTRIBUTE_TENSOR, ATTRIBUTE_FLOATS = 5 << 3 | BYTES, (2 << 3 | FIXED32, 7 << 3 | BYTES, 7 << 3 | FIXED32)
ATTRIBUTE_GRAPHS = (6 << 3 | BYTES, 11 << 3 | BYTES)
ATTRIBUTE_OTHERS = (10 << 3 | BYTES, 22 << 3 | BYTES, 23 << 3 | BYTES)  # lists of tensors, and sparse ones
_MOST_BYTES = 10  # of a varint: 64 bits


def fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """(tag, value) for each field of a message: an int for a varint, bytes for everything else.

    Raises:
        ValueError, IndexError: not a protobuf message.
    """
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        if tag >> 32:
            raise ValueError(f"tag {tag}")  # a runtime that keeps 32 bits of it would read another field
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
    value = 0
    for count in range(_MOST_BYTES):
        byte = data[at + count]
        value |= (byte & 0x7F) << 7 * count
        if byte < 0x80:
            return value, at + count + 1
    raise ValueError("a varint without end")
