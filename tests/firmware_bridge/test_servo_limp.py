"""Limp over several buses: none waits for another, and every servo is asked."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from servo_rig import until

from firmware_bridge.emulator.bench import BenchProcess, ServoBench
from firmware_bridge.emulator.fault import FaultKind
from firmware_bridge.serial_line import SerialLine
from firmware_bridge.servo_bus import ServoBus
from firmware_bridge.servo_limp import limp, limp_ports
from firmware_bridge.servo_schedule import ServoSchedule

BUSES = {"left_leg": (1, 2, 3, 4, 5), "right_leg": (6, 7, 8, 9, 10), "upper_body": (11,)}


def loaded(bench: ServoBench) -> set[int]:
    """Servos with torque."""
    return {servo.servo_id for wire in bench.wires.values() for servo in wire.servos if servo.loaded}


@pytest.mark.parametrize("alive", ["left_leg", "right_leg", "upper_body"])
def test_with_two_of_three_buses_dead_in_a_run_the_third_is_limped_and_verified(alive: str) -> None:
    async def main(bench: ServoBench) -> None:
        schedules = [ServoSchedule(ServoBus(n, SerialLine(bench.ports[n], 115200)), ids) for n, ids in BUSES.items()]
        for schedule in schedules:
            schedule.start()
            schedule.aim(dict.fromkeys(schedule.servo_ids, 500), 20)
            schedule.enable()
        await until(lambda: not any(schedule.unconfirmed for schedule in schedules))
        dead = [name for name in BUSES if name != alive]
        bench.unplug(dead[0])
        bench.fault(dead[1], FaultKind.OFF)
        await asyncio.sleep(0.05)
        assert loaded(bench) >= set(BUSES[alive])
        number, asked_s = bench.witness.seen, time.monotonic()
        reports = {report.bus: report for report in await asyncio.gather(*(one.limp() for one in schedules))}
        first_s = bench.witness.since(number, "load_or_unload_write", alive)[0].stamp_s
        print(
            f"{alive}: first unload {(first_s - asked_s) * 1e3:.1f} ms, all {len(BUSES[alive])} servos confirmed "
            f"{reports[alive].after_s * 1e3:.1f} ms after the request; dead buses given up after "
            f"{max(reports[name].after_s for name in dead) * 1e3:.0f} ms"
        )
        assert reports[alive].verified
        assert not loaded(bench) & set(BUSES[alive])
        assert reports[alive].after_s < 2.0  # 25 ms on a quiet machine; the promise of 100 ms is a benchmark's
        for name in dead:
            assert not any(limped.verified for limped in reports[name].servos.values())
            assert all(limped.problem for limped in reports[name].servos.values())
        for schedule in schedules:
            await schedule.stop()
            schedule.bus.close()

    with ServoBench(BUSES) as bench:
        asyncio.run(main(bench))


def test_ports_are_limped_each_by_itself_without_a_daemon() -> None:
    with ServoBench({"left": (1, 2), "right": (3,)}) as bench:
        ports = {name: (bench.ports[name], ids) for name, ids in (("left", (1, 2)), ("right", (3,)))}
        held = SerialLine(bench.ports["right"], 115200)
        reports = asyncio.run(limp_ports({**ports, "third": ("/dev/no-such-port", (4,))}, limp_s=5.0))
        held.close()
        assert reports["left"].verified
        assert "another process holds it" in (reports["right"].servos[3].problem or "")
        assert "no such port" in (reports["third"].servos[4].problem or "")
        assert asyncio.run(limp_ports({"right": ports["right"]}, limp_s=5.0))["right"].verified


def test_a_servo_that_hears_only_half_of_what_is_said_is_limped_all_the_same() -> None:
    async def main(bench: ServoBench) -> None:
        bus = ServoBus("left", SerialLine(bench.ports["left"], 115200), reply_s=0.03)
        report = (await limp({bus: (1, 2)}, limp_s=10.0))["left"]
        bus.close()
        assert report.verified
        assert not loaded(bench)
        print(f"intermittent servo: {report.servos[1].asked} questions, {report.after_s * 1e3:.0f} ms")

    with ServoBench({"left": (1, 2)}) as bench:
        bench.fault("left/1", FaultKind.INTERMITTENT)
        asyncio.run(main(bench))


def test_the_wires_survive_the_death_of_their_user(tmp_path: Path) -> None:
    """An emulator in a process of its own: one user loads the servos and leaves, the next one limps them."""

    async def hold() -> None:
        bus = ServoBus("left", SerialLine(bench.ports["left"], 115200))
        schedule = ServoSchedule(bus, (1, 2))
        schedule.start()
        schedule.aim({1: 500, 2: 500}, 20)
        schedule.enable()
        await until(lambda: not schedule.unconfirmed)
        await schedule.stop()
        bus.close()

    with BenchProcess({"left": (1, 2), "right": (3,)}, tmp_path) as bench:
        asyncio.run(hold())
        reports = asyncio.run(limp_ports({"left": (bench.ports["left"], (1, 2))}, limp_s=5.0))
        assert reports["left"].verified
        unloads = bench.control.witness(command="load_or_unload_write", bus="left")
        assert unloads[-1].values == (0,)
        bench.control.fault("right", "off")
        dead = asyncio.run(limp_ports({"right": (bench.ports["right"], (3,))}, limp_s=0.1))["right"]
        assert not dead.verified
    assert (tmp_path / "witness.jsonl").read_text().count("load_or_unload_write") >= len(unloads)
    assert not (tmp_path / "left").exists()
