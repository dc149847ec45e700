"""A black box as arrays over its ticks, whichever robot and robotd wrote it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from contract.frames import gravity_of_unit
from robotd.blackbox_layout import ABSENT, COUNT, BlackBoxError, Header
from robotd.blackbox_reader import BlackBoxFile
from robotd.config import RobotdConfig
from robotd.mode import Mode

Float64 = NDArray[np.float64]
Bools = NDArray[np.bool_]
WITHOUT_TORQUE = (Mode.IDLE.value, Mode.FAULT.value)
STOPPED = (Mode.STOPPING.value, Mode.FAULT.value)


class Flight:
    """T ticks, J joints. `flight[name]` is a column of the black box as float64 (T, ...), NaN where it was absent.

    Args:
        rows: (T,) of `row_type(header.columns)`, oldest first, at least one.
    """

    def __init__(self, header: Header, rows: NDArray[Any]) -> None:
        self.header, self.rows = header, rows
        self._columns = {column.name: column for column in header.columns}
        self._arrays: dict[str, Float64] = {}

    def __getitem__(self, name: str) -> Float64:
        """Raises BlackBoxError where the robotd that wrote it had no such column."""
        if name not in self._arrays:
            self._arrays[name] = self._array(name)
        return self._arrays[name]

    def _array(self, name: str) -> Float64:
        column = self._columns.get(name)
        if column is None:
            raise BlackBoxError(f"has no column {name}, expected one; use the robotd that recorded it")
        values: Float64 = np.array(self.rows[name], np.float64)
        if column.varies:
            count = self.rows[name + COUNT].astype(np.int64)
            count[count == ABSENT] = 0
            there = np.arange(column.shape[0] if column.shape else 1) < count[:, None]
            values[~(there if column.shape else there[:, 0])] = np.nan
        return values

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, begin: int, end: int) -> Flight:
        """The ticks begin to end - 1."""
        return Flight(self.header, self.rows[begin:end])

    @cached_property
    def time_s(self) -> Float64:
        """(T,) since the first tick."""
        at_s = np.asarray(self.rows["time_s"], np.float64)
        return np.asarray(at_s - at_s[0])

    @property
    def wall_s(self) -> float:
        """The time of day of the first tick, s since 1970."""
        return self.header.wall_s + float(self.rows["time_s"][0]) - self.header.clock_s

    @cached_property
    def follows(self) -> Bools:
        """(T,) whether the tick before is the one that ran before it; False for the first and after torn records."""
        sequence = self.rows["sequence"].astype(np.int64)
        return np.asarray(np.diff(sequence, prepend=sequence[0] - 2) == 1)

    @cached_property
    def modes(self) -> list[str]:
        """(T,) names."""
        names = self.header.modes
        return [names[mode] if mode < len(names) else str(mode) for mode in self.rows["mode"].tolist()]

    @cached_property
    def powered(self) -> Bools:
        """(T,) whether the joints had torque."""
        return np.array([mode not in WITHOUT_TORQUE for mode in self.modes])

    @cached_property
    def faults(self) -> NDArray[np.int64]:
        """(T,) bits of the faults that were raised."""
        return self.rows["faults"].astype(np.int64)

    @cached_property
    def present(self) -> NDArray[np.int64]:
        """(T,) bits of the conditions that held."""
        return self.rows["present"].astype(np.int64)

    def names(self, bits: int) -> list[str]:
        """Faults by name, in the order of the table."""
        return [name for name, bit in self.header.faults.items() if bits & bit]

    def events(self, tick: int) -> list[str]:
        """What was asked for in a tick, by name."""
        bits = int(self.rows["orders.events"][tick])
        return [name for name, number in self.header.events.items() if bits >> number & 1]

    @cached_property
    def error_rad(self) -> Float64:
        """(T, J) measured less the target that the tick before sent, as TRACKING sees it; NaN where there was none."""
        error = np.full_like(self["signals.joint_pos_rad"], np.nan)
        error[1:] = self["signals.joint_pos_rad"][1:] - self["target_after_rad"][:-1]
        error[~self.follows] = np.nan
        return error

    @cached_property
    def gravity(self) -> Float64:
        """(T, 3) down as a unit vector in the body: x forward, y left; NaN where the attitude is not finite."""
        quats = self["signals.quat_wxyz"].T
        with np.errstate(invalid="ignore"):
            down: Float64 = np.asarray(gravity_of_unit(quats / np.linalg.norm(quats, axis=0)), np.float64)
        return down.T

    @cached_property
    def tilt_deg(self) -> Float64:
        """(T,) angle between body up and world up."""
        x, y, z = self.gravity.T
        return np.asarray(np.degrees(np.arctan2(np.hypot(x, y), -z)))

    @cached_property
    def config(self) -> RobotdConfig:
        """robotd.yaml as it counted in the run; the defaults where it does not fit this robotd."""
        try:
            return RobotdConfig.model_validate(self.header.config)
        except ValidationError:
            return RobotdConfig()

    @property
    def config_fits(self) -> bool:
        """Whether `config` is the run's own."""
        return self.config.model_dump(mode="json") == self.header.config

    @property
    def buses(self) -> list[str]:
        """The servo buses in the order of Health; the joints of a robot without wires are on none."""
        return list(self.config.hardware.used_buses)


def read_flight(file: BlackBoxFile, rows: Iterable[Any]) -> Flight | None:
    """All ticks of an open black box; None where there are none."""
    found = list(rows)
    return Flight(file.header, np.array(found)) if found else None
