"""What the fuzz campaign found, each as a file like the one: refused with one short sentence, no traceback."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kill_victims import small_black_box

from contract import ConfigError, SpecError, assets_dir, load_robot_config
from contract.robot_params import load_robot_params
from contract.spec_reader import parse_spec
from robotd.blackbox_layout import MAGIC, BlackBoxError
from robotd.blackbox_reader import BlackBoxFile
from robotd.calibration import CalibrationError, load_calibration
from robotd.config import ConfigFileError, load_config
from robotd.ctl.calibration.prompts import read_answers
from robotd.ctl.refusal import Refusal
from robotd.limp_plan import read_plan
from trainer.config import load_train_config

LONGEST = 1000


def _robot_params(path: Path) -> object:
    return load_robot_params(path, load_robot_config(assets_dir() / "robot_config.yaml"))


READERS: dict[str, tuple[Callable[[Path], object], type[Exception]]] = {
    "robotd.yaml": (load_config, ConfigFileError),
    "calibration.yaml": (load_calibration, CalibrationError),
    "robot_config.yaml": (load_robot_config, ConfigError),
    "robot_params.yaml": (_robot_params, ConfigError),
    "training.yaml": (load_train_config, ConfigError),
    "answers.yaml": (read_answers, Refusal),
}
TEXTS = {
    "nested deeply": "[" * 3000,
    "a mapping nested deeply": "{a: " * 3000,
    "a date that no month has": "robot_name: 2001-13-40",
    "a number without digits": "robot_name: 0x_",
    "a number of thousands of digits": f"robot_name: 0x{'f' * 5000}",
    "a number tag with nothing": "robot_name: !!int ''",
    "a truth that is none": "robot_name: !!bool x",
    "a time stamp that is none": "robot_name: !!timestamp x",
    "aliases of aliases": "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]",
    "an anchor inside of itself": "robot_name: &a [*a]",
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("text", TEXTS)
def test_a_yaml_file_that_breaks_readers(name: str, text: str, tmp_path: Path) -> None:
    read, refusal = READERS[name]
    path = tmp_path / name
    path.write_text(TEXTS[text] + "\n")
    with pytest.raises(refusal) as caught:
        read(path)
    said = str(getattr(caught.value, "message", None) or caught.value)
    assert "\n" not in said and 10 < len(said) < LONGEST
    assert name in said


@pytest.mark.parametrize("name", [name for name in READERS if name != "answers.yaml"])
@pytest.mark.parametrize("text", [f"robot: {'x' * 5000}", f"? {'x' * 5000}\n: 1", f"[{'[1], ' * 2000}]"])
def test_a_sentence_does_not_repeat_the_whole_file(name: str, text: str, tmp_path: Path) -> None:
    read, refusal = READERS[name]
    path = tmp_path / name
    path.write_text(text + "\n")
    with pytest.raises(refusal) as caught:
        read(path)
    assert len(str(caught.value)) < LONGEST


def test_a_joint_whose_name_breaks_the_line(tmp_path: Path) -> None:
    text = (assets_dir() / "robot_config.yaml").read_text()
    path = tmp_path / "robot_config.yaml"
    path.write_text(text.replace("- waist_yaw", '- "\\n"', 1))
    with pytest.raises(ConfigError) as caught:
        load_robot_config(path)
    assert "\n" not in str(caught.value) and "left_hip_roll" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"baud": 1e999, "buses": {}}', '{"baud": 1, "buses": {"a": ["p", [1e999]]}}']
)
def test_a_limp_plan_that_breaks_readers_is_none(text: str, tmp_path: Path) -> None:
    path = tmp_path / "limp.json"
    path.write_text(text)
    assert read_plan(path) is None


@pytest.mark.parametrize("key", ["contract_name", "contract_version", "spec_version"])
def test_a_spec_whose_versions_are_whole_mappings(key: str) -> None:
    data = json.loads((assets_dir() / "bundles" / "standing" / "policy_spec.json").read_text())
    with pytest.raises(SpecError) as caught:
        parse_spec(data | {key: data})
    said = str(caught.value)
    assert len(said) < LONGEST and said.startswith(f"policy_spec.json: {key}") and "expected" in said


BROKEN_HEADERS: dict[str, dict[str, Any]] = {
    "no time between ticks": {"ctrl_dt": 0.0},
    "time as text": {"ctrl_dt": "0.02"},
    "a clock as a list": {"clock_s": []},
    "a place as a mapping": {"first_at": {}},
    "a place before the file": {"first_at": -4096},
    "no size": {"capacity": 10**400},
    "events without numbers": {"events": {"ARM": "2"}},
    "events beyond any bit": {"events": {"ARM": 2**70}},
    "faults as a list": {"faults": []},
    "modes as a number": {"modes": 3},
    "columns of objects": {"columns": [{"name": "a", "type": "O", "shape": [], "kind": "x", "varies": False}]},
    "time that is none": {"wall_s": float("nan")},
}


@pytest.mark.parametrize("name", BROKEN_HEADERS)
def test_a_black_box_whose_header_is_whole_and_makes_no_sense(name: str, tmp_path: Path) -> None:
    path = _black_box(tmp_path, lambda header: header | BROKEN_HEADERS[name])
    with pytest.raises(BlackBoxError, match=r"has a header (whose sizes do not agree|of another robotd)"):
        BlackBoxFile(path)


@pytest.mark.parametrize("column_name", ["", "time_s", "crc"])
def test_a_black_box_with_a_column_that_cannot_be_asked_for(column_name: str, tmp_path: Path) -> None:
    def rename(header: dict[str, Any]) -> dict[str, Any]:
        first, *others = header["columns"]
        return header | {"columns": [first | {"name": column_name}, *others]}

    with pytest.raises(BlackBoxError, match=r"has a header (whose sizes do not agree|of another robotd)"):
        BlackBoxFile(_black_box(tmp_path, rename))


def _black_box(folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Path:
    """A black box whose header was changed and is whole again."""
    whole = small_black_box()
    (length,) = struct.unpack_from("<I", whole, len(MAGIC))
    at = len(MAGIC) + 8
    header = json.loads(whole[at : at + length])
    data = json.dumps(change(header)).encode()
    path = folder / "blackbox.bin"
    start = MAGIC + struct.pack("<II", len(data), zlib.crc32(data)) + data
    path.write_bytes(start.ljust(header["first_at"], b"\0") + whole[header["first_at"] :])
    return path
