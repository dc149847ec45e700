"""The last seconds before a stop, tick by tick: what was measured, what was ordered, and what was found wrong."""

from __future__ import annotations

import numpy as np

from pages import BAD, SERIES, Figure, Section
from robotd.fault_table import leg_joints
from robotd.mode import Stop

from .causes import worst_missed
from .flight import Flight, Float64
from .plots import BEFORE_S, Json, bound, layout, line, mark, roomy
from .story import Halt

BEFORE, AFTER, SHOWN_JOINTS, SHOWN_ROWS = 3.0, 1.0, 3, 12
_STOPS = {Stop.CROUCH: "lowered itself to the crouch", Stop.LIMP: "torque off at once"}


def tell(section: Section, flight: Flight, halt: Halt) -> None:
    """Fill the section of one stop."""
    for sentence in sentences(flight, halt):
        section.text(sentence)
    begin, end = window(flight, halt)
    part = flight.part(begin, end)
    time_s = flight.time_s[begin:end] - flight.time_s[halt.tick]
    rows = happenings(flight, halt, begin, end)
    section.table(["s", "what"], rows[-SHOWN_ROWS:], "0 is the first tick that was stopped")
    if len(rows) > SHOWN_ROWS:
        section.folded(f"All of the last {BEFORE:g} s", ["s", "what"], rows)
    marks = [mark(0.0, BAD)]
    held_s = min((float(flight.time_s[cause.since] - flight.time_s[halt.tick]) for cause in halt.causes), default=0.0)
    if -BEFORE < held_s < 0:
        marks.append(mark(held_s))
        section.text("A red dotted line is the stop, the grey one before it the moment at which the condition began.")
    figures = _of_causes(part, time_s, marks, halt)
    figures += [_joint(part, time_s, marks, joint) for joint in shown_joints(flight, halt, begin)]
    figures.append(_tilt(part, time_s, marks))
    for look in (_ages, _late, _orders, _feet):
        figures += look(part, time_s, marks)
    section.figure(*figures)


def window(flight: Flight, halt: Halt) -> tuple[int, int]:
    """First and one past the last tick that are shown."""
    at_s = flight.time_s[halt.tick]
    begin = int(np.searchsorted(flight.time_s, at_s - BEFORE))
    return begin, max(halt.tick + 1, int(np.searchsorted(flight.time_s, at_s + AFTER)))


def sentences(flight: Flight, halt: Halt) -> list[str]:
    """What stopped it and what to do, one fault a line."""
    period_s = flight.header.ctrl_dt
    lines = []
    for cause in halt.causes:
        held_s = float(flight.time_s[halt.tick] - flight.time_s[cause.since])
        held = f", for {held_s * 1e3:.0f} ms" if held_s > 0.5 * period_s else ""
        words = f"{cause.found.words}{held} ({cause.text})" if cause.found.words else f"{cause.text}{held}"
        lines += [f"{cause.fault}: {words}.", f"What to do: {cause.fix}."]
    later = f" {', '.join(halt.later)} joined later." if halt.later else ""
    return [*lines, f"It was in {halt.before.upper()}, and {_STOPS[halt.stop]}.{later}"]


def happenings(flight: Flight, halt: Halt, begin: int, end: int) -> list[list[str]]:
    """Rows of seconds and words, one for each tick with something new: modes, faults, conditions, what was asked."""
    rows: list[list[str]] = []
    for tick in range(begin, end):
        words = []
        if missed := int(flight.rows["skipped"][tick]):
            plural = "s" if missed > 1 else ""
            words.append(f"{missed} deadline{plural} missed, {worst_missed(flight, tick)} of the last 50")
        if tick and not flight.follows[tick]:
            words.append("records before this one are torn or gone")
        words += _changed(flight, tick) if tick > begin else [f"{flight.modes[tick]}, {_conditions(flight, tick)}"]
        asked = flight.events(tick)
        if asked and (tick == begin or asked != flight.events(tick - 1)):
            words.append(f"asked for: {', '.join(asked)}")
        at_s = flight.time_s[tick] - flight.time_s[halt.tick]
        if words:
            rows.append([f"{at_s:+.2f}", "; ".join(words)])
    return rows


