"""Backends: one file each behind the Protocol `Hardware`. A backend's own imports happen when it is opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contract import Bundle
from contract.schema import suggest
from robotd.arming import BusLoad
from robotd.wiring import Wiring

from .hardware import Hardware, HardwareError, UnreachableError

BACKENDS = ("real", "bench", "emulated", "sim", "mock")
ON_PORTS = ("real", "bench")
"""Backends whose servos are on ports that outlive robotd: they take the hardware lock, and limp has to know them."""


def open_hardware(name: str, bundle: Bundle, wiring: Wiring, twin: Mapping[str, Any] | None = None) -> Hardware:
    """Open the backend `name` for the robot of `bundle`; `wiring` is for those that have wires, `twin` (options
    of `sim.SimHardware`) for those with physics.

    Raises:
        HardwareError: there is no such backend, or it cannot be opened; one sentence.
    """
    if twin and name in ("mock", *ON_PORTS):
        raise HardwareError(f"--hal {name}: has no physics twin to set up, expected sim or emulated")
    if name == "mock":
        from .mock import MockHardware

        return MockHardware(bundle.spec)
    if name == "sim":
        from .sim import open_twin

        return open_twin(bundle, **(twin or {}))
    if name == "emulated":
        from .emulated import open_emulated

        return open_emulated(bundle, wiring, **(twin or {}))
    if name == "real":
        from .real import open_real

        return open_real(bundle.spec, wiring)
    if name == "bench":
        from .bench import open_bench

        return open_bench(bundle.spec, wiring)
    raise HardwareError(f"--hal {name}: no such hardware{suggest(name, BACKENDS)}")


def loads_of(name: str, wiring: Wiring, ctrl_dt: float) -> tuple[BusLoad, ...]:
    """What the servo buses of the backend `name` are predicted to do; none where it has none."""
    if name not in (*ON_PORTS, "emulated"):
        return ()
    from .bus_load import bus_loads

    return bus_loads(wiring, ctrl_dt)


__all__ = ["BACKENDS", "ON_PORTS", "Hardware", "HardwareError", "UnreachableError", "loads_of", "open_hardware"]
