"""Shows each joint's sign on a robot that hangs: one joint after the other goes a little way from home and back."""

from __future__ import annotations

import math

import numpy as np

from contract import target_to_action
from contract.frames import Array
from robotd.tick import Infer, Setup

AWAY_RAD, JOINT_S = 0.2, 1.2
"""So far and so slowly that a joint that is stopped by something is behind for longer than TRACKING's debounce."""


class SignShow:
    """In the place of a policy's network: the joints one by one, then the network itself.

    away_rad (J,): how far each joint goes, towards the middle of its range where the positive way is too short.
    """

    def __init__(self, setup: Setup, network: Infer) -> None:
        home, limits = setup.home_rad, setup.limits
        up = home + AWAY_RAD <= limits.high_rad
        self.away_rad = np.where(up, AWAY_RAD, -AWAY_RAD).astype(np.float32)
        self._setup, self._network, self._home = setup, network, home
        self._joint_ticks = max(2, round(JOINT_S / setup.spec.runtime.ctrl_dt))
        self.ticks = self._joint_ticks * len(home)
        self._tick = 0

    def __call__(self, observation: Array) -> Array:
        """The action (J,) of this tick."""
        tick, self._tick = self._tick, self._tick + 1
        if tick >= self.ticks:
            return self._network(observation)
        return target_to_action(self._setup.policies[self._setup.policy], self.pose_rad(tick))

    def joint_at(self, tick: int) -> int | None:
        """Which joint is shown in an active tick; None where it is the policy's turn."""
        return tick // self._joint_ticks if tick < self.ticks else None

    def pose_rad(self, tick: int) -> Array:
        """Home, and one joint on its way (J,) rad: out and back as half a turn of a sine, without a jerk."""
        joint, step = divmod(tick, self._joint_ticks)
        share = 0.5 * (1 - math.cos(2 * math.pi * step / self._joint_ticks))
        pose = np.array(self._home)
        pose[joint] += np.float32(share) * self.away_rad[joint]
        return pose
