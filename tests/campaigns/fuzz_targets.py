"""What is fuzzed: every reader of something that may come from outside, with valid inputs to mutate.

A target takes mutated bytes as its reader finds them, on a wire or in a file, and says whether it accepted them. Only
the reader's own errors are a refusal; anything else that is raised is a find.
"""

from __future__ import annotations

import json
import random
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgpack
import yaml
from fuzz_target import Target, check_sentence, file_feed, folder, yaml_target
from mutation import JSON_WORDS, as_json, mutate_bytes, mutate_text, mutate_tree

from contract import ContractError, assets_dir, load_bundle, load_robot_config
from contract.mjcf import read_mjcf
from contract.onnx_operators import check_operators
from contract.onnx_weights import check_weights
from contract.robot_params import load_robot_params
from robotd import wire
from robotd.blackbox_layout import MAGIC, BlackBoxError
from robotd.blackbox_reader import BlackBoxFile
from robotd.calibration import CalibrationError, load_calibration, save_calibration
from robotd.config import ConfigFileError, RobotdConfig, load_config
from robotd.limp_plan import leave_plan, plan_of, read_plan
from robotd.messages import ANSWERS, REQUESTS, MessageError

STANDING = assets_dir() / "bundles" / "standing"


# The socket


def _messages() -> Target:
    kinds = {**REQUESTS, **ANSWERS}
    names = sorted(kinds)
    fields = {name: list(getattr(kinds[name], "__dataclass_fields__", {})) for name in names}

    def make(dice: random.Random) -> bytes:
        name = dice.choice(names)
        values = {field: dice.choice((0, 1, 0.5, "standing", True, None, [], {}, -1e9)) for field in fields[name]}
        body: Any = [1, name, dice.randrange(2**32), values]
        act = dice.randrange(4)
        if act == 0:
            body = mutate_tree(body, dice)
        try:
            packed = msgpack.packb(body)
        except (OverflowError, ValueError):
            packed = b"\xc1"
        if act == 1:
            packed = mutate_bytes(packed, dice)
        frame = struct.pack(">I", len(packed)) + packed
        return mutate_bytes(frame, dice) if act == 2 else frame

    def feed(data: bytes) -> bool:
        accepted = False
        for codec, most in ((wire.requests, wire.MAX_REQUEST), (wire.answers, wire.MAX_ANSWER)):
            frames = wire.Frames(most)
            try:
                frames.feed(data)
                for body in wire.bodies(frames):
                    codec.decode(body)  # type: ignore[attr-defined]
                    accepted = True
            except MessageError as problem:
                check_sentence(str(problem))
        return accepted

    return Target(make, feed, (MessageError,))


# Bundles


class _Session:
    """A network of the standing policy's size that answers zeros."""

    def __init__(self, content: bytes) -> None:
        model = json.loads((STANDING / "policy_spec.json").read_text())["model"]
        self._out = model["action_dim"]
        self._ports = [_Port(model.get("input_name", "observation"), [1, model["obs_dim"]])]
        self._answers = [_Port(model.get("output_name", "action"), [1, model["action_dim"]])]

    def get_inputs(self) -> list[Any]:
        """One."""
        return self._ports

    def get_outputs(self) -> list[Any]:
        """One."""
        return self._answers

    def run(self, names: Any, feed: Any) -> Any:
        """Zeros."""
        import numpy as np

        return [np.zeros((1, self._out), np.float32)]


class _Port(NamedTuple):
    name: str
    shape: list[int]
    type: str = "tensor(float)"


def _bundle(*files: str) -> Target:
    """A bundle in which one of these files is not what it should be, loaded unverified."""
    trees = {name: json.loads((STANDING / name).read_text()) for name in files if name.endswith(".json")}
    texts = {name: (STANDING / name).read_text() for name in files}
    kept = {name: (STANDING / name).read_bytes() for name in ("policy_spec.json", "policy.onnx")}

    def make(dice: random.Random) -> bytes:
        name = dice.choice(files)
        if name in trees and dice.random() < 0.6:
            data = as_json(mutate_tree(trees[name], dice))
        elif name in trees:
            data = mutate_text(texts[name], JSON_WORDS, dice)
        else:
            data = mutate_bytes(texts[name].encode(), dice)
        return name.encode() + b"\n" + data

    def feed(data: bytes) -> bool:
        name, _, content = data.partition(b"\n")
        if name not in [each.encode() for each in files]:
            return False  # whoever mutates this line means no file of a bundle
        path = folder() / "bundle"
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        for each, whole in kept.items():
            (path / each).write_bytes(whole)
        (path / name.decode()).write_bytes(content)
        load_bundle(path, _Session, allow_unverified=True)
        return True

    return Target(make, feed, (ContractError,))


