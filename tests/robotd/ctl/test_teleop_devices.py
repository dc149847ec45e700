"""The two hands by their bytes: a real terminal (pty), and input events as the kernel writes them, through a pipe.

There is no /dev/uinput on build machines, so no kernel device stands behind the gamepad: it is not tested here that
the kernel answers EVIOCGABS as linux/input.h says.
"""

from __future__ import annotations

import os
import pty
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robotd.ctl.refusal import Refusal, Unreachable
from robotd.ctl.teleop_gamepad import (
    ABS_HAT0Y,
    ABS_INFO,
    ABS_RX,
    ABS_X,
    ABS_Y,
    BTN_EAST,
    BTN_SELECT,
    BTN_START,
    BTN_TL,
    EV_ABS,
    EV_KEY,
    EV_SYN,
    INPUT_EVENT,
    STICKS,
    SYN_DROPPED,
    Gamepad,
    Range,
    gamepads,
    open_gamepad,
)
from robotd.ctl.teleop_keyboard import Keyboard, events_of, keys_at_once
from robotd.ctl.teleop_mapping import Act, Axes, End, Event, Faster, Grip, Key, Lost, Stick

RANGES = {ABS_X: Range(-32768, 32767), ABS_Y: Range(-32768, 32767), ABS_RX: Range(0, 255)}


@pytest.mark.parametrize(
    "text, events",
    [
        ("w", [Key(Stick(forward=1))]),
        ("W", [Key(Stick(forward=1))]),
        ("\x1b[A\x1b[D", [Key(Stick(forward=1)), Key(Stick(turn=1))]),
        ("\x1bOB", [Key(Stick(forward=-1))]),
        ("+-", [Faster(1), Faster(-1)]),
        (" ", [End(Act.STOP)]),
        ("x", [End(Act.ESTOP)]),
        ("\x04", [End(Act.QUIT)]),
        ("\x1b[1;5C", []),  # Ctrl and an arrow
        ("\x1b[3~", []),
        ("\x1b[200~", []),
        ("p\r\n\t7\xe4", []),
        ("\x1bx", [End(Act.ESTOP)]),  # Esc, and then the stop that must not be swallowed
        ("\x1b ", [End(Act.STOP)]),
    ],
)
def test_what_keys_mean(text: str, events: list[Event]) -> None:
    assert events_of(text) == ("", events)


@given(st.lists(st.sampled_from(["w", "x", " ", "\x1b[A", "\x1bOC", "\x1b[3~", "\x1b[1;5D", "?"])), st.data())
def test_it_does_not_matter_where_the_bytes_are_cut(keys: list[str], data: st.DataObject) -> None:
    text = "".join(keys)
    cut = data.draw(st.integers(0, len(text)))
    begun, first = events_of(text[:cut])
    rest, second = events_of(begun + text[cut:])
    assert (rest, first + second) == events_of(text) and rest == ""


@given(st.text(alphabet=st.characters(max_codepoint=255)))
def test_no_bytes_are_too_strange(text: str) -> None:
    begun, _ = events_of(text)
    assert begun == "" or begun[0] == "\x1b"


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """The person's side and the program's side."""
    person, program = pty.openpty()
    yield person, program
    for fd in (person, program):
        try:
            os.close(fd)
        except OSError:
            continue  # the test has closed it


def test_keys_come_at_once_and_unseen_and_the_terminal_is_put_back(terminal: tuple[int, int]) -> None:
    person, program = terminal
    before = termios.tcgetattr(program)
    with keys_at_once(program):
        os.write(person, b"w")
        assert Keyboard(program).read() == [Key(Stick(forward=1))]  # no Enter was needed
        os.set_blocking(person, False)
        with pytest.raises(BlockingIOError):  # no echo
            os.read(person, 1)
        os.write(person, b"wwww")
        assert termios.tcgetattr(program) != before
    assert termios.tcgetattr(program) == before
    os.set_blocking(program, False)
    with pytest.raises(BlockingIOError):  # keys that still repeat are not left for the shell
        os.read(program, 1)


def test_beside_a_gamepad_a_keyboard_only_stops(terminal: tuple[int, int]) -> None:
    person, program = terminal
    with keys_at_once(program):
        os.write(person, b"w+ ")
        assert Keyboard(program, steers=False).read() == [Faster(1), End(Act.STOP)]


def test_a_terminal_that_hangs_up_is_lost(terminal: tuple[int, int]) -> None:
    person, program = terminal
    with keys_at_once(program):
        os.close(person)
        assert Keyboard(program).read() == [Lost("the terminal is gone")]


class Pad:
    """A gamepad whose events a test writes."""

    def __init__(self) -> None:
        read, self._write = os.pipe2(os.O_NONBLOCK)
        self.gamepad = Gamepad(read, RANGES)

    def say(self, *inputs: tuple[int, int, int]) -> list[Event]:
        """(type, code, value) of each, and the report's end; what is read of them."""
        os.write(self._write, b"".join(INPUT_EVENT.pack(7, 8, *input_) for input_ in (*inputs, (EV_SYN, 0, 0))))
        return self.gamepad.read()

    def write(self, data: bytes) -> None:
        os.write(self._write, data)

    def pull(self) -> None:
        os.close(self._write)


