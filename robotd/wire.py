"""How messages become bytes and bytes become messages again, with every field checked.

A frame is the length of its body, 4 bytes big-endian, and the body: msgpack `[VERSION, type, id, {field: value}]`.
"""

from __future__ import annotations

import dataclasses
import math
import struct
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

import msgpack

from robotd.messages import ANSWERS, REQUESTS, VERSION, Answer, MessageError, Request

MAX_REQUEST, MAX_ANSWER = 1024, 65536  # bytes of a body
MAX_ID = 2**32 - 1
MAX_TEXT = 400  # characters of a string in a request
_HEADER = struct.Struct(">I")
Message = TypeVar("Message")
_Read = Callable[[str, object], Any]


class Frames:
    """Cuts a stream of bytes into bodies."""

    def __init__(self, max_body: int) -> None:
        self._max_body, self._bytes = max_body, bytearray()

    @property
    def pending(self) -> int:
        """Bytes that wait for the rest of their frame, or to be taken."""
        return len(self._bytes)

    def feed(self, data: bytes) -> None:
        """Add what came in."""
        self._bytes += data

    def take(self) -> bytes | None:
        """The next whole body, or None. Raises MessageError where the announced length is out of bounds."""
        if len(self._bytes) < _HEADER.size:
            return None
        (length,) = _HEADER.unpack_from(self._bytes)
        if not 0 < length <= self._max_body:
            raise MessageError(f"a frame of {length} bytes, expected 1 to {self._max_body}")
        end = _HEADER.size + length
        if len(self._bytes) < end:
            return None
        body = bytes(self._bytes[_HEADER.size : end])
        del self._bytes[:end]
        return body


class Codec(Generic[Message]):
    """Encodes and decodes the messages of one direction.

    Args:
        kinds: dataclass of each type; strict: numbers must be finite and strings short, as from somebody unknown.
    """

    def __init__(self, kinds: Mapping[str, type[Message]], strict: bool) -> None:
        self._names = {kind: name for name, kind in kinds.items()}
        self._readers = {name: _reader(kind, strict) for name, kind in kinds.items()}

    def encode(self, message: Message, number: int) -> bytes:
        """The frame of a message with this id."""
        body: bytes = msgpack.packb([VERSION, self._names[type(message)], number, message], default=vars)
        return _HEADER.pack(len(body)) + body

    def decode(self, body: bytes) -> tuple[int, Message]:
        """The id and the message. Raises MessageError, one sentence."""
        try:
            data = msgpack.unpackb(body, strict_map_key=True, raw=False)
        except (ValueError, msgpack.UnpackException) as problem:
            detail = (" ".join(str(problem).split()) or type(problem).__name__)[:80]
            raise MessageError(f"not msgpack ({detail}), expected [version, type, id, fields]") from None
        if type(data) is not list or len(data) != 4:
            raise MessageError(f"found {short(data)}, expected [version, type, id, fields]")
        version, name, number, fields = data
        if type(version) is not int or version != VERSION:
            raise MessageError(
                f"version: found {short(version)}, expected {VERSION}; install the same wildrobot on both ends"
            )
        if type(number) is not int or not 0 <= number <= MAX_ID:
            raise MessageError(f"id: found {short(number)}, expected 0 to {MAX_ID}")
        reader = self._readers.get(name) if type(name) is str else None
        if reader is None:
            raise MessageError(f"type: found {short(name)}, expected one of {', '.join(self._readers)}")
        return number, reader(name, fields)


def _reader(hint: Any, strict: bool) -> _Read:
    """What turns plain data into a value of type `hint`, or refuses it."""
    if dataclasses.is_dataclass(hint):
        return _dataclass_reader(hint, strict)
    if get_origin(hint) is tuple:
        return _tuple_reader(_reader(get_args(hint)[0], strict))
    if get_origin(hint) is types.UnionType:
        (inner,) = (kind for kind in get_args(hint) if kind is not type(None))
        return _optional_reader(_reader(inner, strict))
    return _plain_reader(hint, strict)


def _dataclass_reader(kind: Any, strict: bool) -> _Read:
    hints = get_type_hints(kind)
    readers = {field.name: _reader(hints[field.name], strict) for field in dataclasses.fields(kind)}
    needed = [field.name for field in dataclasses.fields(kind) if field.default is dataclasses.MISSING]

    def read(where: str, data: object) -> Any:
        if type(data) is not dict:
            raise MessageError(f"{where}: found {short(data)}, expected a map of fields")
        values = {}
        for name, value in data.items():
            if name not in readers:
                raise MessageError(f"{where}: unknown field {short(name)}, expected {', '.join(readers) or 'none'}")
            values[name] = readers[name](f"{where}.{name}", value)
        for name in needed:
            if name not in values:
                raise MessageError(f"{where}: field {name} is missing")
        try:
            return kind(**values)
        except MessageError as problem:
            raise MessageError(f"{where}.{problem}") from None

    return read


def _tuple_reader(item: _Read) -> _Read:
    def read(where: str, data: object) -> Any:
        if type(data) is not list:
            raise MessageError(f"{where}: found {short(data)}, expected a list")
        return tuple(item(where, value) for value in data)

    return read


def _optional_reader(inner: _Read) -> _Read:
    return lambda where, data: None if data is None else inner(where, data)


def _plain_reader(kind: Any, strict: bool) -> _Read:
    def number(where: str, data: object) -> float:
        if type(data) is not float and type(data) is not int:
            raise MessageError(f"{where}: found {short(data)}, expected a number")
        value = float(data)
        if strict and not math.isfinite(value):
            raise MessageError(f"{where}: found {value}, expected a finite number")
        return value

    def other(where: str, data: object) -> Any:
        if type(data) is not kind:
            raise MessageError(f"{where}: found {short(data)}, expected {_WORDS[kind]}")
        if strict and kind is str and len(data) > MAX_TEXT:  # type: ignore[arg-type]
            raise MessageError(f"{where}: {len(data)} characters, expected at most {MAX_TEXT}")  # type: ignore[arg-type]
        return data

    return number if kind is float else other


_WORDS = {int: "a whole number", bool: "true or false", str: "text"}


def short(value: object) -> str:
    """A value in a sentence: one line, and not all of it where it is long."""
    text = repr(value) if isinstance(value, str | int | float | bool | None) else type(value).__name__
    return text if len(text) <= 40 else f"{text[:37]}..."


requests: Codec[Request] = Codec(REQUESTS, strict=True)
answers: Codec[Answer] = Codec(ANSWERS, strict=False)


def bodies(frames: Frames) -> Iterator[bytes]:
    """All whole bodies that have come in."""
    while (body := frames.take()) is not None:
        yield body
