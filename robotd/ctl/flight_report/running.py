"""How well a flight ran beside its movement: ages of signals, timing of the loop, health of servos and buses."""

from __future__ import annotations

import numpy as np

from pages import SERIES, Cell, Figure, Section
from robotd.fault_table import leg_joints

from .flight import Flight, Float64
from .plots import TIME_S, bound, histogram, layout, line

_HOTTEST = 5


def tell_ages(section: Section, flight: Flight) -> None:
    """How old the signals were."""
    ages, imu, bounds = flight["signals.joint_age_s"], flight["signals.imu_age_s"], flight.config.safety
    legs = leg_joints(tuple(flight.header.joints))
    oldest = ages[:, legs].max(axis=1)
    shapes = [bound(bounds.imu_stale_s * 1e3, "IMU_STALE"), bound(bounds.joint_stale_s * 1e3, "JOINT_STALE")]
    if not imu.any() and not ages.any():
        section.text("All signals were fresh in every tick, as on a twin without wires.")
        return
    lines = [
        line(flight.time_s, oldest * 1e3, "oldest leg joint", SERIES[1]),
        line(flight.time_s, imu * 1e3, "IMU", SERIES[0]),
    ]
    section.figure(
        Figure({"data": lines, "layout": layout(TIME_S, "ms", shapes=shapes)}, "Ages of the signals", wide=True)
    )
    bound_s = {True: bounds.joint_stale_s, False: bounds.other_joint_stale_s}
    rows: list[list[str | Cell]] = [["IMU", *_quantiles(imu, bounds.imu_stale_s, "IMU_STALE")]]
    rows += [
        [name, *_quantiles(ages[:, joint], bound_s[bool(legs[joint])], "JOINT_STALE")]
        for joint, name in sorted(enumerate(flight.header.joints), key=lambda pair: -float(np.nanmax(ages[:, pair[0]])))
    ]
    section.table(["age, ms", "p50", "p95", "max", ""], rows)


def tell_timing(section: Section, flight: Flight) -> None:
    """How punctual the loop was."""
    late, skipped = flight["timings.lateness_s"], flight["skipped"]
    missed, stretches = int(skipped.sum()), int((skipped > 0).sum())
    period_ms = flight.header.ctrl_dt * 1e3
    found = f"{missed} deadlines missed in {stretches} places" if missed else "no deadline missed"
    section.text(f"{len(flight)} ticks every {period_ms:g} ms; {found}.")
    if not late.any() and not flight["timings.tick_s"].any():
        section.text(
            "Its clock stood still while it worked, as that of a twin in simulated time: durations say nothing."
        )
        return
    names = (("start after its deadline", "lateness"), ("reading", "read"), ("the tick", "tick"), ("writing", "write"))
    rows: list[list[str | Cell]] = []
    for words, name in names:
        values = flight[f"timings.{name}_s"]
        rows.append([words, *(Cell(f"{q * 1e3:.3f}", "number") for q in _spread(values, (0.5, 0.99, 1.0)))])
    section.table(["ms", "p50", "p99", "max"], rows)
    early = int((late <= 0).sum())
    section.figure(
        Figure(
            {"data": [histogram(late * 1e3, "lateness")], "layout": _logarithmic("ms after the deadline")},
            "How late ticks began",
            f"{early} ticks began on time to the clock's last digit and are not drawn." if early else "",
        ),
        Figure(
            {"data": [histogram(flight["timings.tick_s"] * 1e3, "tick")], "layout": _logarithmic("ms")},
            "How long ticks took",
            "The network included.",
        ),
    )
    total = (late + skipped * flight.header.ctrl_dt) * 1e3
    lines = [line(flight.time_s, total, "late, missed periods included")]
    section.figure(
        Figure({"data": lines, "layout": layout(TIME_S, "ms", legend=False)}, "Lateness over time", wide=True)
    )


def tell_health(section: Section, flight: Flight) -> None:
    """Temperatures, voltage, buses."""
    bounds, time_s = flight.config.safety, flight.time_s
    temperature, voltage = flight["health.temperature_degc"], flight["health.voltage_v"]
    peaks = np.nan_to_num(temperature, nan=-np.inf).max(axis=0)
    hottest = np.argsort(-peaks, kind="stable").tolist()
    warm = [
        line(time_s, temperature[:, joint], flight.header.joints[joint], SERIES[place % len(SERIES)])
        for place, joint in enumerate(hottest[:_HOTTEST])
    ]
    shapes = [bound(bounds.overheat_degc, "OVERHEAT")] if peaks.max() > bounds.overheat_degc - 15 else []
    weakest = float(np.nanmin(voltage)) if np.isfinite(voltage).any() else np.nan
    low = [bound(bounds.undervolt_v, "UNDERVOLT")] if weakest < bounds.undervolt_v + 1 else []
    section.figure(
        Figure({"data": warm, "layout": layout(TIME_S, "degC", shapes=shapes)}, "The hottest servos"),
        Figure(
            {
                "data": [line(time_s, voltage, "lowest servo")],
                "layout": layout(TIME_S, "V", legend=False, shapes=low),
            },
            "Supply voltage",
            f"Lowest {weakest:.2f} V.",
        ),
    )
    errors = flight["health.bus_errors_in_a_row"]
    if flight.buses and np.isfinite(errors).any():
        lines = [
            line(time_s, errors[:, bus], name, SERIES[bus % len(SERIES)])
            for bus, name in enumerate(flight.buses[: errors.shape[1]])
        ]
        shapes = [bound(bounds.bus_errors, "BUS")] if np.nanmax(errors) >= 1 else []
        figure = {"data": lines, "layout": layout(TIME_S, "transactions", shapes=shapes)}
        section.figure(Figure(figure, "Failed transactions in a row, by bus", wide=True))
    rows: list[list[str | Cell]] = [
        [
            flight.header.joints[joint],
            Cell(f"{temperature[0, joint]:.0f}", "number"),
            Cell(f"{temperature[-1, joint]:.0f}", "number"),
            Cell(f"{peaks[joint]:.0f}", "number"),
            Cell(f"over {bounds.overheat_degc:g}" if peaks[joint] > bounds.overheat_degc else "", "bad"),
        ]
        for joint in hottest
    ]
    section.folded("Temperature of every servo", ["degC", "first", "last", "hottest", ""], rows)


def _quantiles(values_s: Float64, allowed_s: float, fault: str) -> list[Cell]:
    spread = _spread(values_s, (0.5, 0.95, 1.0))
    cells = [Cell(f"{value * 1e3:.1f}", "number") for value in spread]
    return [*cells, Cell(f"{fault}, over {allowed_s * 1e3:g}" if spread[-1] > allowed_s else "", "bad")]


def _spread(values: Float64, fractions: tuple[float, ...]) -> list[float]:
    """Quantiles of what is finite; NaN where nothing is."""
    finite = values[np.isfinite(values)]
    return [float(q) for q in np.quantile(finite, fractions)] if len(finite) else [np.nan] * len(fractions)


def _logarithmic(x_title: str) -> dict[str, object]:
    axes = layout(x_title, "ticks", legend=False, bargap=0)
    axes["xaxis"] |= {"type": "log"}
    axes["yaxis"] |= {"type": "log"}
    return axes
