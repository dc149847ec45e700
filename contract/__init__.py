"""The policy contract: what a policy sees and says. Both the trainer and the robot obey this one implementation."""

from .action import PoseCheck, action_to_target, advance, check_pose, reachable_range, target_to_action
from .bundle import Bundle, load_bundle, load_deployment
from .bundle_files import save_bundle
from .errors import BundleError, ChecksumError, ConfigError, ContractError, SpecError
from .frames import angvel_heading_local, gravity_local, normalize_quat, rotate, tilt_rad
from .golden_poses import GOLDEN_POSES, GoldenPose, check_golden_pose
from .network import Network, OpenSession
from .observation import TERMS, make_layout, observe
from .paths import assets_dir
from .robot_config import RobotConfig, load_robot_config
from .signals import FOOT_SWITCHES, Command, PolicyState, Signals, initial_state
from .spec import (
    ActionSpec,
    CommandRange,
    JointSpec,
    LayoutEntry,
    ModelSpec,
    ObservationSpec,
    PolicySpec,
    Provenance,
    RobotSpec,
    RuntimeSpec,
    spec_to_json,
)
from .spec_reader import parse_spec

__all__ = [
    "FOOT_SWITCHES",
    "GOLDEN_POSES",
    "TERMS",
    "ActionSpec",
    "Bundle",
    "BundleError",
    "ChecksumError",
    "Command",
    "CommandRange",
    "ConfigError",
    "ContractError",
    "GoldenPose",
    "JointSpec",
    "LayoutEntry",
    "ModelSpec",
    "Network",
    "ObservationSpec",
    "OpenSession",
    "PolicySpec",
    "PolicyState",
    "PoseCheck",
    "Provenance",
    "RobotConfig",
    "RobotSpec",
    "RuntimeSpec",
    "Signals",
    "SpecError",
    "action_to_target",
    "advance",
    "angvel_heading_local",
    "assets_dir",
    "check_golden_pose",
    "check_pose",
    "gravity_local",
    "initial_state",
    "load_bundle",
    "load_deployment",
    "load_robot_config",
    "make_layout",
    "normalize_quat",
    "observe",
    "parse_spec",
    "reachable_range",
    "rotate",
    "save_bundle",
    "spec_to_json",
    "target_to_action",
    "tilt_rad",
]
