"""The section `hardware` of robotd.yaml: defaults that fit the wire, mistakes in one sentence, buses regrouped."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware_bridge.bus_budget import bus_budget
from robotd.config import ConfigFileError, load_config
from robotd.wiring import Wiring, WiringError, regrouped


def refusal(tmp_path: Path, text: str) -> str:
    path = tmp_path / "robotd.yaml"
    path.write_text(text)
    with pytest.raises(ConfigFileError) as caught:
        load_config(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    return str(caught.value)


def test_three_default_buses_fit_the_tick_and_one_would_not() -> None:
    wiring = Wiring()
    assert [len(wiring.on_bus(bus)) for bus in wiring.used_buses] == [5, 5, 1]
    assert all(bus_budget(len(wiring.on_bus(bus))).fits for bus in wiring.used_buses)
    assert not bus_budget(len(wiring.joints)).fits


def test_parts_can_be_given_without_the_others(tmp_path: Path) -> None:
    path = tmp_path / "robotd.yaml"
    path.write_text(
        "hardware: {move_time_s: 0.03, imu: {mounting_wxyz: [0, 0, 0, 1]}, foot_switches: {left_toe: {pin: 4}}}"
    )
    wiring = load_config(path).hardware
    assert (wiring.move_time_s, wiring.imu.mounting_wxyz, wiring.imu.int_pin) == (0.03, [0, 0, 0, 1], 17)
    assert [switch.pin for switch in wiring.foot_switches.all.values()] == [4, 6, 13, 19]
    assert wiring.joints == Wiring().joints


ONE_JOINT = "joints: {hip: {bus: left_leg, servo_id: 1}}"


@pytest.mark.parametrize(
    "hardware, problem",
    [
        ("bauds: 9600", "unknown key 'hardware.bauds' (did you mean 'baud'?)"),
        ("baud: 300", "hardware.baud: found 300"),
        (
            "buses: {left_leg: /dev/ttyUSB0}",
            "hardware.buses.left_leg: found '/dev/ttyUSB0', expected a section of keys, as `{port: /dev/ttyUSB0}`",
        ),
        ("buses: 3", "hardware.buses: found 3, expected a section of keys, as `{NAME: {port: ...}}`"),
        ("joints: {hip: 5}", "hip: found 5, expected a section of keys, as `{bus: ..., servo_id: ...}`"),
        (
            "foot_switches: {left_toe: {pressed_low: false}}",
            "hardware.foot_switches.left_toe: key `pin` is missing, expected a BCM number 0 to 27",
        ),
        ("buses: {left_leg: {}}", "hardware.buses.left_leg: key `port` is missing, expected a text"),
        ("imu: {int_pins: 3}", "unknown key 'hardware.imu.int_pins' (did you mean 'int_pin'?)"),
        ("imu: {mounting_wxyz: [1, 1, 0, 0]}", "hardware.imu: mounting_wxyz [1.0, 1.0, 0.0, 0.0] has the norm 1.414"),
        ("imu: {mounting_wxyz: [1, 0, 0]}", "hardware.imu.mounting_wxyz: found [1, 0, 0]"),
        ("imu: {int_pin: 5}", "hardware: GPIO 5 is used twice"),
        ("calibration: {hip: {direction: 2}}", "hardware.calibration.hip.direction: found 2"),
        ("calibration: {hip: {directions: 1}}", "unknown key 'hardware.calibration.hip.directions' (did you mean"),
        (ONE_JOINT, "hardware: calibration has no hip"),
        (f"{ONE_JOINT}, calibration: {{hip: {{}}, knee: {{}}}}", "hardware: calibration has knee, which no bus has"),
        (
            "joints: {hip: {bus: moon, servo_id: 1}}",
            "hardware: joint hip is on the bus 'moon', expected one of left_leg",
        ),
        (
            "joints: {hip: {bus: upper, servo_id: 1}, knee: {bus: upper, servo_id: 1}}",
            "hardware: hip and knee are both servo 1 on upper",
        ),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, hardware: str, problem: str) -> None:
    assert problem in refusal(tmp_path, f"hardware: {{{hardware}}}")


@pytest.mark.parametrize("count, sizes", [(1, [11]), (2, [6, 5]), (3, [5, 5, 1]), (4, [3, 3, 3, 2]), (11, [1] * 11)])
def test_the_same_servos_on_other_buses(count: int, sizes: list[int]) -> None:
    wiring = regrouped(Wiring(), count)
    assert sorted((len(wiring.on_bus(bus)) for bus in wiring.used_buses), reverse=True) == sizes
    ids = {name: wire.servo_id for name, wire in wiring.joints.items()}
    assert ids == {name: wire.servo_id for name, wire in Wiring().joints.items()}
    assert wiring.calibration == Wiring().calibration


def test_what_cannot_be_regrouped_says_why() -> None:
    with pytest.raises(WiringError, match="12 buses for 11 joints, expected 1 to 11"):
        regrouped(Wiring(), 12)
    joints = {
        name: wire.model_copy(update={"servo_id": 1 + n % 5}) for n, (name, wire) in enumerate(Wiring().joints.items())
    }
    with pytest.raises(WiringError, match="share an id"):
        regrouped(Wiring(joints=joints), 1)
