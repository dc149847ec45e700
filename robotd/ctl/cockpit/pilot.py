"""The stick of one page: a velocity that is said to robotd again only while the page goes on saying it.

robotd's own clients wait for answers, so it works in a thread. A page that falls silent with its stick held is not
made up for: after SILENT_S nothing is said any more, robotd sees a controller that is silent, lets its command decay
and stops the robot (LINK in docs/safety.md).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from robotd.ctl.client import Client
from robotd.ctl.refusal import Refusal, Unreachable
from robotd.messages import Release, Velocity

PERIOD_S = 0.05
SILENT_S = 0.3
"""A velocity counts for so long after the page said it."""
FORGET_S = 10.0
"""A page that was silent for so long with its stick held has to begin anew."""
DEAF_S = 0.5
"""Nothing is tried again for so long after robotd has refused."""
Tell = Callable[[str, bool, str], None]


class Lag:
    """How much longer than the fastest one a message was on its way, from two clocks that never were compared.

    A connection that was held up delivers all at once what was said meanwhile; what is old by then must not count.
    """

    def __init__(self) -> None:
        self._fastest_s: float | None = None

    def __call__(self, said_s: float, heard_s: float) -> float:
        """Seconds beyond the fastest so far."""
        way_s = heard_s - said_s
        self._fastest_s = way_s if self._fastest_s is None else min(self._fastest_s, way_s)
        return way_s - self._fastest_s


class Pilot:
    """The stick of one page. `steer` and `let_go` come from the event loop and never wait.

    Args:
        socket: of robotd.
        tell: called from the pilot's thread: word, whether it went well, and a sentence, whenever that changes.
        now_s: monotonic time.
    """

    def __init__(self, socket: Path | None, tell: Tell, now_s: Callable[[], float] = time.monotonic) -> None:
        self._socket, self._tell, self._now_s = socket, tell, now_s
        self._changed = threading.Condition()
        self._wanted: tuple[Velocity, float] | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._deaf_until_s = 0.0

    def steer(self, request: Velocity) -> None:
        """The page holds its stick there, now."""
        with self._changed:
            now_s = self._now_s()
            if self._closed or now_s < self._deaf_until_s:
                return
            self._wanted = (request, now_s)
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="pilot", daemon=True)
                self._thread.start()

    def let_go(self) -> None:
        """The page has let its stick go: velocity zero, and the command is free."""
        with self._changed:
            self._wanted, self._deaf_until_s = None, 0.0
            self._changed.notify()

    def close(self) -> None:
        """The page is gone. A stick that it held is not let go: robotd finds its controller silent."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _run(self) -> None:
        try:
            with Client(self._socket) as client:
                self._drive(client)
        except (Refusal, Unreachable) as problem:
            self._tell("velocity", False, problem.message)
            with self._changed:
                self._deaf_until_s = self._now_s() + DEAF_S
        finally:
            with self._changed:
                self._thread = None

    def _drive(self, client: Client) -> None:
        """Say the newest velocity 20 times a second, as long as it counts."""
        said = ""
        while True:
            with self._changed:
                wanted, closed = self._wanted, self._closed
            if closed:
                return
            if wanted is None:
                client.act(Release())
                return
            silent_s = self._now_s() - wanted[1]
            if silent_s > FORGET_S:
                return
            if silent_s <= SILENT_S:
                done = client.act(wanted[0])
                if done.text != said:
                    said = done.text
                    self._tell("velocity", done.ok, done.text)
            with self._changed:
                if self._wanted is wanted and not self._closed:
                    self._changed.wait(PERIOD_S)
