"""Signals that end or stop a program must not leave torque on with nobody in charge: each ends robotd in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP)
"""A terminal that goes away, Ctrl-\\ and Ctrl-Z among them."""
WITHOUT_MEANING = (signal.SIGTTOU, signal.SIGTTIN, signal.SIGPIPE)
"""Sent to who writes to or reads from a terminal in the background, or to a reader that is gone: no reason to stop."""


def on_ending(end: Callable[[signal.Signals], None]) -> None:
    """Call `end` in the running event loop for each signal that is to end robotd.

    Who started it with SIGHUP ignored, as nohup does, wants it to outlive the terminal.
    """
    loop = asyncio.get_running_loop()
    for number in ENDING:
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, end, number)
    for number in WITHOUT_MEANING:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def undisturbed() -> Iterator[None]:
    """For the moment in which torque goes off: whoever presses Ctrl-C again changes nothing. In the main thread."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def nothing_more() -> None:
    """The end has begun and takes less than a second: nothing keeps the last limp from being done."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
