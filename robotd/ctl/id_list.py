"""Servo ids on a command line: `1,2,3`, `1-11`, `all`, or several of them with commas."""

from __future__ import annotations

import re

import click

from firmware_bridge.hiwonder import MAX_ID

ALL = tuple(range(MAX_ID + 1))
PART = re.compile(r"(\d{1,3})(?:-(\d{1,3}))?")


def read_ids(text: str) -> tuple[int, ...]:
    """Ids in the order given; one may stand there twice. Raises click.BadParameter."""
    if text == "all":
        return ALL
    ids: list[int] = []
    for part in text.split(","):
        match = PART.fullmatch(part.strip())
        if match is None:
            raise click.BadParameter(f"found {part.strip()!r}, expected ids as in 1,2,3 or 1-11, or all")
        low, high = int(match[1]), int(match[2] or match[1])
        if not low <= high <= MAX_ID:
            raise click.BadParameter(f"found {part.strip()!r}, expected ids from 0 to {MAX_ID}, the lower first")
        ids += range(low, high + 1)
    return tuple(ids)


def take_ids(ctx: click.Context, param: click.Parameter, text: str | None) -> tuple[int, ...] | None:
    """The callback of an option whose ids must differ."""
    if text is None:
        return None
    ids = read_ids(text)
    if len(set(ids)) < len(ids):
        raise click.BadParameter(f"found {text!r}, expected each id once")
    return ids
