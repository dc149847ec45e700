"""What Foxglove knows by name: transforms and shapes for its 3-D panel, and lines for its log panel, as JSON.

The schemas are our own words for the fields that its documentation lists under `foxglove.FrameTransforms`,
`foxglove.SceneUpdate` and `foxglove.Log`; it knows them by those names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from robotd.blackbox_reader import BlackBoxFile
from robotd.ctl.fault_fixes import FIXES
from robotd.mode import Mode

Json = dict[str, Any]
NUMBER: Json = {"type": "number"}
TEXT: Json = {"type": "string"}
LEVELS = {"UNKNOWN": 0, "DEBUG": 1, "INFO": 2, "WARNING": 3, "ERROR": 4, "FATAL": 5}
WORLD = "world"
LOG, TRANSFORMS, SHAPES = "/log", "/tf", "/robot"


def fields(**properties: Json) -> Json:
    """An object in which every one of the properties is there."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def items(schema: Json) -> Json:
    """An array."""
    return {"type": "array", "items": schema}


def _time(title: str) -> Json:
    integer = {"type": "integer", "minimum": 0}
    return fields(sec=integer, nsec=integer | {"maximum": 999_999_999}) | {"title": title}


TIME = _time("time")
VECTOR = fields(x=NUMBER, y=NUMBER, z=NUMBER)
QUATERNION = fields(x=NUMBER, y=NUMBER, z=NUMBER, w=NUMBER)
COLOUR = fields(r=NUMBER, g=NUMBER, b=NUMBER, a=NUMBER)
POSE = fields(position=VECTOR, orientation=QUATERNION)
_SOLID = {"pose": POSE, "size": VECTOR, "color": COLOUR}
_NOTHING = items({"type": "object", "properties": {}})  # kinds of shapes that our robots have none of

LOG_SCHEMA = fields(
    timestamp=TIME,
    level={"oneOf": [{"title": name, "const": number} for name, number in LEVELS.items()]},
    message=TEXT,
    name=TEXT,
    file=TEXT,
    line={"type": "integer", "minimum": 0},
)
TRANSFORMS_SCHEMA = fields(
    transforms=items(
        fields(
            timestamp=TIME,
            parent_frame_id=TEXT,
            child_frame_id=TEXT,
            translation=VECTOR,
            rotation=QUATERNION,
        )
    )
)
SCENE_SCHEMA = fields(
    deletions=items(fields(timestamp=TIME, type={"type": "integer"}, id=TEXT)),
    entities=items(
        fields(
            timestamp=TIME,
            frame_id=TEXT,
            id=TEXT,
            lifetime=_time("duration"),
            frame_locked={"type": "boolean"},
            metadata=items(fields(key=TEXT, value=TEXT)),
            arrows=_NOTHING,
            cubes=items(fields(**_SOLID)),
            spheres=items(fields(**_SOLID)),
            cylinders=items(fields(**_SOLID, bottom_scale=NUMBER, top_scale=NUMBER)),
            lines=_NOTHING,
            triangles=_NOTHING,
            texts=_NOTHING,
            models=_NOTHING,
        )
    ),
)


def stamp(at_ns: int) -> Json:
    """A time of day."""
    return {"sec": at_ns // 1_000_000_000, "nsec": at_ns % 1_000_000_000}


def vector(xyz: Any) -> Json:
    """(3,) m; to a hundredth of a millimetre."""
    return {axis: round(float(part), 5) for axis, part in zip("xyz", xyz, strict=True)}


def quaternion(wxyz: Any) -> Json:
    """(4,)."""
    return {axis: round(float(part), 6) for axis, part in zip("wxyz", wxyz, strict=True)}


def pose(xyz: Any, wxyz: Any) -> Json:
    """Where something is in its frame."""
    return {"position": vector(xyz), "orientation": quaternion(wxyz)}


class Teller:
    """Makes the lines of the log: whatever changed from one record to the next.

    A new mode or a wish is INFO, a condition WARNING, a raised fault ERROR.
    """

    def __init__(self, file: BlackBoxFile) -> None:
        self._file = file
        self._mode, self._faults, self._present = "", np.uint32(0), np.uint32(0)
        self._events = 0

    def lines(self, row: Any, at_ns: int) -> Iterator[Json]:
        """What is to be said of a record; mostly nothing."""
        mode = self._file.plain(row, "mode")
        if mode != self._mode:
            words = f"{self._mode} -> {mode}" if self._mode else f"the log begins in {mode}"
            yield self._line(at_ns, "INFO", words)
        for name in self._named(row["faults"] & ~self._faults):
            yield self._line(at_ns, "ERROR", f"{name} is raised: {FIXES.get(name, 'see docs/safety.md')}")
        for name in self._named(row["present"] & ~self._present & ~row["faults"]):
            yield self._line(at_ns, "WARNING", f"condition of {name} begins")
        events = int(row["orders.events"])
        if events != self._events and events:
            yield self._line(at_ns, "INFO", f"asked for: {', '.join(self._file.plain(row, 'orders.events'))}")
        self._mode, self._faults, self._present, self._events = mode, row["faults"], row["present"], events

    def _named(self, bits: Any) -> list[str]:
        return [name for name, bit in self._file.header.faults.items() if int(bits) & bit]

    def _line(self, at_ns: int, level: str, message: str) -> Json:
        return {
            "timestamp": stamp(at_ns),
            "level": LEVELS[level],
            "message": message,
            "name": "robotd",
            "file": "",
            "line": 0,
        }


def on_stand(mode: str) -> bool:
    """Whether a robot in that mode is held by somebody, most likely."""
    return mode in (Mode.IDLE.value, Mode.HOMING.value)
