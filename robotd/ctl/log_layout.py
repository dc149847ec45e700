"""Foxglove panels for an exported log: which topics and keys each of them shows. Pure."""

from __future__ import annotations

import re
from typing import Any

from robotd.blackbox_layout import Header
from robotd.ctl.log_foxglove import LOG, SHAPES, WORLD

Json = dict[str, Any]
_PLAIN = re.compile(r"\w+")
_INFO = 2


def layout_of(header: Header) -> Json:
    """The layout file: on the left the robot, modes and log, on the right plots in tabs."""
    panels: dict[str, Json] = {
        "3D!robot": _room(),
        "StateTransitions!modes": {
            "isSynced": True,
            "paths": [_state("/mode.mode"), _state("/policy.running"), *_faults(header)],
        },
        "RosOut!log": {"topicToRender": LOG, "minLogLevel": _INFO, "searchTerms": []},
    }
    joints, ways = {}, {"target": "/target.after_rad", "measured": "/signals.joint_pos_rad"}
    for joint in header.joints:
        joints[f"Plot!{joint}"] = _plot(joint, {label: f"{path}.{_key(joint)}" for label, path in ways.items()})
    running = _running(header)
    panels |= joints | running
    panels["Tab!plots"] = {
        "activeTabIdx": 0,
        "tabs": [
            {"title": "Joints", "layout": _grid(list(joints))},
            {"title": "Signals, timing, health", "layout": _grid(list(running))},
        ],
    }
    left = _split("column", "3D!robot", _split("column", "StateTransitions!modes", "RosOut!log", 60), 45)
    return {
        "configById": panels,
        "globalVariables": {},
        "userNodes": {},
        "playbackConfig": {"speed": 1},
        "layout": _split("row", left, "Tab!plots", 40),
    }


def _room() -> Json:
    """The panel with the robot on its floor."""
    return {
        "followMode": "follow-none",
        "followTf": WORLD,
        "topics": {SHAPES: {"visible": True}},
        "cameraState": {
            "distance": 1.6,
            "phi": 70,
            "thetaOffset": 40,
            "target": [0, 0, 0.3],
            "targetOffset": [0, 0, 0.3],
            "targetOrientation": [0, 0, 0, 1],
            "perspective": True,
            "fovy": 45,
            "near": 0.01,
            "far": 100,
        },
        "layers": {
            "floor": {
                "instanceId": "floor",
                "layerId": "foxglove.Grid",
                "label": "floor",
                "visible": True,
                "frameLocked": True,
                "size": 4,
                "divisions": 16,
                "lineWidth": 1,
                "color": "#7f8ea3",
                "position": [0, 0, 0],
                "rotation": [0, 0, 0],
                "order": 1,
            }
        },
    }


def _running(header: Header) -> dict[str, Json]:
    joints = [_key(joint) for joint in header.joints]
    return {
        "Plot!gyro": _plot("IMU rates, rad/s", {axis: f"/signals.gyro_rad_s.{axis}" for axis in "xyz"}),
        "Plot!attitude": _plot("Attitude, quaternion", {axis: f"/signals.quat_wxyz.{axis}" for axis in "wxyz"}),
        "Plot!orders": _plot(
            "What the policy was told", {axis: f"/orders.command.{axis}" for axis in ("vx", "vy", "yaw_rate")}
        ),
        "Plot!feet": _plot(
            "Foot switches", {foot: f"/signals.foot_switches.{_key(foot)}" for foot in header.foot_switches}
        ),
        "Plot!ages": _plot(
            "Ages, s",
            {"IMU": "/signals.imu_age_s"} | {joint: f"/signals.joint_age_s.{joint}" for joint in joints},
        ),
        "Plot!timing": _plot(
            "Timing, s", {name: f"/timing.{name}_s" for name in ("lateness", "read", "tick", "write")}
        ),
        "Plot!missed": _plot("Missed deadlines", {"missed": "/timing.skipped"}),
        "Plot!temperature": _plot(
            "Temperature, degC", {joint: f"/health.temperature_degc.{joint}" for joint in joints}
        ),
        "Plot!voltage": _plot("Lowest voltage, V", {"voltage": "/health.voltage_v"}),
    }


def _faults(header: Header) -> list[Json]:
    return [_state(f"/faults.raised.{_key(fault)}", fault) for fault in header.faults]


def _key(name: str) -> str:
    """A name as a part of Foxglove's message paths."""
    return name if _PLAIN.fullmatch(name) else f'"{name}"'


def _state(path: str, label: str = "") -> Json:
    state = {"value": path, "timestampMethod": "receiveTime"}
    return state | {"label": label} if label else state


def _plot(title: str, paths: dict[str, str]) -> Json:
    return {
        "foxglovePanelTitle": title,
        "paths": [
            {"value": path, "label": label, "enabled": True, "timestampMethod": "receiveTime"}
            for label, path in paths.items()
        ],
        "showLegend": True,
        "legendDisplay": "floating",
        "isSynced": True,
        "xAxisVal": "timestamp",
    }


def _split(direction: str, first: Any, second: Any, percentage: float) -> Json:
    return {"direction": direction, "first": first, "second": second, "splitPercentage": percentage}


def _grid(panels: list[str], direction: str = "column") -> Any:
    """Halves of halves, so that all are of about the same size."""
    if len(panels) == 1:
        return panels[0]
    half = (len(panels) + 1) // 2
    other = "row" if direction == "column" else "column"
    return _split(direction, _grid(panels[:half], other), _grid(panels[half:], other), 100 * half / len(panels))
