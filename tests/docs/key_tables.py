"""Tables of what a file may hold, out of the classes that read it: frozen dataclasses and pydantic sections."""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

SIGNS = {Ge: (">=", "ge"), Gt: (">", "gt"), Le: ("<=", "le"), Lt: ("<", "lt")}
WORDS = {float: "number", int: "whole number", str: "text", bool: "true or false", Any: "anything"}


def cell(text: str) -> str:
    """Words inside a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def prose(thing: Any) -> str:
    """The docstring as one or more paragraphs of Markdown."""
    text = inspect.getdoc(thing) or ""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def dataclass_table(cls: type) -> str:
    """Key, type and default of each field of a dataclass."""
    hints = get_type_hints(cls)
    rows = [(field.name, words_of(hints[field.name]), default_of(field)) for field in dataclasses.fields(cls)]
    return table(("key", "type", "without it"), [(f"`{name}`", *rest) for name, *rest in rows])


def default_of(field: dataclasses.Field[Any]) -> str:
    """What stands for a key that is left out."""
    if field.default is not dataclasses.MISSING:
        return "nothing" if field.default is None else shown(field.default)
    return "refused" if field.default_factory is dataclasses.MISSING else shown(field.default_factory())


def section_table(cls: type[BaseModel]) -> str:
    """Key, type, default and bounds of each field of a pydantic section, and the remark behind it in the source."""
    remarks = remarks_of(cls)
    rows = []
    for name, field in cls.model_fields.items():
        bounds, default = bounds_of(field), field.get_default(call_default_factory=True)
        without = "refused" if field.is_required() else "nothing" if default is None else shown(default)
        rows.append((f"`{name}`", words_of(field.annotation), bounds, without, remarks.get(name, "")))
    head = ("key", "type", "allowed", "without it", "")
    columns = [place for place in range(5) if place in (0, 1, 3) or any(row[place] for row in rows)]
    return table([head[place] for place in columns], [[row[place] for place in columns] for row in rows])


def remarks_of(cls: type) -> dict[str, str]:
    """The comments behind the fields of a class, by field."""
    found = re.findall(r"^    (\w+): .*?  # (?!noqa)(.+)$", inspect.getsource(cls), re.MULTILINE)
    return {name: cell(text) for name, text in found}


def bounds_of(field: FieldInfo) -> str:
    """The bounds of a field's values, its own or those of what it holds."""
    own = limits_of(field.metadata)
    return own or "; ".join(dict.fromkeys(filter(None, map(limits_inside, get_args(field.annotation)))))


def limits_inside(hint: Any) -> str:
    """The bounds of an annotated type, as `>= 0`."""
    if get_origin(hint) is not Annotated:
        return "; ".join(dict.fromkeys(filter(None, map(limits_inside, get_args(hint)))))
    metadata = [part for each in hint.__metadata__ for part in getattr(each, "metadata", [each])]
    return limits_of(metadata)


def limits_of(metadata: Any) -> str:
    """Bounds in signs."""
    signs = [(SIGNS[type(each)], each) for each in metadata if type(each) in SIGNS]
    return ", ".join(f"{sign} {getattr(each, attribute):.10g}" for (sign, attribute), each in signs)


def sections_in(hint: Any) -> list[type]:
    """The sections and dataclasses that a type is made of."""
    if isinstance(hint, type) and (dataclasses.is_dataclass(hint) or issubclass(hint, BaseModel)):
        return [hint]
    return [found for inner in get_args(hint) for found in sections_in(inner)]


def sections_below(cls: type) -> list[type]:
    """A section or dataclass and all that it holds, each once, in order."""
    found = [cls]
    hints = get_type_hints(cls)
    for name in hints:
        for inner in sections_in(hints[name]):
            found += [each for each in sections_below(inner) if each not in found]
    return found


def words_of(hint: Any) -> str:
    """A type in a few words."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return words_of(args[0])
    if origin in (Union, types.UnionType):
        return " or ".join("nothing" if each is type(None) else words_of(each) for each in args)
    if origin is Literal:
        return " or ".join(f"`{each}`" for each in args)
    if origin in (list, tuple):
        several = [each for each in args if each is not Ellipsis]
        if len(several) > 1:
            return f"[{', '.join(map(words_of, several))}]"
        return f"list of {words_of(several[0])}"
    if origin in (dict, Mapping):
        return f"mapping of names to {words_of(args[1])}"
    return WORDS.get(hint, f"`{hint.__name__}`" if isinstance(hint, type) else str(hint))


def shown(value: Any) -> str:
    """A default as it would be written; of a section that has no full set of defaults, what this one holds."""
    if isinstance(value, BaseModel) and any(field.is_required() for field in type(value).model_fields.values()):
        return f"`{{{', '.join(f'{key}: {shown(each).strip(chr(96))}' for key, each in value)}}}`"
    if dataclasses.is_dataclass(value) or isinstance(value, BaseModel):
        return "its defaults"
    if isinstance(value, Mapping) and value and any(isinstance(each, BaseModel) for each in value.values()):
        return f"{', '.join(map(str, value))} as wired by default" if len(value) < 5 else f"{len(value)} as by default"
    if isinstance(value, float):
        return f"`{value:.10g}`"
    if isinstance(value, tuple | list):
        return f"`[{', '.join(shown(each).strip('`') for each in value)}]`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if str(value) else "empty"


def tables_below(top: type, table_of: Callable[[Any], str]) -> str:
    """The table of a file's top mapping, and below it that of each mapping inside, under its class's name."""
    first, *inside = sections_below(top)
    text = f"{prose(first)}\n{table_of(first)}"
    return text + "".join(f"### {cls.__name__}\n{prose(cls)}\n{table_of(cls)}" for cls in inside)


def table(head: Any, rows: Any) -> str:
    """A Markdown table, with a line before and after it."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n" + "\n".join(lines) + "\n\n"
