"""How the BNO085 driver comes up, and the one sentence it says where it cannot."""

from __future__ import annotations

import errno
import sys
from types import SimpleNamespace

import pytest
from imu_rig import ImuRig

from firmware_bridge import sh2
from firmware_bridge.bno085 import Bno085
from firmware_bridge.bno085_failure import Bno085Error, StartFailure
from firmware_bridge.bno085_wire import Bno085Config, Bno085Wire
from firmware_bridge.emulator.bno085_chip import Bno085Chip
from firmware_bridge.emulator.fault import FaultKind
from firmware_bridge.emulator.gpio import EmulatedGpio
from firmware_bridge.imu_track import ImuHealth


def refusal(rig: ImuRig) -> Bno085Error:
    with pytest.raises(Bno085Error) as caught:
        rig.start()
    sentence = str(caught.value)
    assert sentence.startswith("IMU: ") and "\n" not in sentence and "{" not in sentence
    return caught.value


def test_what_the_driver_says_to_the_chip() -> None:
    rig = ImuRig().start()
    assert list(rig.chip.received) == [
        (2, bytes.fromhex("F9 00")),
        (2, bytes.fromhex("FD 02 00 00 00 88 13 00 00 00 00 00 00 00 00 00 00")),
        (2, bytes.fromhex("FD 08 00 00 00 88 13 00 00 00 00 00 00 00 00 00 00")),
    ]
    assert (rig.chip.mode, rig.chip.max_speed_hz) == (3, 3_000_000)


def test_it_is_up_in_less_than_three_tenths_of_a_second() -> None:
    rig = ImuRig()
    begin_s = rig.clock()
    rig.start()
    assert rig.clock() - begin_s < 0.3
    assert rig.driver.product == sh2.ProductId(4, "3.2.7", 10003608, 370)
    assert rig.driver.intervals_us == {sh2.GYRO: 5000, sh2.GAME_ROTATION_VECTOR: 5000}
    counters = rig.driver.counters
    assert (counters.rejected.total(), counters.hard_resets, counters.chip_resets) == (0, 1, 0)


def test_the_first_packet_may_come_behind_two_zero_bytes() -> None:
    rig = ImuRig()
    rig.chip.leading_zeros = True
    rig.start()
    assert rig.driver.counters.rejected.total() == 0


def test_rotation_vector_in_place_of_the_game_rotation_vector() -> None:
    rig = ImuRig(Bno085Config(rotation=sh2.ROTATION_VECTOR, rate_hz=100)).start()
    assert rig.driver.intervals_us == {sh2.GYRO: 10000, sh2.ROTATION_VECTOR: 10000}
    rig.motion = ((0.5, 0.5, 0.5, 0.5), (0, 0, 0))
    rig.run(0.1)
    assert rig.sample.quat_wxyz == pytest.approx((0.5, 0.5, 0.5, 0.5), abs=1e-4)


def test_a_chip_that_loses_half_of_all_messages_comes_up() -> None:
    rig = ImuRig()
    rig.chip.inject(FaultKind.INTERMITTENT)
    try:
        rig.start()
    except Bno085Error as failure:
        assert failure.failure in (StartFailure.NO_INTERRUPT, StartFailure.NO_BOOT, StartFailure.DEAD_MISO)
    rig.run_until(ImuHealth.LOSSY, 10.0)


def test_missing_interrupt() -> None:
    rig = ImuRig()
    rig.chip.int_connected = False
    failure = refusal(rig)
    assert failure.failure is StartFailure.NO_INTERRUPT
    assert "GPIO17" in str(failure) and "GPIO27" in str(failure)


def test_wake_low_at_reset_brings_the_chip_up_without_spi() -> None:
    """PS0 low: the chip speaks I2C or UART. The driver holds the pin high; here it is shorted to ground."""
    rig = ImuRig()
    rig.gpio.listen(25, lambda level: rig.chip._on_wake(0))
    rig.gpio.output(25, 0)
    assert refusal(rig).failure is StartFailure.NO_INTERRUPT


def test_no_power() -> None:
    rig = ImuRig()
    rig.chip.inject(FaultKind.OFF)
    assert refusal(rig).failure is StartFailure.NO_INTERRUPT


def test_floating_miso() -> None:
    rig = ImuRig()
    rig.chip.miso_connected = False
    failure = refusal(rig)
    assert failure.failure is StartFailure.FLOATING_MISO
    assert "MISO (GPIO9)" in str(failure)


def test_interrupt_shorted_to_ground() -> None:
    rig = ImuRig()
    rig.chip.inject(FaultKind.OFF)
    rig.gpio.drive(17, lambda: 0)
    rig.chip.xfer2 = lambda values: [0] * len(values)  # type: ignore[method-assign,assignment]
    assert refusal(rig).failure is StartFailure.DEAD_MISO


