"""Ticks before the first one: every policy really runs in them."""

from __future__ import annotations

import numpy as np
from robot_builder import setup_of

from robotd.warm_up import warm_up


def test_every_network_is_asked_for_as_many_ticks_as_wanted() -> None:
    setup = setup_of()
    asked = []

    def infer(observation: np.ndarray) -> np.ndarray:
        asked.append(observation)
        return np.zeros(len(setup.home_rad), np.float32)

    warm_up(setup, {setup.policy: infer}, ticks=7)
    assert len(asked) == 7
    assert all(np.isfinite(observation).all() for observation in asked)
