"""Between a TickRecord and a row of the black box. Which columns there are follows from the record itself."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import numpy as np

from contract import FOOT_SWITCHES, Command, Signals
from robotd.blackbox_layout import ABSENT, COUNT, TEXT_BYTES, Column, leaves, rebuild, row_type
from robotd.health import Health, well
from robotd.mode import Event, Mode
from robotd.record import Orders, TickRecord
from robotd.safety import Fault, SafetyState
from robotd.tick import Setup, initial_tick_state

MOST_BUSES = 16
MODES = tuple(Mode)
_VARIES = {
    "event",
    "observation",
    "raw_action",
    "filtered_action",
    "target_before_rad",
    "target_after_rad",
    "orders.policy",
    "orders.link_silent_s",
    "health.bus_errors_in_a_row",
    "before.policy.delayed_actions",
}
_ADDED = {f"health.{name}" for name in Health._field_defaults}
"""Columns that files of an older robotd may lack: there the example's values count, those of a robot that is well."""
_BY_ROW: dict[str, Any] = {"before.safety.lasted": SafetyState().lasted, "before.safety.latched": SafetyState().latched}
"""Columns with a place for each row of the fault table, and what they are at first: in older files they are shorter."""


def example_record(setup: Setup) -> TickRecord:
    """A record with a value in every place, each as large as it may become with this robot and its policies."""
    policies = tuple(setup.policies.values())
    joints, zeros = setup.spec.num_joints, np.zeros(setup.spec.num_joints, np.float32)
    before = initial_tick_state(setup)
    delay = max(policy.runtime.action_delay_steps for policy in policies)
    memory = before.policy._replace(delayed_actions=np.zeros((delay, joints), np.float32))
    signals = Signals(
        quat_wxyz=np.zeros(4, np.float32),
        gyro_rad_s=np.zeros(3, np.float32),
        joint_pos_rad=zeros,
        joint_vel_rad_s=zeros,
        foot_switches=np.zeros(len(FOOT_SWITCHES), np.float32),
        stamp_s=np.asarray(0.0),
        joint_age_s=zeros,
        imu_age_s=np.zeros((), np.float32),
    )
    return TickRecord(
        number=0,
        mode=Mode.IDLE,
        signals=signals,
        command=Command(np.zeros(3, np.float32)),
        event=Event.STOP,
        observation=np.zeros(max(policy.model.obs_dim for policy in policies), np.float32),
        raw_action=zeros,
        filtered_action=zeros,
        target_before_rad=zeros,
        target_after_rad=zeros,
        faults=Fault.NONE,
        present=Fault.NONE,
        skipped=0,
        health=well(joints)._replace(bus_errors_in_a_row=(0,) * MOST_BUSES),
        orders=Orders(events=(Event.STOP,), policy="", link_silent_s=0.0),
        before=before._replace(policy=memory),
    )


def columns_of(example: TickRecord) -> list[Column]:
    """One column for each leaf of the record. Raises TypeError where a leaf is of no kind that can be kept."""
    return [_column(name, value) for name, value in leaves(example)]


def _column(name: str, value: Any) -> Column:
    varies = name in _VARIES
    if isinstance(value, Mode):
        return Column(name, "|u1", (), "mode", varies)
    if isinstance(value, Event):
        return Column(name, "|u1", (), "event", varies)
    if isinstance(value, Fault):
        return Column(name, "<u4", (), "faults", varies)
    if isinstance(value, str):
        return Column(name, f"|S{TEXT_BYTES}", (), "text", varies)
    if isinstance(value, tuple) and all(isinstance(part, Event) for part in value):
        return Column(name, "|u1", (), "events", varies)
    if isinstance(value, np.ndarray):
        return Column(name, value.dtype.newbyteorder("<").str, value.shape, "array", varies)
    numbers = value if isinstance(value, tuple) else (value,)
    kinds = {type(number) for number in numbers}
    types = [text for kind, text in ((bool, "|b1"), (int, "<i8"), (float, "<f8")) if kinds == {kind}]
    if not types:
        raise TypeError(f"{name}: found {value!r}, which the black box cannot keep")
    shape, what = ((len(numbers),), "tuple") if isinstance(value, tuple) else ((), "number")
    return Column(name, types[0], shape, what, varies)


