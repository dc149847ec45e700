"""Health by way of the real drivers on emulated wires, and a frozen IMU; in wall time, with much patience."""

from __future__ import annotations

import numpy as np
from emulated_robot import emulated, run_on, until

from contract import Bundle
from firmware_bridge.emulator.fault import FaultKind
from robotd.config import SafetyConfig
from robotd.fault_table import failing_buses
from robotd.wiring import Wiring

BOUNDS = SafetyConfig()


def test_temperature_voltage_and_bus_errors_arrive(zero_bundle: Bundle) -> None:
    names = zero_bundle.spec.robot.actuator_names
    with emulated(zero_bundle) as hardware:

        async def main() -> None:
            well = hardware.health()
            assert well.temperature_degc.shape == (len(names),)
            assert np.all(np.isfinite(well.temperature_degc)) and np.isfinite(well.voltage_v)
            waist = Wiring().joints["waist_yaw"]
            servo = next(s for s in hardware.bench.wires[waist.bus].servos if s.servo_id == waist.servo_id)
            servo.warm(81)
            servo.supply(9300)
            hot = names.index("waist_yaw")
            await until(lambda: hardware.health().temperature_degc[hot] == 81, "the temperature does not arrive")
            await until(lambda: abs(float(hardware.health().voltage_v) - 9.3) < 1e-3, "the voltage does not arrive")
            assert np.delete(hardware.health().temperature_degc, hot).max() < 80
            hardware.bench.fault("left_leg", FaultKind.OFF)
            await until(lambda: bool(failing_buses(hardware.health(), BOUNDS) & 1), "the dead bus is not noticed")

        run_on(hardware, main)


def test_a_frozen_imu_is_stale(zero_bundle: Bundle) -> None:
    with emulated(zero_bundle) as hardware:

        async def main() -> None:
            hardware.chip.inject(FaultKind.STUCK)
            await until(lambda: float(hardware.read().imu_age_s) > 10 * BOUNDS.imu_stale_s, "frozen is not stale")

        run_on(hardware, main)
