"""Reads nested frozen dataclasses from plain JSON or YAML data, and says clearly what does not fit."""

from __future__ import annotations

import dataclasses
import difflib
import reprlib
import sys
import types
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from .errors import ContractError

T = TypeVar("T")
_REPR = reprlib.Repr()  # what a file holds may be large: only its beginning is written out
_REPR.maxlevel, _REPR.maxstring, _REPR.maxlong, _REPR.maxother = 3, 80, 80, 80


def suggest(word: str, known: Iterable[str]) -> str:
    """' (did you mean ...?)' for a misspelt word, or the list of the known ones."""
    known = sorted(known)
    close = difflib.get_close_matches(str(word), known, n=1, cutoff=0.6)
    names = (name if name.isprintable() else repr(name) for name in known)
    return f" (did you mean {close[0]!r}?)" if close else f" (known: {', '.join(names) or 'none'})"


def read(cls: type[T], data: object, where: str, error: type[ContractError] = ContractError) -> T:
    """Build dataclass `cls` from `data`; `where`, "file" or "file: key", begins every message.

    Raises:
        error: unknown or missing key, wrong type, or a number that is not finite.
    """
    if not isinstance(data, Mapping):
        raise error(f"{where}: found {short(data)}, expected {_name(cls)}")
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in data:
        if key not in fields:
            raise error(f"{where}: unknown key {short(key)}{suggest(str(key), fields)}; remove or correct it")
    hints = get_type_hints(cls)
    values = {}
    for name, field in fields.items():
        if name in data:
            values[name] = _value(hints[name], data[name], _below(where, name), error)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise error(f"{where}: key {name!r} is missing, expected {_name(hints[name])}; add it or export again")
    return cls(**values)


def write(value: object) -> Any:
    """The plain data that `read` would turn into `value`; keys whose value is None are left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
        return {name: write(item) for name, item in pairs if item is not None}
    if isinstance(value, Mapping):
        return {key: write(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [write(item) for item in value]
    return value


def _value(hint: Any, data: object, where: str, error: type[ContractError]) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any or hint is object:
        return data
    if origin in (Union, types.UnionType):  # only "X | None" is used
        inner = next(a for a in args if a is not type(None))
        return None if data is None else _value(inner, data, where, error)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return read(hint, data, where, error)
    if origin is tuple and isinstance(data, list | tuple):
        return tuple(_value(args[0], item, f"{where}[{i}]", error) for i, item in enumerate(data))
    if origin in (dict, Mapping) and isinstance(data, Mapping):
        return {str(key): _value(args[1], item, _below(where, str(key)), error) for key, item in data.items()}
    if hint is float and isinstance(data, int | float) and not isinstance(data, bool):
        if not abs(data) <= sys.float_info.max:  # NaN, infinity, or a whole number that no float can hold
            raise error(f"{where}: found {short(data)}, expected a finite number")
        return float(data)
    if hint in (int, str, bool) and type(data) is hint:
        return data
    raise error(f"{where}: found {short(data)}, expected {_name(hint)}")


def _below(where: str, key: str) -> str:
    """The place of a key: `file: key`, and below that `file: key.inner`."""
    return f"{where}.{key}" if ": " in where else f"{where}: {key}"


def _name(hint: Any, many: bool = False) -> str:
    """What a type is called in a sentence: "a number", or "numbers" if there are `many`."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join("null" if a is type(None) else _name(a, many) for a in args)
    if origin is tuple:
        return f"{'lists' if many else 'a list'} of {_name(args[0], many=True)}"
    mapping = "mappings" if many else "a mapping"
    if dataclasses.is_dataclass(hint):
        return f"{mapping} with the keys {', '.join(f.name for f in dataclasses.fields(hint))}"
    words = {
        int: ("a whole number", "whole numbers"),
        float: ("a number", "numbers"),
        str: ("a text", "texts"),
        bool: ("true or false", "true or false"),
    }
    return words.get(hint, (mapping, mapping))[many]


def short(data: object) -> str:
    """A value in a sentence: its beginning, 60 characters at most, whatever a file holds."""
    text = _REPR.repr(data)
    return text if len(text) <= 60 else text[:57] + "..."


def read_mapping(data: object, where: str, value: type[T], error: type[ContractError]) -> dict[str, T]:
    """A flat mapping of text to `value`. Raises `error` where it is something else."""
    result: dict[str, T] = _value(dict[str, value], data, where, error)  # type: ignore[valid-type]
    return result
