"""docs/wiring.md says what the code does: pins, buses, ids, SPI mode, voltages, and a section `hardware` that loads."""

from __future__ import annotations

import re

import pytest
import yaml
from shown_commands import ROOT

from firmware_bridge.bno085_wire import MAX_SPEED_HZ, SPI_MODE
from robotd.arming import HIGHEST_V, STRONGER_V
from robotd.config import RobotdConfig
from robotd.wiring import Wiring

PAGE = (ROOT / "docs" / "wiring.md").read_text(encoding="utf-8")
HEADER = {5: 29, 6: 31, 8: 24, 9: 21, 10: 19, 11: 23, 13: 33, 17: 11, 19: 35, 25: 22, 27: 13}
"""Pin of the Raspberry Pi's 40-pin header by BCM number."""


def rows_of(text: str) -> dict[str, list[str]]:
    """The other cells of each row of every table, by its first cell."""
    cells = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return {first: rest for first, *rest in cells}


ROWS = rows_of(PAGE)


def pin_of(signal: str) -> int:
    """The BCM number in a signal's row, whose pin of the header must be that one's."""
    (number,) = re.findall(r"GPIO (\d+)", ROWS[signal][0])
    assert int(ROWS[signal][1]) == HEADER[int(number)], signal
    return int(number)


def test_the_imus_pins_are_the_defaults() -> None:
    imu = Wiring().imu
    assert (imu.spi_bus, imu.spi_device) == (0, 0) and "/dev/spidev0.0" in PAGE
    spi = [pin_of(signal) for signal in ("SCK", "MISO, from the chip", "MOSI, to the chip", "CS")]
    assert spi == [11, 9, 10, 8], "SPI 0 of the header, chip select CE0"
    own = [pin_of(signal) for signal in ("INT", "RST", "PS0, which is also WAKE")]
    assert own == [imu.int_pin, imu.reset_pin, imu.wake_pin]
    assert f"mode {SPI_MODE}, at most {MAX_SPEED_HZ / 1e6:g} MHz" in PAGE


def test_the_foot_switches_are_the_defaults() -> None:
    wires = Wiring().foot_switches.all
    assert {name: pin_of(name) for name in wires} == {name: wire.pin for name, wire in wires.items()}
    assert all(wire.pressed_low for wire in wires.values()) and "pressed is low" in PAGE


@pytest.mark.parametrize("bus", Wiring().buses)
def test_a_bus_has_its_port_and_ids(bus: str) -> None:
    wiring = Wiring()
    port, ids, _ = ROWS[bus]
    first, _, last = ids.partition(" to ")
    assert port == wiring.buses[bus].port
    assert list(range(int(first), int(last or first) + 1)) == list(wiring.on_bus(bus).values())


def test_baud_and_voltages_are_those_of_robotd() -> None:
    low = RobotdConfig().safety.undervolt_v
    assert f"at {Wiring().baud} baud" in PAGE
    assert f"robotd arms at {low + STRONGER_V:g} to {HIGHEST_V:g} V, and stops below {low:g} V" in PAGE


def test_the_sample_is_the_default_wiring_in_full() -> None:
    (sample,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    data = yaml.safe_load(sample)
    assert RobotdConfig.model_validate(data) == RobotdConfig()
    assert set(data["hardware"]["joints"]) == set(Wiring().joints)
    assert set(data["hardware"]["foot_switches"]) == set(Wiring().foot_switches.all)
