"""Builds specs, networks and whole bundles for tests, from a few numbers. No jax, no mujoco."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import yaml
from onnx import TensorProto, helper, numpy_helper

from contract.bundle_files import save_bundle
from contract.observation import TERMS
from contract.paths import assets_dir
from contract.robot_config import load_robot_config
from contract.spec import PolicySpec
from contract.spec_reader import parse_spec

CANONICAL_LAYOUT = (
    "gravity_local",
    "angvel_heading_local",
    "joint_pos_normalized",
    "joint_vel_normalized",
    "foot_switches",
    "prev_action",
    "velocity_cmd",
)
WALKING_LAYOUT = (*CANONICAL_LAYOUT, "phase_sin_cos", "velocity_cmd_lateral_yaw")
FIELD_LAYOUT = (*CANONICAL_LAYOUT, "padding")
LEG = ("hip_pitch", "hip_roll", "knee_pitch", "ankle_pitch", "foot_roll")
ROBOT_NAMES = (*(f"{side}_{joint}" for side in ("left", "right") for joint in LEG), "waist_yaw")


def joint_names(joints: int) -> tuple[str, ...]:
    """The robot's own eleven, or as many others as asked for."""
    return ROBOT_NAMES if joints == len(ROBOT_NAMES) else tuple(f"joint_{i:02d}" for i in range(joints))


def make_spec_data(
    joints: int = 11,
    layout: Iterable[str] = CANONICAL_LAYOUT,
    mapping_id: str = "pos_target_home_v1",
    alpha: float | None = 0.3,
    delay: int = 0,
    gait_period_s: float | None = None,
    ctrl_dt: float = 0.02,
) -> dict[str, Any]:
    """policy_spec.json as plain data. Ranges, signs and homes differ from joint to joint; alpha None: no filter."""
    names = joint_names(joints)
    low = [-1.2 + 0.05 * i for i in range(joints)]
    high = [0.5 + 0.04 * i for i in range(joints)]
    robot = {
        "robot_name": "test_robot",
        "actuator_names": list(names),
        "joints": {
            name: {
                "range_min_rad": low[i],
                "range_max_rad": high[i],
                "max_velocity_rad_s": 5.0 + 0.1 * i,
                "policy_action_sign": -1.0 if i % 3 == 1 else 1.0,
            }
            for i, name in enumerate(names)
        },
        "home_ctrl_rad": [0.75 * low[i] + 0.25 * high[i] if i % 2 else 0.0 for i in range(joints)],
    }
    return spec_data_for(robot, layout, mapping_id, alpha, delay, gait_period_s, ctrl_dt)


def real_spec_data(
    layout: Iterable[str] = CANONICAL_LAYOUT,
    mapping_id: str = "pos_target_home_v1",
    alpha: float | None = 0.3,
    delay: int = 0,
    gait_period_s: float | None = None,
    ctrl_dt: float = 0.02,
) -> dict[str, Any]:
    """The same for the robot of assets/robot_config.yaml."""
    config = load_robot_config(assets_dir() / "robot_config.yaml")
    joints = {
        name: {
            "range_min_rad": joint.range_min_rad,
            "range_max_rad": joint.range_max_rad,
            "max_velocity_rad_s": joint.max_velocity_rad_s,
            "policy_action_sign": float(joint.policy_action_sign),
        }
        for name, joint in config.joints.items()
    }
    robot = {
        "robot_name": config.robot_name,
        "actuator_names": list(config.actuator_names),
        "joints": joints,
        "home_ctrl_rad": [config.home_pose_rad[name] for name in config.actuator_names],
    }
    return spec_data_for(robot, layout, mapping_id, alpha, delay, gait_period_s, ctrl_dt)


def spec_data_for(
    robot: dict[str, Any],
    layout: Iterable[str],
    mapping_id: str,
    alpha: float | None,
    delay: int,
    gait_period_s: float | None,
    ctrl_dt: float,
) -> dict[str, Any]:
    """A whole spec around a robot section; the sizes follow from the layout."""
    joints = len(robot["actuator_names"])
    entries = [{"name": name, "size": TERMS[name].size(joints) if name in TERMS else 1} for name in layout]
    if gait_period_s is None and any(entry["name"] == "phase_sin_cos" for entry in entries):
        gait_period_s = 0.6
    action: dict[str, Any] = {"postprocess_id": "none", "mapping_id": mapping_id}
    if alpha is not None:
        action |= {"postprocess_id": "lowpass_v1", "postprocess_params": {"alpha": alpha}}
    if mapping_id == "pos_target_home_scaled_v1":
        action["scale_rad"] = [0.2 + 0.02 * i for i in range(joints)]
    runtime: dict[str, Any] = {"ctrl_dt": ctrl_dt, "action_delay_steps": delay}
    if gait_period_s is not None:
        runtime["gait_period_s"] = gait_period_s
    return {
        "contract_name": "wildrobot_policy",
        "contract_version": "1.1.0",
        "spec_version": 2,
        "model": {"obs_dim": sum(entry["size"] for entry in entries), "action_dim": joints},
        "robot": robot,
        "observation": {"layout_id": "test", "layout": entries},
        "action": action,
        "runtime": runtime,
        "provenance": {"created_at": "2026-01-01T00:00:00Z", "package_version": "0.1.0"},
    }


