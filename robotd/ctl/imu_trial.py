"""Verb imu test: who the chip is, how fast and fresh its samples are, where it feels gravity, and what goes missing."""

from __future__ import annotations

import json
import math
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import click

from firmware_bridge.bno085 import Bno085
from firmware_bridge.bno085_failure import Bno085Error
from firmware_bridge.bno085_wire import MAX_SPEED_HZ, Bno085Config, Bno085Wire
from firmware_bridge.emulator.bno085_chip import Bno085Chip
from firmware_bridge.emulator.fault import FaultKind
from firmware_bridge.emulator.gpio import EmulatedGpio
from firmware_bridge.imu_track import ImuHealth, ImuSample
from robotd.ctl.bus_session import hardware_lock, read_wiring
from robotd.ctl.finite_range import FiniteRange
from robotd.ctl.refusal import Refusal, Unreachable
from robotd.ctl.spread import Spread, spread_of

EXIT_OK, EXIT_FAILED = 0, 1
LOOK_S = 0.002
MIN_RATE, MAX_LOST, MAX_AGE_S = 0.8, 0.02, 0.060
"""Share of the rate that was asked for, share of reports, and p95 of age: beyond them the test has failed."""
STILL_RAD_S = 0.1
"""Rates of a body that nobody moves: the gyro's noise and what is left of its bias."""

WIRES = "check the wires of SPI, INT and power, and keep them short"
CURES = {
    ImuHealth.FROZEN.value: "its values do not change though its reports go on: turn its power off and on",
    ImuHealth.SLOW.value: "look for a busy machine, or other reports that are enabled",
}


class Trial(NamedTuple):
    """What was seen. samples: all different ones; age_s: of the newest sample, looked at every 2 ms."""

    samples: list[ImuSample]
    age_s: list[float]
    seconds: float
    health: ImuHealth


@click.command()
@click.option("--seconds", type=FiniteRange(0.5, 3600), default=3.0, show_default=True, help="How long.")
@click.option("--config", type=click.Path(path_type=Path), help="Pins, mounting, rates; without it the robot's own.")
@click.option("--rate-hz", type=FiniteRange(100, 200), help="Asked of the chip; 200, unless robotd.yaml says else.")
@click.option("--speed-hz", type=click.IntRange(100_000, MAX_SPEED_HZ), help="Of the SPI; lower it for long wires.")
@click.option("--emulated", is_flag=True, help="The real driver on an emulated chip at rest.")
@click.option("--fault", type=click.Choice([kind.value for kind in FaultKind]), help="Of the emulated chip.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    seconds: float,
    config: Path | None,
    rate_hz: float | None,
    speed_hz: int | None,
    emulated: bool,
    fault: str | None,
    as_json: bool,
) -> int:
    """Try out the IMU: product id, rate, age, gravity, gyro at rest, gaps. Keep the robot still meanwhile.

    \b
    Examples:
      robotctl imu test
      robotctl imu test --emulated --seconds 1

    Exit codes: 0 ok, 1 its stream is not good enough, 2 refused, 3 the chip or its libraries are not there.
    """
    if fault and not emulated:
        raise Refusal("--fault is for the emulated chip, expected --emulated with it")
    from robotd.hal.real import imu_config

    chosen = imu_config(read_wiring(config).imu)
    chosen = replace(chosen, rate_hz=rate_hz or chosen.rate_hz, speed_hz=speed_hz or chosen.speed_hz)
    if emulated:
        report = _try_emulated(chosen, seconds, FaultKind(fault or "ok"))
    else:
        with hardware_lock("imu test"):
            report = _try_real(chosen, seconds)
    click.echo(json.dumps(report, allow_nan=False) if as_json else _table(report))
    return EXIT_OK if report["passed"] else EXIT_FAILED


def _try_real(config: Bno085Config, seconds: float) -> dict[str, Any]:
    try:
        imu = Bno085.open(config)
        imu.start()
    except Bno085Error as problem:
        raise Unreachable(str(problem)) from None
    return _try(imu, seconds)


def _try_emulated(config: Bno085Config, seconds: float, fault: FaultKind) -> dict[str, Any]:
    gpio = EmulatedGpio()
    config = replace(config, spi_bus=0, spi_device=0)
    chip = Bno085Chip(
        gpio,
        mounting_wxyz=config.mounting.quat_wxyz,
        int_pin=config.int_pin,
        reset_pin=config.reset_pin,
        wake_pin=config.wake_pin,
    )
    imu = Bno085(Bno085Wire(chip, gpio, config), config)
    try:
        imu.start()
    except Bno085Error as problem:
        raise Unreachable(str(problem)) from None
    chip.inject(fault)
    return _try(imu, seconds)


def _try(imu: Bno085, seconds: float) -> dict[str, Any]:
    try:
        trial = _watch(imu, seconds)
    finally:
        imu.stop()
    return _report(imu, trial)


