"""The emulator's control channel: faults in, the witness out, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware_bridge.emulator.bench import ServoBench
from firmware_bridge.emulator.control import PAGE, SOCKET_NAME, ControlClient, ControlError
from firmware_bridge.emulator.fault import FaultKind


def test_faults_go_in_and_the_witness_comes_out(tmp_path: Path) -> None:
    heard: list[tuple[str, str]] = []
    devices = {"imu": lambda address, kind: heard.append((address, kind))}
    with ServoBench({"left": (1, 2)}, tmp_path, devices=devices) as bench:
        with ControlClient(tmp_path / SOCKET_NAME) as client:
            assert client.ask(do="devices") == {"devices": ["left", "imu"]}
            client.fault("left/2", FaultKind.STUCK)
            client.fault("imu", "delayed")
            for number in range(PAGE + 5):
                bench.witness.note(float(number), "left", 1, "move_time_write", (number % 1000, 0), (1,))
            arrivals = client.witness()
            assert [arrival.number for arrival in arrivals] == list(range(PAGE + 5))
            assert client.witness(since=PAGE) == arrivals[PAGE:]
            assert client.witness(bus="right") == []
        assert [servo.fault for servo in bench.wires["left"].servos] == [FaultKind.OK, FaultKind.STUCK]
    assert heard == [("", "delayed")]
    assert len((tmp_path / "witness.jsonl").read_text().splitlines()) == PAGE + 5
    assert not (tmp_path / SOCKET_NAME).exists()


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"do": "dance"}, "expected fault, witness, devices or stop"),
        ({"do": "fault", "device": "left/9", "kind": "off"}, "servo 9 is not on left; there are 1"),
        ({"do": "fault", "device": "right", "kind": "off"}, "no device 'right'; there are left"),
        ({"do": "fault", "device": "left", "kind": "odd"}, "expected one of ok, off, stuck"),
        ({"do": "fault"}, "device"),
    ],
)
def test_what_makes_no_sense_is_refused_and_the_line_stays_open(
    tmp_path: Path, request_: dict[str, str], words: str
) -> None:
    with ServoBench({"left": (1,)}, tmp_path), ControlClient(tmp_path / SOCKET_NAME) as client:
        with pytest.raises(ControlError) as refusal:
            client.ask(**request_)
        assert words in str(refusal.value)
        assert client.ask(do="devices") == {"devices": ["left"]}


def test_no_emulator_and_a_path_that_is_too_long_are_named(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="no emulator answers"):
        ControlClient(tmp_path / SOCKET_NAME)
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    with pytest.raises(ControlError, match="take a shorter path"), ServoBench({"left": (1,)}, deep):
        pass
    assert not list(deep.iterdir())
