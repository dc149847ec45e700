"""One loop of 50 Hz by other means than robotd's, alone in its process: prints one JSON object of latenesses in us.

`python peer_rate.py asyncio|rate-limiters SECONDS`. Lateness is against a grid that begins with the first tick: how
late a tick began after the deadline that it was for.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

PERIOD_S = 0.02


def asyncio_loop(ticks: int) -> list[float]:
    """asyncio.sleep until the next deadline of an absolute grid: the best that plain asyncio can do."""
    begun: list[float] = []

    async def run() -> None:
        deadline = time.monotonic() + PERIOD_S
        for _ in range(ticks):
            await asyncio.sleep(deadline - time.monotonic())
            begun.append(time.monotonic() - deadline)
            deadline += PERIOD_S

    asyncio.run(run())
    return begun


def rate_limiters_loop(ticks: int) -> list[float]:
    """RateLimiter.sleep as its documentation has it; its own period is what it is asked for."""
    from loop_rate_limiters import RateLimiter

    rate = RateLimiter(frequency=1 / PERIOD_S, warn=False)
    rate.sleep()
    first, begun = time.monotonic(), []
    for number in range(1, ticks + 1):
        rate.sleep()
        begun.append(time.monotonic() - first - number * PERIOD_S)
    return begun


def main() -> None:
    """Run one of them."""
    name, seconds = sys.argv[1], float(sys.argv[2])
    loop = {"asyncio": asyncio_loop, "rate-limiters": rate_limiters_loop}[name]
    lateness_us = [1e6 * late for late in loop(round(seconds / PERIOD_S))]
    tenth = max(1, len(lateness_us) // 10)
    middle = sorted(lateness_us[-tenth:])[tenth // 2] - sorted(lateness_us[:tenth])[tenth // 2]
    print(json.dumps({"lateness_us": lateness_us, "drift_us": middle}))


if __name__ == "__main__":
    main()