def shown_joints(flight: Flight, halt: Halt, begin: int) -> list[int]:
    """The joints that the stop is about, then those furthest from their targets before it."""
    error = np.abs(flight.error_rad[begin : halt.tick + 1])
    worst = np.where(np.isfinite(error), error, 0.0).max(axis=0)
    order = [*halt.joints, *np.argsort(-worst, kind="stable").tolist()]
    return list(dict.fromkeys(order))[: max(SHOWN_JOINTS, min(6, len(halt.joints)))]


def _changed(flight: Flight, tick: int) -> list[str]:
    was, now = flight.names(int(flight.present[tick - 1])), flight.names(int(flight.present[tick]))
    raised = flight.names(int(flight.faults[tick] & ~flight.faults[tick - 1]))
    words = [f"condition of {name} begins" for name in now if name not in was]
    words += [f"condition of {name} ends" for name in was if name not in now]
    words += [f"{name} is raised" for name in raised]
    if flight.modes[tick] != flight.modes[tick - 1]:
        words.append(f"{flight.modes[tick - 1]} -> {flight.modes[tick]}")
    return words


def _conditions(flight: Flight, tick: int) -> str:
    held = flight.names(int(flight.present[tick]))
    return f"conditions: {', '.join(held)}" if held else "no condition holds"


def _tilt(part: Flight, time_s: Float64, marks: list[Json]) -> Figure:
    forward, left, _ = np.degrees(np.arcsin(np.clip(part.gravity.T, -1, 1)))
    lines = [
        line(time_s, part.tilt_deg, "tilt", SERIES[5]),
        line(time_s, forward, "forward", SERIES[0], dash="dash"),
        line(time_s, left, "left", SERIES[1], dash="dot"),
    ]
    allowed = part.config.safety.tilt_deg
    near = np.nanmax(part.tilt_deg, initial=0.0) > 0.5 * allowed
    shapes = [*marks, bound(allowed, "TILT")] if near else marks
    return Figure({"data": lines, "layout": layout(BEFORE_S, "deg", shapes=shapes)}, "How far it leans")


def _ages(part: Flight, time_s: Float64, marks: list[Json]) -> list[Figure]:
    """None where all was fresh, as on a twin without wires."""
    legs = leg_joints(tuple(part.header.joints))
    oldest = part["signals.joint_age_s"][:, legs].max(axis=1)
    imu, bounds = part["signals.imu_age_s"], part.config.safety
    if not imu.any() and not oldest.any():
        return []
    lines = [line(time_s, imu * 1e3, "IMU"), line(time_s, oldest * 1e3, "oldest leg joint", SERIES[1], dash="dash")]
    shapes = list(marks)
    if np.nanmax(imu, initial=0.0) > 0.5 * bounds.imu_stale_s:
        shapes.append(bound(bounds.imu_stale_s * 1e3, "IMU_STALE"))
    if np.nanmax(oldest, initial=0.0) > 0.5 * bounds.joint_stale_s:
        shapes.append(bound(bounds.joint_stale_s * 1e3, "JOINT_STALE"))
    return [Figure({"data": lines, "layout": layout(BEFORE_S, "ms", shapes=shapes)}, "How old the signals are")]


def _orders(part: Flight, time_s: Float64, marks: list[Json]) -> list[Figure]:
    """None where nothing was ordered."""
    names = (("forward, m/s", SERIES[0]), ("left, m/s", SERIES[1]), ("turning, rad/s", SERIES[2]))
    values, slow = part["command.velocity"], part["slow_motion"]
    if not values.any() and (slow == 1).all():
        return []
    lines = [line(time_s, values[:, axis], name, colour) for axis, (name, colour) in enumerate(names)]
    lines.append(line(time_s, slow, "slow motion, factor", SERIES[5], dash="dot"))
    axes = layout(BEFORE_S, "", shapes=marks)
    return [Figure({"data": lines, "layout": axes}, "What the policy was told")]


