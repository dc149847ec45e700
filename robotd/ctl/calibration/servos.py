"""Step servos: who answers on the buses, and which joint each one turns: one servo after the other moves a little."""

from __future__ import annotations

from robotd.ctl.calibration.bench import Bench
from robotd.ctl.calibration.draft import DraftJoint
from robotd.ctl.calibration.robot import Servo
from robotd.ctl.calibration.swing import swing_back, swing_out
from robotd.ctl.refusal import CheckFailed

NONE, AGAIN = "none", "again"
STRANGERS = "servos.strangers"
"""The note of servos that turn no joint, as [bus, id]."""


def run(bench: Bench) -> None:
    """Assign a servo to every joint."""
    known = bench.draft.content.joints
    bench.draft.change(joints={joint: known.get(joint, DraftJoint()).model_dump() for joint in bench.joints})
    servos = _find(bench)
    strangers = [tuple(each) for each in bench.draft.content.notes.get(STRANGERS, [])]
    for servo in servos:
        left = [joint for joint in bench.joints if bench.draft.joint(joint).servo_id is None]
        if not left:
            break
        if servo[:2] in strangers or any(
            servo[:2] == bench.servo(joint)[:2] for joint in bench.joints if joint not in left
        ):
            continue
        joint = _which(bench, servo, left)
        if joint == NONE:
            strangers.append(servo[:2])
            bench.draft.note(STRANGERS, [list(each) for each in strangers])
        else:
            bench.draft.keep_joint(joint, bus=servo.bus, servo_id=servo.servo_id)
            bench.say(f"{joint} is servo {servo.servo_id} on {servo.bus}")
    missing = [joint for joint in bench.joints if bench.draft.joint(joint).servo_id is None]
    if missing:
        raise CheckFailed(
            f"no servo turns {', '.join(missing)}, expected one for each joint; if an answer was wrong, --undo servos"
        )
    bench.draft.keep_residual("servos", "found", len(servos))


def _find(bench: Bench) -> list[Servo]:
    """All servos on all buses. Raises CheckFailed: too few, or two with one id."""
    servos = []
    for bus in bench.robot.buses:
        found = bench.robot.scan(bus, bench.servo_ids)
        bench.say(f"{bus}: servos {', '.join(str(each.servo_id) for each in found) or 'none'}")
        for each in found:
            if each.duplicate:
                raise CheckFailed(
                    f"{bus}: more than one servo answers to id {each.servo_id}; connect one at a time and give it its "
                    "own id with robotctl servo set-id"
                )
            servos.append(Servo(bus, each.servo_id, f"servo {each.servo_id} on {bus}"))
    if len(servos) < len(bench.joints):
        raise CheckFailed(
            f"{len(servos)} servos answer, expected {len(bench.joints)}; check power and cables of the others, and "
            "--ids if their ids are left out by it"
        )
    return servos


def _which(bench: Bench, servo: Servo, left: list[str]) -> str:
    """The joint that a servo turns, or none."""
    while True:
        start, _ = swing_out(bench.robot, servo)
        swing_back(bench.robot, servo, start)
        said = bench.ask(
            f"servos.{servo.bus}.{servo.servo_id}",
            f"Servo {servo.servo_id} on {servo.bus} turned by a few degrees and back. Which joint moved?",
            *left,
            NONE,
            AGAIN,
        )
        if said != AGAIN:
            return said
