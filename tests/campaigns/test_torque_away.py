"""Buses and servos that are away for a while: nothing moves or holds that should not. Real drivers, simulated time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from fault_campaign import CONFIG
from torque_walk import Robot, Walker, loaded, loaded_at, play, pull, walk
from wired_robot import WiredRobot

from firmware_bridge.serial_line import PortError
from robotd.messages import Arm, Clear
from robotd.mode import Mode
from robotd.safety import Fault


def hold_bus(wired: WiredRobot, bus: str) -> Callable[[], None]:
    """Somebody else loads the servos of a bus, at their pose."""

    def hold() -> None:
        for (of, _), servo in wired.servos.items():
            if of == bus:
                servo._move(round(servo._joints.read(servo.joint)), 0)

    return hold


def test_a_bus_that_comes_back_holds_its_pose_until_the_crouch_ends(robot: Robot) -> None:
    wired, _ = robot
    walker = walk(robot, {50: pull(wired, "left_leg", True), 75: pull(wired, "left_leg", False)}, 200, Mode.STANDBY)
    limp = min(number for number, record in walker.records.items() if record.mode is Mode.FAULT)
    off = min(number for number in range(75, 200) if not loaded_at(walker, number, "left_leg"))
    print(f"plugged in again in tick 75, the crouch over in tick {limp}, its servos unloaded in tick {off}")
    assert all(loaded_at(walker, number, "left_leg") == 5 for number in range(50, limp))
    assert off <= limp + 3


def test_a_bus_that_comes_back_after_the_crouch_is_unloaded_at_once(robot: Robot) -> None:
    wired, _ = robot
    walker = walk(robot, {50: pull(wired, "left_leg", True), 150: pull(wired, "left_leg", False)}, 200, Mode.STANDBY)
    off = min(number for number in range(150, 200) if not loaded_at(walker, number, "left_leg"))
    print(f"plugged in again in tick 150, its servos unloaded in tick {off}")
    assert walker.records[149].mode is Mode.FAULT and off <= 150 + 15


def test_after_a_bus_came_back_the_robot_can_be_armed_again(robot: Robot) -> None:
    wired, _ = robot
    plan = {50: pull(wired, "left_leg", True), 75: pull(wired, "left_leg", False), 200: Clear(), 205: Arm()}
    walker = walk(robot, plan, 260, Mode.STANDBY)
    assert walker.records[70].faults & Fault.BUS and walker.records[199].mode is Mode.FAULT
    assert walker.records[199].faults & Fault.BUS and walker.records[199].health.torque_unproven == 0
    assert walker.said[200][1].text == "cleared: idle, torque off" and walker.said[205][1].ok
    assert walker.records[259].mode is Mode.HOMING and walker.loaded[259] == 11


def test_a_bus_that_browned_out_gets_no_more_moves_and_stays_limp(robot: Robot) -> None:
    wired, _ = robot
    seen: list[int] = []
    plan = {
        50: lambda: wired.fault("left_leg", "off"),
        56: lambda: seen.append(wired.witness.seen),
        70: lambda: wired.fault("left_leg", "ok"),
    }
    walker = walk(robot, plan, 200, Mode.STANDBY)
    assert walker.records[56].faults & Fault.BUS and walker.records[110].mode is Mode.STOPPING
    assert not any(loaded_at(walker, number, "left_leg") for number in range(51, 200))
    moves = [a for a in wired.witness.since(seen[0], bus="left_leg") if a.command == "move_time_write"]
    assert not moves


def test_a_bus_that_fails_in_fault_is_still_watched_and_unloaded(robot: Robot) -> None:
    wired, _ = robot
    plan = {
        50: pull(wired, "left_leg", True),
        160: pull(wired, "left_leg", False),
        200: lambda: wired.fault("right_leg", "off"),
        220: lambda: wired.fault("right_leg", "ok"),
        300: hold_bus(wired, "right_leg"),
    }
    walker = walk(robot, plan, 350, Mode.STANDBY)
    assert walker.records[215].health.bus_errors_in_a_row[1] > 0 and walker.records[299].faults & Fault.BUS
    assert loaded_at(walker, 301, "right_leg") == 5 and loaded_at(walker, 345, "right_leg") == 0


def test_a_plug_that_comes_out_as_torque_goes_off_beside_a_dead_bus_is_limped_once_it_is_in_again(robot: Robot) -> None:
    wired, _ = robot
    crouch_over = next(
        n
        for n, r in walk(robot, {50: pull(wired, "left_leg", True)}, 250, Mode.STANDBY).records.items()
        if n > 60 and not r.mode.powered
    )
    again = WiredRobot(robot[1], CONFIG.hardware, 1)
    plan = {
        50: pull(again, "left_leg", True),
        crouch_over - 1: pull(again, "right_leg", True),
        crouch_over + 50: pull(again, "right_leg", False),
    }
    walker = walk((again, robot[1]), plan, crouch_over + 100, Mode.STANDBY)
    again.close()
    assert (
        loaded_at(walker, crouch_over + 49, "right_leg") == 5 and loaded_at(walker, crouch_over + 80, "right_leg") == 0
    )


@pytest.mark.parametrize("phase_s", [0.001, 0.005, 0.010, 0.015, 0.019])
def test_a_port_that_fails_for_a_moment_drops_no_leg(robot: Robot, phase_s: float) -> None:
    wired, _ = robot
    line = wired.world._lines[list(wired.wires).index("left_leg")]
    write = line.write

    def once(data: bytes) -> None:
        line.write = write  # type: ignore[method-assign]
        raise PortError("left_leg: gone (Input/output error)")

    def fail() -> None:
        asyncio.get_running_loop().call_later(phase_s, lambda: setattr(line, "write", once))

    walker = walk(robot, {50: fail}, 200)
    stopped = next(n for n, record in walker.records.items() if record.mode is Mode.STOPPING)
    limp = next(n for n, record in walker.records.items() if record.mode is Mode.FAULT)
    assert walker.records[stopped].faults == Fault.BUS and stopped <= 56
    assert all(loaded_at(walker, n, "left_leg") == 5 for n in range(50, limp)) and walker.loaded[limp + 3] == 0


def test_a_servo_whose_power_was_away_is_not_thrown_to_its_target_and_stops_the_robot(robot: Robot) -> None:
    """For 120 ms, which is too short for JOINT_STALE, and its joint is moved meanwhile."""
    wired, bundle = robot
    joint, wire = bundle.spec.robot.actuator_names.index("left_knee_pitch"), CONFIG.hardware.joints["left_knee_pitch"]
    seen: list[int] = []

    def push() -> None:
        pose = wired.twin.sense().joint_pos_rad.copy()
        pose[joint] += 0.05
        wired.twin.place(pose, supported=True)
        wired._live.refresh()

    def come_back() -> None:
        seen.append(wired.witness.seen)
        wired.fault(f"{wire.bus}/{wire.servo_id}", "ok")

    plan: dict[int, Any] = {n: push for n in range(51, 56)}
    plan |= {50: lambda: wired.fault(f"{wire.bus}/{wire.servo_id}", "off"), 56: come_back}
    walker = walk(robot, plan, 250, Mode.STANDBY)
    stopped = next(n for n, record in walker.records.items() if record.mode is Mode.STOPPING)
    print(f"its power came back in tick 56, the robot stops in tick {stopped}")
    assert walker.records[stopped].faults == Fault.TORQUE and stopped < 90 and walker.loaded[249] == 0
    told = [a for a in wired.witness.since(seen[0], bus=wire.bus) if a.address == wire.servo_id]
    assert "pos_read" in {a.command for a in told} and not [a for a in told if a.command == "move_time_write"]
    assert not [a for a in told if a.command == "load_or_unload_write" and a.values != (0,)]
    assert all(loaded_at(walker, n, wire.bus) == 4 for n in range(52, stopped))


def test_where_the_task_of_a_bus_dies_the_robot_goes_limp_and_says_why(robot: Robot) -> None:
    wired, _ = robot

    def break_it() -> None:
        def broken() -> None:
            raise ZeroDivisionError("a bug of ours")

        wired._real.schedules["left_leg"]._step = broken  # type: ignore[method-assign, assignment]

    summary = play(robot, walker := Walker(wired, {50: break_it}, 200, Mode.STANDBY), [walker.hook])
    assert "the task of a bus has ended: left_leg: ZeroDivisionError('a bug of ours')" in (summary.error or "")
    assert loaded(wired) == 0
