"""The draft of a calibration: what has been found so far, on disk after every single finding, so that a run that was
killed goes on where it was. The draft becomes calibration.yaml as a whole; until then that file is not touched."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError

from robotd.calibration import (
    MAX_TRIM_RAD,
    Angle,
    CalibratedImu,
    Calibration,
    CalibrationError,
    Residuals,
    read_mapping,
    sentence,
)
from robotd.section import Section, bounded
from robotd.whole_file import write_whole
from robotd.wiring import SwitchWire

DRAFT_SUFFIX = ".draft"
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # the draft is written often
PARTS = {
    "servos": ("bus", "servo_id"),
    "direction": ("direction",),
    "offsets": ("offset_units", "q_at_zero_rad"),
    "range": ("range_rad",),
    "imu": (),
    "feet": (),
    "home": (),
    "verify": (),
}
"""All steps in order; what each writes into a joint."""
WHOLE = {"imu": "imu", "feet": "foot_switches", "home": "home_trim_rad", "verify": "doubts"}
"""Steps that write a part of the file as a whole."""
NEEDED = tuple(step for step in PARTS if step != "verify")
"""Steps without which a calibration is not complete."""
NEEDS: dict[str, tuple[str, ...]] = {
    "servos": (),
    "direction": ("servos",),
    "offsets": ("servos", "direction"),
    "range": ("servos", "direction", "offsets"),
    "imu": (),
    "feet": (),
    "home": ("servos", "direction", "offsets", "imu"),
    "verify": NEEDED,
}
"""Steps that must be done before each."""


class DraftJoint(Section):
    """What is known of a joint so far; the fields of CalibratedJoint."""

    bus: str | None = None
    servo_id: Annotated[int, bounded(0, 253)] | None = None
    direction: Literal[-1, 1] | None = None
    offset_units: Annotated[int, bounded(-125, 125)] | None = None
    q_at_zero_rad: Angle | None = None
    range_rad: Annotated[list[Angle], Field(min_length=2, max_length=2)] | None = None


class DraftContent(Section):
    """The draft's file. seed: of the emulated robot that it is of, None: of a real one; done: finished steps; notes:
    findings inside of a step that is under way, by name."""

    robot: str
    seed: int | None = None
    done: list[str] = []  # noqa: RUF012
    notes: dict[str, Any] = {}  # noqa: RUF012
    joints: dict[str, DraftJoint] = {}  # noqa: RUF012
    imu: CalibratedImu | None = None
    foot_switches: dict[str, SwitchWire] = {}  # noqa: RUF012
    home_trim_rad: dict[str, Annotated[float, bounded(-MAX_TRIM_RAD, MAX_TRIM_RAD)]] = {}  # noqa: RUF012
    residuals: Residuals = {}  # noqa: RUF012
    doubts: list[str] | None = None


class Draft:
    """The draft beside a calibration file.

    Args:
        path: of the draft. robot: identity of the robot.

    Raises:
        CalibrationError: there is one that cannot be read, or of another robot.
    """

    def __init__(self, path: Path, robot: str) -> None:
        self.path = path
        data = read_mapping(path)
        try:
            self.content = DraftContent.model_validate({"robot": robot} if data is None else data)
        except ValidationError as problem:
            raise CalibrationError(f"{path}: {sentence(problem)}; remove this draft and begin again") from None
        if self.content.robot != robot:
            raise CalibrationError(f"{path}: is the draft of another robot; remove it and begin again")
        self.resumed = data is not None

    def tie(self, seed: int | None) -> str:
        """From now on it is of the emulated robot of a seed (None: of a real one). A draft of another emulated robot is
        left, though not removed before something is found; returns a line that says so, else an empty one.

        Raises:
            CalibrationError: it is of a real robot, and a rehearsal must not go on from it or take its place.
        """
        was = self.content.seed
        if self.resumed and was == seed:
            return ""
        if self.resumed and was is None:
            raise CalibrationError(
                f"{self.path}: is the draft of a robot that is not emulated, expected none here; "
                "give another --file, or remove it"
            )
        self.content = DraftContent(robot=self.content.robot, seed=seed)
        if not self.resumed:
            return ""
        self.resumed = False
        now = "this one" if seed is None else f"seed {seed}"
        return f"{self.path} is of the emulated robot of seed {was}, not of {now}: begun anew"

    def change(self, **parts: Any) -> None:
        """Replace parts of the content, on disk before this returns. Raises CalibrationError: a value cannot be."""
        try:
            self.content = DraftContent.model_validate(self.content.model_dump() | parts)
        except ValidationError as problem:
            raise CalibrationError(f"found {sentence(problem)}") from None
        write_whole(self.path, yaml.dump(self.content.model_dump(exclude_none=True), Dumper=_DUMPER, sort_keys=False))

    def keep_joint(self, joint: str, **values: Any) -> None:
        """Something about a joint, as `direction=-1`."""
        joints = {name: known.model_dump() for name, known in self.content.joints.items()}
        self.change(joints=joints | {joint: joints.get(joint, {}) | values})

    def keep_residual(self, step: str, name: str, value: float) -> None:
        """What a step left over, for the file."""
        residuals = self.content.residuals
        self.change(residuals=residuals | {step: residuals.get(step, {}) | {name: round(float(value), 6)}})

    def note(self, name: str, value: Any) -> None:
        """A finding inside of a step, by name (`imu.upright`): plain data. Gone once the step is done or undone."""
        self.change(notes=self.content.notes | {name: value})

    def joint(self, name: str) -> DraftJoint:
        """What is known of a joint."""
        return self.content.joints.get(name, DraftJoint())

    def finish(self, step: str) -> None:
        """A step is done."""
        notes = {name: value for name, value in self.content.notes.items() if name.partition(".")[0] != step}
        self.change(done=[*self.content.done, step], notes=notes)

    def undo(self, step: str) -> list[str]:
        """Take a step back, and all steps that need it; returns those that were taken back."""
        gone = [each for each in PARTS if each == step or step in NEEDS[each]]
        joints = {name: known.model_dump(exclude_none=True) for name, known in self.content.joints.items()}
        fields = {field for each in gone for field in PARTS[each]}
        self.change(
            done=[each for each in self.content.done if each not in gone],
            notes={name: value for name, value in self.content.notes.items() if name.partition(".")[0] not in gone},
            joints={name: {k: v for k, v in known.items() if k not in fields} for name, known in joints.items()},
            residuals={each: found for each, found in self.content.residuals.items() if each not in gone},
            **{WHOLE[each]: None if each in ("imu", "verify") else {} for each in gone if each in WHOLE},
        )
        return gone

    def begin_from(self, calibration: Calibration, steps: tuple[str, ...]) -> None:
        """All of a calibration but what these steps, and those that need them, are to find anew."""
        known = calibration.model_dump(exclude={"date", "residuals"})
        self.change(**known, residuals=calibration.residuals, done=list(PARTS))
        for step in steps:
            self.undo(step)

    @property
    def missing(self) -> tuple[str, ...]:
        """Steps that are still to do before the calibration is complete."""
        return tuple(step for step in NEEDED if step not in self.content.done)

    def calibration(self, date: str) -> Calibration:
        """The complete calibration. Raises CalibrationError: something is missing."""
        content = self.content.model_dump(exclude={"seed", "done", "notes"}, exclude_none=True)
        try:
            return Calibration.model_validate(content | {"date": date})
        except ValidationError as problem:
            raise CalibrationError(f"{self.path}: {sentence(problem)}; undo that step and do it again") from None

    def discard(self) -> None:
        """It has become the calibration."""
        self.path.unlink(missing_ok=True)


def take_back(now: Calibration, old: Calibration, step: str) -> Calibration:
    """The calibration `now` with what a step had found in `old`. It counts as not verified, unless that is the step."""
    known, before = now.model_dump(), old.model_dump()
    for joint in known["joints"]:
        known["joints"][joint] |= {field: before["joints"][joint][field] for field in PARTS[step]}
    if step in WHOLE:
        known[WHOLE[step]] = before[WHOLE[step]]
    if step != "verify":
        known["doubts"] = None
    known["residuals"].pop(step, None)
    if step in before["residuals"]:
        known["residuals"][step] = before["residuals"][step]
    return Calibration.model_validate(known)
