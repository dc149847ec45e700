"""Files of older robotds: what `version` in them says, and the steps that bring them up to today's. Pure.

A file without `version` is of version 1. Whoever renames or moves a key adds a step here, and its old form to the test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Step = Callable[[dict[str, Any]], dict[str, Any]]
ROBOTD_YAML: tuple[Step, ...] = ()
"""Step N makes version N + 1 of version N; no key has been renamed yet."""


class VersionError(ValueError):
    """A file of a version that cannot be read: found, expected and cure, to stand behind the file's name."""


def migrated(data: Mapping[str, Any], steps: Sequence[Step]) -> dict[str, Any]:
    """What a file holds, in today's form and without `version`. Raises VersionError."""
    rest = dict(data)
    version, newest = rest.pop("version", 1), len(steps) + 1
    if type(version) is not int or version < 1:
        raise VersionError(f"version: found {version!r}, expected a whole number from 1 to {newest}")
    if version > newest:
        raise VersionError(
            f"version: found {version}, expected at most {newest}; it is of a newer robotd, so upgrade this one"
        )
    for step in steps[version - 1 :]:
        rest = step(rest)
    return rest
