"""`python -m firmware_bridge.emulator DIR left=1,2,3 right=4,5,6`: emulated servo buses until SIGTERM.

DIR gets a link to a port for each bus and the control socket; one line of JSON on stdout says that all is ready.
"""

from __future__ import annotations

import argparse
import json
import signal
from pathlib import Path

from firmware_bridge.hiwonder import BAUD

from .bench import ServoBench


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m firmware_bridge.emulator", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("buses", nargs="+", metavar="NAME=ID,ID", help="a bus and the ids of its servos")
    parser.add_argument("--baud", type=int, default=BAUD)
    parser.add_argument("--latency-ms", type=float, default=1.0, help="of the adapter, towards the host")
    parser.add_argument("--reply-delay-ms", type=float, default=0.5, help="inside a servo")
    parser.add_argument("--echo", action="store_true", help="the adapter hears itself")
    options = parser.parse_args()
    buses = {}
    for word in options.buses:
        name, _, ids = word.partition("=")
        buses[name] = [int(servo_id) for servo_id in ids.split(",")]
    options.directory.mkdir(parents=True, exist_ok=True)
    bench = ServoBench(
        buses,
        options.directory,
        baud=options.baud,
        latency_s=options.latency_ms / 1000,
        reply_delay_s=options.reply_delay_ms / 1000,
        echo=options.echo,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    with bench:
        print(json.dumps({"ports": {name: str(port) for name, port in bench.ports.items()}}), flush=True)
        bench.wait()


def _leave(*_: object) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    main()
