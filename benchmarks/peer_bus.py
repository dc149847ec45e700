"""lewansoul-lx16a on a bus as its documentation has it, in a plain loop: prints one JSON object of ages in ms.

`python peer_bus.py PORT SERVOS SECONDS`. Every 20 ms each servo is told where to stand, and in between one servo after
the other is asked where it is; at each deadline the age of every servo's answer is noted. Imports nothing of ours.
"""

from __future__ import annotations

import json
import sys
import time

import lewansoul_lx16a
import serial

PERIOD_S = 0.02
REPLY_S = 0.02


def main() -> None:
    """Run it and print."""
    port, servos, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    ids = range(1, servos + 1)
    with serial.Serial(port, 115200, timeout=REPLY_S) as line:
        controller = lewansoul_lx16a.ServoController(line, timeout=REPLY_S)
        asked_s = dict.fromkeys(ids, 0.0)
        ages_ms: list[float] = []
        failed = turn = 0
        deadline_s = time.monotonic()
        begun_s, end_s = deadline_s, deadline_s + seconds
        while deadline_s < end_s:
            while time.monotonic() < deadline_s:
                servo = ids[turn % servos]
                turn += 1
                question_s = time.monotonic()
                try:
                    controller.get_position(servo)
                    asked_s[servo] = question_s
                except lewansoul_lx16a.TimeoutError:
                    failed += 1
            now_s = time.monotonic()
            if now_s > begun_s + 1.0:  # all have answered by then
                ages_ms += [1e3 * (now_s - stamp_s) for stamp_s in asked_s.values() if stamp_s]
            for servo in ids:
                controller.move(servo, 500, 20)
            deadline_s = max(deadline_s + PERIOD_S, time.monotonic())
    print(json.dumps({"ages_ms": ages_ms, "failed": failed, "asked": turn}))


if __name__ == "__main__":
    main()
