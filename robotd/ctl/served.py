"""A demo without a script: robotd as it is, on a twin that a person has set up, steered over the control socket."""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

from firmware_bridge.emulator.bench import WITNESS_NAME
from robotd.clock import MonotonicClock
from robotd.ctl.patience import PatientClock
from robotd.ctl.refusal import Refusal
from robotd.ctl.show import Show
from robotd.daemon import serve
from robotd.hal.emulated import EmulatedHardware


def serve_show(show: Show, hal: str, socket: Path | None, strict_timing: bool, out: Path | None) -> int:
    """Run until Ctrl-C or SIGTERM, and return robotd's exit code.

    The twin is hung on its stand in IDLE and set down in STANDBY. Where it goes on in wall time, or with
    `strict_timing`, missed deadlines stop the robot.

    Args:
        socket: of the daemon; None: where robotd has it.
        out: gets witness.jsonl with every command that reached an emulated servo; None: nothing is written.

    Raises:
        robotd.daemon.Refusal: the hardware does not answer, or the socket is taken.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    early_s = show.config.realtime.early_s
    clock = MonotonicClock(early_s) if strict_timing or show.live else PatientClock(MonotonicClock(early_s))
    attendants = [show.twin.attend] if show.twin else []
    try:
        return asyncio.run(serve(show.hardware, hal, show.bundle, show.config, socket, clock, attendants))
    finally:
        show.hardware.close()
        if out is not None and isinstance(show.hardware, EmulatedHardware):
            _write_witness(show.hardware, out / WITNESS_NAME)


def _write_witness(hardware: EmulatedHardware, path: Path) -> None:
    try:
        with path.open("w", encoding="utf-8") as file:
            hardware.bench.witness.dump(file)
    except OSError as problem:
        raise Refusal(f"{path}: {problem.strerror}, expected a file that can be written") from None
