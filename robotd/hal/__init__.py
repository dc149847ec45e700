"""Backends: one file each behind the Protocol `Hardware`. A backend's own imports happen when it is opened."""

from __future__ import annotations

from contract import Bundle
from contract.schema import suggest

from .hardware import Hardware, HardwareError

BACKENDS = ("mock", "sim")


def open_hardware(name: str, bundle: Bundle) -> Hardware:
    """Open the backend `name` for the robot of `bundle`.

    Raises:
        HardwareError: there is no such backend, or it cannot be opened; one sentence.
    """
    if name == "mock":
        from .mock import MockHardware

        return MockHardware(bundle.spec)
    if name == "sim":
        from .sim import open_twin

        return open_twin(bundle)
    raise HardwareError(f"--hal {name}: no such hardware{suggest(name, BACKENDS)}")


__all__ = ["BACKENDS", "Hardware", "HardwareError", "open_hardware"]
