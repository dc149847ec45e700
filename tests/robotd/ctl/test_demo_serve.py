"""robotctl demo --serve: a twin to steer instead of a script."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import pytest
from bench_rig import Robotctl
from dashboard_rig import LONG_S, served_demo

from firmware_bridge.emulator.witness import arrival
from robotd.ctl.client import Client
from robotd.messages import Activate, Arm, AskStatus, Estop, Status, Telemetry


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--serve", "--episodes", "2"), "--serve: found --episodes, --gap or --json"),
        (("--serve", "--json"), "--serve: found --episodes, --gap or --json"),
        (("--socket", "robotd.sock"), "--socket: found no --serve, expected it"),
    ],
)
def test_what_does_not_go_together_is_said(words: tuple[str, ...], sentence: str, robotctl: Robotctl) -> None:
    said = robotctl("demo", *words)
    assert said.code == 2 and sentence in said.sentence


def wait_for(client: Client, mode: str) -> None:
    until_s = time.monotonic() + LONG_S
    while client.ask(AskStatus(), Status).mode != mode:
        assert time.monotonic() < until_s, f"not in {mode}"
        time.sleep(0.05)


def test_the_twin_is_armed_set_on_its_feet_and_run_by_whoever_comes() -> None:
    with tempfile.TemporaryDirectory(prefix="wr-") as folder:
        home = Path(folder)
        with served_demo(home, "--hal", "sim"), Client(home / "run" / "robotd" / "robotd.sock", LONG_S) as client:
            assert set(client.ask(AskStatus(), Status).policies) == {"standing", "walking"}
            assert client.act(Arm()).ok
            wait_for(client, "standby")
            ticks = iter(client.telemetry(1))
            until_s = time.monotonic() + LONG_S
            while sum(next(ticks).foot_switches) < 3:  # the stand has let go
                assert time.monotonic() < until_s, "it hangs on its stand"
            assert client.act(Activate()).ok
            tick = next(tick for tick in ticks if tick.mode == "active")
            assert isinstance(tick, Telemetry) and tick.joint_age_s == (0.0,) * 11 and tick.imu_age_s == 0
        assert not (home / "out" / "witness.jsonl").exists()


def test_behind_wires_the_witness_is_left_and_samples_have_an_age() -> None:
    with tempfile.TemporaryDirectory(prefix="wr-") as folder:
        home = Path(folder)
        with served_demo(home, "--hal", "emulated"), Client(home / "run" / "robotd" / "robotd.sock", LONG_S) as client:
            tick = next(client.telemetry(1))
            assert len(tick.joint_age_s) == 11 and min(tick.joint_age_s) > 0 and tick.imu_age_s > 0
            assert client.act(Estop()).ok
        with (home / "out" / "witness.jsonl").open() as file:
            found = [arrival(json.loads(line)) for line in file]
        assert {item.bus for item in found if item.command == "load_or_unload_write"} == {item.bus for item in found}
