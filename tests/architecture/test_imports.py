"""Who may import whom, as it happens when a fresh interpreter imports every module of a room."""

from __future__ import annotations

import ast
import json
import subprocess
import sys

import pytest
from house import ROOT, modules, name_of, sources, tree_of

from contract import __all__ as exported

HEAVY = {"jax", "jaxlib", "flax", "optax", "mujoco", "onnx", "trainer"}
OURS = {"contract", "robotd", "trainer", "firmware_bridge", "pages"}
FORBIDDEN = {
    "contract": HEAVY | OURS - {"contract"} | {"onnxruntime", "pydantic", "click", "msgpack", "serial"},
    "firmware_bridge": HEAVY | OURS - {"firmware_bridge"} | {"onnxruntime"},
    "pages": HEAVY | OURS - {"pages"} | {"onnxruntime", "numpy", "plotly"},
    "robotd": HEAVY | {"onnxruntime"},
}
LOOK = """
import importlib, json, sys
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def imported_with(names: list[str]) -> set[str]:
    """Top-level modules in sys.modules of a fresh interpreter that imported `names`."""
    command = [sys.executable, "-c", LOOK, json.dumps(names)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return set(json.loads(result.stdout))


def robotd_modules() -> list[str]:
    """The heart, the hardware and every verb of robotctl; what only draws is loaded by a verb when it draws."""
    from robotd.ctl.cli import VERBS

    heart = [name for name in modules("robotd") if not name.startswith("robotd.ctl")]
    return [*heart, "robotd.ctl.cli", *(f"robotd.ctl.{module}" for module, _ in VERBS.values())]


@pytest.mark.parametrize("room", sorted(FORBIDDEN))
def test_importing_all_of_a_room_brings_nothing_heavy(room: str) -> None:
    names = robotd_modules() if room == "robotd" else modules(room)
    assert room in names
    found = imported_with(names)
    assert room in found
    assert not found & FORBIDDEN[room]


def test_the_look_at_a_fresh_interpreter_does_see_what_is_imported() -> None:
    assert imported_with(["pydantic", "contract"]) >= {"pydantic", "contract", "numpy"}


def imports_of(module: str) -> set[str]:
    """Files of robotd that import `module` anywhere, lazily or not."""
    found = set()
    for file in sources("robotd"):
        for node in ast.walk(tree_of(file)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            if any(name.partition(".")[0] == module for name in names):
                found.add(name_of(file))
    return found


def test_only_physics_backends_and_the_bench_name_mujoco() -> None:
    found = imports_of("mujoco")
    assert "robotd/hal/twin_model.py" in found
    for name in found - {"robotd/hal/twin_model.py"}:
        assert name.startswith("robotd/ctl/"), f"{name} imports mujoco, expected only hal/twin_model and ctl to"


def test_the_exported_names_of_the_contract_are_sorted_and_there() -> None:
    import contract

    plain = [name for name in exported if name.isupper()]
    classes = [name for name in exported if name[0].isupper() and not name.isupper()]
    functions = [name for name in exported if name[0].islower()]
    assert exported == sorted(plain) + sorted(classes) + sorted(functions)
    assert len(set(exported)) == len(exported)
    for name in exported:
        assert getattr(contract, name) is not None
    public = {name for name, value in vars(contract).items() if not name.startswith("_")}
    stray = {name for name in public - set(exported) if f"contract.{name}" not in sys.modules and name != "annotations"}
    assert not stray, f"contract imports {stray} but does not export them"
