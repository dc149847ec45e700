"""The emulated wire in simulated time: its pace, its adapter, its collisions."""

from __future__ import annotations

import itertools

import pytest

from firmware_bridge.emulator.fault import FaultKind
from firmware_bridge.emulator.joints import FirstOrderJoints
from firmware_bridge.emulator.servo import EmulatedServo
from firmware_bridge.emulator.servo_wire import ServoWire
from firmware_bridge.emulator.witness import Witness
from firmware_bridge.hiwonder import BAUD, BROADCAST, Command, Packet, PacketStream, answer, question, write

READ = question(1, Command.POS_READ).encode()
ANSWER = answer(1, Command.POS_READ, 500).encode()


class Rig:
    """A wire whose time is a number."""

    def __init__(self, *servo_ids: int, **options: float | bool) -> None:
        self.now_s = 0.0
        self.witness = Witness()
        joints = FirstOrderJoints(servo_ids, clock_s=lambda: self.now_s)
        servos = [EmulatedServo(i, joints, seed, lambda: self.now_s) for seed, i in enumerate(servo_ids)]
        self.wire = ServoWire("left", servos, self.witness, **options)  # type: ignore[arg-type]

    def say(self, data: bytes, baud: int = BAUD) -> None:
        """The host writes."""
        self.wire.receive(data, self.now_s, baud)

    def hear(self, seconds: float = 1.0, baud: int = BAUD) -> list[tuple[float, bytes]]:
        """What the host gets, and when, until it is silent or time is over."""
        end_s, heard = self.now_s + seconds, []
        while (due_s := self.wire.due_s()) is not None and due_s <= end_s:
            self.now_s = due_s
            if data := self.wire.deliver(self.now_s, baud):
                heard.append((self.now_s, data))
        return heard


def packets(heard: list[tuple[float, bytes]]) -> list[Packet]:
    """What of it is understood."""
    return PacketStream().feed(b"".join(data for _, data in heard))


def test_an_answer_comes_after_both_wire_times_the_servos_delay_and_the_adapters_latency() -> None:
    rig = Rig(1, latency_s=0.001, reply_delay_s=0.0005)
    rig.say(READ)
    ((at_s, data),) = rig.hear()
    assert data == ANSWER
    expected_s = (6 + 8) * 10 / BAUD + 0.0005 + 0.001
    assert expected_s <= at_s <= expected_s + 50e-6


def test_at_9600_baud_everything_takes_twelve_times_as_long_and_comes_byte_by_byte() -> None:
    rig = Rig(1, baud=9600, latency_s=0.0, reply_delay_s=0.0)
    rig.say(READ, 9600)
    heard = rig.hear(baud=9600)
    assert b"".join(data for _, data in heard) == ANSWER
    assert len(heard) == len(ANSWER)
    assert heard[-1][0] == pytest.approx(14 * 10 / 9600, abs=50e-6)
    assert heard[1][0] - heard[0][0] == pytest.approx(10 / 9600)


def test_bytes_queue_behind_each_other() -> None:
    rig = Rig(1)
    for position in range(10):
        rig.say(write(1, Command.MOVE_TIME_WRITE, position, 0).encode())
    rig.hear()
    stamps_s = [arrival.stamp_s for arrival in rig.witness.since()]
    assert len(stamps_s) == 10
    assert all(b - a == pytest.approx(100 / BAUD) for a, b in itertools.pairwise(stamps_s))


def test_echo_comes_before_the_answer() -> None:
    rig = Rig(1, echo=True)
    rig.say(READ)
    assert b"".join(data for _, data in rig.hear()) == READ + ANSWER


@pytest.mark.parametrize("baud", [9600, 57600, 230400])
def test_at_another_baud_rate_the_servos_hear_noise_and_keep_silent(baud: int) -> None:
    rig = Rig(1, 2)
    for _ in range(20):
        rig.say(READ, baud)
        assert not rig.hear(baud=baud)
    assert not rig.witness.since()


def test_who_speaks_while_a_servo_answers_is_not_understood_and_destroys_the_answer() -> None:
    rig = Rig(1)
    rig.say(READ)
    rig.hear(0.0012)  # the servo has begun
    rig.say(write(1, Command.MOVE_TIME_WRITE, 700, 0).encode())
    assert not packets(rig.hear())
    assert [arrival.command for arrival in rig.witness.since()] == ["pos_read"]


def test_two_servos_with_one_id_answer_with_garbage() -> None:
    rig = Rig(1, 1)
    rig.wire.servos[0].supply(11_000)
    garbled = 0
    for _ in range(20):
        rig.say(question(1, Command.VIN_READ).encode())
        garbled += [packet.values for packet in packets(rig.hear())] not in ([(11_000,)], [(12_000,)])
    assert garbled >= 15


def test_a_broadcast_reaches_all_and_the_witness_says_who_heard_it() -> None:
    rig = Rig(1, 2, 3)
    rig.wire.inject(FaultKind.OFF, 2)
    rig.say(write(BROADCAST, Command.LOAD_OR_UNLOAD_WRITE, 1).encode())
    rig.hear()
    (arrival,) = rig.witness.since(command="load_or_unload_write")
    assert (arrival.address, arrival.values, arrival.heard, arrival.bus) == (BROADCAST, (1,), (1, 3), "left")
    assert [servo.loaded for servo in rig.wire.servos] == [True, False, True]


def test_an_adapter_with_much_to_send_takes_no_more() -> None:
    rig = Rig(1, baud=9600)
    assert rig.wire.takes_at_s() <= rig.now_s
    rig.say(bytes(1000), 9600)
    assert rig.wire.takes_at_s() > rig.now_s
    rig.now_s = 2.0
    assert rig.wire.takes_at_s() <= rig.now_s


def test_faults_of_unknown_servos_and_kinds_are_refused_with_the_names() -> None:
    wire = Rig(1, 2).wire
    for address, kind, words in (
        ("9", "off", "there are 1, 2"),
        ("x", "off", "a number"),
        ("1", "odd", "intermittent"),
    ):
        with pytest.raises(ValueError, match=words):
            wire.inject_at(address, kind)


def test_the_witness_forgets_the_oldest_and_counts_all() -> None:
    witness = Witness(capacity=3)
    for position in range(5):
        witness.note(float(position), "left", 1, "move_time_write", (position, 0), (1,))
    assert witness.seen == 5
    assert [arrival.number for arrival in witness.since()] == [2, 3, 4]
    assert [arrival.number for arrival in witness.since(4)] == [4]
    assert not witness.since(bus="right")
