"""`--hal bench`: real ports for the servos, a body at rest for the sensors."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from contract import Bundle, tilt_rad
from firmware_bridge.emulator.bench import ServoBench
from robotd.hal import UnreachableError, open_hardware
from robotd.wiring import BusWire, Wiring


def wiring_on(ports: dict[str, Path]) -> Wiring:
    wiring = Wiring()
    return wiring.model_copy(update={"buses": {bus: BusWire(port=str(ports[bus])) for bus in wiring.buses}})


def test_servos_answer_over_their_ports_and_the_sensors_are_at_rest(zero_bundle: Bundle) -> None:
    wiring = Wiring()
    ids = {bus: tuple(wiring.on_bus(bus).values()) for bus in wiring.buses}
    with ServoBench(ids) as bench:
        hardware = open_hardware("bench", zero_bundle, wiring_on(bench.ports))

        async def look() -> None:
            try:
                await hardware.start()
                await asyncio.sleep(0.2)
                signals = hardware.read()
                assert float(tilt_rad(signals.quat_wxyz)) < 0.01
                assert signals.foot_switches.tolist() == [1, 1, 1, 1]
                assert float(signals.joint_age_s.max()) < 10
                hardware.write(signals.joint_pos_rad)
                hardware.enable()
                for _ in range(1000):
                    if any(arrival.values == (1,) for arrival in bench.witness.since(command="load_or_unload_write")):
                        break
                    await asyncio.sleep(0.01)
            finally:
                await hardware.stop()

        asyncio.run(look())
        hardware.close()
        loads = bench.witness.since(command="load_or_unload_write")
        assert {1} <= {arrival.values[0] for arrival in loads}, "torque never came on"
        assert not any(servo.loaded for wire in bench.wires.values() for servo in wire.servos)


def test_a_port_that_is_not_there_is_one_sentence(zero_bundle: Bundle, tmp_path: Path) -> None:
    ports = {bus: tmp_path / bus for bus in Wiring().buses}
    with pytest.raises(UnreachableError, match=f"^--hal bench: {tmp_path}/left_leg: no such port"):
        open_hardware("bench", zero_bundle, wiring_on(ports))
