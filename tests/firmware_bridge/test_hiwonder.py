"""The codec against packets taken from the wire, and what it refuses to say."""

from __future__ import annotations

import pytest

from firmware_bridge.hiwonder import (
    BROADCAST,
    MAX_PACKET_BYTES,
    READS,
    WRITES,
    CodecError,
    Command,
    Packet,
    PacketStream,
    answer,
    answer_bytes,
    checksum,
    question,
    wire_time_s,
    write,
)


@pytest.mark.parametrize(
    ("packet", "wire"),
    [
        (write(1, Command.MOVE_TIME_WRITE, 500, 20), "55 55 01 07 01 F4 01 14 00 ED"),
        (question(1, Command.POS_READ), "55 55 01 03 1C DF"),
        (write(1, Command.LOAD_OR_UNLOAD_WRITE, 0), "55 55 01 04 1F 00 DB"),
        (question(BROADCAST, Command.ID_READ), "55 55 FE 03 0E F0"),
    ],
)
def test_packets_taken_from_the_wire(packet: Packet, wire: str) -> None:
    data = bytes.fromhex(wire)
    assert packet.encode() == data
    assert PacketStream().feed(data) == [packet]


def test_positions_are_signed() -> None:
    (packet,) = PacketStream().feed(bytes.fromhex("55 55 01 05 1C FB FF E3"))
    assert packet.values == (-5,)
    assert packet == answer(1, Command.POS_READ, -5)


def test_offsets_are_signed() -> None:
    assert write(1, Command.OFFSET_ADJUST, -30).params == b"\xe2"
    assert answer(1, Command.OFFSET_READ, -30).values == (-30,)


def test_numbers_of_the_commands_are_the_data_sheets() -> None:
    numbers = {1, 2, 7, 11, 12, 13, 14, 17, 18, 19, *range(20, 29), 31, 32, 33, 34, 35, 36}
    assert numbers <= {int(command) for command in Command}
    assert set(WRITES) | set(READS) == set(Command)
    assert not set(WRITES) & set(READS)


def test_no_packet_is_longer_than_a_move() -> None:
    assert len(write(1, Command.MOVE_TIME_WRITE, 0, 0).encode()) == MAX_PACKET_BYTES == 10


def test_wire_times_are_those_of_the_hardware_facts() -> None:
    move_s = wire_time_s(len(write(1, Command.MOVE_TIME_WRITE, 500, 20).encode()), 115200)
    read_s = wire_time_s(len(question(1, Command.POS_READ).encode()) + answer_bytes(Command.POS_READ), 115200)
    assert move_s == pytest.approx(0.87e-3, abs=0.005e-3)
    assert read_s == pytest.approx(1.22e-3, abs=0.005e-3)


def test_checksum_of_a_whole_body() -> None:
    assert checksum(bytes((1, 3, 28))) == 0xDF


@pytest.mark.parametrize(
    ("say", "words"),
    [
        (lambda: write(1, Command.MOVE_TIME_WRITE, 1001, 20), "position 1001, expected 0 to 1000"),
        (lambda: write(1, Command.MOVE_TIME_WRITE, -1, 20), "position -1, expected 0 to 1000"),
        (lambda: write(1, Command.MOVE_TIME_WRITE, 500, 30_001), "time_ms 30001, expected 0 to 30000"),
        (lambda: write(1, Command.MOVE_TIME_WRITE, 500), "takes position, time_ms, got 1 values"),
        (lambda: write(1, Command.ID_WRITE, 254), "id 254, expected 0 to 253"),
        (lambda: write(255, Command.MOVE_STOP), "servo id 255: expected 0 to 253, or 254 for all"),
        (lambda: write(1, Command.POS_READ), "POS_READ is not a write"),
        (lambda: question(1, Command.MOVE_STOP), "MOVE_STOP is not a read"),
        (lambda: answer(1, Command.MOVE_STOP), "MOVE_STOP is not answered"),
        (lambda: answer(1, Command.TEMP_READ, 256), "does not fit its bytes"),
    ],
)
def test_what_cannot_be_said_is_refused_in_one_sentence(say: object, words: str) -> None:
    assert callable(say)
    with pytest.raises(CodecError) as refusal:
        say()
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)
