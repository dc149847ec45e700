"""robotd as a process: refusals with one sentence and exit code 2, --check, and signals."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from bundle_builder import make_field_bundle, make_real_bundle, real_spec, replace_file, zero_network

START = "from robotd.daemon import main; main()"
WITHOUT_MUJOCO = f"import sys; sys.modules['mujoco'] = None; {START}"


def robotd(*arguments: object, code: str = START) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def refusal(*arguments: object, code: str = START) -> str:
    """The one sentence."""
    result = robotd(*arguments, code=code)
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("robotd: "), result.stderr
    return lines[0]


def test_without_config_the_robots_own_counts_where_it_is_there(
    zero_bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WILDROBOT_HOME", str(tmp_path))
    words = ("--bundle", zero_bundle_path, "--hal", "mock", "--check")
    assert robotd(*words).returncode == 0, "the defaults"
    own = tmp_path / "etc" / "robotd" / "robotd.yaml"
    own.parent.mkdir(parents=True)
    own.write_text(f"bundles: {{require_signature: true, trusted_keys: {{lab: '{'A' * 43}='}}}}\n")
    assert "sign" in refusal(*words)
    (tmp_path / "other.yaml").write_text("{}\n")
    assert robotd(*words, "--config", tmp_path / "other.yaml").returncode == 0
    own.write_text("realtime: {priority: 99}\n")
    assert f"{own}: realtime.priority" in refusal(*words)
    assert "/etc/robotd/robotd.yaml counts" in robotd("--help").stdout


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle to spoil."""
    return make_real_bundle(tmp_path / "bundle", zero_network(real_spec()))


def drop_home(bundle: Path) -> None:
    spec = json.loads((bundle / "policy_spec.json").read_text())
    del spec["robot"]["home_ctrl_rad"]
    spec["action"]["mapping_id"] = "pos_target_rad_v1"
    replace_file(bundle, "policy_spec.json", json.dumps(spec).encode())


def swap_joints_of_config(bundle: Path) -> None:
    config = yaml.safe_load((bundle / "robot_config.yaml").read_text())
    names = config["actuator_names"]
    names[0], names[5] = names[5], names[0]
    for key in ("joints", "home_pose_rad", "crouch_pose_rad"):
        config[key] = {name: config[key][name] for name in names}
    replace_file(bundle, "robot_config.yaml", yaml.safe_dump(config, sort_keys=False).encode())


def swap_joints_of_mjcf(bundle: Path) -> None:
    text = (bundle / "robot.xml").read_text()
    head, actuators = text.split("<actuator>")
    actuators = actuators.replace('joint="left_hip_pitch"', 'joint="?"', 1)
    actuators = actuators.replace('joint="right_hip_pitch"', 'joint="left_hip_pitch"', 1)
    actuators = actuators.replace('joint="?"', 'joint="right_hip_pitch"', 1)
    replace_file(bundle, "robot.xml", f"{head}<actuator>{actuators}".encode())


