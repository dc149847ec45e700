"""What becomes of single reports: stamps, repeats, losses, what cannot be."""

from __future__ import annotations

import math

import pytest

from firmware_bridge import sh2
from firmware_bridge.imu_track import ImuHealth, ImuTrack
from firmware_bridge.mounting import Mounting
from firmware_bridge.sh2 import Report

UPRIGHT = (0, 0, 0, 0x4000)


def make_track() -> ImuTrack:
    return ImuTrack(Mounting(), sh2.GAME_ROTATION_VECTOR, 0.005)


def gyro(sequence: int, x: int = 0, age_s: float = 0.0) -> Report:
    return Report(sh2.GYRO, sequence, 3, age_s, (x, 0, 0))


def attitude(sequence: int, values: tuple[int, ...] = UPRIGHT, age_s: float = 0.0) -> Report:
    return Report(sh2.GAME_ROTATION_VECTOR, sequence, 3, age_s, values)


def stamp_s(track: ImuTrack) -> float:
    assert track.sample is not None
    return track.sample.stamp_s


def test_a_sample_needs_both_reports() -> None:
    track = make_track()
    assert not track.take(gyro(0), 1.0)
    assert track.sample is None
    assert track.health(1.0) is ImuHealth.STARTING
    assert track.take(attitude(0), 1.0)


def test_a_sample_is_as_old_as_its_older_half() -> None:
    track = make_track()
    track.take(gyro(0), 1.0)
    track.take(attitude(0), 1.0)
    track.take(attitude(1), 1.03)
    assert stamp_s(track) == 1.0
    track.take(gyro(1, 1), 1.03)
    assert stamp_s(track) == 1.03


@pytest.mark.parametrize(("age_s", "expected_s"), [(0.004, 9.996), (-0.02, 10.0), (30.0, 9.0)])
def test_what_the_time_base_claims_is_believed_within_bounds(age_s: float, expected_s: float) -> None:
    """A real chip was seen to claim 21 ms into the future; more than 1 s of age is believed to be 1 s: stale enough."""
    track = make_track()
    track.take(gyro(0, age_s=age_s), 10.0)
    track.take(attitude(0, age_s=age_s), 10.0)
    assert stamp_s(track) == pytest.approx(expected_s)


def test_the_same_sequence_number_again_is_no_fresh_report() -> None:
    track = make_track()
    track.take(gyro(5), 1.0)
    track.take(attitude(5), 1.0)
    assert not track.take(gyro(5, 7), 1.5)
    assert not track.take(attitude(5), 1.5)
    assert (track.repeated, stamp_s(track)) == (2, 1.0)


def test_losses_are_counted_across_the_wrap() -> None:
    track = make_track()
    for sequence in (253, 254, 1, 2):
        track.take(gyro(sequence, sequence), 1.0)
    assert track.lost == 2


def test_after_a_restart_numbers_begin_anew() -> None:
    track = make_track()
    track.take(gyro(200), 1.0)
    track.take(attitude(200), 1.0)
    track.forget()
    track.take(gyro(0), 2.0)
    assert stamp_s(track) == 1.0  # half a sample is none
    assert track.take(attitude(0), 2.0)
    assert (track.lost, stamp_s(track)) == (0, 2.0)


@pytest.mark.parametrize("real", [0, 0x3900, 0x4700, 0x7FFF, -0x8000])
def test_quaternions_far_from_unit_are_rejected(real: int) -> None:
    track = make_track()
    assert not track.take(attitude(0, (0, 0, 0, real)), 1.0)
    assert track.implausible == 1


@pytest.mark.parametrize("real", [0x3A00, 0x4600])
def test_quaternions_near_unit_are_made_unit(real: int) -> None:
    track = make_track()
    track.take(gyro(0), 1.0)
    assert track.take(attitude(0, (0, 0, 0, real)), 1.0)
    assert track.sample is not None
    assert math.hypot(*track.sample.quat_wxyz) == pytest.approx(1)


def test_a_rate_that_the_chip_cannot_measure_is_rejected() -> None:
    track = make_track()
    assert not track.take(gyro(0, 40 * 512), 1.0)
    assert track.implausible == 1


def test_reports_that_nobody_asked_for_are_ignored() -> None:
    track = make_track()
    assert not track.take(Report(sh2.ROTATION_VECTOR, 0, 3, 0.0, UPRIGHT), 1.0)
    assert track.last_heard_s(sh2.ROTATION_VECTOR) is None
