"""SH-2 messages: vectors, Q points, times, what is unknown."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge import sh2

# Cargo of a real BNO080, github.com/sparkfun/SparkFun_BNO080_Arduino_Library/issues/42
REAL_ROTATION = bytes.fromhex("FB 15 00 00 00 05 11 01 00 7F 03 B5 04 47 DC C7 34 83 10")


def report(kind: int, sequence: int, values: tuple[int, ...], delay: int = 0, accuracy: int = 3) -> bytes:
    status = accuracy | delay >> 8 << 2
    return bytes((kind, sequence, status, delay & 0xFF)) + b"".join(
        v.to_bytes(2, "little", signed=True) for v in values
    )


def test_requests() -> None:
    assert sh2.product_request() == bytes.fromhex("F9 00")
    assert sh2.feature_request(sh2.GAME_ROTATION_VECTOR, 5000) == bytes.fromhex(
        "FD 08 00 00 00 88 13 00 00 00 00 00 00 00 00 00 00"
    )


def test_a_rotation_vector_of_a_real_chip() -> None:
    cargo = sh2.decode_input(REAL_ROTATION)
    assert (cargo.unknown, cargo.cut) == ((), False)
    (found,) = cargo.reports
    assert found[:3] == (sh2.ROTATION_VECTOR, 0x11, 1)
    assert found.age_s == pytest.approx(0x15 * 1e-4)
    assert found.values == (0x037F, 0x04B5, 0xDC47 - 0x10000, 0x34C7)
    w, x, y, z = sh2.quat_wxyz(found)
    assert (w, x, y, z) == pytest.approx((0.8246, 0.0546, 0.0736, -0.5582), abs=1e-4)
    assert math.hypot(w, x, y, z) == pytest.approx(1, abs=1e-3)


def test_the_real_part_comes_last_on_the_wire_and_first_here() -> None:
    (found,) = sh2.decode_input(report(sh2.GAME_ROTATION_VECTOR, 1, (0x1000, 0x2000, -0x1000, 0x3000))).reports
    assert sh2.quat_wxyz(found) == (0.75, 0.25, 0.5, -0.25)


def test_the_gyro_has_nine_fraction_bits() -> None:
    (found,) = sh2.decode_input(report(sh2.GYRO, 1, (512, -256, 1))).reports
    assert sh2.gyro_rad_s(found) == (1.0, -0.5, 1 / 512)


def test_time_base_rebase_and_delay() -> None:
    cargo = (
        bytes.fromhex("FB 64 00 00 00")  # 100 ticks before the interrupt
        + report(sh2.GYRO, 1, (0, 0, 0), delay=30)
        + bytes.fromhex("FA 32 00 00 00")  # 50 ticks later
        + report(sh2.GYRO, 2, (0, 0, 0), delay=0)
        + report(sh2.GYRO, 3, (0, 0, 0), delay=0x3FFF)
    )
    assert [found.age_s for found in sh2.decode_input(cargo).reports] == pytest.approx([0.007, 0.005, -1.6333])


def test_known_reports_that_nobody_asked_for_are_stepped_over() -> None:
    cargo = report(0x01, 1, (1, 2, 3)) + report(sh2.GYRO, 9, (4, 5, 6))
    assert [found.sequence for found in sh2.decode_input(cargo).reports] == [9]


@pytest.mark.parametrize("kind", [0x00, 0x7B, *range(0x80, 0xEF)])
def test_unknown_reports_end_a_cargo_and_never_raise(kind: int) -> None:
    cargo = report(sh2.GYRO, 1, (1, 2, 3)) + bytes((kind,)) + report(sh2.GYRO, 2, (1, 2, 3))
    found = sh2.decode_input(cargo)
    assert [one.sequence for one in found.reports] == [1]
    assert found.unknown == (kind,)


def test_a_cut_report_is_left_out() -> None:
    found = sh2.decode_input(report(sh2.GYRO, 1, (1, 2, 3)) + report(sh2.GYRO, 2, (1, 2, 3))[:-1])
    assert ([one.sequence for one in found.reports], found.cut) == ([1], True)


def test_product_ids_and_features() -> None:
    cargo = bytes.fromhex("F8 04 03 02 A8 A4 98 00 72 01 00 00 07 00 00 00") + bytes.fromhex(
        "FC 02 00 00 00 88 13 00 00 00 00 00 00 00 00 00 00"
    )
    assert sh2.decode_control(cargo) == (sh2.ProductId(4, "3.2.7", 10003624, 370), sh2.Feature(2, 5000))


@given(st.binary(max_size=300))
def test_no_cargo_raises(cargo: bytes) -> None:
    found = sh2.decode_input(cargo)
    assert len(found.reports) <= len(cargo) // 10
    assert len(sh2.decode_control(cargo)) <= len(cargo) // 16