def _late(part: Flight, time_s: Float64, marks: list[Json]) -> list[Figure]:
    """None on a clock that tests or a fast twin move."""
    late = part["timings.lateness_s"] + part["skipped"] * part.header.ctrl_dt
    if not late.any() and not part["timings.tick_s"].any():
        return []
    lines = [
        line(time_s, late * 1e3, "start after the deadline"),
        line(time_s, part["timings.tick_s"] * 1e3, "the tick itself", SERIES[1], dash="dash"),
    ]
    figure = {"data": lines, "layout": layout(BEFORE_S, "ms", shapes=marks)}
    return [Figure(figure, "How late the loop was", "Whole periods that were missed count as late.")]


def _feet(part: Flight, time_s: Float64, marks: list[Json]) -> list[Figure]:
    """None where no foot touched the ground."""
    names, pressed = part.header.foot_switches, part["signals.foot_switches"] > 0.5
    if not pressed.any():
        return []
    lines = []
    for row, name in enumerate(names):
        trace = line(time_s, np.where(pressed[:, row], float(row), np.nan), name, SERIES[row % len(SERIES)])
        trace["line"]["width"] = 10
        lines.append(trace)
    axes = layout(BEFORE_S, "", legend=False, shapes=marks)
    axes["yaxis"] = {"tickvals": list(range(len(names))), "ticktext": names, "range": [-0.6, len(names) - 0.4]}
    return [Figure({"data": lines, "layout": axes}, "Foot switches", "A bar where the switch is pressed.")]


def _joint(part: Flight, time_s: Float64, marks: list[Json], joint: int) -> Figure:
    target = np.full(len(part), np.nan)
    target[1:] = part["target_after_rad"][:-1, joint]
    lines = [
        line(time_s, target, "target", SERIES[1], dash="dash"),
        line(time_s, part["signals.joint_pos_rad"][:, joint], "measured"),
    ]
    axes = layout(BEFORE_S, "rad", shapes=marks)
    axes["yaxis"]["range"] = roomy(target, part["signals.joint_pos_rad"][:, joint], least=0.05)
    return Figure({"data": lines, "layout": axes}, part.header.joints[joint])


def _of_causes(part: Flight, time_s: Float64, marks: list[Json], halt: Halt) -> list[Figure]:
    """What only some faults are about."""
    names, bounds, figures = {cause.fault for cause in halt.causes}, part.config.safety, []
    if "UNDERVOLT" in names:
        lines = [line(time_s, part["health.voltage_v"], "lowest servo")]
        axes = layout(BEFORE_S, "V", legend=False, shapes=[*marks, bound(bounds.undervolt_v, "UNDERVOLT")])
        figures.append(Figure({"data": lines, "layout": axes}, "Supply voltage"))
    if "OVERHEAT" in names:
        temperature = part["health.temperature_degc"]
        hottest = np.argsort(-np.nan_to_num(temperature[-1]), kind="stable")[:SHOWN_JOINTS].tolist()
        lines = [
            line(time_s, temperature[:, joint], part.header.joints[joint], SERIES[place])
            for place, joint in enumerate(hottest)
        ]
        axes = layout(BEFORE_S, "degC", shapes=[*marks, bound(bounds.overheat_degc, "OVERHEAT")])
        figures.append(Figure({"data": lines, "layout": axes}, "Hottest servos"))
    if "BUS" in names:
        errors = part["health.bus_errors_in_a_row"]
        lines = [
            line(time_s, errors[:, bus], name, SERIES[bus % len(SERIES)])
            for bus, name in enumerate(part.buses[: errors.shape[1]])
        ]
        axes = layout(BEFORE_S, "transactions", shapes=[*marks, bound(bounds.bus_errors, "BUS")])
        figures.append(Figure({"data": lines, "layout": axes}, "Failed in a row, by bus"))
    if "LINK" in names:
        lines = [line(time_s, part["orders.link_silent_s"] * 1e3, "silent for")]
        axes = layout(BEFORE_S, "ms", legend=False, shapes=[*marks, bound(bounds.link_silent_s * 1e3, "LINK")])
        figures.append(Figure({"data": lines, "layout": axes}, "The controller's silence"))
    return figures
