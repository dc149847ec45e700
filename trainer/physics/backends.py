"""The physics backends by name."""

from __future__ import annotations

import difflib
from typing import Literal

import jax

from contract import ConfigError

from .body_state import Physics
from .robot_model import RobotModel

BACKENDS = ("native", "mjx", "warp", "auto")


def resolve_backend(name: str) -> str:
    """A backend's name, `auto` turned into mjx where jax has an accelerator and into native on a CPU.

    Raises:
        ConfigError: an unknown name.
    """
    if name not in BACKENDS:
        close = difflib.get_close_matches(name, BACKENDS, 1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ConfigError(f"physics {name!r} is unknown, expected one of {', '.join(BACKENDS)}{hint}")
    if name == "auto":
        return "native" if jax.default_backend() == "cpu" else "mjx"
    return name


def create_physics(name: str, robot: RobotModel, num_envs: int, decimation: int) -> Physics:
    """Batched physics of a backend.

    Raises:
        ConfigError: an unknown name, or a backend that cannot run on this machine.
    """
    backend = resolve_backend(name)
    if backend == "native":
        from .native import NativePhysics

        return NativePhysics(robot, num_envs, decimation)
    from .mjx import MjxPhysics

    impl: Literal["jax", "warp"] = "warp" if backend == "warp" else "jax"
    return MjxPhysics(robot, num_envs, decimation, impl)
