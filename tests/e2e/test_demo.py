"""robotctl demo as a user runs it: a process, its exit code, its JSON, its pictures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import imageio_ffmpeg
import numpy as np
import onnx
import pytest
from bundle_builder import make_real_bundle, real_spec, zero_network
from onnx import numpy_helper
from PIL import Image

KEYS = [
    "ticks",
    "overruns",
    "fell",
    "faults",
    "distance_m",
    "mean_velocity_m_s",
    "mean_abs_torque_nm",
    "max_abs_torque_nm",
    "lateness_us",
    "tick_us",
    "command",
    "bundle",
    "hal",
]
PROGRAM = [sys.executable, "-c", "from robotd.ctl.cli import main; main()", "demo"]


class Demo(NamedTuple):
    """One finished run. strip is its filmstrip, frames (T, H, W, 3) its video at a fifth of the size."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def strip(self) -> np.ndarray:
        with Image.open(self.folder / "filmstrip.png") as image:
            assert image.format == "PNG"
            return np.asarray(image.convert("RGB")).astype(int)

    @property
    def frames(self) -> np.ndarray:
        assert (self.folder / "demo.mp4").read_bytes()[4:8] == b"ftyp"
        reader = imageio_ffmpeg.read_frames(str(self.folder / "demo.mp4"))
        width, height = next(reader)["size"]
        return np.array([np.frombuffer(frame, np.uint8).reshape(height, width, 3)[::5, ::5] for frame in reader], int)


def run_demo(bundle: Path | None, folder: Path, *arguments: str, gl: str | None = None) -> Demo:
    """Run it in a process of its own, headless; without a bundle the shipped one."""
    environment = {key: value for key, value in os.environ.items() if key != "MUJOCO_GL"}
    if gl is not None:
        environment["MUJOCO_GL"] = gl
    command = [*PROGRAM, "--headless", "--json", "--out", str(folder), *arguments]
    command += ["--bundle", str(bundle)] if bundle else []
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=400)
    print(done.stderr)
    return Demo(done.returncode, done.stdout, done.stderr, folder)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose policy holds home, which stands."""
    return make_real_bundle(tmp_path_factory.mktemp("bundles") / "home", zero_network(real_spec()))


@pytest.fixture(scope="module")
def falling(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose policy asks for everything at once, whatever it sees."""
    model = onnx.load_from_string(zero_network(real_spec()))
    (bias,) = [value for value in model.graph.initializer if value.name == "bias0"]
    bias.CopyFrom(numpy_helper.from_array(np.ones(11, np.float32), "bias0"))
    return make_real_bundle(tmp_path_factory.mktemp("bundles") / "full", model.SerializeToString())


@pytest.fixture(scope="module")
def demo(standing: Path, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Three seconds on the twin with one push."""
    return run_demo(standing, tmp_path_factory.mktemp("demo"), "--seconds", "3", "--velocity", "0.1")


def test_it_stands_and_says_so(demo: Demo) -> None:
    assert demo.code == 0, demo.err
    assert demo.json["fell"] is False
    assert demo.json["faults"] == []
    assert demo.json["ticks"] >= 0.99 * 50 * 3


def test_json_is_one_object_with_exactly_these_keys(demo: Demo, standing: Path) -> None:
    found = demo.json
    assert list(found) == KEYS
    for key in ("lateness_us", "tick_us"):
        assert list(found[key]) == ["p50", "p99", "max"]
        assert 0 < found[key]["p50"] <= found[key]["p99"] <= found[key]["max"]
    assert found["command"] == {"velocity": [0.1, 0.0, 0.0]}
    assert (found["bundle"], found["hal"]) == (str(standing), "sim")
    assert 0 < found["mean_abs_torque_nm"] < found["max_abs_torque_nm"] <= 4.0
    assert 0 <= found["distance_m"] < 0.1
    assert isinstance(found["overruns"], int)


def test_progress_is_shown_while_it_runs(demo: Demo) -> None:
    assert "homing" in demo.err and "active" in demo.err
    assert "\x1b" not in demo.err


def test_filmstrip_shows_the_push(demo: Demo) -> None:
    assert demo.strip.shape[0] > 600 and demo.strip.shape[1] > 1000
    assert np.std(demo.strip) > 20
    orange = np.abs(demo.strip - (226, 88, 20)).max(axis=2) < 12
    assert np.sum(orange) > 500


def test_video_plays_and_moves(demo: Demo) -> None:
    frames = demo.frames
    assert len(frames) >= 20
    assert np.max(np.abs(frames[0] - frames[len(frames) // 2])) > 40  # the push's arrow, the clock
    assert np.std(frames[0]) > 20


def test_a_policy_that_falls_gives_1_and_is_seen_on_the_floor(falling: Path, tmp_path: Path) -> None:
    demo = run_demo(falling, tmp_path, "--seconds", "3", "--push-n", "0", gl="disable")
    assert demo.code == 1
    assert demo.json["fell"] is True
    assert demo.json["faults"] != []
    assert demo.json["ticks"] < 150
    red = np.abs(demo.strip - (190, 42, 48)).max(axis=2) < 12
    assert np.sum(red) > 500
    frames = demo.frames
    assert np.mean(np.abs(frames[0] - frames[-1])) > 3


def test_mock_without_gl_still_draws(standing: Path, tmp_path: Path) -> None:
    demo = run_demo(standing, tmp_path, "--seconds", "3", "--hal", "mock", gl="no-such-gl")
    assert demo.code == 0, demo.err
    found = demo.json
    assert list(found) == KEYS
    assert found["hal"] == "mock" and found["fell"] is False
    assert found["mean_abs_torque_nm"] is None and found["max_abs_torque_nm"] is None
    assert found["ticks"] >= 0.99 * 50 * 3
    assert "libosmesa6" in demo.err
    assert np.std(demo.strip) > 20
    assert len(demo.frames) >= 10


def test_interrupt_stops_in_order_with_a_partial_summary(standing: Path, tmp_path: Path) -> None:
    command = [*PROGRAM, "--headless", "--bundle", str(standing), "--out", str(tmp_path), "--seconds", "300"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("active"):
            break
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in out and "ticks" in out
    assert "Traceback" not in err
    assert not (tmp_path / "demo.mp4").exists()


def test_the_shipped_policy_stands_while_it_is_pushed(tmp_path: Path) -> None:
    demo = run_demo(None, tmp_path, "--seconds", "10")
    assert demo.code == 0, demo.err
    assert demo.json["ticks"] >= 495
    assert demo.json["fell"] is False
    assert demo.json["bundle"].endswith("standing")


@pytest.mark.parametrize(("hal", "code"), [("mock", 0), ("sim", 2)])
def test_without_mujoco_there_is_the_mock_and_a_sentence(hal: str, code: int, standing: Path, tmp_path: Path) -> None:
    program = "import sys; sys.modules['mujoco'] = None; from robotd.ctl.cli import main; main()"
    arguments = ["demo", "--hal", hal, "--json", "--bundle", str(standing), "--out", str(tmp_path), "--seconds", "1"]
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stderr
    assert "pip install 'wildrobot[sim]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert bool(done.stdout) == (code == 0)
    assert list(tmp_path.iterdir()) == []
