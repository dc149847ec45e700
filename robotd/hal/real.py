"""The robot itself: servos on their buses, the IMU, the foot switches. SI units and policy order begin here.

The buses are asyncio tasks of the loop that runs the ticks, the IMU has a thread (SPI blocks), the foot switches are
polled by a task. All of them leave their newest sample lying; `read` collects what lies there.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import NamedTuple

import numpy as np

from contract import FOOT_SWITCHES, PolicySpec, Signals
from contract.frames import Array
from firmware_bridge.bno085 import Bno085
from firmware_bridge.bno085_failure import Bno085Error
from firmware_bridge.bno085_wire import Bno085Config
from firmware_bridge.foot_switch import FootSwitchError, FootSwitches
from firmware_bridge.mounting import Mounting
from firmware_bridge.serial_line import PortError, SerialLine
from firmware_bridge.servo_bus import REPLY_S, ServoBus
from firmware_bridge.servo_limp import LimpReport
from firmware_bridge.servo_sample import Feedback
from firmware_bridge.servo_schedule import Pace, ServoSchedule
from robotd.health import Health
from robotd.wiring import ImuWire, Wiring

from .hardware import HardwareError, UnreachableError
from .limp_proof import limp_now, say_what_is_not_limp
from .servo_frame import check_wiring, to_rad, to_rad_s, to_units

ANSWER_S = 1.0
"""How long every servo has for its first answer."""
PROOF_S = 1.0
"""How long `stop` waits for the proof that all is limp; a bus gives up earlier by itself."""
log = logging.getLogger("robotd")


class Devices(NamedTuple):
    """Open ports by name of the bus, and the two sensors, not yet started."""

    lines: Mapping[str, SerialLine]
    imu: Bno085
    switches: FootSwitches


def open_lines(wiring: Wiring, opened: ExitStack) -> dict[str, SerialLine]:
    """The port of each bus that has a servo, by the bus's name; `opened` closes them. Raises PortError."""
    lines = {}
    for bus in wiring.used_buses:
        lines[bus] = SerialLine(wiring.buses[bus].port, wiring.baud)
        opened.callback(lines[bus].close)
    return lines


def open_real(spec: PolicySpec, wiring: Wiring) -> RealHardware:
    """The robot's own devices. Raises HardwareError."""
    check_wiring(spec, wiring)
    try:
        with ExitStack() as opened:
            lines = open_lines(wiring, opened)
            switches = FootSwitches.open({name: switch.pin for name, switch in wiring.foot_switches.all.items()})
            opened.callback(switches.close)
            imu = Bno085.open(imu_config(wiring.imu))
            opened.pop_all()
    except (PortError, Bno085Error, FootSwitchError) as problem:
        raise UnreachableError(f"--hal real: {problem}") from None
    return RealHardware(spec, wiring, Devices(lines, imu, switches))


def imu_config(wire: ImuWire) -> Bno085Config:
    """What the driver wants to know."""
    return Bno085Config(
        spi_bus=wire.spi_bus,
        spi_device=wire.spi_device,
        int_pin=wire.int_pin,
        reset_pin=wire.reset_pin,
        wake_pin=wire.wake_pin,
        speed_hz=wire.speed_hz,
        rate_hz=wire.rate_hz,
        mounting=Mounting.from_quat(wire.mounting_wxyz),
    )


