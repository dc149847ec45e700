"""What importing robotd must not bring along."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

import robotd

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(robotd.__path__, "robotd.")
    if not module.name.startswith("robotd.ctl")
)
PURE = ("robotd.mode", "robotd.record", "robotd.safety", "robotd.tick")


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(result.stdout.split())


def test_no_module_of_robotd_imports_jax_mujoco_or_the_trainer() -> None:
    loaded = loaded_by(f"import {', '.join(MODULES)}")
    assert loaded >= set(MODULES) and len(MODULES) >= 14
    assert not loaded & {"jax", "jaxlib", "mujoco", "trainer", "onnxruntime"}


@pytest.mark.parametrize("module", PURE)
def test_the_pure_modules_know_neither_devices_nor_time(module: str) -> None:
    loaded = loaded_by(f"import {module}")
    assert module in loaded
    assert not {name for name in loaded if name.startswith(("robotd.hal", "robotd.clock", "robotd.loop"))}
