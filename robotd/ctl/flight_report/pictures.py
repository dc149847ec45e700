"""The recorded robot beside the twin's own run of the same targets, at the same moments, as pictures."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract import Bundle
from pages import Cell, Figure, Section
from robotd.blackbox_reader import BlackBoxFile
from robotd.ctl.comparison.errors import joint_errors
from robotd.ctl.comparison.session import Float64, Session, read_session
from robotd.ctl.comparison.twin import Base, Simulated, simulate_as_it_was, was_in_the_air
from robotd.hal import HardwareError
from robotd.mode import Mode

from .flight import Flight
from .story import Halt, spans

WIDTH, HEIGHT = 280, 320
MOMENTS = 8
BEFORE_STOP_S = (3.0, 1.0, 0.4, 0.2, 0.1, 0.0, -0.5, -1.5)
LONGEST_S, AFTER_S = 20.0, 1.6
LEAST_TICKS = 10
_BASES = {
    Base.FREE: "The twin stood on its own feet from the first of these ticks on.",
    Base.RESUMED: "The twin did not stay up as the robot did, so it was put where the robot was every 0.3 s.",
    Base.HELD: "No foot of the robot touched the ground, so the twin hung on its stand.",
}


class Progress(NamedTuple):
    """show: offered the newest text; say: told a line that stays."""

    show: Callable[[str], None]
    say: Callable[[str], None]


def tell(
    section: Section, flight: Flight, file: BlackBoxFile, halt: Halt | None, bundle: Bundle | str, progress: Progress
) -> None:
    """Fill the section.

    Args:
        bundle: whose robot it is; a sentence where there is none that fits.
    """
    stretch = choose_stretch(flight, halt)
    if stretch is None:
        section.text("The joints never had torque for long, so there is nothing for the twin to do.")
        return
    if isinstance(bundle, str):
        section.text(f"Without pictures: {bundle}.")
        return
    begin, end = stretch
    session = read_session(file, flight.rows[begin:end])
    assert session is not None  # the stretch has ticks
    session = mended(session)
    try:
        _fill(section, flight, halt, begin, session, bundle, progress)
    except HardwareError as problem:
        section.text(f"Without pictures: {problem}.")


def choose_stretch(flight: Flight, halt: Halt | None) -> tuple[int, int] | None:
    """First and one past the last tick of the last stretch with torque, or of the one that ended in the stop, without
    what is long ago; None where there is none."""
    stretches = [span for span in spans(flight.powered) if halt is None or span.begin < halt.tick]
    if not stretches:
        return None
    last = stretches[-1]
    end_s = float(flight.time_s[last.end - 1 if halt is None else halt.tick])
    end = last.end if halt is None else int(np.searchsorted(flight.time_s, end_s + AFTER_S))
    begin = max(last.begin, int(np.searchsorted(flight.time_s, end_s - LONGEST_S)))
    return (begin, end) if int(flight.powered[begin:end].sum()) >= LEAST_TICKS else None


def choose_moments(time_s: Float64, stop_s: float | None) -> list[int]:
    """Places in time_s (T,): around the stop, more of them the nearer it is; without one evenly spread."""
    if stop_s is None:
        wanted = np.linspace(time_s[0], time_s[-1], MOMENTS)
    else:
        wanted = np.array([stop_s - before for before in BEFORE_STOP_S])
    places = np.clip(np.searchsorted(time_s, wanted - 1e-6), 0, len(time_s) - 1)
    return sorted({int(place) for place in places})


def mended(session: Session) -> Session:
    """What is not finite as it was before: the twin cannot be put where nobody knows."""
    return session._replace(
        pos_rad=_filled(session.pos_rad),
        vel_rad_s=_filled(session.vel_rad_s),
        age_s=_filled(session.age_s),
        quat_wxyz=_filled(session.quat_wxyz),
        gyro_rad_s=_filled(session.gyro_rad_s),
    )


def _filled(values: Float64) -> Float64:
    """(T, N) with the last finite row in the place of those that are not; the first one counts as zeros."""
    finite = np.isfinite(values).all(axis=1)
    last = np.maximum.accumulate(np.where(finite, np.arange(len(values)), -1))
    return np.where((last >= 0)[:, None], np.nan_to_num(values[np.maximum(last, 0)]), 0.0)


def _fill(
    section: Section,
    flight: Flight,
    halt: Halt | None,
    begin: int,
    session: Session,
    bundle: Bundle,
    progress: Progress,
) -> None:
    from robotd.hal.sim import open_twin  # mujoco, which only this part of the report needs

    twin = open_twin(bundle, joint_noise_rad=0.0)
    simulated = simulate_as_it_was(twin, session, flight.header.ctrl_dt, progress.show, lambda words: None)
    times_s = flight.time_s[begin : begin + len(session.number)]
    stop_s = None if halt is None else float(flight.time_s[halt.tick])
    moments = choose_moments(times_s, stop_s)
    recorded = np.array([_posed(twin, session, place) for place in moments])
    section.text(
        "On the left the robot as it was recorded: its joints and how it leaned; where it stood is in no log. On the "
        f"right the physics twin, which was told the same targets. {_BASES[simulated.base]}"
    )
    pictures, note = _draw(bundle, twin, recorded, simulated.qpos[moments])
    if note:
        progress.say(note)
    if pictures is None:
        section.text(f"Without pictures: {note}")
    else:
        zero_s = float(times_s[0]) if stop_s is None else stop_s
        section.figure(
            *(
                Figure(webp, *_words(float(times_s[place]) - zero_s, session.mode[place], stop_s is not None))
                for place, webp in zip(moments, pictures, strict=True)
            )
        )
    _errors(section, flight, session, simulated)


def _posed(twin: Any, session: Session, place: int) -> NDArray[np.float64]:
    w, x, y, z = session.quat_wxyz[place].tolist()
    in_the_air = was_in_the_air(session) or session.mode[place] in (Mode.IDLE.value, Mode.HOMING.value)
    twin.place(session.pos_rad[place], (w, x, y, z), supported=in_the_air)
    return np.asarray(twin.qpos)


def _words(at_s: float, mode: str, stopped: bool) -> tuple[str, str]:
    """Title and caption of a pair."""
    when = "at the stop" if stopped and abs(at_s) < 0.005 else f"{at_s:+.2f} s" if stopped else f"{at_s:.2f} s"
    return f"{when}, {mode}", ""


def _draw(bundle: Bundle, twin: Any, recorded: Float64, simulated: Float64) -> tuple[list[bytes] | None, str | None]:
    """A picture (WebP) for each pair of poses (N, nq), None where none can be drawn; and what is to be said."""
    import mujoco
    from PIL import Image, ImageDraw

    from robotd.ctl.annotation import CALM, chip
    from robotd.ctl.camera import AZIMUTH_DEG, cameras
    from robotd.ctl.film import draw_somehow
    from robotd.ctl.stage import build_stage

    assert bundle.robot_xml is not None  # the twin was made from it
    model = build_stage(bundle.robot_xml, twin.model)
    qpos = np.concatenate([recorded, simulated])
    base = twin.parts.base_qpos
    camera = cameras(model, mujoco.MjData(model), qpos[:1], 0, 1.0)[0]
    lookat = np.tile(camera.lookat, (len(qpos), 1))
    lookat[:, :2] = qpos[:, base : base + 2]
    w, x, y, z = qpos[0, base + 3 : base + 7]
    yaw_deg = float(np.degrees(np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))))
    with tempfile.TemporaryDirectory(prefix="robotctl-report-") as folder:
        source = Path(folder)
        np.savez(
            source / "poses.npz",
            qpos=qpos,
            lookat=lookat,
            distance_m=camera.distance_m,
            azimuth_deg=AZIMUTH_DEG + yaw_deg,
            size=np.array([WIDTH, HEIGHT]),
        )
        mujoco.mj_saveModel(model, str(source / "model.mjb"), None)
        drawn, note = draw_somehow("robotd.ctl.flight_report.darkroom", source)
        if drawn is None:
            return None, note
        with np.load(drawn / "pictures.npz", allow_pickle=False) as file:
            left, right = np.split(file["pictures"], 2)
    pairs = []
    for pair in zip(left, right, strict=True):
        sheet = Image.new("RGB", (2 * WIDTH + 4, HEIGHT), (255, 255, 255))
        for place, (picture, words) in enumerate(zip(pair, ("recorded", "twin"), strict=True)):
            sheet.paste(Image.fromarray(picture), (place * (WIDTH + 4), 0))
            chip(ImageDraw.Draw(sheet, "RGBA"), (place * (WIDTH + 4) + 8, 8), words, (*CALM, 225), 16)
        stream = io.BytesIO()
        sheet.save(stream, format="WEBP", quality=82)
        pairs.append(stream.getvalue())
    return pairs, note


def _errors(section: Section, flight: Flight, session: Session, simulated: Simulated) -> None:
    """How far the recorded joints were from the twin's."""
    errors = sorted(joint_errors(flight.header.joints, session, simulated), key=lambda error: -error.rms_rad)
    rows: list[list[str | Cell]] = [
        [
            error.joint,
            Cell(f"{error.rms_rad:.4f}", "number"),
            Cell(f"{error.worst_rad:.4f}", "number"),
            Cell("-" if error.delay_s is None else f"{error.delay_s * 1e3:.0f}", "number"),
        ]
        for error in errors
    ]
    words = f"Joints against the twin's: {errors[0].joint} differs most, {errors[0].rms_rad:.4f} rad rms"
    section.folded(words, ["joint", "rms rad", "largest rad", "later by ms"], rows)
