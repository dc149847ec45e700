"""A bundle that means harm to whoever loads it: text that grows without end, a network that reads other files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from bundle_builder import make_bundle, replace_file

MEMORY_MIB = 1500
"""Address space that one load may have; each of these would take far more."""
SECONDS = 30
"""That one load may take, on a machine with other work; each of these would take far more."""
LOAD = f"""
import resource, sys
from pathlib import Path
from contract import ContractError, load_bundle
from bundle_builder import open_session
resource.setrlimit(resource.RLIMIT_AS, ({MEMORY_MIB} << 20,) * 2)
try:
    load_bundle(Path(sys.argv[1]), open_session)
except ContractError as problem:
    print(problem)
"""
NINE = range(1, 10)
LISTS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in NINE
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in NINE)
ENTITIES = (
    '<!DOCTYPE mujoco [<!ENTITY e0 "xxxxxxxxxx">'
    + "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in NINE)
    + ']><mujoco model="&e9;"/>'
)
ONE_ENTITY = f'<!DOCTYPE mujoco [<!ENTITY e "{"x" * (1 << 22)}">]><mujoco model="{"&e;" * 90}"/>'
KEYS = "{" + ",".join(f'"{n:x}":1' for n in range(200_000)) + "}"
OUTSIDE = '<!DOCTYPE mujoco [<!ENTITY e SYSTEM "file:///etc/hostname">]><mujoco model="m">&e;</mujoco>'


def said_of(bundle: Path) -> str:
    """The sentence with which it is refused, in a process with little memory."""
    path = os.pathsep.join([str(Path(__file__).parents[2]), str(Path(__file__).parents[1])])
    command = [sys.executable, "-c", LOAD, str(bundle)]
    env = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.count("\n") == 1 and len(done.stdout) < 600, done.stdout[:600]
    return done.stdout


@pytest.mark.parametrize(
    "file, content, word",
    [
        ("robot_config.yaml", f"{LISTS}actuator_names: *a9\n", "alias"),
        ("robot_config.yaml", f"{MERGES}joints: *a9\n", "alias"),
        ("robot_config.yaml", "a: 1\n" * (1 << 20), "characters"),
        ("robot_config.yaml", "[" * 100_000, "robot_config.yaml"),
        ("robot.xml", ENTITIES, "DOCTYPE"),
        ("robot.xml", ONE_ENTITY, "DOCTYPE"),
        ("robot.xml", f"<mujoco>{'<body/>' * 1_000_000}</mujoco>", "elements"),
        ("robot.xml", OUTSIDE, "DOCTYPE"),
        ("robot.xml", '<mujoco><include file="../../../etc/hostname"/></mujoco>', "out of the folder"),
        ("policy_spec.json", "[" * 100_000, "nested too deeply"),
        ("policy_spec.json", KEYS, "another product's file"),
        ("golden.json", "[" + "1," * (1 << 21) + "1]", "bytes, expected at most"),
        ("robot_config.yaml", "robot_name: " + ":".join(["1"] * 400_000), "digits"),
        ("golden.json", '{"observation": [[' + "1," * 10 + "1" * 5000 + "]]}", "golden.json"),
    ],
)
def test_it_is_refused_in_one_sentence_and_little_memory(tmp_path: Path, file: str, content: str, word: str) -> None:
    bundle = make_bundle(tmp_path / "b")
    replace_file(bundle, file, content.encode())
    assert word in said_of(bundle)


@pytest.mark.parametrize("location", ["/etc/hostname", "../secret", "../../../../../../etc/hostname"])
def test_a_network_whose_weights_lie_elsewhere_is_refused(tmp_path: Path, location: str) -> None:
    """ONNX can keep weights in other files; a bundle may not read what its checksums do not cover."""
    (tmp_path / "secret").write_bytes(bytes(1 << 20))
    bundle = make_bundle(tmp_path / "b")
    model = onnx.load(bundle / "policy.onnx")
    weight = next(each for each in model.graph.initializer if each.name.startswith("kernel"))
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=location)
    replace_file(bundle, "policy.onnx", model.SerializeToString())
    assert "policy.onnx" in said_of(bundle)