class RealHardware:
    """One robot on open devices, which it closes.

    Args:
        clock: monotonic time in s, the clock of all samples' stamps.
        reply_s: how long a servo's answer may take beyond its time on the wire.

    Raises:
        HardwareError: the wires are not those of the policy's robot.
    """

    def __init__(
        self,
        spec: PolicySpec,
        wiring: Wiring,
        devices: Devices,
        clock: Callable[[], float] = time.monotonic,
        reply_s: float = REPLY_S,
    ) -> None:
        self.schedules: dict[str, ServoSchedule] = {}
        self._frame = check_wiring(spec, wiring)
        self._names, self._wiring, self._devices, self._clock = spec.robot.actuator_names, wiring, devices, clock
        order = {name: column for column, name in enumerate(self._names)}
        ids = {bus: wiring.on_bus(bus) for bus in wiring.used_buses}
        self._columns = {bus: [order[name] for name in joints] for bus, joints in ids.items()}
        self._ids = {bus: tuple(joints.values()) for bus, joints in ids.items()}
        self._read_period_s = spec.runtime.ctrl_dt / 2  # more would only take time from the neighbours
        self._move_ms = round(wiring.move_time_s * 1000)
        self._pressed_low = [wiring.foot_switches.all[name].pressed_low for name in FOOT_SWITCHES]
        self._start_s, self._reply_s = clock(), reply_s
        home = to_units(self._frame, spec.robot.home)
        self._feedback = [Feedback(int(units), 0.0, self._start_s) for units in home]
        self._polling: asyncio.Task[None] | None = None
        self._imu_started = self._closed = False
        self._reports: dict[str, LimpReport] = {}  # of the last limp, by bus

    async def start(self) -> None:
        """Limp, ask every servo, start the IMU. Up to 3 s where something is wrong.

        Raises:
            UnreachableError: something does not answer, or a servo has not said that its torque is off.
        """
        for bus, servo_ids in self._ids.items():
            pace = Pace(deadband_units=self._wiring.deadband_units, read_period_s=self._read_period_s)
            self.schedules[bus] = ServoSchedule(ServoBus(bus, self._devices.lines[bus], self._reply_s), servo_ids, pace)
            self.schedules[bus].limp()  # whoever was here before may have left torque on
            self.schedules[bus].start()
        self._polling = asyncio.create_task(self._devices.switches.run(), name="foot switches")
        try:
            await asyncio.to_thread(self._devices.imu.start)
        except Bno085Error as problem:
            raise UnreachableError(str(problem)) from None
        self._imu_started = True
        until_s = self._clock() + ANSWER_S
        while wrong := self._silent() or self._not_limp():
            if self._clock() > until_s:
                raise UnreachableError(wrong)
            await asyncio.sleep(0.01)

    def read(self) -> Signals:
        """What was sampled last, each with its own age. Raises HardwareError: nobody tends a bus any more."""
        now_s = self._clock()
        for bus, schedule in self.schedules.items():
            if schedule.problem is not None:
                raise HardwareError(f"the task of a bus has ended: {schedule.problem}")
            for column, servo_id in zip(self._columns[bus], self._ids[bus], strict=True):
                self._feedback[column] = schedule.feedback(servo_id) or self._feedback[column]
        units, speeds, stamps = np.array(self._feedback).T
        imu = self._devices.imu.newest()
        switches = self._devices.switches.newest().pressed
        return Signals(
            quat_wxyz=np.array(imu.quat_wxyz if imu else (1, 0, 0, 0), np.float32),
            gyro_rad_s=np.array(imu.gyro_rad_s if imu else (0, 0, 0), np.float32),
            joint_pos_rad=to_rad(self._frame, units).astype(np.float32),
            joint_vel_rad_s=to_rad_s(self._frame, speeds).astype(np.float32),
            foot_switches=np.array(
                [low is normal for low, normal in zip(switches, self._pressed_low, strict=True)], np.float32
            ),
            stamp_s=np.asarray(now_s),
            joint_age_s=np.maximum(now_s - stamps, 0).astype(np.float32),
            imu_age_s=np.asarray(max(now_s - (imu.stamp_s if imu else self._start_s), 0), np.float32),
        )

    def health(self) -> Health:
        """What the schedules read last, at their own slow rate, and how the buses do now."""
        degc, volts = np.full(len(self._names), np.nan, np.float32), []
        now_s, told_s = self._clock(), np.full(len(self._names), self._start_s)
        for bus, schedule in self.schedules.items():
            for column, servo_id in zip(self._columns[bus], self._ids[bus], strict=True):
                said = schedule.health(servo_id)
                degc[column] = said.temperature_degc
                volts.append(said.voltage_v)
                told_s[column] = max(said.stamp_s, self._start_s)
        return Health(
            temperature_degc=degc,
            voltage_v=np.asarray(np.min(volts) if volts else np.nan, np.float32),
            bus_errors_in_a_row=tuple(schedule.failed_in_a_row for schedule in self.schedules.values()),
            servo_age_s=np.maximum(now_s - told_s, 0).astype(np.float32),
            foot_switch_age_s=np.asarray(max(self._devices.switches.newest().age_s(now_s), 0), np.float32),
            torque_unproven=self._torque_unproven(),
        )

    def _torque_unproven(self) -> int:
        """The joints, as bits, whose servos have not confirmed what they were told last of torque."""
        bits = 0
        for bus, schedule in self.schedules.items():
            if doubtful := schedule.unconfirmed:
                bits |= sum(1 << c for c, i in zip(self._columns[bus], self._ids[bus], strict=True) if i in doubtful)
        return bits

    def write(self, target_rad: Array) -> None:
        """New targets (J,) rad for all buses; each writes them as soon as its wire is free. ValueError: not finite."""
        units = to_units(self._frame, target_rad).tolist()
        for bus, schedule in self.schedules.items():
            targets = {i: units[column] for i, column in zip(self._ids[bus], self._columns[bus], strict=True)}
            schedule.aim(targets, self._move_ms)

    def enable(self) -> None:
        """The newest targets, then torque, at every servo. A target must have been written before."""
        for schedule in self.schedules.values():
            schedule.enable()

    def disable(self) -> None:
        """Torque off on every bus, before anything else that waits there; the buses prove and repeat it themselves."""
        for schedule in self.schedules.values():
            schedule.limp()

    def leave_out(self, buses: int) -> None:
        """Nothing more is written there until the next `disable`."""
        for place, schedule in enumerate(self.schedules.values()):
            if buses >> place & 1:
                schedule.leave_out()

    async def stop(self) -> None:
        """Limp and wait for the proof, at most PROOF_S; then end all tasks and the IMU's thread."""
        limps = {schedule.limp(): bus for bus, schedule in self.schedules.items()}
        if limps:
            proven, _ = await asyncio.wait(limps, timeout=PROOF_S)
            self._reports = {limps[limp]: limp.result() for limp in proven}
        await self._end_tasks()
        if self._imu_started:
            self._imu_started = False
            await asyncio.to_thread(self._devices.imu.stop)

    def close(self) -> None:
        """Let go of all devices. Buses of which `stop` has no proof are limped once more, within half a second."""
        if self._closed:
            return
        self._closed = True
        if self._imu_started:
            self._devices.imu.stop()
        self._devices.switches.close()
        lines = {**self._devices.lines, **{bus: schedule.bus.line for bus, schedule in self.schedules.items()}}
        for line in lines.values():
            line.close()
        proven = {bus for bus, report in self._reports.items() if report.verified}
        doubtful = {bus: (line.port, self._ids[bus]) for bus, line in lines.items() if bus not in proven}
        self._reports |= limp_now(doubtful, self._wiring.baud)
        say_what_is_not_limp(self._reports, self._wiring)

    @property
    def reports(self) -> Mapping[str, LimpReport]:
        """What is known of the last limp, by bus."""
        return self._reports

    async def _end_tasks(self) -> None:
        if self._polling is not None:
            self._polling.cancel()
            await asyncio.gather(self._polling, return_exceptions=True)
        for schedule in self.schedules.values():
            await schedule.stop()
            schedule.bus.close()

    def _silent(self) -> str | None:
        """A sentence on the first servo that has never answered; None where there is none."""
        for bus, schedule in self.schedules.items():
            if schedule.bus.lost:
                return schedule.bus.lost
            ids_of = self._wiring.on_bus(bus).items()
            silent = [name for name, i in ids_of if not (schedule.feedback(i) and schedule.has_told_health(i))]
            if silent:
                ids = ", ".join(f"{self._wiring.joints[name].servo_id} ({name})" for name in silent)
                return (
                    f"{bus} ({schedule.bus.line.port}): no answer from servo {ids}; check power, cable and ids, and "
                    f"that the servos speak at {self._wiring.baud} baud"
                )
        return None

    def _not_limp(self) -> str | None:
        """A sentence on the servos that have not said that they are unloaded; None where all have."""
        for bus, schedule in self.schedules.items():
            ids_of = self._wiring.on_bus(bus).items()
            if doubtful := [f"{i} ({name})" for name, i in ids_of if i in schedule.unconfirmed]:
                where = f"{bus} ({schedule.bus.line.port})"
                return f"{where}: torque off is NOT PROVEN at servo {', '.join(doubtful)}; cut the power, then look"
        return None
