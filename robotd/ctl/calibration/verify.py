"""Step verify: what was found, against what a person does now: every joint, the IMU, the switches, the home pose."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from robotd.ctl.calibration.bench import Bench
from robotd.ctl.calibration.feet import look as look_at_pins
from robotd.ctl.calibration.feet import words
from robotd.ctl.calibration.home import lean_at_home
from robotd.ctl.calibration.imu import look as feel
from robotd.ctl.calibration.imu_mounting import matrix_of
from robotd.ctl.calibration.offsets import zero_rad
from robotd.ctl.calibration.switch_map import majority
from robotd.ctl.calibration.verdicts import (
    Verdict,
    blamed,
    judge_lean,
    judge_press,
    judge_tilt,
    judge_turn,
    judge_upright,
    judge_zero,
)
from robotd.ctl.calibration.words import words_of
from robotd.ctl.refusal import CheckFailed
from robotd.hal.servo_frame import to_rad


def run(bench: Bench) -> None:
    """All lines, each with pass or fail; what fails goes into the calibration as its doubts."""
    parts: dict[str, Callable[[Bench], list[Verdict]]] = {"zero": _zeros}
    parts |= {joint: partial(_turn, joint=joint) for joint in bench.joints}
    parts |= {"imu": _imu, "rest": _rest}
    parts |= {name: partial(_press, switch=name) for name in bench.config.foot_switches}
    bench.robot.limp_all([bench.servo(joint) for joint in bench.joints])
    verdicts = [verdict for part, look in parts.items() for verdict in _once(bench, part, look)]
    if all(verdict.ok for verdict in verdicts):  # nothing moves by itself before hands have found all joints right
        verdicts += _once(bench, "home", _home)
    for verdict in verdicts:
        bench.say(f"{'pass' if verdict.ok else 'FAIL'}  {verdict.name}: {verdict.found}")
    bench.draft.change(doubts=blamed(verdicts))


def _once(bench: Bench, part: str, look: Callable[[Bench], list[Verdict]]) -> list[Verdict]:
    """What a part has found, now or before a run was ended."""
    known = bench.draft.content.notes.get(f"verify.{part}")
    if known is None:
        known = [list(verdict) for verdict in look(bench)]
        bench.draft.note(f"verify.{part}", known)
    return [Verdict(*each) for each in known]


def _angles(bench: Bench) -> dict[str, float]:
    """Every joint's angle in rad, as the calibration reads it."""
    return {
        joint: float(to_rad(bench.frame(joint), [bench.robot.units(bench.servo(joint))])[0]) for joint in bench.joints
    }


def _zeros(bench: Bench) -> list[Verdict]:
    bench.ask("verify.zero", "All joints are limp. Put every joint to its zero: legs straight, feet flat, chest ahead.")
    trim = bench.draft.content.home_trim_rad  # moves where a joint reads zero
    return [
        judge_zero(joint, angle + trim.get(joint, 0.0), zero_rad(bench, joint))
        for joint, angle in _angles(bench).items()
    ]


def _turn(bench: Bench, joint: str) -> list[Verdict]:
    before, (grows, _) = _angles(bench), words_of(joint)
    bench.ask(f"verify.{joint}", f"Turn {joint} by hand by about 10 degrees ({grows}), and leave it there.")
    return [judge_turn(joint, grows, {name: angle - before[name] for name, angle in _angles(bench).items()})]


def _imu(bench: Bench) -> list[Verdict]:
    imu = bench.draft.content.imu
    if imu is None:
        raise CheckFailed("the IMU's mounting is not known yet; run the step imu first")
    mounting = matrix_of(imu.mounting_wxyz)
    bench.ask("verify.upright", "Hold the robot upright, its chest as when it stands, and keep it still.")
    upright = mounting @ feel(bench, "upright")
    bench.ask("verify.tilt", "Tilt it nose down by about 45 degrees, and hold it still.")
    return [judge_upright(upright), judge_tilt(upright, mounting @ feel(bench, "tilt"))]


def _rest(bench: Bench) -> list[Verdict]:
    bench.ask("verify.rest", "Hold the robot up, so that nothing touches the soles of its feet.")
    bench.draft.note("verify.stuck", _pressed(bench))
    return []


def _press(bench: Bench, switch: str) -> list[Verdict]:
    bench.ask(f"verify.{switch}", f"Press the switch at the {words(switch)}, and hold it.")
    return [judge_press(switch, bench.draft.content.notes["verify.stuck"], _pressed(bench))]


def _home(bench: Bench) -> list[Verdict]:
    return [judge_lean(lean_at_home(bench, "verify"))]


def _pressed(bench: Bench) -> list[str]:
    """Names of the switches that read pressed, as the calibration reads them."""
    low = dict(zip(bench.robot.pins, majority(look_at_pins(bench)), strict=True))
    wires = bench.draft.content.foot_switches
    strangers = [f"{name} GPIO {wire.pin}" for name, wire in wires.items() if wire.pin not in low]
    if strangers:
        raise CheckFailed(f"{', '.join(strangers)}: not a pin of robotd.yaml, expected one; --undo feet")
    return [name for name, wire in wires.items() if bool(low[wire.pin]) is wire.pressed_low]