def make_spec(**options: Any) -> PolicySpec:
    """A validated spec; takes what `make_spec_data` takes."""
    return parse_spec(make_spec_data(**options))[0]


def real_spec(**options: Any) -> PolicySpec:
    """A validated spec of the robot in assets; takes what `real_spec_data` takes."""
    return parse_spec(real_spec_data(**options))[0]


def zero_network(spec: PolicySpec) -> bytes:
    """ONNX that answers every observation with zeros: hold home."""
    return random_network(spec, hidden=(), gain=0.0)


def random_network(spec: PolicySpec, seed: int = 0, hidden: tuple[int, ...] = (16, 16), gain: float = 0.5) -> bytes:
    """ONNX as the trainer exports it: normalise, clip, then layers with ELU between them."""
    rng = np.random.default_rng(seed)
    size, joints = spec.model.obs_dim, spec.model.action_dim
    weights = {"mean": rng.normal(0, 0.1, size), "deviation": rng.uniform(0.5, 2.0, size)}
    nodes = [
        helper.make_node("Sub", ["observation", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "deviation"], ["scaled"]),
        helper.make_node("Clip", ["scaled", "low", "high"], ["x0"]),
    ]
    weights |= {"low": np.array(-10.0), "high": np.array(10.0)}
    sizes = (size, *hidden, joints)
    for i, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        scale = gain if i == len(hidden) else 1.0
        weights[f"kernel{i}"] = rng.normal(0, scale / np.sqrt(inputs), (inputs, outputs))
        weights[f"bias{i}"] = rng.normal(0, 0.1 * scale, outputs)
        last = i == len(hidden)
        nodes.append(helper.make_node("Gemm", [f"x{i}", f"kernel{i}", f"bias{i}"], ["action" if last else f"y{i}"]))
        if not last:
            nodes.append(helper.make_node("Elu", [f"y{i}"], [f"x{i + 1}"]))
    return _model_bytes(nodes, weights, size, joints)


