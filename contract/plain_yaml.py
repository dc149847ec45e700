"""YAML as plain data, bounded: a file that comes with a bundle may not grow in memory, as aliases of aliases do."""

from __future__ import annotations

from typing import Any

import yaml

MAX_BYTES = 1 << 20
MAX_INT = 1 << 64
MAX_DIGITS = 100


class _PlainLoader(yaml.SafeLoader):
    """Builds no objects but plain ones, and each of them once."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            event: Any = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(
                None, None, f"found the alias *{event.anchor}, expected its value written out", event.start_mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Each key once: of two, PyYAML would take the last, which nobody sees who reads the first."""
        mapping = super().construct_mapping(node, deep)
        seen: set[Any] = set()
        for key, _ in node.value if len(mapping) < len(node.value) else ():
            name = self.construct_object(key, True)
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"found the key {name!r} twice, expected it once", key.start_mark
                )
            seen.add(name)
        return mapping

    def whole_number(self, node: Any) -> int:
        """An integer that can be printed: one of thousands of hexadecimal digits cannot, and means nothing."""
        if len(node.value) > MAX_DIGITS:
            raise ValueError(f"a whole number of {len(node.value)} digits, expected at most {MAX_DIGITS}")
        value = int(self.construct_yaml_int(node))
        if abs(value) > MAX_INT:
            raise ValueError(f"a whole number of {value.bit_length()} bits, expected at most 64")
        return value


_PlainLoader.add_constructor("tag:yaml.org,2002:int", _PlainLoader.whole_number)


def load_plain(text: str) -> Any:
    """What a YAML text holds.

    Raises:
        yaml.YAMLError: no YAML, an alias, a key twice, more than MAX_BYTES, nested too deeply, or a value that PyYAML
            takes for a date, a number or a truth and cannot read (which it tells by all kinds of errors).
    """
    if len(text) > MAX_BYTES:
        raise yaml.YAMLError(f"it has {len(text)} characters, expected at most {MAX_BYTES}")
    try:
        return yaml.load(text, _PlainLoader)
    except RecursionError:
        raise yaml.YAMLError("it is nested too deeply") from None
    except (ValueError, KeyError, IndexError, AttributeError, OverflowError) as problem:
        raise yaml.YAMLError(f"a value is not what it looks like: {problem}") from None
