"""YAML as plain data, bounded: a file that comes with a bundle may not grow in memory, as aliases of aliases do."""

from __future__ import annotations

from typing import Any

import yaml

MAX_BYTES = 1 << 20
MAX_INT = 1 << 64


class _PlainLoader(yaml.SafeLoader):
    """Builds no objects but plain ones, and each of them once."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            event: Any = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(
                None, None, f"found the alias *{event.anchor}, expected its value written out", event.start_mark
            )
        return super().compose_node(parent, index)

    def whole_number(self, node: Any) -> int:
        """An integer that can be printed: one of thousands of hexadecimal digits cannot, and means nothing."""
        value = int(self.construct_yaml_int(node))
        if abs(value) > MAX_INT:
            raise ValueError(f"a whole number of {value.bit_length()} bits, expected at most 64")
        return value


_PlainLoader.add_constructor("tag:yaml.org,2002:int", _PlainLoader.whole_number)


def load_plain(text: str) -> Any:
    """What a YAML text holds.

    Raises:
        yaml.YAMLError: no YAML, an alias, more than MAX_BYTES, nested too deeply, or a value that PyYAML takes for a
            date, a number or a truth and cannot read (which it tells by all kinds of errors).
    """
    if len(text) > MAX_BYTES:
        raise yaml.YAMLError(f"it has {len(text)} characters, expected at most {MAX_BYTES}")
    try:
        return yaml.load(text, _PlainLoader)
    except RecursionError:
        raise yaml.YAMLError("it is nested too deeply") from None
    except (ValueError, KeyError, IndexError, AttributeError, OverflowError) as problem:
        raise yaml.YAMLError(f"a value is not what it looks like: {problem}") from None