@pytest.fixture
def pad() -> Iterator[Pad]:
    made = Pad()
    yield made
    os.close(made.gamepad.fd)


def test_sticks_bumper_and_buttons(pad: Pad) -> None:
    assert pad.say((EV_ABS, ABS_Y, -32768)) == [Axes(Stick(forward=1))]
    assert pad.say((EV_KEY, BTN_TL, 1)) == [Axes(Stick(forward=1)), Grip(True), Axes(Stick(forward=1))]
    (right,) = pad.say((EV_ABS, ABS_Y, 0), (EV_ABS, ABS_X, 32767), (EV_ABS, ABS_RX, 255))
    assert right == Axes(Stick(0, -1, -1))
    assert pad.say((EV_KEY, BTN_TL, 0))[1] == Grip(False)
    assert pad.say((EV_ABS, ABS_HAT0Y, -1), (EV_ABS, ABS_HAT0Y, 0))[0] == Faster(1)
    for button, act in {BTN_EAST: Act.STOP, BTN_SELECT: Act.ESTOP, BTN_START: Act.QUIT}.items():
        assert pad.say((EV_KEY, button, 1))[0] == End(act)
        assert pad.say((EV_KEY, button, 0)) == [right]
    assert pad.say((EV_KEY, 0x120, 1), (EV_ABS, 0x28, 5), (4, 4, 9)) == [right]  # what is nothing of ours


def test_a_button_that_repeats_is_no_new_press(pad: Pad) -> None:
    assert Grip(True) not in pad.say((EV_KEY, BTN_TL, 2))


def test_events_that_were_lost_end_the_grip_and_centre_the_sticks(pad: Pad) -> None:
    pad.say((EV_KEY, BTN_TL, 1), (EV_ABS, ABS_Y, -32768))
    assert pad.say((EV_SYN, SYN_DROPPED, 0)) == [Grip(False), Axes(Stick())]


def test_half_an_event_waits_for_its_other_half(pad: Pad) -> None:
    data = INPUT_EVENT.pack(0, 0, EV_KEY, BTN_EAST, 1)
    pad.write(data[:10])
    assert pad.gamepad.read() == []
    pad.write(data[10:])
    assert pad.gamepad.read()[0] == End(Act.STOP)
    assert pad.gamepad.read() == []  # nothing there: does not wait


def test_a_gamepad_that_is_pulled_is_lost(pad: Pad) -> None:
    pad.pull()
    assert pad.gamepad.read() == [Lost("the gamepad is gone")]


@given(st.integers(-40000, 40000))
def test_a_share_is_in_its_range_and_has_a_middle(value: int) -> None:
    share = RANGES[ABS_X].share(value)
    assert -1 <= share <= 1
    if abs(value) < 3000:
        assert share == 0
    elif abs(value) > 3500:
        assert share * value > 0


def test_a_gamepad_is_opened_with_the_ranges_that_the_kernel_names() -> None:
    asked = []

    def kernel(fd: int, request: int, room: bytes) -> bytes:
        asked.append(request)
        return ABS_INFO.pack(0, -100, 100, 0, 0, 0)

    gamepad = open_gamepad(Path("/dev/null"), kernel)  # a character device, as an event device is one
    os.close(gamepad.fd)
    assert asked == [0x80184540 + axis for axis in STICKS]


@pytest.mark.parametrize(
    "name, error, words",
    [
        ("none", Unreachable, "No such file or directory; plug the gamepad in"),
        ("file", Refusal, "found no device, expected a gamepad's /dev/input/event*"),
        ("/dev/null", Refusal, "found no axis 0, expected a gamepad with two sticks"),
    ],
)
def test_what_is_no_gamepad_is_one_sentence(name: str, error: type[Exception], words: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(error, match=words.replace("*", r"\*")):
        open_gamepad(tmp_path / name)


def test_gamepads_are_found_by_their_buttons(tmp_path: Path) -> None:
    for number, name, key in (
        (10, "Wireless Controller", "7fdb000000000000 0 0 0 0"),
        (2, "Keyboard", "1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe"),
        (3, "Xbox 360", "7cdb000000000000 0 0 0 0"),
        (4, "Switch", "0"),
    ):
        device = tmp_path / f"event{number}" / "device"
        (device / "capabilities").mkdir(parents=True)
        (device / "capabilities" / "key").write_text(f"{key}\n")
        (device / "name").write_text(f"{name}\n")
    assert gamepads(tmp_path) == [
        (Path("/dev/input/event3"), "Xbox 360"),
        (Path("/dev/input/event10"), "Wireless Controller"),
    ]
    assert gamepads(tmp_path / "none") == []
