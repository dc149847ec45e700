"""One emulated servo in simulated time: registers, motion, protection, and the eight faults in its own terms."""

from __future__ import annotations

import pytest

from firmware_bridge.emulator.fault import DELAY_S, MEANING, DelayLine, FaultKind, fault_kind
from firmware_bridge.emulator.joints import UNITS_PER_S, FirstOrderJoints, Mechanics, MotionProfile
from firmware_bridge.emulator.servo import EmulatedServo
from firmware_bridge.hiwonder import Command, PacketStream, question, write

QUICK = Mechanics(time_constant_s=0.001)


class Rig:
    """A servo with id 1 on a stiff first-order joint."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.joints = FirstOrderJoints([1], mechanics={1: QUICK}, clock_s=lambda: self.now_s)
        self.servo = EmulatedServo(1, self.joints, clock_s=lambda: self.now_s)

    def tell(self, command: Command, *values: int) -> bool:
        return self.servo.hear(write(1, command, *values))[0]

    def ask(self, command: Command) -> tuple[int, ...] | None:
        """The values that it answers, None where there is no answer."""
        packets = PacketStream().feed(self.servo.hear(question(1, command))[1])
        return packets[0].values if packets else None


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.mark.parametrize(
    ("store", "values", "load"),
    [
        (Command.OFFSET_ADJUST, (-30,), Command.OFFSET_READ),
        (Command.ANGLE_LIMIT_WRITE, (100, 900), Command.ANGLE_LIMIT_READ),
        (Command.VIN_LIMIT_WRITE, (9000, 12_600), Command.VIN_LIMIT_READ),
        (Command.TEMP_MAX_WRITE, (75,), Command.TEMP_MAX_READ),
        (Command.LOAD_OR_UNLOAD_WRITE, (1,), Command.LOAD_OR_UNLOAD_READ),
        (Command.LED_WRITE, (1,), Command.LED_READ),
        (Command.LED_ERROR_WRITE, (3,), Command.LED_ERROR_READ),
        (Command.MOVE_TIME_WRITE, (300, 400), Command.MOVE_TIME_READ),
        (Command.MOVE_TIME_WAIT_WRITE, (300, 400), Command.MOVE_TIME_WAIT_READ),
    ],
)
def test_registers_are_read_back(rig: Rig, store: Command, values: tuple[int, ...], load: Command) -> None:
    assert rig.tell(store, *values)
    assert rig.ask(load) == values


def test_a_move_arrives_at_the_commanded_time(rig: Rig) -> None:
    rig.tell(Command.MOVE_TIME_WRITE, 600, 1000)
    for seconds, expected in ((0.5, 550), (0.4, 590), (0.5, 600)):
        rig.now_s += seconds
        assert rig.ask(Command.POS_READ) == pytest.approx((expected,), abs=1)


def test_no_move_is_faster_than_the_servo_can(rig: Rig) -> None:
    rig.tell(Command.MOVE_TIME_WRITE, 1000, 0)
    rig.now_s += 0.1
    assert rig.ask(Command.POS_READ) == pytest.approx((500 + 0.1 * UNITS_PER_S,), abs=3)


def test_a_waiting_move_starts_when_told_and_stops_when_told(rig: Rig) -> None:
    rig.tell(Command.MOVE_TIME_WAIT_WRITE, 600, 1000)
    rig.now_s += 1.0
    assert rig.ask(Command.POS_READ) == (500,)
    rig.tell(Command.MOVE_START)
    rig.now_s += 0.5
    rig.tell(Command.MOVE_STOP)
    rig.now_s += 1.0
    assert rig.ask(Command.POS_READ) == pytest.approx((550,), abs=2)


def test_positions_beyond_the_limits_are_clamped_and_the_offset_is_added(rig: Rig) -> None:
    rig.tell(Command.ANGLE_LIMIT_WRITE, 450, 550)
    rig.tell(Command.OFFSET_ADJUST, 20)
    rig.tell(Command.MOVE_TIME_WRITE, 900, 100)
    rig.now_s += 1.0
    assert rig.ask(Command.POS_READ) == (550,)
    assert rig.joints.read(1) == pytest.approx(570)


def test_without_torque_it_stays_and_a_move_loads_it(rig: Rig) -> None:
    rig.tell(Command.MOVE_TIME_WRITE, 700, 100)
    rig.tell(Command.LOAD_OR_UNLOAD_WRITE, 0)
    rig.now_s += 1.0
    assert rig.ask(Command.POS_READ) == (500,)
    rig.tell(Command.MOVE_TIME_WRITE, 700, 100)
    assert rig.servo.loaded


@pytest.mark.parametrize("harm", ["heat", "undervoltage"])
def test_heat_and_a_wrong_supply_take_the_torque_away(rig: Rig, harm: str) -> None:
    rig.tell(Command.VIN_LIMIT_WRITE, 9000, 12_600)
    rig.tell(Command.LOAD_OR_UNLOAD_WRITE, 1)
    if harm == "heat":
        rig.servo.warm(90)
        assert rig.ask(Command.TEMP_READ) == (90,)
    else:
        rig.servo.supply(8000)
        assert rig.ask(Command.VIN_READ) == (8000,)
    assert rig.ask(Command.LOAD_OR_UNLOAD_READ) == (0,)
    rig.tell(Command.LOAD_OR_UNLOAD_WRITE, 1)
    assert not rig.servo.loaded


def test_it_answers_to_a_new_id_only(rig: Rig) -> None:
    rig.tell(Command.ID_WRITE, 7)
    assert rig.ask(Command.ID_READ) is None
    assert rig.servo.hear(question(7, Command.ID_READ))[0]


def test_an_answer_of_another_servo_is_no_question(rig: Rig) -> None:
    assert rig.servo.hear(question(1, Command.POS_READ)._replace(params=b"\x00\x01")) == (False, b"")


def test_every_fault_has_one_meaning() -> None:
    assert set(MEANING) == set(FaultKind)
    assert " ".join(FaultKind) == "ok off stuck garbage wrong slow delayed intermittent"
    assert fault_kind("off") is FaultKind.OFF
    with pytest.raises(ValueError, match="delayed"):
        fault_kind("broken")


def test_off_and_back_it_is_limp_with_the_saved_offset(rig: Rig) -> None:
    rig.tell(Command.OFFSET_ADJUST, 10)
    rig.tell(Command.OFFSET_WRITE)
    rig.tell(Command.OFFSET_ADJUST, 99)
    rig.tell(Command.LOAD_OR_UNLOAD_WRITE, 1)
    rig.servo.inject(FaultKind.OFF)
    assert rig.ask(Command.POS_READ) is None
    assert not rig.tell(Command.MOVE_TIME_WRITE, 700, 0)
    assert not rig.servo.loaded
    rig.servo.inject(FaultKind.OK)
    assert rig.ask(Command.OFFSET_READ) == (10,)
    assert rig.ask(Command.LOAD_OR_UNLOAD_READ) == (0,)


def test_stuck_obeys_but_measures_nothing_new(rig: Rig) -> None:
    rig.servo.inject(FaultKind.STUCK)
    rig.tell(Command.MOVE_TIME_WRITE, 700, 100)
    rig.servo.warm(60)
    rig.now_s += 1.0
    assert rig.ask(Command.POS_READ) == (500,)
    assert rig.ask(Command.TEMP_READ) == (35,)
    assert rig.joints.read(1) == pytest.approx(700)


def test_garbage_is_no_answer(rig: Rig) -> None:
    rig.servo.inject(FaultKind.GARBAGE)
    said = [rig.servo.hear(question(1, Command.POS_READ))[1] for _ in range(50)]
    assert all(said)
    assert not PacketStream().feed(b"".join(said))


def test_wrong_is_far_off_in_every_measured_value(rig: Rig) -> None:
    rig.servo.inject(FaultKind.WRONG)
    assert rig.ask(Command.POS_READ) == (900,)
    assert rig.ask(Command.TEMP_READ) == (95,)
    assert rig.ask(Command.VIN_READ) == (8000,)


def test_delayed_is_the_past(rig: Rig) -> None:
    rig.servo.inject(FaultKind.DELAYED)
    seen = []
    for step in range(100):
        rig.joints.place(1, 500 + step)
        seen.append(rig.ask(Command.POS_READ))
        rig.now_s += 0.01
    assert seen[90] == (500 + 90 - round(DELAY_S / 0.01),)


def test_intermittent_loses_about_half_of_the_messages_each_way(rig: Rig) -> None:
    rig.servo.inject(FaultKind.INTERMITTENT)
    answered = sum(rig.ask(Command.POS_READ) is not None for _ in range(1000))
    obeyed = sum(rig.tell(Command.LED_WRITE, 0) for _ in range(1000))
    assert 200 < answered < 300
    assert 450 < obeyed < 550


def test_slow_takes_ten_times_as_long(rig: Rig) -> None:
    assert rig.servo.slowness == 1
    rig.servo.inject(FaultKind.SLOW)
    assert rig.servo.slowness == 10


def test_a_delay_line_is_bounded() -> None:
    line = DelayLine[int](delay_s=1.0, samples=10)
    assert [line.put(0.01 * step, step) for step in range(100)][-1] == 90


def test_a_profile_turns_where_it_is() -> None:
    profile = MotionProfile(0.0, units_per_s=100)
    profile.move(100, 2000, 0.0)
    profile.move(0, 500, 1.0)
    assert [profile.at(t) for t in (1.0, 1.25, 1.5, 9.0)] == [50, 25, 0, 0]
