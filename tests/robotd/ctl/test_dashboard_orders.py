"""What a page may say: each order, bounds, and anything else as one sentence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robotd.ctl.cockpit.orders import ACTS, MAX_TEXT, Act, Key, LetGo, Steer, read_order
from robotd.ctl.cockpit.pilot import Lag
from robotd.ctl.teleop_mapping import Limits
from robotd.messages import Estop, MessageError, SwitchPolicy, Velocity

LIMITS = Limits(0.3, 0.1, 0.2, 0.4)
HELD = {"say": "velocity", "forward": 1, "sideways": 0, "turn": 0, "factor": 1, "at_ms": 5}


def read(**fields: Any) -> Any:
    return read_order(json.dumps(fields), LIMITS)


def test_acts_become_requests() -> None:
    assert read(say="estop") == Act("estop", Estop())
    assert read(say="policy", name="walking") == Act("policy", SwitchPolicy("walking"))
    assert read(say="key", key="k") == Key("k") and read(say="release") == LetGo()
    assert set(ACTS) == {"arm", "clear", "activate", "stop", "estop"}


def test_a_stick_is_a_share_of_the_limits() -> None:
    assert read(**HELD) == Steer(Velocity(0.3, 0, 0), 5)
    found = read(**HELD | {"forward": -1, "sideways": 0.5, "turn": -1, "factor": 0.5})
    assert found.request == Velocity(-0.05, 0.05, -0.2)


shares = st.floats(-1, 1)


@given(shares, shares, shares, st.floats(0, 1))
def test_no_stick_asks_for_more_than_the_limits(forward: float, sideways: float, turn: float, factor: float) -> None:
    asked = read(say="velocity", forward=forward, sideways=sideways, turn=turn, factor=factor, at_ms=1).request
    assert -LIMITS.back_m_s <= asked.vx_m_s <= LIMITS.forward_m_s
    assert abs(asked.vy_m_s) <= LIMITS.sideways_m_s and abs(asked.yaw_rad_s) <= LIMITS.turn_rad_s


@pytest.mark.parametrize(
    "change",
    [
        {"forward": 1.01},
        {"forward": None},
        {"turn": "1"},
        {"turn": True},
        {"sideways": -1.5},
        {"factor": 1.1},
        {"factor": -0.1},
        {"at_ms": -1},
        {"at_ms": None},
        {"forward": [1]},
    ],
)
def test_a_stick_that_is_none_is_refused_by_name(change: dict[str, Any]) -> None:
    with pytest.raises(MessageError, match=f"^{next(iter(change))}: found .*expected a number from"):
        read(**HELD | change)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_no_number_that_is_not_finite_comes_in(number: str) -> None:
    with pytest.raises(MessageError, match="expected a number from"):
        read_order(json.dumps(HELD).replace('"forward": 1', f'"forward": {number}'), LIMITS)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "found no JSON"),
        ("[]", "found no JSON object"),
        ("{}", "say: found None, expected one of key, arm"),
        ('{"say": "limp"}', "say: found 'limp'"),
        ('{"say": ["estop"]}', "expected one of"),
        ('{"say": "key"}', "key: found None, expected text"),
        ('{"say": "policy", "name": 3}', "name: found 3, expected text"),
        (" " * (MAX_TEXT + 1), f"expected at most {MAX_TEXT}"),
        ("[" * 2000, "found no JSON"),
        (json.dumps({"say": "\ud800\n" * 99}), r"say: found '\ud800\n\ud800"),
        (json.dumps({"say": "policy", "name": ["\n"] * 99}), "name: found list, expected text"),
    ],
)
def test_anything_else_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(MessageError) as refused:
        read_order(text, LIMITS)
    assert sentence in str(refused.value) and "\n" not in str(refused.value)


@given(
    st.text()
    | st.dictionaries(st.sampled_from([*HELD, "key", "name"]), st.none() | st.floats() | st.text()).map(json.dumps)
)
def test_no_text_brings_anything_but_an_order_or_a_sentence(text: str) -> None:
    try:
        order = read_order(text, LIMITS)
    except MessageError as problem:
        assert len(str(problem)) < 200 and "\n" not in str(problem)
        return
    assert isinstance(order, Key | Act | Steer | LetGo)


def test_lag_is_what_a_message_took_longer_than_the_fastest() -> None:
    lag = Lag()
    assert lag(100.0, 5.0) == 0
    assert lag(101.0, 6.5) == 0.5
    assert lag(102.0, 6.75) == 0  # the way may be faster than it was first
    assert lag(103.0, 8.0) == 0.25
