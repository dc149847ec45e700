"""The BNO085 driver on a running chip: rates, golden attitudes, resets, and what the field has seen."""

from __future__ import annotations

import math
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imu_rig import ImuRig

from contract import GOLDEN_POSES, GoldenPose
from contract.frames import gravity_local
from firmware_bridge import sh2
from firmware_bridge.bno085 import Bno085
from firmware_bridge.bno085_wire import Bno085Config, Bno085Wire
from firmware_bridge.emulator.bno085_chip import Bno085Chip
from firmware_bridge.emulator.fault import FaultKind
from firmware_bridge.emulator.gpio import EmulatedGpio
from firmware_bridge.imu_track import ImuHealth
from firmware_bridge.mounting import Mounting
from firmware_bridge.shtp import NoPacket

PART = st.floats(-1, 1)


@pytest.mark.parametrize("rate_hz", [100, 150, 200])
def test_samples_come_at_the_rate_asked_for(rate_hz: float) -> None:
    rig = ImuRig(Bno085Config(rate_hz=rate_hz)).start()
    before = rig.driver.counters.samples
    rig.run(2.0)
    counters = rig.driver.counters
    assert counters.samples - before == pytest.approx(2 * rate_hz, abs=2)
    assert (counters.packets_lost, counters.lost) == (0, 0)
    assert (counters.repeated, counters.rejected.total(), counters.interrupted) == (0, 0, 0)
    assert rig.driver.health() is ImuHealth.OK


def test_a_sample_is_never_older_than_an_interval_and_two_polls() -> None:
    rig = ImuRig().start()
    worst_s = 0.0
    for _ in range(1000):
        rig.run(0.001)
        worst_s = max(worst_s, rig.age_s)
    assert worst_s <= 0.005 + 2 * 0.001 + 1e-6


def test_stamps_grow_by_the_interval() -> None:
    rig = ImuRig().start()
    stamps = []
    for _ in range(400):
        rig.run(0.001)
        stamps.append(rig.sample.stamp_s)
    steps = np.diff(sorted(set(stamps)))
    assert np.all(np.abs(steps - 0.005) <= 0.00021)  # two ticks of the chip's time base


def test_gyro_in_the_body_frame() -> None:
    rig = ImuRig().start()
    rig.motion = ((1, 0, 0, 0), (0.5, -1.0, 2.0))
    rig.run(0.02)
    assert rig.sample.gyro_rad_s == pytest.approx((0.5, -1.0, 2.0), abs=0.02)


@pytest.mark.parametrize("pose", GOLDEN_POSES[:5], ids=lambda pose: pose.name)
def test_golden_attitudes(pose: GoldenPose) -> None:
    rig = ImuRig().start()
    rig.motion = (pose.quat_wxyz, (0, 0, 0))
    rig.run(0.1)
    assert np.allclose(gravity_local(np.array(rig.sample.quat_wxyz)), pose.gravity, atol=1e-3)
    assert abs(np.dot(rig.sample.quat_wxyz, pose.quat_wxyz)) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("pose", GOLDEN_POSES[:5], ids=lambda pose: pose.name)
@pytest.mark.parametrize(
    "mounting",
    [(0, 1, 0, 0), (math.sqrt(0.5), 0, 0, math.sqrt(0.5)), (0.5, 0.5, 0.5, 0.5), (0.8, 0.2, -0.4, 0.4)],
    ids=["upside down", "turned left", "axes swapped", "askew"],
)
def test_golden_attitudes_of_a_turned_sensor(pose: GoldenPose, mounting: tuple[float, float, float, float]) -> None:
    rig = ImuRig(Bno085Config(mounting=Mounting.from_quat(mounting)), mounting_wxyz=mounting).start()
    rig.motion = (pose.quat_wxyz, (1.0, 2.0, -3.0))
    rig.run(0.02)
    assert np.allclose(gravity_local(np.array(rig.sample.quat_wxyz)), pose.gravity, atol=1e-3)
    assert rig.sample.gyro_rad_s == pytest.approx((1.0, 2.0, -3.0), abs=0.03)


@settings(max_examples=25)
@given(st.tuples(PART, PART, PART, PART).filter(lambda quat: math.hypot(*quat) > 0.1))
def test_any_attitude_gets_through(parts: tuple[float, float, float, float]) -> None:
    w, x, y, z = (part / math.hypot(*parts) for part in parts)
    rig = ImuRig().start()
    rig.motion = ((w, x, y, z), (0, 0, 0))
    rig.run(0.02)
    assert abs(np.dot(rig.sample.quat_wxyz, (w, x, y, z))) == pytest.approx(1, abs=1e-6)


