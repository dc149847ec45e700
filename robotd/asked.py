"""What a tick makes of the operator's wishes: slow motion, and a velocity that the policy was trained for. Pure."""

from __future__ import annotations

import numpy as np

from contract import Command, PolicySpec
from contract.frames import clip
from robotd.fault_table import link_factor
from robotd.record import Orders
from robotd.tick_state import Setup

SLOWEST = 0.1  # of all factors of slow motion


def slow_motion(setup: Setup, orders: Orders) -> float:
    """The operator's factor and the config's, never above 1; a factor that is not in (0, 1] counts as the slowest."""
    factor = orders.slow_motion if 0 < orders.slow_motion <= 1 else SLOWEST
    return max(SLOWEST, factor * setup.config.motion.slow_motion)


def velocity_command(setup: Setup, orders: Orders, spec: PolicySpec, slow: float) -> Command:
    """The command of this tick for the policy of `spec`: the velocity that is wanted, held to what the policy was
    trained for, in slow motion, and of a controller that has fallen silent only what is left."""
    wanted, trained = np.asarray(orders.velocity, np.float32), spec.runtime.command
    if trained is not None:  # what is not finite stays so, and is a fault
        wanted = np.where(np.isfinite(wanted), clip(wanted, trained.low, trained.high), wanted)
    factor = slow * link_factor(setup.config.safety, orders.link_silent_s)
    return Command(wanted * np.float32(factor))
