"""Mutations that know what they mutate: bytes, text of YAML and JSON, and the tree that such a text stands for."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 255, 65536, 2**31, -(2**63), 2**70, 10**400, 0.0, -0.0, 0.5, 1e-300, 1e300,
    float("nan"), float("inf"), float("-inf"), "", " ", "0", "nan", "yes", "../../etc/passwd", "/", "\0", "é\u202e",
    "x" * 300, "\n", [], {}, [[]], {"": None}, [None], [1, "a", None], {"value": 1}, "2001-13-40", "1e999",
)  # fmt: skip
"""What stands where nobody expects it."""
YAML_WORDS = (
    "&a ", "*a", "&a [*a, *a]", "<<: *a", "? ", ": ", "- ", "---\n", "...\n", "%YAML 9.9\n",
    "!!python/object:os.system ", "!!timestamp x", "!!int ''", "!!float x", "!!bool x", "!!binary x",
    "!!set {a}", "!!omap [a: 1]", "!local ", "|\n",
    ">\n", "\t", "#", "0x_", "0b_", "0o9", "1:99:99", "2001-99-99", "2001-01-01T99:99:99Z", ".inf", "-.INF", ".NaN",
    "~", "'", '"', "[" * 40, "{" * 40, "]", "}", ",", "\\", "\ufeff", "\x00", "\x85", "9" * 5000, "@", "`",
    "0x" + "f" * 5000,
)  # fmt: skip
JSON_WORDS = ("NaN", "Infinity", "-Infinity", "null", "{", "}", "[", "]", ",", ":", '"', "\\u0000", "1e999", "9" * 5000)
DEEP = 3000


def mutate_bytes(data: bytes, dice: random.Random, changes: int = 4) -> bytes:
    """Flip, cut, double, insert; sometimes all of it is noise."""
    if dice.random() < 0.01:
        return dice.randbytes(dice.randrange(400))
    changed = bytearray(data)
    for _ in range(dice.randint(1, changes)):
        at = dice.randrange(len(changed) + 1)
        act = dice.randrange(6)
        if act == 0 and at < len(changed):
            changed[at] ^= 1 << dice.randrange(8)
        elif act == 1 and at < len(changed):
            changed[at] = dice.choice((0, 0xFF, 0x7F, 0x80, dice.randrange(256)))
        elif act == 2:
            del changed[at : at + dice.randrange(1, 16)]
        elif act == 3:
            changed[at:at] = dice.randbytes(dice.randrange(1, 16))
        elif act == 4:
            changed[at:at] = changed[at : at + dice.randrange(1, 64)]
        else:
            changed = changed[: dice.randrange(len(changed) + 1)]
    return bytes(changed)


def mutate_text(text: str, words: tuple[str, ...], dice: random.Random) -> bytes:
    """Words of the language where they do not belong, lines exchanged, doubled and cut; then perhaps bytes."""
    if dice.random() < 0.01:
        return (dice.choice(("[", "{a: ", "- ", '{"a":')) * DEEP).encode()
    lines = text.splitlines(keepends=True)
    for _ in range(dice.randint(1, 4)):
        at, act = dice.randrange(len(lines)) if lines else 0, dice.randrange(5)
        if not lines:
            break
        if act == 0:
            column = dice.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:column] + dice.choice(words) + lines[at][column:]
        elif act == 1:
            head, colon, _ = lines[at].partition(": ")
            lines[at] = f"{head}{colon}{dice.choice(words)}\n"
        elif act == 2:
            del lines[at]
        elif act == 3:
            lines.insert(dice.randrange(len(lines) + 1), lines[at])
        else:
            lines[at] = " " * dice.randrange(6) + lines[at].lstrip()
    data = "".join(lines).encode("utf-8", "surrogatepass")
    return mutate_bytes(data, dice, 2) if dice.random() < 0.2 else data


def mutate_tree(tree: Any, dice: random.Random, changes: int = 3) -> Any:
    """A copy in which a few places hold something else."""
    tree = copy.deepcopy(tree)
    for _ in range(dice.randint(1, changes)):
        tree = _change_somewhere(tree, dice)
    return tree


def as_json(tree: Any) -> bytes:
    """The tree as JSON, with the words that JSON does not have but Python's reader takes."""
    return json.dumps(tree).encode("utf-8", "surrogatepass")


def as_yaml(tree: Any) -> bytes:
    """The tree in YAML's flow style, which its reader takes as quickly as anything."""
    text = json.dumps(tree)
    for word, yaml_word in (("-Infinity", "-.inf"), ("Infinity", ".inf"), ("NaN", ".nan")):
        text = text.replace(word, yaml_word)
    return text.encode("utf-8", "surrogatepass")


def _change_somewhere(tree: Any, dice: random.Random) -> Any:
    """Walk down at random, then change what is there."""
    if isinstance(tree, dict) and tree and dice.random() < 0.85:
        key = dice.choice(list(tree))
        if dice.random() < 0.75:
            tree[key] = _change_somewhere(tree[key], dice)
        else:
            _change_keys(tree, key, dice)
        return tree
    if isinstance(tree, list) and tree and dice.random() < 0.85:
        at = dice.randrange(len(tree))
        act = dice.randrange(6)
        if act == 0:
            del tree[at]
        elif act == 1:
            tree.insert(at, copy.deepcopy(tree[at]))
        elif act == 2:
            dice.shuffle(tree)
        else:
            tree[at] = _change_somewhere(tree[at], dice)
        return tree
    return _something_else(tree, dice)


def _change_keys(tree: dict[Any, Any], key: Any, dice: random.Random) -> None:
    act = dice.randrange(4)
    if act == 0:
        del tree[key]
    elif act == 1:
        tree[dice.choice(("", "x", "__class__", "value", str(key)[:-1], str(key) + "_", str(key).upper()))] = (
            copy.deepcopy(tree[key])
        )
    elif act == 2:
        tree[str(key) + " "] = tree.pop(key)
    else:
        other = dice.choice(list(tree))
        tree[key], tree[other] = tree[other], tree[key]


def _something_else(value: Any, dice: random.Random) -> Any:
    act = dice.randrange(6)
    if act == 0 and isinstance(value, int | float) and not isinstance(value, bool):
        return dice.choice((-value, value * 10, value + 1, value - 0.5 if abs(value) < 1e9 else 0, str(value), [value]))
    if act == 1 and isinstance(value, str):
        return dice.choice((value[1:], value.upper(), value + "x", value * 20, [value]))
    if act == 2:
        deep: Any = value
        for _ in range(dice.choice((1, 3, 60))):
            deep = [deep] if dice.random() < 0.5 else {"a": deep}
        return deep
    return copy.deepcopy(dice.choice(ODD_VALUES))
