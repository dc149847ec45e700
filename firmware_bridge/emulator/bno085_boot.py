"""What an emulated BNO085 says of itself: advertisement, start-up messages, product ids.

The advertisement is a list of tag, length, value, 272 bytes as on the real chip (276 with header); it begins with the
bytes seen on one (00 01 04 00 00 00 00 80 06 31 2E 30 2E 30 00 02 ..., sparkfun/SparkFun_BNO080_Arduino_Library
issue 42). Tags: CEVA 1000-3535, section 5.2.
"""

from __future__ import annotations

import struct

_GUID, _MAX_WRITE, _MAX_READ, _MAX_WRITE_TRANSFER, _MAX_READ_TRANSFER = 1, 2, 3, 4, 5
_NORMAL, _WAKE, _APP_NAME, _CHANNEL_NAME, _VERSION, _REPORT_LENGTHS = 6, 7, 8, 9, 0x80, 0x81
_BYTES = 272


def _entry(tag: int, value: bytes) -> bytes:
    return bytes((tag, len(value))) + value


def _text(tag: int, text: str) -> bytes:
    return _entry(tag, text.encode() + b"\0")


def _application(guid: int, name: str, channels: tuple[tuple[int, int, str], ...]) -> bytes:
    head = _entry(_GUID, struct.pack("<I", guid))
    return (
        head
        + _text(_APP_NAME, name)
        + b"".join(_entry(tag, bytes((number,))) + _text(_CHANNEL_NAME, text) for tag, number, text in channels)
    )


def _advertisement() -> bytes:
    hub = ((_NORMAL, 2, "control"), (_NORMAL, 3, "inputNormal"), (_WAKE, 4, "inputWake"), (_WAKE, 5, "inputGyroRv"))
    data = b"\0" + _entry(_GUID, bytes(4)) + _text(_VERSION, "1.0.0")
    for tag, limit in ((_MAX_WRITE, 256), (_MAX_READ, 1024), (_MAX_WRITE_TRANSFER, 256), (_MAX_READ_TRANSFER, 1024)):
        data += _entry(tag, struct.pack("<H", limit))
    data += _text(_APP_NAME, "SHTP") + _entry(_NORMAL, b"\0") + _text(_CHANNEL_NAME, "control")
    data += _application(1, "executable", ((_NORMAL, 1, "device"),)) + _application(2, "sensorhub", hub)
    data += _text(_VERSION, "1.1.0")
    lengths = bytes(number for pair in ((0x02, 10), (0x05, 14), (0x08, 12), (0xFB, 5), (0xFA, 5)) for number in pair)
    pad = _BYTES - len(data) - 2
    return data + _entry(_REPORT_LENGTHS, lengths.ljust(pad, b"\0"))


ADVERTISEMENT = _advertisement()
INITIALIZED = bytes((0xF1, 0, 0x84, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0))
RESET_COMPLETE = b"\1"
PRODUCT_IDS = (
    struct.pack("<BBIIHBB", 3, 2, 10003608, 370, 7, 0, 0),
    struct.pack("<BBIIHBB", 1, 2, 10003606, 230, 8, 0, 0),
)
"""What follows report id and reset cause in each product id response: version, part, build, patch."""
