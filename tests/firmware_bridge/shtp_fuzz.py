"""Fuzz of everything that reads the IMU's bytes: Assembler, control and input cargos, and the track behind them.

`python tests/firmware_bridge/shtp_fuzz.py 1000000` runs the long form and prints its figures.
"""

from __future__ import annotations

import random
import struct
import sys
import time
from typing import NamedTuple

from firmware_bridge import sh2, shtp
from firmware_bridge.emulator.bno085_boot import ADVERTISEMENT, INITIALIZED, PRODUCT_IDS, RESET_COMPLETE
from firmware_bridge.imu_track import ImuTrack
from firmware_bridge.mounting import Mounting


class FuzzFigures(NamedTuple):
    """What came out of `inputs` mutated transactions; held_bytes: the most the assembler ever waited for."""

    inputs: int
    packets: int
    rejected: int
    reports: int
    samples: int
    held_bytes: int
    slowest_s: float
    total_s: float


def _corpus() -> list[bytes]:
    """Transactions that a chip could send once: boot messages, features, a rest."""
    feature = bytes((0xFC,)) + sh2.feature_request(sh2.GYRO, 5000)[1:]
    whole = [(0, ADVERTISEMENT), (2, INITIALIZED), (1, RESET_COMPLETE), (2, feature)]
    whole += [(2, b"\xf8\x01" + part) for part in PRODUCT_IDS]
    packets = [shtp.encode_packet(channel, 5, cargo) for channel, cargo in whole]
    rest = struct.pack("<HBB", 0x8000 | 30, 3, 6) + bytes(26)
    return [*(packet.ljust(64, b"\0") for packet in packets), packets[0][:64], rest, b"\0\0" + packets[2], bytes(64)]


def _batch(count: int, dice: random.Random) -> bytes:
    """The next transaction of a chip that runs: time base, gyro, attitude."""
    number = count & 0xFF
    cargo = struct.pack("<Bi", 0xFB, dice.randrange(50))
    cargo += struct.pack("<BBBB3h", 0x02, number, 3, 0, *(dice.randrange(-900, 900) for _ in range(3)))
    cargo += struct.pack("<BBBB4h", 0x08, number, 3, 0, 0, 0, 11585, 11585)
    return shtp.encode_packet(shtp.INPUT, number, cargo).ljust(64, b"\0")


def any_transaction(dice: random.Random) -> bytes:
    """A mutated one, of a chip that starts or runs."""
    return _mutate(_batch(dice.randrange(256), dice) if dice.random() < 0.5 else dice.choice(_corpus()), dice)


def _mutate(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice((0, 1, 1, 2, 5))):
        at = dice.randrange(len(changed) + 1)
        act = dice.randrange(5)
        if act == 0 and at < len(changed):
            changed[at] = dice.randrange(256)
        elif act == 1 and changed:
            changed[dice.randrange(min(4, len(changed)))] = dice.randrange(256)  # the header
        elif act == 2:
            del changed[at : at + dice.randrange(8)]
        elif act == 3:
            changed[at:at] = dice.randbytes(dice.randrange(8))
        else:
            changed = changed[:at] + bytes([dice.choice((0x00, 0xFF))] * dice.randrange(40))
    return bytes(changed)


def fuzz(inputs: int, seed: int = 0) -> FuzzFigures:
    """Feed so many mutated transactions; whatever is raised goes through."""
    dice, corpus = random.Random(seed), _corpus()
    assembler, track = shtp.Assembler(), ImuTrack(Mounting(), sh2.GAME_ROTATION_VECTOR, 0.005)
    packets = rejected = reports = samples = held_bytes = 0
    slowest_s, begin_s = 0.0, time.perf_counter()
    for n in range(inputs):
        data = _mutate(_batch(n, dice) if dice.random() < 0.5 else dice.choice(corpus), dice)
        before_s = time.perf_counter()
        result = assembler.accept(data)
        if isinstance(result, shtp.Packet):
            packets += 1
            sh2.decode_control(result.cargo)
            cargo = sh2.decode_input(result.cargo)
            reports += len(cargo.reports)
            samples += sum(track.take(report, n * 0.005) for report in cargo.reports)
            track.health(n * 0.005)
        else:
            rejected += result.is_error
        slowest_s = max(slowest_s, time.perf_counter() - before_s)
        held_bytes = max(held_bytes, assembler.bytes_left)
    total_s = time.perf_counter() - begin_s
    return FuzzFigures(inputs, packets, rejected, reports, samples, held_bytes, slowest_s, total_s)


if __name__ == "__main__":
    print(fuzz(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
