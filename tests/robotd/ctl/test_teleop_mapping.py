"""From hand to command, by property: nothing moves without the deadman, whatever the hand does."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robotd.ctl.teleop_mapping import (
    Act,
    Axes,
    End,
    Event,
    Faster,
    Grip,
    Hand,
    Key,
    Limits,
    Lost,
    Patience,
    Stick,
    due,
    left,
    take,
    velocity,
)

LIMITS = Limits(forward_m_s=0.4, back_m_s=0.1, sideways_m_s=0.2, turn_rad_s=0.5)
PATIENCE = Patience()
FORWARD = Key(Stick(forward=1))

shares = st.floats(-1, 1)
sticks = st.builds(Stick, shares, shares, shares)
events = st.one_of(
    st.builds(Key, sticks),
    st.builds(Axes, sticks),
    st.builds(Grip, st.booleans()),
    st.builds(Faster, st.integers(-3, 3)),
    st.builds(End, st.sampled_from(Act)),
    st.just(Lost("gone")),
)
harmless = events.filter(lambda event: not isinstance(event, End | Lost))
stories = st.lists(st.tuples(st.floats(0, 2), events), max_size=12)
"""Pauses in s, and what comes after each."""
driving = st.lists(st.tuples(st.floats(0, 2), harmless), max_size=12)


def after(story: list[tuple[float, Event]], hand: Hand | None = None) -> tuple[Hand, float]:
    """The hand at the end of a story that begins at 100 s, and the time then."""
    hand, now_s = hand or Hand(), 100.0
    for pause_s, event in story:
        now_s += pause_s
        hand = take(hand, event, now_s, PATIENCE)
    return hand, now_s


def asked(hand: Hand, now_s: float) -> tuple[float, float, float]:
    return velocity(hand, now_s, LIMITS, PATIENCE)


@given(stories, st.floats(0, 10))
def test_no_story_goes_beyond_the_limits(story: list[tuple[float, Event]], later_s: float) -> None:
    hand, now_s = after(story)
    vx, vy, yaw = asked(hand, now_s + later_s)
    assert -LIMITS.back_m_s * hand.factor - 1e-9 <= vx <= LIMITS.forward_m_s * hand.factor + 1e-9
    assert abs(vy) <= LIMITS.sideways_m_s * hand.factor + 1e-9 and abs(yaw) <= LIMITS.turn_rad_s * hand.factor + 1e-9
    assert 0.1 <= hand.factor <= 1


@given(stories)
def test_whatever_was_held_is_zero_after_a_while_of_silence(story: list[tuple[float, Event]]) -> None:
    hand, now_s = after(story)
    assert asked(hand, now_s + PATIENCE.silent_s + PATIENCE.decay_s + 1e-9) == (0, 0, 0)


@given(driving, st.lists(st.floats(0, 0.2), max_size=20))
def test_once_it_is_let_go_the_command_only_falls(story: list[tuple[float, Event]], pauses_s: list[float]) -> None:
    hand, now_s = after([*story, (0.01, Grip(False))])
    before = [abs(value) for value in asked(hand, now_s)]
    for pause_s in pauses_s:
        now_s += pause_s
        hand = take(hand, Axes(Stick(1, 1, 1)), now_s, PATIENCE)  # the sticks alone move nothing
        now = [abs(value) for value in asked(hand, now_s)]
        assert all(value <= limit + 1e-12 for value, limit in zip(now, before, strict=True))
        before = now
    assert left(hand, now_s + PATIENCE.decay_s + 1e-9, PATIENCE) == 0


@given(
    st.lists(
        st.tuples(st.floats(0, 2), st.one_of(st.builds(Axes, sticks), st.builds(Faster, st.integers(-3, 3)))),
        max_size=12,
    )
)
def test_a_gamepad_whose_button_is_not_pressed_never_moves_the_robot(story: list[tuple[float, Event]]) -> None:
    for end in range(len(story) + 1):
        hand, now_s = after(story[:end])
        assert asked(hand, now_s) == (0, 0, 0)


@given(driving, driving)
def test_a_lost_device_decays_then_stops_and_nothing_brings_it_back(
    before: list[tuple[float, Event]], later: list[tuple[float, Event]]
) -> None:
    hand, now_s = after([*before, (0.0, Lost("pulled"))])
    assert due(hand, now_s + PATIENCE.decay_s + 1e-9, PATIENCE) is Act.STOP
    for pause_s, event in later:
        hand, now_s = take(hand, event, now_s + pause_s, PATIENCE), now_s + pause_s
        assert due(hand, now_s, PATIENCE) in (None, Act.STOP)
        assert (due(hand, now_s, PATIENCE) is Act.STOP) == (left(hand, now_s, PATIENCE) == 0)
    assert hand.lost == "pulled"


@given(stories, st.sampled_from((Act.STOP, Act.ESTOP)), driving)
def test_a_stop_counts_at_once_without_deadman_and_stays(
    before: list[tuple[float, Event]], act: Act, later: list[tuple[float, Event]]
) -> None:
    hand, now_s = after([*before, (0.0, End(act))])
    hand, _ = after(later, hand)
    for at_s in (now_s, now_s + 100):
        found = due(hand, at_s, PATIENCE)
        assert found is not None and found >= act and asked(hand, at_s) == (0, 0, 0)


def test_of_several_ends_the_most_cautious_counts() -> None:
    for order in ((Act.QUIT, Act.ESTOP, Act.STOP), (Act.ESTOP, Act.QUIT, Act.STOP)):
        hand, now_s = after([(0.0, End(act)) for act in order])
        assert due(hand, now_s, PATIENCE) is Act.ESTOP


def test_a_key_holds_until_it_repeats_and_then_as_long_as_it_repeats() -> None:
    hand, now_s = after([(0.0, FORWARD)])
    assert left(hand, now_s + PATIENCE.first_s, PATIENCE) == 1
    for _ in range(50):  # repeats come after 0.66 s, then 25 times a second
        now_s += 0.66 if now_s == 100.0 else 0.04
        assert left(hand, now_s, PATIENCE) == 1
        hand = take(hand, FORWARD, now_s, PATIENCE)
    assert asked(hand, now_s) == pytest.approx((0.2, 0, 0))
    assert asked(hand, now_s + PATIENCE.repeat_s) == pytest.approx((0.2, 0, 0))
    assert asked(hand, now_s + PATIENCE.repeat_s + PATIENCE.decay_s / 2) == pytest.approx((0.1, 0, 0))
    assert asked(hand, now_s + PATIENCE.repeat_s + PATIENCE.decay_s + 1e-9) == (0, 0, 0)


def test_another_key_takes_over_at_once() -> None:
    hand, now_s = after([(0.0, FORWARD), (0.1, Key(Stick(turn=1)))])
    assert asked(hand, now_s) == pytest.approx((0, 0, 0.25))


def test_a_gamepad_is_held_while_its_button_is_down_and_it_says_something() -> None:
    hand, now_s = after([(0.0, Axes(Stick(forward=0.5))), (0.0, Grip(True))])
    assert asked(hand, now_s + PATIENCE.silent_s) == pytest.approx((0.1, 0, 0))
    assert asked(hand, now_s + PATIENCE.silent_s + PATIENCE.decay_s + 1e-9) == (0, 0, 0)
    hand = take(hand, Axes(Stick(forward=1.0)), now_s + 4, PATIENCE)
    assert asked(hand, now_s + 4 + PATIENCE.silent_s) == pytest.approx((0.2, 0, 0))


def test_back_has_its_own_limit_and_the_factor_its_ends() -> None:
    hand, now_s = after([(0.0, Faster(20)), (0.0, Key(Stick(forward=-1, sideways=1, turn=-1)))])
    assert asked(hand, now_s) == pytest.approx((-0.1, 0.2, -0.5)) and hand.factor == 1
    assert after([(0.0, Faster(-20))])[0].factor == pytest.approx(0.1)


def test_before_anything_has_happened_nothing_is_asked() -> None:
    assert asked(Hand(), -math.inf) == (0, 0, 0) == asked(Hand(), 0.0)
    assert due(Hand(), 1e9, PATIENCE) is None