def test_garbage() -> None:
    rig = ImuRig()
    rig.chip.inject(FaultKind.GARBAGE)
    failure = refusal(rig)
    assert failure.failure is StartFailure.NO_BOOT
    assert "oversized" in str(failure) and "3000000" in str(failure)


def test_mosi_cut() -> None:
    rig = ImuRig()
    exchange = rig.chip.xfer2
    rig.chip.xfer2 = lambda values: exchange([0] * len(values))  # type: ignore[method-assign]
    failure = refusal(rig)
    assert failure.failure is StartFailure.NO_PRODUCT_ID
    assert "MOSI (GPIO10)" in str(failure) and "GPIO25" in str(failure)


def test_a_chip_that_has_no_such_report() -> None:
    rig = ImuRig()
    enable = rig.chip.sensor.enable
    rig.chip.sensor.enable = lambda report, *rest: 0 if report == sh2.GYRO else enable(report, *rest)  # type: ignore[method-assign]
    failure = refusal(rig)
    assert failure.failure is StartFailure.NO_FEATURE
    assert "calibrated gyro (0x02)" in str(failure) and "rotation" not in str(failure)


def test_reports_that_cannot_be() -> None:
    rig = ImuRig()
    rig.motion = ((2.0, 0, 0, 0), (0, 0, 0))
    assert refusal(rig).failure is StartFailure.NO_REPORTS
    assert rig.driver.counters.implausible > 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"rate_hz": 50}, "rate_hz 50"),
        ({"rate_hz": 1000}, "rate_hz 1000"),
        ({"speed_hz": 10_000_000}, "speed_hz 10000000"),
        ({"rotation": 0x09}, "rotation 9"),
        ({"int_pin": 27}, "three different"),
    ],
)
def test_configs_that_are_refused(options: dict[str, int], says: str) -> None:
    with pytest.raises(Bno085Error, match=says) as caught:
        Bno085Config(**options)  # type: ignore[arg-type]
    assert caught.value.failure is StartFailure.BAD_CONFIG


@pytest.mark.parametrize("device", [(0, 1), (1, 0)])
def test_no_such_spi_device(device: tuple[int, int]) -> None:
    gpio = EmulatedGpio()
    with pytest.raises(Bno085Error, match=rf"/dev/spidev{device[0]}.{device[1]}.*dtparam=spi=on") as caught:
        Bno085Wire(Bno085Chip(gpio), gpio, Bno085Config(spi_bus=device[0], spi_device=device[1]))
    assert caught.value.failure is StartFailure.SPI_NOT_OPENED


def test_pins_that_belong_to_somebody_else() -> None:
    gpio = EmulatedGpio()
    gpio.setmode(gpio.BOARD)
    with pytest.raises(Bno085Error, match="GPIO 17, 27 and 25") as caught:
        Bno085Wire(Bno085Chip(gpio), gpio, Bno085Config())
    assert caught.value.failure is StartFailure.PINS_NOT_OPENED


def test_without_its_libraries_the_driver_names_the_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spidev", None)
    with pytest.raises(Bno085Error, match=r"wildrobot\[pi4\].*wildrobot\[pi5\]") as caught:
        Bno085.open(Bno085Config())
    assert caught.value.failure is StartFailure.LIBRARY_MISSING


def test_the_real_libraries_are_taken_by_their_import_names(monkeypatch: pytest.MonkeyPatch) -> None:
    gpio = EmulatedGpio()
    chip = Bno085Chip(gpio)
    monkeypatch.setitem(sys.modules, "spidev", SimpleNamespace(SpiDev=lambda: chip))
    monkeypatch.setitem(sys.modules, "RPi", SimpleNamespace(GPIO=gpio))
    monkeypatch.setitem(sys.modules, "RPi.GPIO", gpio)
    driver = Bno085.open(Bno085Config())
    assert driver.start().version == "3.2.7"
    driver.stop()


def test_no_library_of_the_robot_is_imported_before_a_device_is_opened() -> None:
    assert not {"spidev", "RPi", "RPi.GPIO"} & set(sys.modules)


def test_after_a_failed_start_the_wires_are_free() -> None:
    rig = ImuRig()
    rig.chip.int_connected = False
    with pytest.raises(Bno085Error):
        rig.driver.start()
    with pytest.raises(OSError) as caught:
        rig.chip.xfer2([0])
    assert caught.value.errno == errno.EBADF
    with pytest.raises(RuntimeError, match="setup"):
        rig.gpio.input(17)