def test_a_chip_that_restarts_is_told_again_what_to_send() -> None:
    rig = ImuRig().start()
    rig.run(0.5)
    rig.chip.restart()
    rig.chip.received.clear()
    stale_s = rig.run_until(ImuHealth.SILENT)
    back_s = rig.run_until(ImuHealth.OK)
    assert stale_s <= 0.07
    assert stale_s + back_s <= 0.3
    assert rig.driver.counters.chip_resets == 1
    assert (rig.driver.counters.packets_lost, rig.driver.counters.lost) == (0, 0)  # numbers begin anew
    assert rig.driver.counters.hard_resets == 1  # the one of the start
    assert {cargo[1] for _, cargo in rig.chip.received if cargo[0] == 0xFD} == {sh2.GYRO, sh2.GAME_ROTATION_VECTOR}
    assert rig.driver.intervals_us == {sh2.GYRO: 5000, sh2.GAME_ROTATION_VECTOR: 5000}


def test_a_chip_that_hangs_is_reset_by_its_pin() -> None:
    rig = ImuRig().start()
    rig.chip.freezes_unserved = True
    rig.run(0.2)
    assert rig.driver.health() is ImuHealth.OK  # served in time: it does not hang
    rig.clock.sleep(0.03)  # nobody served INT for six intervals
    assert rig.run_until(ImuHealth.SILENT) <= 0.07
    assert rig.run_until(ImuHealth.OK, 2.0) <= 0.8
    assert (rig.driver.counters.hard_resets, rig.driver.counters.chip_resets) == (2, 0)


def test_a_report_that_the_chip_forgot_is_enabled_again() -> None:
    rig = ImuRig().start()
    rig.chip.sensor.enable(sh2.GYRO, 0, rig.clock())
    assert rig.run_until(ImuHealth.SILENT) <= 0.07
    assert rig.run_until(ImuHealth.OK) <= 0.5
    assert rig.driver.counters.hard_resets == 1


def test_power_that_comes_back() -> None:
    rig = ImuRig().start()
    rig.chip.inject(FaultKind.OFF)
    rig.run_until(ImuHealth.SILENT)
    rig.run(2.0)
    rig.chip.inject(FaultKind.OK)
    assert rig.run_until(ImuHealth.OK) <= 1.0


@pytest.mark.parametrize("kind", [0x00, 0x7B, 0x80, 0xA5])
def test_unknown_reports_are_skipped_and_counted(kind: int) -> None:
    rig = ImuRig().start()
    rig.chip.extra_cargo = bytes((kind, 1, 2, 3))
    rig.run(0.5)
    counters = rig.driver.counters
    assert counters.unknown[kind] >= 98
    assert counters.rejected.total() == 0
    assert rig.driver.health() is ImuHealth.SILENT  # reports behind an unknown one are out of reach: say so


def test_a_known_report_that_nobody_asked_for_is_stepped_over() -> None:
    rig = ImuRig().start()
    rig.chip.extra_cargo = bytes.fromhex("01 09 03 00 00 00 00 00 00 0A")  # an accelerometer report
    rig.run(0.5)
    assert rig.driver.health() is ImuHealth.OK
    assert not rig.driver.counters.unknown


def test_floating_miso_in_the_middle_of_a_run() -> None:
    rig = ImuRig().start()
    rig.run(0.1)
    rig.chip.miso_connected = False
    assert rig.run_until(ImuHealth.GARBLED) <= 0.07
    rig.chip.miso_connected = True
    rig.run_until(ImuHealth.OK)
    assert rig.driver.counters.rejected[NoPacket.FLOATING] >= 10


def test_an_spi_that_fails_is_counted_and_does_not_end_the_driver() -> None:
    rig = ImuRig().start()
    rig.chip.close()
    rig.run(0.1)
    assert rig.driver.counters.bus_errors > 0
    rig.chip.open(0, 0)
    rig.run_until(ImuHealth.OK)


def test_in_a_thread_of_its_own() -> None:
    """Real time: the newest sample follows the motion, and stop leaves nothing behind."""
    gpio = EmulatedGpio()
    turned = threading.Event()
    chip = Bno085Chip(gpio, lambda: ((0.5, 0.5, 0.5, 0.5) if turned.is_set() else (1, 0, 0, 0), (0, 0, 0)))
    driver = Bno085(Bno085Wire(chip, gpio, Bno085Config()))
    driver.start()
    try:
        turned.set()
        until_s = time.monotonic() + 10
        while time.monotonic() < until_s:
            sample = driver.newest()
            if sample is not None and sample.quat_wxyz == pytest.approx((0.5, 0.5, 0.5, 0.5), abs=1e-4):
                break
            time.sleep(0.005)
        else:
            pytest.fail(f"after 10 s the newest sample is {driver.newest()}")
        count = driver.counters.samples
        time.sleep(0.5)
        assert driver.counters.samples > count + 10
    finally:
        driver.stop()
    assert "bno085" not in {thread.name for thread in threading.enumerate()}
