"""YAML as plain data: what a reader of the file would not see is refused."""

from __future__ import annotations

import pytest
import yaml

from contract.plain_yaml import load_plain


@pytest.mark.parametrize(
    "text",
    [
        "bundles: {require_signature: true}\nbundles: {}",
        "bundles: {require_signature: true}\n'bundles': {}",
        "a: {b: 1, c: 2, b: 3}",
        "a: [{b: 1, b: 1}]",
        "1: a\n0x1: b",
        "a: !!set {b, b}",
        "b: {<<: {a: 1}, <<: {a: 2}}",
    ],
)
def test_a_key_twice_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(yaml.YAMLError, match="twice, expected it once") as caught:
        load_plain(text)
    assert "line" in str(caught.value)


def test_the_same_key_in_different_mappings_is_no_matter() -> None:
    assert load_plain("a: {b: 1}\nc: {b: 2}") == {"a": {"b": 1}, "c": {"b": 2}}


@pytest.mark.parametrize("text", ["1" * 5000, ":".join(["1"] * 200_000), "0x" + "f" * 5000])
def test_a_whole_number_of_many_digits_is_refused_at_once(text: str) -> None:
    with pytest.raises(yaml.YAMLError, match="digits, expected at most 100"):
        load_plain(f"a: {text}")
