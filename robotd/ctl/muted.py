"""A robot that is listened to and not spoken to: all of it goes through but targets and torque."""

from __future__ import annotations

from contract import Signals
from contract.frames import Array
from robotd.hal import Hardware
from robotd.health import Health


class Muted:
    """`robotd.hal.hardware.Hardware` around another one. Torque off goes through: it is never wrong."""

    def __init__(self, hardware: Hardware) -> None:
        self._hardware = hardware

    async def start(self) -> None:
        """As the robot's: every sensor answers."""
        await self._hardware.start()

    async def stop(self) -> None:
        """As the robot's: limp, and verified."""
        await self._hardware.stop()

    def read(self) -> Signals:
        """As the robot's."""
        return self._hardware.read()

    def health(self) -> Health:
        """As the robot's."""
        return self._hardware.health()

    def write(self, target_rad: Array) -> None:
        """Kept from the robot."""

    def enable(self) -> None:
        """Kept from the robot."""

    def disable(self) -> None:
        """As the robot's."""
        self._hardware.disable()

    def leave_out(self, buses: int) -> None:
        """As the robot's."""
        self._hardware.leave_out(buses)

    def close(self) -> None:
        """As the robot's."""
        self._hardware.close()
