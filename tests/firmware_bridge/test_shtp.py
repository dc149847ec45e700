"""SHTP codec: bytes of a real chip, round trips, any chunking, corruption, bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import shtp
from firmware_bridge.shtp import Assembler, NoPacket, Packet, ShtpError, decode_header, encode_packet

# Printed by a real BNO080 over SPI: github.com/sparkfun/SparkFun_BNO080_Arduino_Library/issues/42
REAL = (
    ("17 00 03 10 FB 2B FF FF FF 05 10 01 00 7E 03 B5 04 48 DC C8 34 81 10", 3, 0x10),
    ("14 00 02 00 F1 00 84 00 00 00 01 00 00 00 00 00 00 00 00 00", 2, 0),
    ("05 00 01 00 01", 1, 0),
)
CHANNEL, BYTE = st.integers(0, 5), st.integers(0, 255)
CARGO = st.binary(max_size=shtp.MAX_PACKET_BYTES - 4)


def transactions(packet: bytes, sizes: list[int]) -> list[bytes]:
    """A packet as a chip gives it to a host that clocks so many bytes at a time, the last size for ever."""
    channel, sequence, cargo = packet[2], packet[3], packet[4:]
    clocked, first = [], True
    while first or cargo:
        room = max(sizes.pop(0) if len(sizes) > 1 else sizes[0], 5) - 4
        length = len(cargo) + 4 | (0 if first else 0x8000)
        clocked.append(length.to_bytes(2, "little") + bytes((channel, sequence)) + cargo[:room])
        cargo, first, sequence = cargo[room:], False, (sequence + 1) & 0xFF
    return clocked


@pytest.mark.parametrize(("text", "channel", "sequence"), REAL)
def test_packets_of_a_real_chip(text: str, channel: int, sequence: int) -> None:
    data = bytes.fromhex(text)
    assert Assembler().accept(data.ljust(64, b"\0")) == Packet(channel, sequence, data[4:], 0)


def test_the_header_of_a_rest() -> None:
    assert decode_header(bytes.fromhex("14 81 00 08")) == (276, True, 0, 8)


def test_encoded_vectors() -> None:
    assert encode_packet(2, 0, b"\xf9\0") == bytes.fromhex("06 00 02 00 F9 00")
    assert encode_packet(2, 255, b"") == bytes.fromhex("04 00 02 FF")


@pytest.mark.parametrize(
    ("channel", "sequence", "cargo", "says"),
    [(6, 0, b"", "channel 6"), (0, 256, b"", "number 256"), (0, 0, bytes(1021), "1021 bytes"), (-1, 0, b"", "-1")],
)
def test_what_cannot_be_sent(channel: int, sequence: int, cargo: bytes, says: str) -> None:
    with pytest.raises(ShtpError, match=says):
        encode_packet(channel, sequence, cargo)


def test_a_header_needs_four_bytes() -> None:
    with pytest.raises(ShtpError, match="3 bytes"):
        decode_header(b"\1\2\3")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", NoPacket.SHORT),
        ("05 00 01", NoPacket.SHORT),
        ("FF FF FF FF FF FF", NoPacket.FLOATING),
        ("00 00 00 00 00 00 00 00 00 00", NoPacket.IDLE),
        ("00 80 03 01", NoPacket.SHORT),
        ("03 00 03 01", NoPacket.SHORT),
        ("01 04 03 01 00", NoPacket.OVERSIZED),
        ("FF FF 03 01 00", NoPacket.OVERSIZED),
        ("08 00 06 01 00 00 00 00", NoPacket.BAD_CHANNEL),
        ("08 80 03 01 00 00 00 00", NoPacket.ORPHAN),
        ("20 00 03 01 00 00 00 00", NoPacket.PARTIAL),
    ],
)
def test_what_is_no_packet(text: str, reason: NoPacket) -> None:
    assert Assembler().accept(bytes.fromhex(text)) is reason
    assert reason.is_error == (reason not in (NoPacket.IDLE, NoPacket.PARTIAL))


def test_the_first_packet_may_come_behind_two_zero_bytes() -> None:
    assert Assembler().accept(bytes.fromhex("00 00 05 00 01 00 01 00 00")) == Packet(1, 0, b"\1", 0)


@given(CHANNEL, BYTE, CARGO)
def test_round_trip(channel: int, sequence: int, cargo: bytes) -> None:
    assert Assembler().accept(encode_packet(channel, sequence, cargo)) == Packet(channel, sequence, cargo, 0)


@given(CHANNEL, BYTE, CARGO, st.lists(st.integers(5, 300), min_size=1, max_size=20))
def test_any_chunking_gives_the_same_packet(channel: int, sequence: int, cargo: bytes, sizes: list[int]) -> None:
    assembler = Assembler()
    results = [assembler.accept(part) for part in transactions(encode_packet(channel, sequence, cargo), sizes)]
    assert results[-1] == Packet(channel, sequence, cargo, 0)
    assert all(result is NoPacket.PARTIAL for result in results[:-1])
    assert assembler.bytes_left == 0


@given(st.binary(min_size=1, max_size=60), st.data())
def test_a_corrupt_header_never_gives_a_longer_cargo_than_was_clocked(cargo: bytes, data: st.DataObject) -> None:
    packet = bytearray(encode_packet(3, 7, cargo))
    packet[data.draw(st.integers(0, 3))] ^= data.draw(st.integers(1, 255))
    result = Assembler().accept(bytes(packet))
    if isinstance(result, Packet):
        assert packet[4:].startswith(result.cargo)


@given(st.lists(st.binary(max_size=80), max_size=40))
def test_no_bytes_raise_or_fill_the_memory(clocked: list[bytes]) -> None:
    assembler = Assembler()
    for data in clocked:
        result = assembler.accept(data)
        assert isinstance(result, Packet | NoPacket)
        assert 0 <= assembler.bytes_left <= shtp.MAX_PACKET_BYTES
    assembler.forget()
    assert assembler.accept(encode_packet(3, 0, b"x")) == Packet(3, 0, b"x", 0)


@given(st.lists(st.binary(max_size=20), max_size=5), st.binary(max_size=30))
def test_whatever_came_before_a_whole_packet_gets_through(noise: list[bytes], cargo: bytes) -> None:
    assembler = Assembler()
    for data in noise:
        assembler.accept(data)
    result = assembler.accept(encode_packet(1, 0, cargo))
    assert isinstance(result, Packet)
    assert result.cargo == cargo


def test_lost_packets_are_counted_per_channel() -> None:
    assembler = Assembler()
    lost = []
    for channel, sequence in ((3, 250), (2, 9), (3, 251), (3, 1), (2, 10)):
        packet = assembler.accept(encode_packet(channel, sequence, b"x"))
        assert isinstance(packet, Packet)
        lost.append(packet.lost)
    assert lost == [0, 0, 0, 5, 0]


def test_an_input_packet_that_comes_twice_counts_once() -> None:
    assembler, data = Assembler(), encode_packet(3, 9, b"x")
    assert isinstance(assembler.accept(data), Packet)
    assert assembler.accept(data) is NoPacket.REPEATED


def test_a_start_message_may_repeat_its_number() -> None:
    assembler, data = Assembler(), encode_packet(1, 0, b"\1")
    assert isinstance(assembler.accept(data), Packet)
    assert isinstance(assembler.accept(data), Packet)


@pytest.mark.parametrize(
    "rest", ["0C 80 02 06", "0C 80 03 07", "0D 80 03 06", "04 00 03 06"], ids=["channel", "sequence", "length", "start"]
)
def test_a_rest_that_does_not_fit_ends_the_packet(rest: str) -> None:
    assembler = Assembler()
    assert assembler.accept(bytes.fromhex("0E 00 03 05 AA BB")) is NoPacket.PARTIAL
    assert assembler.bytes_left == 8
    assert assembler.accept(bytes.fromhex(rest)) is not NoPacket.PARTIAL
    assert assembler.bytes_left == 0
    assert assembler.interrupted == 1
