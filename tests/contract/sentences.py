"""What every refusal must be: one sentence that names the place, the value found and what was expected."""

from __future__ import annotations

from contract.errors import ContractError


def assert_sentence(problem: ContractError, *words: object) -> None:
    """One line, no traceback talk, and all of `words` in it."""
    text = str(problem)
    assert "\n" not in text and len(text) < 600, text
    assert "expected" in text or "did you mean" in text or "(known: " in text, text
    for word in words:
        assert str(word) in text, f"{word!r} is not in: {text}"
