"""YAML as plain data, bounded: a file that comes with a bundle may not grow in memory, as aliases of aliases do."""

from __future__ import annotations

from typing import Any

import yaml

MAX_BYTES = 1 << 20


class _PlainLoader(yaml.SafeLoader):
    """Builds no objects but plain ones, and each of them once."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            event: Any = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(
                None, None, f"found the alias *{event.anchor}, expected its value written out", event.start_mark
            )
        return super().compose_node(parent, index)


def load_plain(text: str) -> Any:
    """What a YAML text holds. Raises yaml.YAMLError: no YAML, an alias, or more than MAX_BYTES."""
    if len(text) > MAX_BYTES:
        raise yaml.YAMLError(f"it has {len(text)} characters, expected at most {MAX_BYTES}")
    return yaml.load(text, _PlainLoader)
