"""Who is on a bus, at which baud rate, and which ids are shared."""

from __future__ import annotations

import asyncio

from servo_rig import bench_of, run_on_bus

from firmware_bridge.emulator.fault import FaultKind
from firmware_bridge.servo_bus import ServoBus
from firmware_bridge.servo_scan import Found, probe, scan_bauds, scan_ids


def test_a_scan_finds_who_answers_and_no_one_else() -> None:
    async def main(bus: ServoBus) -> None:
        found = await scan_ids(bus, range(1, 10))
        assert [one.servo_id for one in found] == [2, 5, 9]
        assert not any(one.duplicate for one in found)

    with bench_of(2, 5, 9) as bench:
        run_on_bus(bench, main, reply_s=0.03)


def test_two_servos_with_one_id_are_reported() -> None:
    async def main(bus: ServoBus) -> None:
        found = {one.servo_id: one for one in await scan_ids(bus, range(1, 6))}
        print(*found.values(), sep="\n")
        assert [one.servo_id for one in found.values() if one.duplicate] == [3]

    with bench_of(1, 3, 3, 4) as bench:
        with bench.lock:
            bench.wires["left"].servos[2].supply(11_000)
        run_on_bus(bench, main, reply_s=0.03)


def test_a_servo_that_loses_messages_is_no_duplicate() -> None:
    async def main(bus: ServoBus) -> None:
        found = None
        while found is None:
            found = await probe(bus, 1)
        assert not found.duplicate
        assert found.clean < found.asked

    with bench_of(1) as bench:
        bench.fault("left/1", FaultKind.INTERMITTENT)
        run_on_bus(bench, main, reply_s=0.03)


def test_one_garbled_answer_is_not_enough_for_a_verdict() -> None:
    assert not Found(1, asked=9, clean=8, garbled=1).duplicate
    assert not Found(1, asked=18, clean=15, garbled=3).duplicate
    assert Found(1, asked=9, clean=6, garbled=3).duplicate


def test_the_baud_rate_of_a_bus_is_found() -> None:
    with bench_of(1, 2, baud=9600) as bench:
        heard = asyncio.run(scan_bauds(bench.ports["left"], (115_200, 57_600, 9600)))
    assert heard == {115_200: False, 57_600: False, 9600: True}
