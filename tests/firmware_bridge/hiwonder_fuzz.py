"""Fuzz of everything that reads bytes on the servo side: packet stream, emulated servo, and the control channel.

`python tests/firmware_bridge/hiwonder_fuzz.py 1000000` runs the long form and prints its figures.
"""

from __future__ import annotations

import random
import sys
import time
from typing import NamedTuple

from firmware_bridge.emulator.control import Control
from firmware_bridge.emulator.fault import FaultKind, fault_kind
from firmware_bridge.emulator.joints import FirstOrderJoints
from firmware_bridge.emulator.servo import EmulatedServo
from firmware_bridge.emulator.witness import Witness
from firmware_bridge.hiwonder import READS, WRITES, Packet, PacketStream, answer, checksum, question
from firmware_bridge.servo_sample import Track


class FuzzFigures(NamedTuple):
    """What came out of `inputs` mutated pieces of a stream; held_bytes: the most the stream ever waited for.

    changed: packets with values that nobody sent, which one checksum byte cannot tell. obeyed, answered: by a servo
    that heard all of it. refused: mutated lines of the control channel that were answered with an error.
    """

    inputs: int
    packets: int
    changed: int
    bad_checksums: int
    obeyed: int
    answered: int
    refused: int
    held_bytes: int
    slowest_s: float
    total_s: float


LINES = (
    b'{"do": "fault", "device": "left/3", "kind": "off"}\n',
    b'{"do": "witness", "since": 0, "command": null, "bus": null}\n',
    b'{"do": "devices"}\n',
)


def any_packet(dice: random.Random) -> bytes:
    """Any packet with any values, sometimes such as no one may say."""
    if dice.random() < 0.4:
        return question(dice.randrange(4), dice.choice(_READS)).encode()
    if dice.random() < 0.5:
        command = dice.choice(_READS)
        return answer(dice.randrange(4), command, *(dice.randrange(128) for _ in READS[command])).encode()
    command = dice.choice(_WRITES)
    params = dice.randbytes(sum(1 if field.code in "bB" else 2 for field in WRITES[command]))
    return Packet(dice.choice((1, 1, 2, 254)), command, params).encode()


_READS, _WRITES = sorted(READS), sorted(WRITES)


def _mutate(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.choice((0, 0, 1, 1, 2, 4))):
        at = dice.randrange(len(changed) + 1)
        act = dice.randrange(5)
        if act == 0 and at < len(changed):
            changed[at] = dice.randrange(256)
        elif act == 1:
            del changed[at : at + dice.randrange(6)]
        elif act == 2:
            changed[at:at] = dice.randbytes(dice.randrange(12))
        elif act == 3:
            changed[at:at] = b"\x55" * dice.randrange(6)
        elif len(changed) > 5:  # a right checksum over wrong bytes
            changed[4] = dice.randrange(256)
            changed[-1] = checksum(bytes(changed[2:-1]))
    return bytes(changed)


def fuzz(inputs: int, seed: int = 0) -> FuzzFigures:
    """Feed so many mutated pieces; whatever is raised goes through."""
    dice, stream, track = random.Random(seed), PacketStream(), Track()
    joints = FirstOrderJoints([1])
    servo = EmulatedServo(1, joints, seed)
    control = Control({"left": lambda address, kind: servo.inject(fault_kind(kind))}, Witness(), lambda: None)
    packets = changed = obeyed = answered = refused = held_bytes = 0
    slowest_s, begin_s = 0.0, time.perf_counter()
    for n in range(inputs):
        sent = any_packet(dice)
        data = _mutate(sent, dice)
        if n % 1000 == 0:
            data = dice.randbytes(4096)
        before_s = time.perf_counter()
        for packet in stream.feed(data):
            packets += 1
            changed += bool(packet.values) and packet.encode() not in sent
            servo.servo_id = 1  # whatever it was told to be
            heard, said = servo.hear(packet)
            obeyed, answered = obeyed + heard, answered + bool(said)
            if len(packet.values) == 1:
                track.take_position(packet.values[0], n * 0.005)
        if n % 10 == 0:
            servo.inject(FaultKind.OK)
            refused += b'"ok": false' in control.answer(_mutate(dice.choice(LINES), dice))
        slowest_s = max(slowest_s, time.perf_counter() - before_s)
        held_bytes = max(held_bytes, stream.held_bytes)
    total_s = time.perf_counter() - begin_s
    return FuzzFigures(
        inputs, packets, changed, stream.bad_checksums, obeyed, answered, refused, held_bytes, slowest_s, total_s
    )


if __name__ == "__main__":
    print(fuzz(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
