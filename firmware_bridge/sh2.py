"""SH-2, what the BNO08x says inside SHTP cargos: product id, features and sensor reports. Pure, no device.

Numbers are little-endian. Report ids and lengths: CEVA 1000-3625 (SH-2 reference manual) and the vendor's `sh2.c`.
Nothing here raises on what a chip sends: cargos that make no sense give empty results.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

GYRO, ROTATION_VECTOR, GAME_ROTATION_VECTOR = 0x02, 0x05, 0x08
REPORT_NAMES = {
    GYRO: "calibrated gyro (0x02)",
    ROTATION_VECTOR: "rotation vector (0x05)",
    GAME_ROTATION_VECTOR: "game rotation vector (0x08)",
}
GYRO_LSB_RAD_S = 2.0**-9
QUAT_LSB = 2.0**-14
TICK_S = 1e-4
"""One tick of the chip's time bases and delays."""

_PRODUCT_RESPONSE, _PRODUCT_REQUEST = 0xF8, 0xF9
_REBASE, _TIME_BASE, _FEATURE_RESPONSE, _SET_FEATURE = 0xFA, 0xFB, 0xFC, 0xFD
_VALUES = {
    GYRO: struct.Struct("<3h"),
    ROTATION_VECTOR: struct.Struct("<4h"),
    GAME_ROTATION_VECTOR: struct.Struct("<4h"),
}
_CONTROL_LENGTHS = {0xF1: 16, 0xF3: 16, 0xF5: 4, _PRODUCT_RESPONSE: 16, _FEATURE_RESPONSE: 17, 0xEF: 2}
_INPUT_LENGTHS = (
    dict.fromkeys((0x01, GYRO, 0x03, 0x04, 0x06), 10)
    | dict.fromkeys((ROTATION_VECTOR, 0x09, 0x28, 0x2A), 14)
    | dict.fromkeys((0x07, 0x0F, 0x14, 0x15, 0x16, 0x1E), 16)
    | dict.fromkeys((GAME_ROTATION_VECTOR, 0x11, 0x29), 12)
    | dict.fromkeys((0x0A, 0x0B, 0x18), 8)
    | dict.fromkeys((0x0C, 0x0D, 0x0E, 0x12, 0x13, 0x19, 0x1A, 0x1B, 0x1C, 0x1F, 0x20, 0x21, 0x22, 0x23), 6)
    | {0x10: 5, _REBASE: 5, _TIME_BASE: 5, 0xEF: 2}
)


class ProductId(NamedTuple):
    """Who the chip is. reset_cause: 1 power on, 2 internal, 3 watchdog, 4 external, 5 other."""

    reset_cause: int
    version: str
    part_number: int
    build: int


class Feature(NamedTuple):
    """The chip's word on one report: interval_us that it really keeps, 0 = off."""

    report: int
    interval_us: int


class Report(NamedTuple):
    """One sample as the chip has it.

    values: s16 in the chip's order and unit: x, y, z in GYRO_LSB_RAD_S, or i, j, k, real in QUAT_LSB;
    age_s: how long before the interrupt it was measured; accuracy 0 (unreliable) to 3 (high).
    """

    id: int
    sequence: int
    accuracy: int
    age_s: float
    values: tuple[int, ...]


class InputCargo(NamedTuple):
    """reports: those of use here; unknown: ids at which the rest of a cargo had to be skipped; cut: it ends early."""

    reports: tuple[Report, ...]
    unknown: tuple[int, ...]
    cut: bool


def product_request() -> bytes:
    """Cargo for the control channel: who are you?"""
    return bytes((_PRODUCT_REQUEST, 0))


def feature_request(report: int, interval_us: int) -> bytes:
    """Cargo for the control channel, 17 bytes: send `report` every `interval_us`, unbatched; 0 turns it off."""
    return struct.pack("<BBBHIII", _SET_FEATURE, report, 0, 0, interval_us, 0, 0)


def decode_control(cargo: bytes) -> tuple[ProductId | Feature, ...]:
    """What a cargo on the control channel says; messages that are of no use here are skipped."""
    messages: list[ProductId | Feature] = []
    at = 0
    while at < len(cargo):
        kind = cargo[at]
        message = cargo[at : at + _CONTROL_LENGTHS.get(kind, 0)]
        if not message or len(message) < _CONTROL_LENGTHS[kind]:
            break
        if kind == _PRODUCT_RESPONSE:
            _, cause, major, minor, part, build, patch = struct.unpack_from("<BBBBIIH", message)
            messages.append(ProductId(cause, f"{major}.{minor}.{patch}", part, build))
        elif kind == _FEATURE_RESPONSE:
            messages.append(Feature(message[1], struct.unpack_from("<I", message, 5)[0]))
        at += len(message)
    return tuple(messages)


def decode_input(cargo: bytes) -> InputCargo:
    """Reports of a cargo on an input channel. An id of unknown length ends it: where the next begins is not known.

    Source of the times: `sh2.c`: measured at interrupt - base + rebase + delay.
    """
    reports: list[Report] = []
    base_ticks = at = 0
    while at < len(cargo):
        kind = cargo[at]
        length = _INPUT_LENGTHS.get(kind)
        if length is None:
            return InputCargo(tuple(reports), (kind,), False)
        if at + length > len(cargo):
            return InputCargo(tuple(reports), (), True)
        if kind == _TIME_BASE:
            base_ticks = struct.unpack_from("<i", cargo, at + 1)[0]
        elif kind == _REBASE:
            base_ticks -= struct.unpack_from("<i", cargo, at + 1)[0]
        elif kind in _VALUES:
            sequence, status, delay = cargo[at + 1 : at + 4]
            ticks = base_ticks - ((status >> 2) << 8 | delay)
            reports.append(Report(kind, sequence, status & 3, ticks * TICK_S, _VALUES[kind].unpack_from(cargo, at + 4)))
        at += length
    return InputCargo(tuple(reports), (), False)


def gyro_rad_s(report: Report) -> tuple[float, float, float]:
    """Angular rate of a GYRO report in the chip's frame, rad/s."""
    x, y, z = report.values
    return x * GYRO_LSB_RAD_S, y * GYRO_LSB_RAD_S, z * GYRO_LSB_RAD_S


def quat_wxyz(report: Report) -> tuple[float, float, float, float]:
    """Attitude of a rotation report, world<-chip, not normalised. The chip's i, j, k, real becomes wxyz here."""
    i, j, k, real = report.values
    return real * QUAT_LSB, i * QUAT_LSB, j * QUAT_LSB, k * QUAT_LSB
