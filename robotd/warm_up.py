"""Ticks that nobody sees, before the first real one: what runs for the first time is slow. Pure, so nothing moves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from contract import Signals
from robotd.mode import Event, Mode
from robotd.record import Orders
from robotd.tick import Infer, Setup, initial_tick_state, tick

TICKS = 50


def warm_up(setup: Setup, networks: Mapping[str, Infer], ticks: int = TICKS) -> None:
    """Run every policy and a stop on a robot that stands still at home, and keep nothing."""
    signals = at_rest(setup)
    for policy in setup.policies:
        state = initial_tick_state(setup)._replace(mode=Mode.ACTIVE)
        for _ in range(ticks):
            state, _, _ = tick(setup, state, signals, Orders(policy=policy), networks)
        tick(setup, state, signals, Orders((Event.STOP,)), networks)


def at_rest(setup: Setup) -> Signals:
    """What a robot senses that stands upright at home, all of it fresh."""
    joints = len(setup.home_rad)
    return Signals(
        quat_wxyz=np.array([1, 0, 0, 0], np.float32),
        gyro_rad_s=np.zeros(3, np.float32),
        joint_pos_rad=setup.home_rad.copy(),
        joint_vel_rad_s=np.zeros(joints, np.float32),
        foot_switches=np.ones(4, np.float32),
        stamp_s=np.asarray(0.0),
        joint_age_s=np.zeros(joints, np.float32),
        imu_age_s=np.zeros((), np.float32),
    )
