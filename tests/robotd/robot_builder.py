"""Robots, signals and operators for the tests of robotd."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from bundle_builder import real_spec

from contract import PolicySpec, Signals, assets_dir, load_robot_config
from robotd.config import RobotdConfig
from robotd.mode import Event, Mode
from robotd.record import Orders, TickRecord
from robotd.tick import Infer, Setup, TickState, initial_tick_state, make_setup
from robotd.tick_state import ONLY

CONFIG = RobotdConfig()


def setup_of(spec: PolicySpec | None = None, config: RobotdConfig = CONFIG) -> Setup:
    """The Setup of the robot in assets."""
    robot_config = load_robot_config(assets_dir() / "robot_config.yaml")
    return make_setup(real_spec() if spec is None else spec, robot_config, config)


def signals_of(spec: PolicySpec, **changes: Any) -> Signals:
    """Upright, at home, at rest, fresh; with changes."""
    signals = Signals(
        quat_wxyz=np.array([1, 0, 0, 0], np.float32),
        gyro_rad_s=np.zeros(3, np.float32),
        joint_pos_rad=spec.robot.home,
        joint_vel_rad_s=np.zeros(spec.num_joints, np.float32),
        foot_switches=np.ones(4, np.float32),
        stamp_s=np.asarray(0.0),
        joint_age_s=np.zeros(spec.num_joints, np.float32),
        imu_age_s=np.zeros((), np.float32),
    )
    return signals._replace(**changes)


def tilted(degrees: float, axis: int = 1) -> np.ndarray:
    """Quaternion wxyz of a turn about body axis 0 x, 1 y, 2 z."""
    quat = np.zeros(4, np.float32)
    quat[0], quat[1 + axis] = np.cos(np.radians(degrees) / 2), np.sin(np.radians(degrees) / 2)
    return quat


def state_in(setup: Setup, mode: Mode) -> TickState:
    """A state that has just entered `mode`, at home."""
    return initial_tick_state(setup)._replace(mode=mode)


def zeros(spec: PolicySpec) -> dict[str, Infer]:
    """The networks of a setup with one policy, which always answers with zeros."""
    return only(lambda observation: np.zeros(spec.num_joints, np.float32))


def only(infer: Infer) -> dict[str, Infer]:
    """The networks of a setup with one policy."""
    return {ONLY: infer}


class Script:
    """An operator that arms, activates when it may, and shuts down after some active ticks or after all ticks."""

    def __init__(
        self, active_ticks: int, max_ticks: int = 3000, may_activate: Callable[[], bool] = lambda: True
    ) -> None:
        self._active_ticks, self._max_ticks, self._may_activate = active_ticks, max_ticks, may_activate
        self._active = 0

    def __call__(self, record: TickRecord | None) -> Orders:
        """ARM at first, ACTIVATE in STANDBY."""
        if record is None:
            return Orders((Event.ARM,))
        self._active += record.mode is Mode.ACTIVE
        over = self._active >= self._active_ticks or record.number >= self._max_ticks or record.mode is Mode.FAULT
        if record.mode is Mode.STANDBY and self._may_activate():
            return Orders((Event.ACTIVATE,))
        return Orders(shutdown=over)


def modes_of(records: Iterable[TickRecord]) -> list[Mode]:
    """The modes in the order in which they were entered."""
    modes: list[Mode] = []
    for record in records:
        if not modes or modes[-1] is not record.mode:
            modes.append(record.mode)
    return modes
