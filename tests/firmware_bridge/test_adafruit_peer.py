"""Somebody else's driver on our emulated chip: adafruit-circuitpython-bno08x, which runs on many real ones.

Its SPI class wants a board's pins; here its packets go through the emulator's spidev face, and everything above them
(requests, batches, Q points, order of the quaternion) is Adafruit's own code.
"""

from __future__ import annotations

import math
import struct
import time

import adafruit_bno08x
import pytest

from firmware_bridge.emulator.bno085_chip import Bno085Chip, Motion
from firmware_bridge.emulator.gpio import EmulatedGpio

INT, RST, WAKE = 17, 27, 25
NOSE_DOWN: Motion = ((math.cos(math.radians(15)), 0.0, math.sin(math.radians(15)), 0.0), (0.5, -1.0, 2.0))


class AdafruitPeer(adafruit_bno08x.BNO08X):
    """Adafruit's driver with another transport, which reads as its SPI class does: header first, then all again."""

    def __init__(self, chip: Bno085Chip, gpio: EmulatedGpio) -> None:
        self.chip, self.gpio = chip, gpio
        super().__init__()

    def hard_reset(self) -> None:
        self.gpio.output(RST, 0)
        self.gpio.output(RST, 1)

    def soft_reset(self) -> None:
        for _ in range(3):
            self._read_packet()

    @property
    def _data_ready(self) -> bool:
        return self.gpio.input(INT) == 0

    def _read_packet(self) -> adafruit_bno08x.Packet:
        self._wait_for_int()
        (length,) = struct.unpack("<H", bytes(self.chip.xfer2([0] * 4)[:2]))
        self._wait_for_int()
        self._data_buffer = bytearray(self.chip.xfer2([0] * (length & 0x7FFF)))
        packet = adafruit_bno08x.Packet(self._data_buffer)
        self._update_sequence_number(packet)
        return packet

    def _send_packet(self, channel: int, data: bytearray) -> int:
        self.gpio.output(WAKE, 0)
        self._wait_for_int()
        self.chip.xfer2(struct.pack("<HBB", len(data) + 4, channel, 0) + bytes(data))
        self.gpio.output(WAKE, 1)
        return 0

    def _wait_for_int(self) -> None:
        until_s = time.monotonic() + 10
        while not self._data_ready:
            assert time.monotonic() < until_s, "INT did not fall"
            time.sleep(0.0002)


@pytest.fixture
def peer() -> AdafruitPeer:
    gpio = EmulatedGpio()
    gpio.setmode(gpio.BCM)
    gpio.setup(INT, gpio.IN, pull_up_down=gpio.PUD_UP)
    gpio.setup((RST, WAKE), gpio.OUT, initial=gpio.HIGH)
    chip = Bno085Chip(gpio, lambda: NOSE_DOWN)
    chip.open(0, 0)
    chip.mode = 3
    return AdafruitPeer(chip, gpio)


def test_adafruit_s_driver_reads_our_chip_as_ours_does(peer: AdafruitPeer) -> None:
    for report in (adafruit_bno08x.BNO_REPORT_GYROSCOPE, adafruit_bno08x.BNO_REPORT_GAME_ROTATION_VECTOR):
        peer.enable_feature(report)
    peer.enable_feature(adafruit_bno08x.BNO_REPORT_ROTATION_VECTOR)
    time.sleep(0.2)
    (w, x, y, z), rate = NOSE_DOWN
    assert peer.gyro == pytest.approx(rate, abs=0.02)
    assert peer.game_quaternion == pytest.approx((x, y, z, w), abs=1e-4)
    assert peer.quaternion == pytest.approx((x, y, z, w), abs=1e-4)
