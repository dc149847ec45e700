"""Messages of the control socket: what is said is heard, and what is no message is one sentence."""

from __future__ import annotations

import dataclasses
import struct
import types
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robotd import wire
from robotd.control_socket import FLOOD_TICKS, REQUESTS_PER_TICK
from robotd.messages import (
    ANSWERS,
    REQUESTS,
    VERSION,
    Answer,
    Arm,
    Check,
    Done,
    MessageError,
    Request,
    SlowMotion,
    Subscribe,
    Velocity,
)
from robotd.wire import MAX_ANSWER, MAX_REQUEST, Codec, Frames, bodies

BOUNDS: dict[tuple[type, str], Any] = {
    (Velocity, "vx_m_s"): st.floats(-2, 2),
    (Velocity, "vy_m_s"): st.floats(-2, 2),
    (Velocity, "yaw_rad_s"): st.floats(-4, 4),
    (SlowMotion, "factor"): st.floats(0.1, 1),
    (Subscribe, "divisor"): st.integers(1, 3000),
}


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type."""
    if dataclasses.is_dataclass(hint):
        return messages_of(hint)
    if get_origin(hint) is tuple:
        return st.lists(values_of(get_args(hint)[0]), max_size=4).map(tuple)
    if get_origin(hint) is types.UnionType:
        return st.none() | values_of(get_args(hint)[0])
    return {
        float: st.floats(allow_nan=False, allow_infinity=False),
        int: st.integers(0, 2**40),
        bool: st.booleans(),
        str: st.text(max_size=20),
    }[hint]


def messages_of(kind: Any) -> st.SearchStrategy[Any]:
    """Messages of a type, inside its bounds."""
    hints = get_type_hints(kind)
    fields = {name: BOUNDS.get((kind, name), values_of(hint)) for name, hint in hints.items()}
    return st.builds(kind, **fields)


REQUEST = st.one_of([messages_of(kind) for kind in REQUESTS.values()])
ANSWER = st.one_of([messages_of(kind) for kind in ANSWERS.values()])
NUMBER = st.integers(0, wire.MAX_ID)


def body_of(frame: bytes) -> bytes:
    frames = Frames(MAX_ANSWER)
    frames.feed(frame)
    (body,) = bodies(frames)
    assert frames.pending == 0
    return body


def sentence_of(codec: Codec[Any], body: bytes) -> str | None:
    """Why it is no message, in one line; None where it is one."""
    try:
        codec.decode(body)
    except MessageError as problem:
        assert "\n" not in str(problem) and 10 < len(str(problem)) < 400
        return str(problem)
    return None


@given(REQUEST, NUMBER)
def test_a_request_is_heard_as_it_was_said(request: Request, number: int) -> None:
    assert wire.requests.decode(body_of(wire.requests.encode(request, number))) == (number, request)


@given(ANSWER, NUMBER)
def test_an_answer_is_heard_as_it_was_said(answer: Answer, number: int) -> None:
    assert wire.answers.decode(body_of(wire.answers.encode(answer, number))) == (number, answer)


@given(REQUEST, st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_mutated_body_is_a_message_or_one_sentence(request: Request, changes: list[tuple[int, int]]) -> None:
    body = bytearray(body_of(wire.requests.encode(request, 1)))
    for place, value in changes:
        body[place % len(body)] = value
    if sentence_of(wire.requests, bytes(body)) is None:
        number, message = wire.requests.decode(bytes(body))
        assert body_of(wire.requests.encode(message, number))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_one_sentence(body: bytes) -> None:
    sentence_of(wire.requests, body)


@given(st.lists(REQUEST, min_size=1, max_size=5), st.data())
def test_a_stream_is_cut_into_the_same_frames_wherever_it_breaks(sent: list[Request], data: st.DataObject) -> None:
    stream = b"".join(wire.requests.encode(request, 0) for request in sent)
    frames, heard = Frames(MAX_REQUEST), []
    while stream:
        count = data.draw(st.integers(1, len(stream)))
        frames.feed(stream[:count])
        stream = stream[count:]
        heard += [wire.requests.decode(body)[1] for body in bodies(frames)]
    assert heard == sent and frames.pending == 0


@pytest.mark.parametrize("length", [0, MAX_REQUEST + 1, 2**32 - 1])
def test_an_announced_length_out_of_bounds_is_refused_before_anything_is_kept(length: int) -> None:
    frames = Frames(MAX_REQUEST)
    frames.feed(struct.pack(">I", length))
    with pytest.raises(MessageError, match=f"a frame of {length} bytes, expected 1 to {MAX_REQUEST}"):
        frames.take()


@pytest.mark.parametrize(
    "data, words",
    [
        ([VERSION + 1, "arm", 1, {}], "version: found 2, expected 1; install the same wildrobot on both ends"),
        ([True, "arm", 1, {}], "version: found True, expected 1"),
        ([VERSION, "jump", 1, {}], "type: found 'jump', expected one of status, arm,"),
        ([VERSION, ["arm"], 1, {}], "type: found list, expected one of"),
        ([VERSION, "arm", -1, {}], "id: found -1, expected 0 to 4294967295"),
        ([VERSION, "arm", 1.0, {}], "id: found 1.0"),
        ([VERSION, "arm", 1, []], "arm: found list, expected a map of fields"),
        ([VERSION, "policy", 1, {"name": 3}], "policy.name: found 3, expected text"),
        ([VERSION, "policy", 1, {"name": "x" * 401}], "policy.name: 401 characters, expected at most 400"),
        ([VERSION, "clear", 1, {"now": True}], "clear: unknown field 'now', expected none"),
        ([VERSION, "velocity", 1, {}], "velocity: field vx_m_s is missing"),
        ([VERSION, "velocity", 1, {"vx_m_s": True}], "velocity.vx_m_s: found True, expected a number"),
        ([VERSION, "velocity", 1, {"vx_m_s": float("nan")}], "velocity.vx_m_s: found nan, expected a finite number"),
        ([VERSION, "velocity", 1, {"vx_m_s": float("inf")}], "velocity.vx_m_s: found inf, expected a finite number"),
        ([VERSION, "velocity", 1, {"vx_m_s": -3}], "velocity.vx_m_s: found -3.0, expected -2 to 2"),
        ([VERSION, "slow", 1, {"factor": 0}], "slow.factor: found 0.0, expected 0.1 to 1"),
        ([VERSION, "subscribe", 1, {"divisor": 0}], "subscribe.divisor: found 0, expected 1 to 3000"),
        ([VERSION, "subscribe", 1, {"divisor": 1.5}], "subscribe.divisor: found 1.5, expected a whole number"),
        ([VERSION, "arm", 1], "found list, expected [version, type, id, fields]"),
        ("arm", "found 'arm', expected [version, type, id, fields]"),
        ({1: 2}, "not msgpack"),
    ],
)
def test_what_does_not_fit_is_named(data: object, words: str) -> None:
    assert words in (sentence_of(wire.requests, msgpack.packb(data)) or "")


def test_a_body_that_ends_early_or_late_is_refused() -> None:
    body = body_of(wire.requests.encode(Arm(), 1))
    assert "not msgpack" in (sentence_of(wire.requests, body[:-1]) or "")
    assert "not msgpack" in (sentence_of(wire.requests, body + b"\x00") or "")


def test_a_list_of_the_wrong_kind_is_refused_in_answers_too() -> None:
    fields = {"names": "walking", "current": "walking"}
    assert "policies.names: found 'walking', expected a list" in (
        sentence_of(wire.answers, msgpack.packb([VERSION, "policies", 1, fields])) or ""
    )


def test_a_number_may_be_written_without_a_point_and_an_answer_may_hold_nan() -> None:
    assert wire.requests.decode(msgpack.packb([VERSION, "velocity", 1, {"vx_m_s": 1}])) == (1, Velocity(1.0))
    check = Check("imu", False, "nan", "", True)
    done = Done(False, "x" * 1000, "idle", 3, (check,))
    assert wire.answers.decode(body_of(wire.answers.encode(done, 1))) == (1, done)


def test_the_page_about_the_socket_names_every_message_and_every_field_of_requests() -> None:
    page = (Path(__file__).parents[2] / "docs" / "control.md").read_text(encoding="utf-8")
    fields = {field.name for kind in REQUESTS.values() for field in dataclasses.fields(kind)}
    missing = {word for word in {*REQUESTS, *ANSWERS, *fields} if f"`{word}`" not in page}
    assert not missing
    assert f"msgpack `[{VERSION}, type, id" in page
    assert f"at most {MAX_REQUEST} bytes, an answer's {MAX_ANSWER}" in page
    assert f"{REQUESTS_PER_TICK} requests a tick" in page and f"{FLOOD_TICKS} ticks in a row" in page