def _watch(imu: Bno085, seconds: float) -> Trial:
    samples: list[ImuSample] = []
    age_s: list[float] = []
    begin_s = now_s = time.monotonic()
    while now_s < begin_s + seconds:
        sample = imu.newest()
        if sample is not None:
            age_s.append(sample.age_s(time.monotonic()))
            if not samples or sample.stamp_s > samples[-1].stamp_s:
                samples.append(sample)
        time.sleep(LOOK_S)
        now_s = time.monotonic()
    return Trial(samples, age_s, now_s - begin_s, imu.health())


def _report(imu: Bno085, trial: Trial) -> dict[str, Any]:
    """Raises nothing: after a start there is at least one sample."""
    counts, product = imu.counters, imu.product
    rates = list(zip(*(sample.gyro_rad_s for sample in trial.samples), strict=True))
    gravity = _gravity(trial.samples[-1])
    age = spread_of(trial.age_s)
    assert product is not None and age is not None
    rate_hz = len(trial.samples) / trial.seconds
    said = {
        "product": product._asdict(),
        "health": trial.health.value,
        "rate_hz": round(rate_hz, 1),
        "asked_hz": imu.config.rate_hz,
        "age_ms": {name: round(value * 1e3, 2) for name, value in age._asdict().items()},
        "gravity_body": [round(part, 4) + 0.0 for part in gravity],
        "tilt_deg": round(math.degrees(math.acos(max(-1.0, min(1.0, -gravity[2])))), 2),
        "gyro_mean_rad_s": [round(statistics.fmean(axis), 5) for axis in rates],
        "gyro_noise_rad_s": [round(statistics.pstdev(axis), 5) for axis in rates],
        "reports": counts.reports,
        "lost": counts.lost,
        "repeated": counts.repeated,
        "implausible": counts.implausible,
        "rejected": {str(reason): count for reason, count in counts.rejected.items()},
        "unknown": {f"0x{report:02X}": count for report, count in counts.unknown.items()},
        "chip_resets": counts.chip_resets,
        "hard_resets": counts.hard_resets,
    }
    problems = _problems(said, age, imu.config.rate_hz)
    return {"passed": not problems, "problems": problems} | said


def _problems(said: dict[str, Any], age: Spread, asked_hz: float) -> list[str]:
    """What is not good enough, a sentence each with its cure."""
    found = []
    if said["health"] != ImuHealth.OK:
        found.append(f"its stream is {said['health']}; {CURES.get(said['health'], WIRES)}")
    if said["rate_hz"] < MIN_RATE * asked_hz:
        found.append(f"{said['rate_hz']} samples/s of {asked_hz:g} asked; look for a busy machine or a bad INT wire")
    if age.p95 > MAX_AGE_S:
        found.append(f"p95 of age {age.p95 * 1e3:.0f} ms, expected at most {MAX_AGE_S * 1e3:.0f}: robotd would stop")
    if said["lost"] > MAX_LOST * (said["reports"] + said["lost"]):
        found.append(f"{said['lost']} reports are missing in sequence; INT is not served in time")
    if said["chip_resets"]:
        found.append(f"the chip restarted {said['chip_resets']} times by itself; look at its supply")
    if max(map(abs, said["gyro_mean_rad_s"])) > STILL_RAD_S:
        found.append("the gyro turns; keep the robot still, then test again")
    return found


def _gravity(sample: ImuSample) -> tuple[float, float, float]:
    """Unit vector of gravity in the body's frame: the attitude's third row, turned around."""
    w, x, y, z = sample.quat_wxyz
    return -2 * (x * z - w * y), -2 * (y * z + w * x), -(1 - 2 * (x * x + y * y))


def _table(report: dict[str, Any]) -> str:
    product, age = report["product"], report["age_ms"]
    mean, noise = ([f"{value:+.4f}" for value in report[f"gyro_{kind}_rad_s"]] for kind in ("mean", "noise"))
    down = max(range(3), key=lambda axis: abs(report["gravity_body"][axis]))
    axis = f"{'-' if report['gravity_body'][down] < 0 else '+'}{'xyz'[down]}"
    rejected = ", ".join(f"{count} {reason}" for reason, count in report["rejected"].items())
    rows = (
        ("chip", f"part {product['part_number']}, version {product['version']}, build {product['build']}"),
        ("health", report["health"]),
        ("rate", f"{report['rate_hz']:g} samples/s of {report['asked_hz']:g} asked"),
        ("age", f"p50 {age['p50']:g} ms, p95 {age['p95']:g} ms, max {age['max']:g} ms"),
        ("gravity", f"{report['gravity_body']} in the body: down is near {axis}, tilt {report['tilt_deg']:g} deg"),
        ("gyro", f"mean {' '.join(mean)} rad/s, noise {' '.join(noise)} rad/s (x y z)"),
        ("gaps", f"{report['lost']} lost of {report['reports'] + report['lost']}, {report['repeated']} repeated"),
        ("rejected", rejected or "nothing"),
        ("resets", f"{report['chip_resets']} by the chip itself, {report['hard_resets']} by its RST pin (1 at start)"),
    )
    lines = [f"  {name:<10}{text}" for name, text in rows]
    lines += [f"  FAILED: {problem}" for problem in report["problems"]] or ["  passed"]
    return "\n".join(lines)
