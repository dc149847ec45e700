"""A black box as topics for other programs: which columns each has, under which names, with a JSON schema."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from robotd.blackbox_layout import Header
from robotd.blackbox_reader import BlackBoxFile

Json = dict[str, Any]
_NUMBER: Json = {"type": "number"}
_TEXT: Json = {"type": "string"}
NOT_FINITE = "not_finite"


class Entry(NamedTuple):
    """One key of a topic: the column it comes from, how its values are named, and what it is."""

    column: str
    form: str
    text: str


TOPICS: dict[str, dict[str, Entry]] = {
    "/signals": {
        "quat_wxyz": Entry("signals.quat_wxyz", "wxyz", "attitude of the IMU's body, body to world"),
        "gyro_rad_s": Entry("signals.gyro_rad_s", "xyz", "rotation rates, body frame"),
        "joint_pos_rad": Entry("signals.joint_pos_rad", "joints", "measured joint angles"),
        "joint_vel_rad_s": Entry("signals.joint_vel_rad_s", "joints", "measured joint velocities"),
        "foot_switches": Entry("signals.foot_switches", "feet", "1 where a foot switch is pressed"),
        "joint_age_s": Entry("signals.joint_age_s", "joints", "how old the feedback is"),
        "imu_age_s": Entry("signals.imu_age_s", "number", "how old the IMU's sample is"),
        "stamp_s": Entry("signals.stamp_s", "number", "monotonic time of the reading"),
    },
    "/orders": {
        "events": Entry("orders.events", "texts", "asked for in this tick"),
        "velocity": Entry("orders.velocity", "velocity", "asked for: m/s, m/s, rad/s"),
        "command": Entry("command.velocity", "velocity", "what the policy got: m/s, m/s, rad/s"),
        "slow_motion": Entry("slow_motion", "number", "factor on joint velocity limits and on the command"),
        "policy": Entry("orders.policy", "text", "the policy asked for"),
        "link_silent_s": Entry("orders.link_silent_s", "number", "since the claimed controller spoke last"),
        "shutdown": Entry("orders.shutdown", "truth", "the end was asked for"),
    },
    "/policy": {
        "running": Entry("policy", "text", "the policy that runs, or would"),
        "observation": Entry("observation", "list", "the network's input"),
        "raw_action": Entry("raw_action", "joints", "the network's output"),
        "filtered_action": Entry("filtered_action", "joints", "after the low-pass"),
    },
    "/target": {
        "before_rad": Entry("target_before_rad", "joints", "joint targets before the limits"),
        "after_rad": Entry("target_after_rad", "joints", "joint targets as they went to the bus; none: limp"),
    },
    "/mode": {
        "mode": Entry("mode", "text", "of this tick"),
        "event": Entry("event", "text", "the event that counted"),
        "number": Entry("number", "number", "of the tick, from 0"),
    },
    "/faults": {
        "raised": Entry("faults", "faults", "latched faults, and temporary ones while they last"),
        "present": Entry("present", "faults", "conditions that hold now"),
    },
    "/timing": {
        "lateness_s": Entry("timings.lateness_s", "number", "start of the tick after its deadline"),
        "read_s": Entry("timings.read_s", "number", "reading"),
        "tick_s": Entry("timings.tick_s", "number", "the pure tick, network included"),
        "write_s": Entry("timings.write_s", "number", "writing"),
        "skipped": Entry("skipped", "number", "whole periods missed before this tick"),
    },
    "/health": {
        "temperature_degc": Entry("health.temperature_degc", "joints", "of the servos"),
        "voltage_v": Entry("health.voltage_v", "number", "the lowest supply voltage of a servo"),
        "bus_errors_in_a_row": Entry("health.bus_errors_in_a_row", "list", "failed transactions, by bus"),
        "servo_age_s": Entry("health.servo_age_s", "joints", "how old temperature or voltage is"),
        "foot_switch_age_s": Entry("health.foot_switch_age_s", "number", "how old the foot switches' levels are"),
        "torque_unproven": Entry("health.torque_unproven", "number", "joints whose torque is in doubt, as bits"),
    },
}


def names_of(form: str, header: Header) -> list[str] | None:
    """The keys of an entry that is an object; None for one that is a single value or a list."""
    return {
        "wxyz": ["w", "x", "y", "z"],
        "xyz": ["x", "y", "z"],
        "velocity": ["vx", "vy", "yaw_rate"],
        "joints": header.joints,
        "feet": header.foot_switches,
        "faults": list(header.faults),
    }.get(form)


def entries_of(topic: str, header: Header) -> dict[str, Entry]:
    """The keys of a topic of which a black box has the column: older ones have fewer."""
    there = {column.name for column in header.columns}
    return {key: entry for key, entry in TOPICS[topic].items() if entry.column in there}


def schema_of(topic: str, header: Header) -> Json:
    """The JSON schema of a topic's messages, of those kinds that Foxglove understands: it knows no null."""
    entries = entries_of(topic, header).items()
    properties = {key: _schema(entry, header) | {"description": entry.text} for key, entry in entries}
    lost = {NOT_FINITE: {"type": "array", "items": _TEXT, "description": "what is NaN or infinite, and left out"}}
    return {"type": "object", "title": topic.strip("/"), "properties": properties | lost}


def message_of(topic: str, file: BlackBoxFile, row: Any) -> Json:
    """One record's part of a topic. What was absent is left out; so is a number that is not finite, which JSON cannot
    say, and a list with one in it: `not_finite` has them as text."""
    message: Json = {}
    lost: list[str] = []
    for key, entry in TOPICS[topic].items():
        value = file.plain(row, entry.column) if entry.column in file.columns else None
        if value is None:
            continue
        named = _named(value, entry.form, file.header)
        if isinstance(named, dict):
            lost += [f"{key}.{name} = {part}" for name, part in named.items() if not _finite(part)]
            message[key] = {name: part for name, part in named.items() if _finite(part)}
        elif all(map(_finite, named)) if isinstance(named, list) else _finite(named):
            message[key] = named
        else:
            lost.append(f"{key} = {named}")
    return message | {NOT_FINITE: lost} if lost else message


def _schema(entry: Entry, header: Header) -> Json:
    names = names_of(entry.form, header)
    if names is not None:
        kind: Json = {"type": "boolean"} if entry.form == "faults" else _NUMBER
        return {"type": "object", "properties": dict.fromkeys(names, kind)}
    return {
        "text": _TEXT,
        "texts": {"type": "array", "items": _TEXT},
        "list": {"type": "array", "items": _NUMBER},
        "truth": {"type": "boolean"},
        "number": _NUMBER,
    }[entry.form]


def _named(value: Any, form: str, header: Header) -> Any:
    names = names_of(form, header)
    if form == "faults":
        return {name: name in value for name in header.faults}
    return dict(zip(names, value, strict=True)) if names is not None else value


def _finite(value: Any) -> bool:
    return not isinstance(value, float) or math.isfinite(value)
