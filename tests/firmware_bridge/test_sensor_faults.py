"""Each of the eight fault kinds at IMU and foot switches: what the driver reports, how soon, what it lets through."""

from __future__ import annotations

import math

import numpy as np
import pytest
from imu_rig import ImuRig
from sensor_fault_rows import FaultRow, imu_rows, sway, switch_rows

from contract.frames import tilt_rad
from firmware_bridge.emulator.fault import FaultKind
from firmware_bridge.imu_track import ImuHealth

IMU_SAYS = {
    "ok": ("ok; age at most", None),
    "off": ("silent; age over 60 ms", 70),
    "stuck": ("frozen; age over 60 ms", 60),
    "garbage": ("garbled; age over 60 ms", 70),
    "wrong": ("ok; age at most", None),
    "slow": ("slow; age at most", 150),
    "delayed": ("ok; age at most", None),
    "intermittent": ("lossy", 150),
}
SWITCHES_SAY = {kind.value: ("ok", None) for kind in FaultKind} | {
    "garbage": ("chatter", 400),
    "intermittent": ("chatter", 600),
}


def check(rows: list[FaultRow], expected: dict[str, tuple[str, int | None]]) -> None:
    assert [row.fault for row in rows] == list(FaultKind)
    for row in rows:
        report, at_most_ms = expected[row.fault]
        assert row.report.startswith(report), row
        assert (row.ms is None) == (at_most_ms is None), row
        assert row.ms is None or at_most_ms is None or row.ms <= at_most_ms, row


def test_what_the_imu_driver_reports() -> None:
    check(imu_rows(), IMU_SAYS)


def test_what_the_switch_driver_reports() -> None:
    check(switch_rows(), SWITCHES_SAY)


def test_no_attitude_out_of_garbage() -> None:
    """Ten seconds of random bytes on a running driver: every sample it hands over is one that the chip sent before."""
    rig = ImuRig().start()
    rig.chip.inject(FaultKind.GARBAGE)
    rig.run(10.0)
    assert np.allclose(rig.sample.quat_wxyz, (1, 0, 0, 0), atol=1e-3)
    assert rig.age_s > 9.9
    assert rig.driver.counters.rejected.total() > 100


def test_a_wrong_attitude_is_a_tilt_for_robotd() -> None:
    rig = ImuRig().start()
    rig.chip.inject(FaultKind.WRONG)
    rig.run(0.02)
    assert float(tilt_rad(np.array(rig.sample.quat_wxyz))) > math.radians(45)


def test_a_delayed_attitude_is_the_one_of_a_fifth_of_a_second_ago() -> None:
    rig = ImuRig()
    rig.chip.sensor.motion = lambda: sway(rig.clock())
    rig.start()
    rig.chip.inject(FaultKind.DELAYED)
    rig.run(0.5)
    then = sway(rig.sample.stamp_s - 0.2)[0]
    assert rig.sample.quat_wxyz == pytest.approx(then, abs=2e-3)


def test_a_body_at_rest_is_not_frozen() -> None:
    """A gyro's noise tells a robot that stands from a chip that hangs."""
    rig = ImuRig().start()
    assert rig.run(20.0, lambda: rig.driver.health() is not ImuHealth.OK) >= 20.0


def test_an_attitude_that_stays_while_the_gyro_turns_is_frozen() -> None:
    rig = ImuRig().start()
    rig.motion = ((1, 0, 0, 0), (0, 0.5, 0))
    rig.run_until(ImuHealth.FROZEN, 0.1)
    rig.run(0.1)
    assert rig.age_s > 0.06


def test_a_frozen_imu_that_moves_again_is_fresh_at_once() -> None:
    rig = ImuRig().start()
    rig.chip.inject(FaultKind.STUCK)
    rig.run(0.5)
    assert rig.age_s > 0.4
    rig.chip.inject(FaultKind.OK)
    rig.run(0.01)
    assert rig.age_s < 0.01
