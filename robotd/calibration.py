"""calibration.yaml: what a calibration has found out about a robot, written whole or not at all. Pure but for its file.

Its values stand above those of robotd.yaml: `calibrated` puts them into a wiring. A file of another robot, one that a
hand has changed, and one that is too old do not arm the robot; each says so in one sentence.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import yaml
from pydantic import Field, ValidationError

from contract.plain_yaml import load_plain
from contract.robot_config import RobotConfig
from contract.schema import short
from robotd.places import state_folder
from robotd.section import Section, bounded
from robotd.whole_file import write_whole
from robotd.wiring import FootSwitchWires, JointCalibration, SwitchWire, Wiring

FILE_NAME = "calibration.yaml"
MAX_TRIM_RAD = 0.15
Angle = Annotated[float, bounded(-6.4, 6.4)]
Quat = Annotated[list[float], Field(min_length=4, max_length=4)]
Residuals = dict[str, dict[str, float]]
HEAD = (
    "# Written by robotctl calibrate; do not edit: a changed file does not arm the robot. Older ones lie beside it.\n"
)


class CalibrationError(ValueError):
    """A calibration that cannot be used: one sentence with the file, what is wrong, and the cure."""


class CalibratedJoint(Section):
    """One joint: where its servo answers, how it sits in the joint (as JointCalibration), and the stops that were
    found, [low, high] rad."""

    bus: str
    servo_id: Annotated[int, bounded(0, 253)]
    direction: Literal[-1, 1]
    offset_units: Annotated[int, bounded(-125, 125)]
    q_at_zero_rad: Angle
    range_rad: Annotated[list[Angle], Field(min_length=2, max_length=2)]


class CalibratedImu(Section):
    """mounting_wxyz: body<-sensor."""

    mounting_wxyz: Quat


class Calibration(Section):
    """The whole file.

    robot: identity of the robot_config that it was made for. date: ISO 8601 with its zone. home_trim_rad: added to a
    joint's target on its way to the servo, so that home stands straight. residuals: what each step left over, by name.
    doubts: what the step `verify` found wrong, a sentence each, which names the culprit; None: not verified.
    """

    robot: str
    date: str
    joints: dict[str, CalibratedJoint]
    imu: CalibratedImu
    foot_switches: dict[str, SwitchWire]
    home_trim_rad: dict[str, Annotated[float, bounded(-MAX_TRIM_RAD, MAX_TRIM_RAD)]] = {}  # noqa: RUF012
    residuals: Residuals = {}  # noqa: RUF012
    doubts: list[str] | None = None

    @property
    def content_hash(self) -> str:
        """Of all that is in it."""
        return _hash(self.model_dump())

    def age_s(self, now_s: float) -> float:
        """How old it is at now_s of the calendar's clock (seconds since 1970). Raises ValueError: no date."""
        return now_s - datetime.datetime.fromisoformat(self.date).timestamp()


def calibration_path() -> Path:
    """The file of this robot."""
    return state_folder() / FILE_NAME


def robot_identity(config: RobotConfig) -> str:
    """Of a robot's joints in order, with their ranges and mirror images, its switches and its IMU: what a calibration
    depends on. Masses, poses and limits of speed may change without a new calibration."""
    joints = {
        name: [joint.range_min_rad, joint.range_max_rad, joint.symmetric_joint, joint.symmetry_sign]
        for name, joint in config.joints.items()
    }
    names = [list(config.actuator_names), list(config.foot_switches), config.imu.site]
    return _hash({"name": config.robot_name, "joints": joints, "names": names})


def calibrated(wiring: Wiring, calibration: Calibration) -> Wiring:
    """The wiring with all that the calibration found. Raises CalibrationError: it is of other joints, buses or pins."""
    if set(calibration.joints) != set(wiring.joints):
        odd = sorted(set(calibration.joints) ^ set(wiring.joints))
        raise CalibrationError(
            f"the calibration and hardware.joints differ in {', '.join(odd)}, expected the same joints; "
            "correct robotd.yaml, or calibrate again"
        )
    joints, rows = {}, {}
    for name in wiring.joints:
        found = calibration.joints[name]
        trim_rad = calibration.home_trim_rad.get(name, 0.0)
        joints[name] = {"bus": found.bus, "servo_id": found.servo_id}
        rows[name] = JointCalibration(
            direction=found.direction,
            offset_units=found.offset_units,
            q_at_zero_rad=found.q_at_zero_rad - trim_rad,
        ).model_dump()
    try:
        switches = FootSwitchWires.model_validate({k: v.model_dump() for k, v in calibration.foot_switches.items()})
        changed = {
            "joints": joints,
            "calibration": rows,
            "imu": wiring.imu.model_dump() | {"mounting_wxyz": list(calibration.imu.mounting_wxyz)},
            "foot_switches": switches.model_dump(),
        }
        return Wiring.model_validate(wiring.model_dump() | changed)
    except ValidationError as problem:
        raise CalibrationError(f"the calibration does not fit robotd.yaml: {sentence(problem)}") from None


