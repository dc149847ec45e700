"""Writes a black box as MCAP (for Foxglove and others) or CSV, record by record, in bounded memory."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robotd.blackbox_reader import BlackBoxFile, Scan
from robotd.ctl.log_foxglove import LOG, LOG_SCHEMA, SCENE_SCHEMA, SHAPES, TRANSFORMS, TRANSFORMS_SCHEMA, Teller
from robotd.ctl.log_topics import TOPICS, entries_of, message_of, names_of, schema_of
from robotd.ctl.progress import Pace

if TYPE_CHECKING:
    from robotd.ctl.log_scene import Scene

_NO_MCAP = "--format mcap: the package mcap is not installed, expected it; pip install 'wildrobot[log]', or take csv"


class ExportError(RuntimeError):
    """An export that cannot be written: one sentence."""


def export_mcap(file: BlackBoxFile, rows: Iterable[Any], output: Path, scene: Scene | None = None) -> int:
    """One channel for each topic, JSON with a schema, stamped with the time of day. Returns how many ticks.

    Args:
        scene: the robot for a 3-D view.

    Raises:
        ExportError: mcap is not installed, or `output` cannot be written.
    """
    try:
        from mcap.writer import Writer
    except ImportError:
        raise ExportError(_NO_MCAP) from None
    ticks, teller = 0, Teller(file)
    with _written(output) as part, part.open("xb") as stream:
        writer = Writer(stream, chunk_size=1 << 20)
        writer.start(profile="", library="wildrobot robotctl log export")
        writer.add_metadata("robot", _facts(file))
        channels = {topic: _channel(writer, topic, name, schema) for topic, name, schema in channels_of(file, scene)}

        def put(topic: str, message: dict[str, Any]) -> None:
            data = json.dumps(message, allow_nan=False, separators=(",", ":")).encode()
            writer.add_message(channels[topic], stamp_ns, data, stamp_ns, int(row["sequence"]) & 0xFFFFFFFF)

        for row in rows:
            stamp_ns = max(0, round(file.wall_s(row) * 1e9))
            if scene is not None:
                if not ticks:
                    put(SHAPES, scene.shapes(stamp_ns))
                if (moved := scene.transforms(row, file.plain(row, "mode"), stamp_ns)) is not None:
                    put(TRANSFORMS, moved)
            for topic in TOPICS:
                put(topic, message_of(topic, file, row))
            for told in teller.lines(row, stamp_ns):
                put(LOG, told)
            ticks += 1
        writer.finish()  # type: ignore[no-untyped-call]
    return ticks


def channels_of(file: BlackBoxFile, scene: Scene | None) -> list[tuple[str, str, dict[str, Any]]]:
    """Topic, name of its schema, and the schema, of everything that `export_mcap` writes."""
    found = [(topic, topic.strip("/"), schema_of(topic, file.header)) for topic in TOPICS]
    found.append((LOG, "foxglove.Log", LOG_SCHEMA))
    if scene is not None:
        found += [(TRANSFORMS, "foxglove.FrameTransforms", TRANSFORMS_SCHEMA)]
        found += [(SHAPES, "foxglove.SceneUpdate", SCENE_SCHEMA)]
    return found


def _channel(writer: Any, topic: str, name: str, schema: dict[str, Any]) -> int:
    """Registers it; its number."""
    number: int = writer.register_channel(
        topic, "json", writer.register_schema(name, "jsonschema", json.dumps(schema).encode())
    )
    return number


def export_csv(file: BlackBoxFile, rows: Iterable[Any], output: Path) -> int:
    """One line for each tick, one column for each number; what was absent is empty. Returns how many ticks.

    Raises:
        ExportError: `output` cannot be written.
    """
    ticks = 0
    with _written(output) as part, part.open("x", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        columns = _csv_columns(file)
        writer.writerow(["wall_s", "time_s", *(name for name, *_ in columns)])
        for row in rows:
            plain = {column: file.plain(row, column) for column in {column for _, column, _ in columns}}
            cells = [cell(plain[column]) for _, column, cell in columns]
            writer.writerow([f"{file.wall_s(row):.6f}", f"{row['time_s']:.6f}", *cells])
            ticks += 1
    return ticks


def counted(file: BlackBoxFile, scan: Scan, last_s: float | None, show: Callable[[str], None]) -> Iterator[Any]:
    """The records, telling now and then how many there were so far and how long the rest takes."""
    pace = Pace(file.wanted(scan, last_s).size, "ticks")
    for number, row in enumerate(file.rows(scan, last_s), 1):
        if number % 1000 == 0:
            show(pace.text(number))
        yield row


def _facts(file: BlackBoxFile) -> dict[str, str]:
    header = file.header
    return {
        "robot": header.robot,
        "contract_version": header.contract_version,
        "ctrl_dt": f"{header.ctrl_dt:g}",
        "policies": json.dumps(header.policies),
        "robotd_yaml": json.dumps(header.config),
    }


def _csv_columns(file: BlackBoxFile) -> list[tuple[str, str, Callable[[Any], Any]]]:
    """Name of the CSV's column, name of the black box's, and how the cell comes out of its value."""
    columns: list[tuple[str, str, Callable[[Any], Any]]] = []
    for topic in TOPICS:
        for key, entry in entries_of(topic, file.header).items():
            name = f"{topic.strip('/')}.{key}"
            parts = names_of(entry.form, file.header)
            if parts is None or entry.form == "faults":
                length = file.columns[entry.column].shape[0] if entry.form == "list" else None
                if length is None:
                    columns.append((name, entry.column, _joined))
                else:
                    columns += [(f"{name}.{place}", entry.column, _at(place)) for place in range(length)]
            else:
                columns += [(f"{name}.{part}", entry.column, _at(place)) for place, part in enumerate(parts)]
    return columns


def _joined(value: Any) -> Any:
    return "" if value is None else " ".join(value) if isinstance(value, list) else value


def _at(place: int) -> Callable[[Any], Any]:
    return lambda value: "" if value is None or place >= len(value) else value[place]


@contextmanager
def _written(output: Path) -> Iterator[Path]:
    """For a new file, which gets its own name only when it is whole. Raises ExportError: it cannot be written."""
    part = output.with_name(f".{output.name}.{os.urandom(8).hex()}.part")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(output)
    except OSError as problem:
        raise ExportError(f"--output {output}: {problem.strerror}, expected a file that can be written") from None
    finally:
        with suppress(OSError):
            part.unlink()
