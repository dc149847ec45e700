"""A lost answer costs a joint its deadline, not a round of the bus; a silent servo does not hold up the others."""

from __future__ import annotations

import asyncio

import pytest
from servo_rig import run_on_bus

from firmware_bridge.emulator.bench import ServoBench
from firmware_bridge.hiwonder import Command
from firmware_bridge.serial_line import NoReply
from firmware_bridge.servo_bus import Answer, ServoBus
from firmware_bridge.servo_schedule import ServoSchedule

IDS = (1, 2, 3, 4)


@pytest.mark.parametrize("lost", [1, 2, 1000])
def test_a_servo_is_asked_again_at_once_but_only_once(lost: int) -> None:
    asked: list[int] = []
    left = lost

    async def ask(servo_id: int, command: Command, attempts: int = 1) -> Answer:
        nonlocal left
        await asyncio.sleep(0.001)
        if command is not Command.POS_READ:
            return Answer((0,), 0.0)
        asked.append(servo_id)
        count = bus_of_test.count(servo_id)
        if servo_id == 3 and left:
            left -= 1
            count.in_a_row += 1
            raise NoReply("nothing came")
        count.in_a_row = 0
        return Answer((500,), bus_of_test.now_s())

    bus_of_test: ServoBus

    async def main(bus: ServoBus) -> None:
        nonlocal bus_of_test
        bus_of_test = bus
        bus.ask = ask  # type: ignore[method-assign]
        schedule = ServoSchedule(bus, IDS)
        schedule.start()
        async with asyncio.timeout(10):
            while len(asked) < 12:
                await asyncio.sleep(0.001)
        await schedule.stop()

    with ServoBench({"left": IDS}) as bench:
        run_on_bus(bench, main)
    first = asked.index(3)
    assert asked[first : first + 2] == [3, 3]
    assert asked[first + 2 : first + 5].count(3) == 0