class Encoder:
    """Writes records into one row in memory, `row` (1,) of `row_type(columns)`; nothing is allocated that stays."""

    def __init__(self, columns: list[Column]) -> None:
        self.row = np.zeros(1, row_type(columns))
        self._put = [_putter(column, self.row) for column in columns]

    def encode(self, record: TickRecord) -> None:
        """Fill the columns; sequence, time_s and crc are the caller's."""
        for put in self._put:
            put(record)


def _putter(column: Column, row: np.ndarray[Any, Any]) -> Callable[[TickRecord], None]:
    """What writes one leaf of a record into its place."""
    get, place, plain = attrgetter(column.name), row[column.name], _TO_NUMBER.get(column.kind)
    if not column.varies:
        if plain is None:

            def put(record: TickRecord) -> None:
                place[0] = get(record)

        else:

            def put(record: TickRecord) -> None:
                place[0] = plain(get(record))

        return put
    count, most = row[column.name + COUNT], column.shape[0] if column.shape else None

    def put_what_is_there(record: TickRecord) -> None:
        value = get(record)
        if value is None:
            place[0], count[0] = plain("") if column.kind == "text" and plain else 0, ABSENT
        elif most is None:
            place[0], count[0] = value if plain is None else plain(value), 1
        else:
            length = min(len(value), most)
            place[0, :length], place[0, length:], count[0] = value[:length], 0, length

    return put_what_is_there


def _bits(events: tuple[Event, ...]) -> int:
    bits = 0
    for event in events:
        bits |= 1 << event
    return bits


_TO_NUMBER: dict[str, Callable[[Any], Any]] = {
    "mode": MODES.index,
    "event": int,
    "events": _bits,
    "faults": int,
    "text": lambda text: text.encode()[:TEXT_BYTES],
}


def are_readable(found: list[Column], example: TickRecord) -> bool:
    """Whether `record_of` makes records like the example out of these columns: this robotd's, or an older one's."""
    there, wanted = {column.name: column for column in found}, {column.name: column for column in columns_of(example)}
    if not there.keys() <= wanted.keys() or not wanted.keys() - there.keys() <= _ADDED:
        return False
    return all(_fits(column, wanted[name]) for name, column in there.items())


def _fits(found: Column, wanted: Column) -> bool:
    if found.name in _BY_ROW and len(found.shape) == 1 and found.shape <= wanted.shape:
        return found._replace(shape=wanted.shape) == wanted
    return found == wanted


def record_of(row: Any, columns: list[Column], example: TickRecord) -> TickRecord:
    """The record that was encoded, bit for bit, but that events asked for twice in a tick come back once.

    Args:
        row: a record of the file, numpy.void of `row_type(columns)`.
        example: as `example_record` makes it; its leaves are the columns, but for what an older robotd did not have.
    """
    kinds: dict[str, Any] = dict(leaves(example))
    values = {name: kinds[name] for name in _ADDED}
    values |= {column.name: _value(row, column, kinds[column.name]) for column in columns}
    values |= {name: values[name] + blank[len(values[name]) :] for name, blank in _BY_ROW.items()}
    record: TickRecord = rebuild(example, values)
    return record


def _value(row: Any, column: Column, like: Any) -> Any:
    cell = row[column.name]
    if column.varies:
        count = int(row[column.name + COUNT])
        if count == ABSENT:
            return None
        cell = cell[:count] if column.shape else cell
    match column.kind:
        case "array":
            return np.array(cell, like.dtype)
        case "tuple":
            return tuple(cell.tolist())
        case "mode":
            return MODES[int(cell)]
        case "event":
            return Event(int(cell))
        case "events":
            return tuple(event for event in Event if int(cell) >> event & 1)
        case "faults":
            return Fault(int(cell))
        case "text":
            return cell.decode(errors="replace")
        case _:
            return cell.item()
