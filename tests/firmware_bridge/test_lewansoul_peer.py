"""Somebody else's driver on our emulated servos: lewansoul-lx16a, which runs on real LX-16A ones.

It shares no line with our codec, so what both understand of a packet was not agreed between our own two ends.
"""

from __future__ import annotations

from collections.abc import Iterator

import lewansoul_lx16a
import pytest
import serial
from servo_rig import bench_of

from firmware_bridge.emulator.bench import ServoBench
from firmware_bridge.emulator.fault import FaultKind

TIMEOUT_S = 5.0


@pytest.fixture
def bench() -> Iterator[ServoBench]:
    with bench_of(1, 2) as bench:
        yield bench


@pytest.fixture
def peer(bench: ServoBench) -> Iterator[lewansoul_lx16a.ServoController]:
    with serial.Serial(str(bench.ports["left"]), 115200, timeout=TIMEOUT_S) as port:
        yield lewansoul_lx16a.ServoController(port, timeout=TIMEOUT_S)


def test_a_peer_reads_what_the_servo_measures(bench: ServoBench, peer: lewansoul_lx16a.ServoController) -> None:
    with bench.lock:
        bench.joints["left"].place(2, -7.0)  # type: ignore[attr-defined]
        bench.wires["left"].servos[1].warm(48)
        bench.wires["left"].servos[1].supply(11_100)
    assert peer.get_servo_id(2) == 2
    assert peer.get_position(1) == 500
    assert peer.get_position(2) == -7
    assert peer.get_temperature(2) == 48
    assert peer.get_voltage(2) == 11_100


def test_a_peer_writes_registers_and_reads_them_back(peer: lewansoul_lx16a.ServoController) -> None:
    peer.set_position_limits(1, 120, 880)
    peer.set_voltage_limits(1, 9000, 12_000)
    peer.set_max_temperature_limit(1, 75)
    peer.set_position_offset(1, -30)
    peer.save_position_offset(1)
    peer.led_off(1)
    peer.set_led_errors(1, 5)
    assert peer.get_position_limits(1) == (120, 880)
    assert peer.get_voltage_limits(1) == (9000, 12_000)
    assert peer.get_max_temperature_limit(1) == 75
    assert peer.get_position_offset(1) == -30
    assert peer.is_led_on(1) is False
    assert peer.get_led_errors(1) == 5


def test_a_peer_moves_loads_and_unloads(bench: ServoBench, peer: lewansoul_lx16a.ServoController) -> None:
    peer.move_prepare(1, 600, 50)
    assert peer.get_prepared_move(1) == (600, 50)
    assert peer.is_motor_on(1) is False
    peer.move_start(1)
    while peer.get_position(1) < 599:
        assert peer.is_motor_on(1) is True
    peer.motor_off(1)
    assert peer.is_motor_on(1) is False
    commands = [arrival.command for arrival in bench.witness.since() if not arrival.command.endswith("read")]
    assert commands == ["move_time_wait_write", "move_start", "load_or_unload_write"]


def test_a_peer_changes_an_id_and_a_dead_servo_times_out(
    bench: ServoBench, peer: lewansoul_lx16a.ServoController
) -> None:
    peer.set_servo_id(2, 9)
    assert peer.get_servo_id(9) == 9
    bench.fault("left/9", FaultKind.OFF)
    with pytest.raises(lewansoul_lx16a.TimeoutError):
        peer.get_position(9, timeout=0.1)
