"""Step feet: which foot switch hangs on which pin, and which way round; a person presses one after the other."""

from __future__ import annotations

import numpy as np

from robotd.ctl.calibration.bench import Bench
from robotd.ctl.calibration.switch_map import Bools, FoundSwitch, SwitchRefusal, at_rest, find_switch
from robotd.ctl.refusal import CheckFailed

LOOK_S = 0.5
SETTLE_S = 0.05


def run(bench: Bench) -> None:
    """Ask for rest, then for each switch."""
    if bench.draft.content.notes.get("feet.rest") is None:
        bench.ask("feet.rest", "Hold the robot up, so that nothing touches the soles of its feet.")
        bench.draft.note("feet.rest", nobody_presses(bench).tolist())
    rest = np.array(bench.draft.content.notes["feet.rest"], np.bool_)
    found: dict[str, FoundSwitch] = {}
    for name in bench.config.foot_switches:
        known = bench.draft.content.notes.get(f"feet.{name}")
        if known is None:
            bench.ask(f"feet.{name}", f"Press the switch at the {words(name)}, and hold it.")
            known = press(bench, name, rest, found)._asdict()
            bench.draft.note(f"feet.{name}", known)
        found[name] = FoundSwitch(**known)
        bench.say(f"{name}: GPIO {found[name].pin}, {way(found[name].pressed_low)}, chatter {found[name].chatter}")
    bench.draft.change(
        foot_switches={name: {"pin": each.pin, "pressed_low": each.pressed_low} for name, each in found.items()}
    )
    for name, each in found.items():
        bench.draft.keep_residual("feet", f"{name}_chatter", each.chatter)


def nobody_presses(bench: Bench) -> Bools:
    """(P,) which pins are low while no sole is touched. Raises CheckFailed."""
    try:
        return at_rest(bench.robot.pins, look(bench))
    except SwitchRefusal as problem:
        raise CheckFailed(str(problem)) from None


def press(bench: Bench, name: str, rest: Bools, taken: dict[str, FoundSwitch]) -> FoundSwitch:
    """What is seen of a switch while it is held. Raises CheckFailed."""
    try:
        return find_switch(name, bench.robot.pins, rest, look(bench), taken)
    except SwitchRefusal as problem:
        raise CheckFailed(str(problem)) from None


def look(bench: Bench) -> Bools:
    """(N, P) which pins are low, for a while; not the first moments, in which a contact settles."""
    bench.robot.sleep(SETTLE_S)
    return ~np.array(bench.robot.switch_levels(LOOK_S), np.bool_)


def words(switch: str) -> str:
    """`left_toe` as people say it."""
    return switch.replace("_", " ")


def way(pressed_low: bool) -> str:
    """How a switch works."""
    return "low when pressed" if pressed_low else "high when pressed"
