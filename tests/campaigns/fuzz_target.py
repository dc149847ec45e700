"""What a target of the fuzz campaign is, and what files and refusals have in common."""

from __future__ import annotations

import functools
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import yaml
from mutation import YAML_WORDS, as_yaml, mutate_text, mutate_tree

LONGEST_SENTENCE = 1000


class Target(NamedTuple):
    """make: a mutated input; feed: hands it to the reader, True if that accepted it; refusals: its own errors."""

    make: Callable[[random.Random], bytes]
    feed: Callable[[bytes], bool]
    refusals: tuple[type[Exception], ...]


@functools.cache
def folder() -> Path:
    """Where inputs become files; in memory where the machine has such a place."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(prefix="wr-fuzz-", dir=memory if memory.is_dir() else None))


def close() -> None:
    """Take the folder away."""
    if folder.cache_info().currsize:
        shutil.rmtree(folder(), ignore_errors=True)
        folder.cache_clear()


def file_feed(name: str, read: Callable[[Path], object]) -> Callable[[bytes], bool]:
    """Puts the bytes into a file of this name and has it read."""

    def feed(data: bytes) -> bool:
        path = folder() / name
        path.write_bytes(data)
        read(path)
        return True

    return feed


def yaml_target(text: str, name: str, read: Callable[[Path], object], *refusals: type[Exception]) -> Target:
    """A file of YAML: half of the inputs are other trees, half are other texts."""
    tree = yaml.safe_load(text)

    def make(dice: random.Random) -> bytes:
        if dice.random() < 0.5:
            return as_yaml(mutate_tree(tree, dice))
        return mutate_text(text, YAML_WORDS, dice)

    return Target(make, file_feed(name, read), refusals)


class NoSentenceError(Exception):
    """A refusal that is not one line of bounded length."""


def check_sentence(text: str) -> None:
    """Raises NoSentenceError."""
    if not text or "\n" in text or len(text) > LONGEST_SENTENCE or "Traceback" in text:
        raise NoSentenceError(f"a refusal of {len(text)} characters in {text.count(chr(10)) + 1} lines: {text[:120]!r}")
