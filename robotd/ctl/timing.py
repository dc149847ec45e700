"""Verb timing: how the daemon keeps its deadlines."""

from __future__ import annotations

import json
from pathlib import Path

import click

from robotd.ctl.act import EXIT_OK, socket_option
from robotd.ctl.client import Client
from robotd.messages import AskTiming, Durations, Timing
from robotd.timing import Histogram

BAR = 40
QUANTILES = (0.5, 0.99, 0.999)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@socket_option
def command(as_json: bool, socket: Path | None) -> int:
    """Print lateness, tick time and slack of the daemon's loop since its start, as histograms.

    Lateness is the start of a tick after its deadline, slack what was left of the period when all was done.

    \b
    Example:
      robotctl timing

    Exit codes: 0 ok, 2 refused, 3 no robotd answers.
    """
    with Client(socket) as client:
        timing = client.ask(AskTiming(), Timing)
    kinds = {"lateness": timing.lateness, "tick": timing.tick, "slack": timing.slack}
    if as_json:
        figures = {name: _figures(durations) for name, durations in kinds.items()}
        click.echo(json.dumps({"period_s": timing.ctrl_dt, "overruns": timing.overruns} | figures))
        return EXIT_OK
    ticks = sum(timing.tick.counts)
    click.echo(f"{ticks} ticks of {timing.ctrl_dt * 1e3:g} ms, {timing.overruns} periods skipped")
    for name, durations in kinds.items():
        click.echo(f"\n{name}: {'  '.join(f'{key} {value:.0f} us' for key, value in _figures(durations).items())}")
        for low_us, high_us, count in octaves(durations.counts):
            bar = "#" * max(1, round(BAR * count / ticks))
            click.echo(f"  {low_us:>9.1f} to {high_us:>9.1f} us {count:>9}  {bar}")
    return EXIT_OK


def octaves(counts: tuple[int, ...]) -> list[tuple[float, float, int]]:
    """Lower and upper end, us, and count of each span of a factor 2, from the first to the last that has any."""
    spans: dict[int, int] = {}
    for bucket, count in enumerate(counts):
        if count:
            span = bucket // Histogram.PER_OCTAVE
            spans[span] = spans.get(span, 0) + count
    edge = Histogram.edge_us
    wide = Histogram.PER_OCTAVE
    return [
        (edge(span * wide), edge((span + 1) * wide), spans.get(span, 0))
        for span in range(min(spans, default=0), max(spans, default=-1) + 1)
    ]


def _figures(durations: Durations) -> dict[str, float]:
    histogram = Histogram.of(durations.counts, durations.max_us)
    figures = {f"p{100 * fraction:g}": histogram.quantile_us(fraction) for fraction in QUANTILES}
    return figures | {"max": durations.max_us}