def flip_a_byte(bundle: Path) -> None:
    content = bytearray((bundle / "policy.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / "policy.onnx").write_bytes(content)


@pytest.mark.parametrize(
    "spoil, sentence",
    [
        (flip_a_byte, "sha256"),
        (lambda bundle: replace_file(bundle, "policy.onnx", b"broken"), "policy.onnx: operators cannot be read"),
        (lambda bundle: replace_file(bundle, "policy_spec.json", None), "policy_spec.json: file is missing"),
        (lambda bundle: replace_file(bundle, "robot.xml", None), "robot.xml: file is missing, expected"),
        (drop_home, "home_ctrl_rad"),
        (swap_joints_of_config, "joint 0 is 'right_hip_pitch', expected 'left_hip_pitch'"),
        (swap_joints_of_mjcf, "joint 0 is 'right_hip_pitch', expected 'left_hip_pitch'"),
    ],
)
def test_a_bundle_that_does_not_fit_is_refused(bundle: Path, spoil: Callable[[Path], None], sentence: str) -> None:
    spoil(bundle)
    assert sentence in refusal("--bundle", bundle, "--hal", "sim", "--check")


def test_a_bundle_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "no such bundle folder" in refusal("--bundle", tmp_path / "none", "--hal", "mock")


def test_a_field_bundle_without_home_is_refused_on_every_hal(tmp_path: Path) -> None:
    bundle = make_field_bundle(tmp_path / "old")
    assert "robot.home_ctrl_rad is missing" in refusal("--bundle", bundle, "--hal", "mock", "--check")


def test_an_unknown_hal_lists_the_known_ones(bundle: Path) -> None:
    sentence = refusal("--bundle", bundle, "--hal", "moon")
    assert sentence.endswith("--hal moon: no such hardware (known: bench, emulated, mock, real, sim)")


def test_without_devices_real_is_not_reachable_in_one_sentence(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WILDROBOT_HOME", str(tmp_path))
    for check in ([], ["--check"]):
        result = robotd("--bundle", bundle, "--hal", "real", *check)
        assert (result.returncode, result.stdout) == (3, "")
        (sentence,) = result.stderr.splitlines()
        assert sentence == (
            "robotd: --hal real: /dev/servo_left_leg: no such port; plug the adapter in, or name another port"
        )


def test_wires_of_another_robot_are_refused_not_unreachable(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WILDROBOT_HOME", str(tmp_path))
    config = tmp_path / "robotd.yaml"
    config.write_text("hardware: {joints: {hip: {bus: upper, servo_id: 1}}, calibration: {hip: {}}}")
    assert "no wire for left_hip_pitch" in refusal("--bundle", bundle, "--hal", "real", "--config", config)


def test_sim_without_mujoco_says_how_to_get_it(bundle: Path) -> None:
    sentence = refusal("--bundle", bundle, "--hal", "sim", code=WITHOUT_MUJOCO)
    assert "MuJoCo" in sentence and "pip install 'wildrobot[sim]'" in sentence
    assert robotd("--bundle", bundle, "--hal", "mock", "--check", code=WITHOUT_MUJOCO).returncode == 0


def test_a_config_error_names_file_and_key(bundle: Path, tmp_path: Path) -> None:
    config = tmp_path / "robotd.yaml"
    config.write_text("safety: {tilt_deg: 90}\n")
    sentence = refusal("--bundle", bundle, "--hal", "mock", "--config", config)
    assert f"{config}: safety.tilt_deg: found 90" in sentence


@pytest.mark.parametrize(
    "arguments, word",
    [((), "--bundle"), (("--bundel", "x"), "--bundle"), (("--bundle", "b", "left-over"), "left-over")],
)
def test_wrong_usage_is_one_sentence_too(arguments: tuple[str, ...], word: str) -> None:
    assert word in refusal(*arguments)


@pytest.mark.parametrize("hal", ["sim", "mock", "emulated"])
def test_check_reports_and_starts_nothing(bundle: Path, hal: str) -> None:
    result = robotd("--bundle", bundle, "--hal", hal, "--check")
    assert result.returncode == 0 and result.stderr == ""
    assert "verified" in result.stdout and "11 joints" in result.stdout and hal in result.stdout


def test_check_names_the_robot_and_each_policy() -> None:
    """By its name, which ships."""
    result = robotd("--bundle", "wildrobot", "--hal", "mock", "--check")
    rows = {line.split(maxsplit=1)[0]: line.split(maxsplit=1)[1] for line in result.stdout.splitlines()}
    assert rows["robot"] == "wildrobot, 11 joints"
    assert rows["policy"].startswith("standing, observation ") and rows["policy"].endswith(", also walking")


def test_a_stale_checksum_is_a_warning_where_it_is_allowed(bundle: Path) -> None:
    (bundle / "metrics.json").write_text("{}")
    sentence = refusal("--bundle", bundle, "--hal", "mock", "--check")
    assert "metrics.json" in sentence and "sha256" in sentence
    result = robotd("--bundle", bundle, "--hal", "mock", "--check", "--allow-unverified")
    assert result.returncode == 0 and "NOT VERIFIED" in result.stdout and "metrics.json" in result.stderr


@pytest.mark.parametrize("number, code", [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_in_an_orderly_way(bundle: Path, tmp_path: Path, number: int, code: int) -> None:
    command = [sys.executable, "-c", START, "--bundle", str(bundle), "--hal", "mock"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "WILDROBOT_HOME": str(tmp_path / "home")}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stderr is not None
        begun = "".join(itertools.takewhile(lambda line: "mode idle" not in line, iter(process.stderr.readline, "")))
        assert "running in idle, a simulated robot (--hal mock), no servo moves, torque off" in begun
        process.send_signal(number)
        rest = process.stderr.read()
        assert process.wait(timeout=60) == code and "ended in idle" in rest
    finally:
        process.kill()
        process.wait()