def _weights() -> Target:
    network = (STANDING / "policy.onnx").read_bytes()

    def feed(data: bytes) -> bool:
        check_operators(data, "policy.onnx")
        check_weights(data, "policy.onnx")
        return True

    return Target(lambda dice: mutate_bytes(network, dice, 8), feed, (ContractError,))


# Black boxes


def _black_box() -> Target:
    from kill_victims import small_black_box

    whole = small_black_box()
    length, _ = struct.unpack_from("<II", whole, len(MAGIC))
    at = len(MAGIC) + 8
    header = json.loads(whole[at : at + length])

    def make(dice: random.Random) -> bytes:
        if dice.random() < 0.4:
            return mutate_bytes(whole, dice, 12)
        data = as_json(mutate_tree(header, dice))  # with a right checksum: only its content can tell
        start = MAGIC + struct.pack("<II", len(data), zlib.crc32(data)) + data
        return start.ljust(header["first_at"], b"\0") + whole[header["first_at"] :]

    def read(path: Path) -> None:
        with BlackBoxFile(path) as file:
            scan = file.scan()
            for row in file.rows(scan, last_s=0.1):
                file.wall_s(row)
                for name in file.columns:
                    file.plain(row, name)

    return Target(make, file_feed("blackbox.bin", read), (BlackBoxError,))


# Files


def _mjcf() -> Target:
    text = (STANDING / "robot.xml").read_text()
    words = ("<include file='robot.xml'/>", "<include/>", "<!DOCTYPE a [<!ENTITY b 'c'>]>", "&b;", "</a>", "<actuator>")

    def make(dice: random.Random) -> bytes:
        return mutate_text(text, words, dice)

    return Target(make, file_feed("robot.xml", read_mjcf), (ContractError,))


def _limp_plan() -> Target:
    path = folder() / "plan.json"
    leave_plan(plan_of(RobotdConfig().hardware), path)
    text = path.read_text()
    tree = json.loads(text)

    def make(dice: random.Random) -> bytes:
        return as_json(mutate_tree(tree, dice)) if dice.random() < 0.6 else mutate_text(text, JSON_WORDS, dice)

    def feed(data: bytes) -> bool:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return read_plan(path) is not None

    return Target(make, feed, ())


def _calibration() -> Target:
    from kill_victims import a_calibration

    path = folder() / "written.yaml"
    save_calibration(path, a_calibration(1))
    return yaml_target(path.read_text(), "calibration.yaml", load_calibration, CalibrationError)


def _robotd_yaml() -> Target:
    text = yaml.safe_dump(RobotdConfig().model_dump(mode="json"), sort_keys=False)
    return yaml_target(text, "robotd.yaml", load_config, ConfigFileError)


def _robot_config() -> Target:
    text = (assets_dir() / "robot_config.yaml").read_text()
    return yaml_target(text, "robot_config.yaml", load_robot_config, ContractError)


PARAMS = """robot_name: wildrobot
control_latency_s: {value: 0.012, uncertainty: 0.002}
joint_friction:
  left_knee_pitch: {value: 1.2, uncertainty: 0.1}
joint_offset_rad: {value: -0.01, uncertainty: 0.01}
mass_kg: {value: 3.4, uncertainty: 0.05}
"""


def _robot_params() -> Target:
    config = load_robot_config(assets_dir() / "robot_config.yaml")
    return yaml_target(PARAMS, "robot_params.yaml", lambda path: load_robot_params(path, config), ContractError)


def _training_yaml() -> Target:
    from trainer.config import load_train_config

    configs = Path(__file__).resolve().parents[2] / "trainer" / "configs"
    text = (configs / "walking.yaml").read_text()
    return yaml_target(text, "training.yaml", load_train_config, ContractError)


def _answers() -> Target:
    from robotd.ctl.calibration.prompts import read_answers
    from robotd.ctl.refusal import Refusal

    text = 'servos.left_knee_pitch: "yes"\nhome.stand: enter\nfeet: [1, 2]\n'
    return yaml_target(text, "answers.yaml", read_answers, Refusal)


TARGETS: dict[str, Callable[[], Target]] = {
    "socket messages": _messages,
    "policy_spec.json": lambda: _bundle("policy_spec.json"),
    "golden and checksums": lambda: _bundle("golden.json", "checksums.json"),
    "network weights": _weights,
    "black box": _black_box,
    "robotd.yaml": _robotd_yaml,
    "calibration.yaml": _calibration,
    "robot_config.yaml": _robot_config,
    "robot_params.yaml": _robot_params,
    "training YAML": _training_yaml,
    "answers of a person": _answers,
    "robot.xml": _mjcf,
    "limp plan": _limp_plan,
}
