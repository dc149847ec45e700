"""The person beside a hidden robot: does what a prompt says, looks at the robot, and says what was seen.

It knows nothing that a person with eyes and hands would not see: joints by name, where their zero is, where they stop.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from robotd.ctl.calibration.hidden_pose import hold, stand
from robotd.ctl.calibration.hidden_robot import HiddenRobot
from robotd.ctl.calibration.imu_mounting import TILT
from robotd.ctl.calibration.prompts import DONE, Prompt
from robotd.ctl.calibration.words import words_of
from robotd.ctl.refusal import Refusal
from robotd.wiring import UNITS_PER_RAD

SEEN_UNITS = 5.0
"""A smaller turn is not seen."""
HAND_UNITS = 0.7
"""How exactly a hand puts a joint into its jig, or against its stop."""
TURN_RAD = 0.17
"""About 10 degrees, when asked to turn a joint by hand."""


class HiddenPerson:
    """Answers in place of a person.

    Args:
        robot: the robot that it stands beside.
        answers: what it says in place of what it sees, by name of the prompt: for mistakes that people make.
        tell: hears of each prompt and its answer.
    """

    def __init__(
        self,
        robot: HiddenRobot,
        seed: int = 0,
        answers: Mapping[str, str] | None = None,
        tell: Callable[[Prompt, str], None] = lambda prompt, answer: None,
    ) -> None:
        self.robot, self.dice = robot, random.Random(f"person {seed}")
        self._answers, self._tell = answers or {}, tell
        self._seen = robot.travels()
        self._angles = self._look()

    def answer(self, prompt: Prompt) -> str:
        """Do it, or say it. Raises Refusal: what was seen cannot be, or nobody knows how to answer."""
        said = _ACTS[prompt.name.partition(".")[0]](self, prompt)
        said = self._answers.get(prompt.name, said)
        if said not in prompt.choices:
            raise Refusal(
                f"the rehearsal answers {said!r} to {prompt.name}, expected one of {', '.join(prompt.choices)}"
            )
        self._seen, self._angles = self.robot.travels(), self._look()
        self._tell(prompt, said)
        return said

    def turned(self) -> list[str]:
        """Joints that servos have turned since the last answer."""
        return [name for name, way in self.robot.travels().items() if way - self._seen[name] > SEEN_UNITS]

    def came(self, joint: str) -> float:
        """How far a joint is now from where it was at the last answer, rad."""
        return self.robot.angle(joint) - self._angles[joint]

    def put(self, joint: str, angle_rad: float) -> None:
        """Move a limp joint there by hand, about as exactly as hands can."""
        self.robot.place(joint, angle_rad + self.dice.uniform(-HAND_UNITS, HAND_UNITS) / UNITS_PER_RAD)

    def _look(self) -> dict[str, float]:
        return {joint: self.robot.angle(joint) for joint in self.robot.truth.wires}


def _see_a_wiggle(person: HiddenPerson, prompt: Prompt) -> str:
    """`servos.BUS.ID`: which joint moved."""
    turned = person.turned()
    if len(turned) > 1:
        raise Refusal(f"{prompt.name}: {' and '.join(turned)} moved at once, expected one joint")
    return turned[0] if turned else "none"


def _see_a_direction(person: HiddenPerson, prompt: Prompt) -> str:
    """`direction.JOINT`: to which side it went."""
    joint = prompt.name.partition(".")[2]
    up, down = words_of(joint)
    return up if person.came(joint) > 0 else down


def _put_to_zero(person: HiddenPerson, prompt: Prompt) -> str:
    """`offsets.way`, `offsets.jig` or `offsets.JOINT`."""
    what = prompt.name.partition(".")[2]
    if what == "way":
        return person.dice.choice(prompt.choices)
    for joint in person.robot.truth.wires if what == "jig" else (what,):
        person.put(joint, 0.0)
    return DONE


def _put_to_a_stop(person: HiddenPerson, prompt: Prompt) -> str:
    """`range.JOINT.low` or `range.JOINT.high`."""
    _, joint, end = prompt.name.split(".")
    person.put(joint, person.robot.truth.stops_rad[joint][end == "high"])
    return DONE


def _hang_up(person: HiddenPerson, prompt: Prompt) -> str:
    """`begin`: the robot hangs in its stand."""
    hold(person.robot, "upright", person.dice)
    return DONE


def _hold(person: HiddenPerson, prompt: Prompt) -> str:
    """`imu.POSE`: hold the robot so."""
    hold(person.robot, prompt.name.partition(".")[2], person.dice)
    return DONE


def _press(person: HiddenPerson, prompt: Prompt) -> str:
    """`feet.SWITCH` or `feet.rest`."""
    person.robot.pressed = {prompt.name.partition(".")[2]} & set(person.robot.truth.switches)
    return DONE


def _stand(person: HiddenPerson, prompt: Prompt) -> str:
    """`home.hang`, `home.stand` and `home.lift`; `home.trim` is agreed with."""
    what = prompt.name.partition(".")[2]
    if what == "trim":
        return "yes"
    if what == "stand":
        stand(person.robot)
    else:
        hold(person.robot, "upright", person.dice)
    return DONE


def _try_out(person: HiddenPerson, prompt: Prompt) -> str:
    """`verify.*`: as the steps before; `verify.JOINT` turns a joint the way its angle grows."""
    what = prompt.name.partition(".")[2]
    if what in person.robot.truth.wires:
        person.put(what, person.robot.angle(what) + TURN_RAD)
        return DONE
    if what == "zero":
        return _put_to_zero(person, prompt._replace(name="offsets.jig"))
    if what in ("upright", TILT):
        return _hold(person, prompt)
    return (_stand if what in ("hang", "stand", "lift") else _press)(person, prompt)


_ACTS: dict[str, Callable[[HiddenPerson, Prompt], str]] = {
    "begin": _hang_up,
    "servos": _see_a_wiggle,
    "direction": _see_a_direction,
    "offsets": _put_to_zero,
    "range": _put_to_a_stop,
    "imu": _hold,
    "feet": _press,
    "home": _stand,
    "verify": _try_out,
}