def _model_bytes(nodes: list[Any], weights: Mapping[str, Any], size: int, joints: int) -> bytes:
    graph = helper.make_graph(
        nodes,
        "policy",
        [helper.make_tensor_value_info("observation", TensorProto.FLOAT, [1, size])],
        [helper.make_tensor_value_info("action", TensorProto.FLOAT, [1, joints])],
        [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def open_session(network: bytes) -> Any:
    """Opens a network as `load_bundle` wants it: ValueError where it cannot be opened or run."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return _Session(onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"]))
    except RUNTIME_ERRORS as problem:
        raise ValueError(str(problem)) from None


class _Session:
    def __init__(self, inner: Any) -> None:
        self._inner, self.get_inputs, self.get_outputs = inner, inner.get_inputs, inner.get_outputs

    def run(self, output_names: Any, input_feed: Any) -> Any:
        try:
            return self._inner.run(output_names, input_feed)
        except RUNTIME_ERRORS as problem:
            raise ValueError(str(problem)) from None


_STATE = onnxruntime.capi.onnxruntime_pybind11_state
RUNTIME_ERRORS = (
    _STATE.Fail,
    _STATE.InvalidArgument,
    _STATE.InvalidGraph,
    _STATE.InvalidProtobuf,
    _STATE.NoSuchFile,
    _STATE.NotImplemented,
    _STATE.RuntimeException,
)


def golden_json(spec: PolicySpec, network: bytes, rows: int = 8, seed: int = 1) -> bytes:
    """golden.json: what this network gives for some random observations."""
    session = open_session(network)
    observations = np.random.default_rng(seed).normal(0, 1, (rows, spec.model.obs_dim)).astype(np.float32)
    actions = [session.run(None, {"observation": row[None, :]})[0][0].tolist() for row in observations]
    return to_json({"observation": observations.tolist(), "action": actions, "tolerance": 1e-4})


def robot_config_data(spec: PolicySpec) -> dict[str, Any]:
    """robot_config.yaml for the spec's robot, with every joint its own mirror image."""
    home = dict(zip(spec.robot.actuator_names, [float(v) for v in spec.robot.home], strict=True))
    joints = {
        name: {
            "range_min_rad": spec.robot.joints[name].range_min_rad,
            "range_max_rad": spec.robot.joints[name].range_max_rad,
            "max_velocity_rad_s": spec.robot.joints[name].max_velocity_rad_s,
            "max_torque_nm": 4.0,
            "policy_action_sign": int(spec.robot.joints[name].policy_action_sign),
            "symmetric_joint": name,
            "symmetry_sign": 1,
        }
        for name in spec.robot.actuator_names
    }
    return {
        "robot_name": spec.robot.robot_name,
        "model": "robot.xml",
        "actuator_names": list(spec.robot.actuator_names),
        "joints": joints,
        "home_pose_rad": home,
        "crouch_pose_rad": dict(home),
        "foot_switches": ["left_toe", "left_heel", "right_toe", "right_heel"],
        "imu": {"body": "trunk", "site": "imu"},
        "base": {"body": "trunk", "standing_height_m": 0.4},
        "total_mass_kg": 3.0,
    }


def robot_xml(names: Iterable[str]) -> bytes:
    """A small MJCF with a chain of joints and their position actuators in the given order."""
    names = tuple(names)
    bodies = "".join(
        f'<body pos="0 0 0.05"><joint name="{n}" axis="0 1 0"/><geom type="sphere" size="0.02"/>' for n in names
    )
    actuators = "".join(f'<position name="{n}_motor" joint="{n}" kp="20"/>' for n in names)
    text = (
        '<mujoco model="test_robot"><worldbody><body name="trunk"><freejoint/><geom size="0.05"/><site name="imu"/>'
        f"{bodies}{'</body>' * len(names)}</body></worldbody><actuator>{actuators}</actuator></mujoco>\n"
    )
    return text.encode()


def make_files(
    data: Mapping[str, Any] | None = None, network: bytes | None = None, golden: bool = True, snapshots: bool = True
) -> dict[str, bytes]:
    """The files of a complete bundle: relative name -> content, ready for `save_bundle`."""
    data = make_spec_data() if data is None else data
    spec = parse_spec(data)[0]
    network = random_network(spec) if network is None else network
    files = {
        "policy_spec.json": to_json(data),
        "policy.onnx": network,
        "training_config.yaml": b"task: standing\nseed: 0\n",
        "metrics.json": to_json({"reward": 1.0}),
    }
    if golden:
        files["golden.json"] = golden_json(spec, network)
    if snapshots:
        files["robot_config.yaml"] = to_yaml(robot_config_data(spec))
        files["robot.xml"] = robot_xml(spec.robot.actuator_names)
    return files


def make_bundle(path: Path, data: Mapping[str, Any] | None = None, **options: Any) -> Path:
    """A complete bundle folder that loads without a warning; options as in `make_files`."""
    save_bundle(path, make_files(data, **options))
    return path


def make_real_bundle(path: Path, network: bytes | None = None, **options: Any) -> Path:
    """A bundle for the robot in assets, with its own config and MJCF; options as in `real_spec_data`."""
    from contract.mjcf import flatten_mjcf

    files = make_files(real_spec_data(**options), network)
    files["robot_config.yaml"] = (assets_dir() / "robot_config.yaml").read_bytes()
    files["robot.xml"] = flatten_mjcf(assets_dir() / "wildrobot.xml").encode()
    save_bundle(path, files)
    return path


def field_spec_data(joints: int = 11, home: bool = False) -> dict[str, Any]:
    """A spec as older tools wrote it: contract 1.0.0, `mirror_sign`, padding, neither runtime nor provenance."""
    data = make_spec_data(joints, FIELD_LAYOUT, mapping_id="pos_target_rad_v1", alpha=0.5)
    data["contract_version"] = "1.0.0"
    del data["runtime"], data["provenance"]
    if not home:
        del data["robot"]["home_ctrl_rad"]
    for joint in data["robot"]["joints"].values():
        joint["mirror_sign"] = joint.pop("policy_action_sign")
    return data


def make_field_bundle(path: Path, joints: int = 11, stale: bool = False, home: bool = False) -> Path:
    """A bundle as found in the field: no golden file, robot_config.yaml in a foreign schema; stale: old checksums."""
    files = make_files(field_spec_data(joints, home), golden=False)
    names = joint_names(joints)
    foreign = {"generated_at": "2024", "actuated_joint_specs": [{"name": n, "range": [-1, 1]} for n in names]}
    save_bundle(path, {**files, "robot_config.yaml": to_yaml(foreign)})
    if stale:
        (path / "metrics.json").write_bytes(b"{}\n")
    return path


def make_deployment(path: Path, policies: Mapping[str, Mapping[str, Any]], default: str) -> Path:
    """Several policies (name -> spec data) in one bundle, each complete in a folder of its name."""
    files = {"deployment.json": to_json({"policies": {n: n for n in policies}, "default": default})}
    for name, data in policies.items():
        inner = make_files(data)
        inner["checksums.json"] = to_json({n: hashlib.sha256(c).hexdigest() for n, c in inner.items()})
        files |= {f"{name}/{file}": content for file, content in inner.items()}
    save_bundle(path, files)
    return path


def replace_file(path: Path, name: str, content: bytes | None) -> None:
    """Change or remove (None) one file of a bundle and make the checksums again, as a careless person would."""
    if content is None:
        (path / name).unlink()
    else:
        (path / name).write_bytes(content)
    remake_checksums(path)


def remake_checksums(path: Path) -> None:
    """checksums.json for what lies in the folder now."""
    files = sorted(p for p in path.rglob("*") if p.is_file() and p != path / "checksums.json")
    sums = {str(p.relative_to(path)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}
    (path / "checksums.json").write_bytes(to_json(sums))


def to_json(data: Any) -> bytes:
    return (json.dumps(data, indent=2) + "\n").encode()


def to_yaml(data: Any) -> bytes:
    return bytes(yaml.safe_dump(data, sort_keys=False, encoding="utf-8"))