def load_calibration(path: Path, robot: str | None = None) -> Calibration | None:
    """The calibration in a file; None where there is no file.

    Args:
        robot: identity of the robot that it must be of; None takes any.

    Raises:
        CalibrationError: the file cannot be read, a hand has changed it, or it is of another robot.
    """
    data = read_mapping(path)
    if data is None:
        return None
    said = data.pop("hash", None)
    try:
        calibration = Calibration.model_validate(data)
        calibration.age_s(0.0)
    except ValidationError as problem:
        raise CalibrationError(f"{path}: {sentence(problem)}; {_CURE}") from None
    except ValueError:
        raise CalibrationError(
            f"{path}: date {data['date']!r}, expected one as 2026-01-31T12:00:00+00:00; {_CURE}"
        ) from None
    if said != _hash(data):  # of what is in the file: it may be an older one, that lacks keys of today
        raise CalibrationError(f"{path}: its hash does not fit its content, so a hand has changed it; {_CURE}")
    if robot is not None and calibration.robot != robot:
        raise CalibrationError(f"{path}: is of another robot than this robot_config.yaml describes; calibrate this one")
    return calibration


class Standing(NamedTuple):
    """How a robot stands with its calibration: the one in its file, None where there is none or none that can be used;
    then `problem` says why, in one sentence."""

    calibration: Calibration | None = None
    problem: str | None = None

    def age_s(self, now_s: float) -> float | None:
        """As Calibration.age_s; None without one."""
        return None if self.calibration is None else self.calibration.age_s(now_s)

    def applied(self, wiring: Wiring) -> Wiring:
        """The wiring with the calibration, if there is one that fits; else as it is."""
        return wiring if self.calibration is None else calibrated(wiring, self.calibration)


def standing_of(wiring: Wiring, robot: RobotConfig | None, path: Path | None = None) -> Standing:
    """Look up the calibration of a robot with this wiring; whatever is wrong with it is in the answer.

    Args:
        robot: that it must be of; None takes any.
        path: by default where this robot's lies.
    """
    try:
        found = load_calibration(path or calibration_path(), None if robot is None else robot_identity(robot))
        if found is not None:
            calibrated(wiring, found)
    except CalibrationError as problem:
        return Standing(problem=str(problem))
    return Standing(found)


def save_calibration(path: Path, calibration: Calibration) -> Path | None:
    """Put a calibration into its file, which is at all times the old one or the new one, whole.

    Returns:
        Where the old one is kept: `calibration.yaml.N` with the next number; None where there was none.

    Raises:
        OSError: the folder cannot be written; the old file is as it was.
    """
    kept = None
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        kept = path.with_name(f"{path.name}.{max([0, *backups(path)]) + 1}")
        os.link(path, kept)
    data = calibration.model_dump() | {"hash": calibration.content_hash}
    write_whole(path, HEAD + yaml.safe_dump(data, sort_keys=False))
    return kept


def backups(path: Path) -> dict[int, Path]:
    """Older calibrations by number, the newest first."""
    numbers = {each.name.removeprefix(f"{path.name}."): each for each in path.parent.glob(f"{path.name}.*")}
    found = {int(number): each for number, each in numbers.items() if number.isdecimal()}
    return dict(sorted(found.items(), reverse=True))


def read_mapping(path: Path) -> dict[str, Any] | None:
    """The YAML mapping in a file; None where there is no file. Raises CalibrationError."""
    try:
        data = load_plain(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise CalibrationError(f"{path}: {problem.strerror}, expected a file that can be read") from None
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise CalibrationError(f"{path}: not YAML ({' '.join(str(problem).split())}); {_CURE}") from None
    if not isinstance(data, dict):
        raise CalibrationError(f"{path}: found {type(data).__name__}, expected a mapping; {_CURE}")
    return data


def sentence(problem: ValidationError) -> str:
    """The first thing that does not fit, with its place."""
    error = problem.errors(include_url=False)[0]
    place = ".".join(str(part) for part in error["loc"])[:200]
    found = "" if error["type"] in ("missing", "value_error") else f" found {short(error['input'])},"
    return f"{place + ':' if place else ''}{found} {error['msg'].removeprefix('Input ')}".strip()


def _hash(data: Mapping[str, Any]) -> str:
    """Of what a file holds beside its hash. Raises ValueError: no plain data, or a number that is not finite."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


_CURE = "take a backup that lies beside it, or calibrate again"
