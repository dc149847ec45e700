"""A terminal as a hand: its bytes become events. Keys are read one by one, without an Enter, and not shown."""

from __future__ import annotations

import os
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from robotd.ctl.teleop_mapping import Act, End, Event, Faster, Key, Lost, Stick

HELP = """\
  q w e    forward and left, forward, forward and right   (or the arrows)
  a   d    turn left, turn right
  z s c    step left, back, step right
  + -      faster, slower
  space    stop: crouch, then torque off
  x        torque off NOW: a standing robot falls
  Ctrl-D   end: the robot stays as it is, at zero velocity"""

_KEYS: dict[str, Event] = {
    "w": Key(Stick(forward=1)),
    "s": Key(Stick(forward=-1)),
    "a": Key(Stick(turn=1)),
    "d": Key(Stick(turn=-1)),
    "q": Key(Stick(forward=1, turn=1)),
    "e": Key(Stick(forward=1, turn=-1)),
    "z": Key(Stick(sideways=1)),
    "c": Key(Stick(sideways=-1)),
    "+": Faster(1),
    "=": Faster(1),
    "-": Faster(-1),
    " ": End(Act.STOP),
    "x": End(Act.ESTOP),
    "\x04": End(Act.QUIT),
}
_ARROWS = {"A": _KEYS["w"], "B": _KEYS["s"], "C": _KEYS["d"], "D": _KEYS["a"]}
_ESCAPE = "\x1b"
_CHUNK = 1024


class Keyboard:
    """The terminal at file descriptor `fd`. steers: directions count, not only stops."""

    def __init__(self, fd: int, steers: bool = True) -> None:
        self.fd = fd
        self._steers = steers
        self._begun = ""  # of an escape sequence

    def read(self) -> list[Event]:
        """What was typed; Lost where the terminal is gone."""
        try:
            data = os.read(self.fd, _CHUNK)
        except OSError:  # a terminal that has hung up is no file any more
            data = b""
        if not data:
            return [Lost("the terminal is gone")]
        self._begun, events = events_of(self._begun + data.decode("latin-1"))
        return events if self._steers else [event for event in events if not isinstance(event, Key)]


def events_of(text: str) -> tuple[str, list[Event]]:
    """Events of typed characters, and the beginning of an escape sequence whose end has not come yet.

    Sequences of other keys than arrows are passed over whole: none of their characters counts as a key.
    """
    events: list[Event] = []
    place = 0
    while place < len(text):
        if text[place] == _ESCAPE:
            length = _sequence(text[place:])
            if length is None:
                return text[place:], events
            if length == 3 and text[place + 2] in _ARROWS:
                events.append(_ARROWS[text[place + 2]])
            place += length
            continue
        if event := _KEYS.get(text[place].lower()):
            events.append(event)
        place += 1
    return "", events


def _sequence(text: str) -> int | None:
    """How many characters the escape sequence at the front of `text` has; None: its end is still to come."""
    if len(text) < 2:
        return None
    if text[1] == "O":
        return 3 if len(text) >= 3 else None
    if text[1] != "[":
        return 1  # Esc itself, and then another key, which counts: it may be a stop
    for place, character in enumerate(text[2:], start=2):
        if not " " <= character <= "?":
            return place + 1
    return None


@contextmanager
def keys_at_once(fd: int) -> Iterator[None]:
    """Keys come without an Enter and are not shown, until the end of the block; Ctrl-C still interrupts."""
    before = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd)
        yield
    finally:
        with suppress(termios.error):  # it has hung up
            termios.tcflush(fd, termios.TCIFLUSH)  # a key that still repeats is nothing for the shell
            termios.tcsetattr(fd, termios.TCSANOW, before)
