"""The film of a run: a filmstrip and a video, drawn after the run and in a process of its own (`studio`).

A GL that does not work can end the process that tries it, so each way of drawing gets its own process and the next
one is tried when it fails: EGL, OSMesa, and last a small ray tracer that needs no GL at all.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from robotd.ctl.recording import Recording
from robotd.hal.twin_model import NO_GL

PICTURES = ("filmstrip.png", "demo.mp4", "demo.gif")
_WORDS_FOR_NO_GL = ("disable", "disabled", "off", "false", "0")
_LIMIT_S = 300.0
_HINT = "no EGL or OSMesa works here, so the pictures are ray-traced; for better ones: apt install libosmesa6"


class Film(NamedTuple):
    """The files written, and one line for the user where something is less than it could be."""

    files: tuple[Path, ...]
    note: str | None


def make_film(recording: Recording, model: Any, out: Path) -> Film:
    """Draw `recording` of a robot (a mujoco.MjModel with the same qpos) into the folder `out`; never fails for GL."""
    import mujoco

    with tempfile.TemporaryDirectory(prefix="robotctl-film-") as folder:
        source = Path(folder)
        recording.save(source / "recording.npz")
        mujoco.mj_saveModel(model, str(source / "model.mjb"), None)
        drawn, note = draw_somehow("robotd.ctl.studio", source)
        return Film((), note) if drawn is None else Film(_deliver(drawn, out), note)


def draw_somehow(module: str, source: Path) -> tuple[Path | None, str | None]:
    """Let `python -m module SOURCE OUT` draw what lies in the folder `source`, by the first GL that works.

    The user's MUJOCO_GL is tried first, and no other.

    Returns:
        OUT, a new folder in `source`, None where nothing works; and one line for the user, if there is one to say.
    """
    problem = ""
    for gl in gl_candidates(os.environ.get("MUJOCO_GL"), sys.platform):
        drawn = source / f"drawn-{gl}"
        drawn.mkdir()
        problem = _draw(module, source, drawn, gl)
        if not problem:
            return drawn, _HINT if gl == NO_GL else None
    return None, f"no pictures: {problem}"


def _deliver(drawn: Path, out: Path) -> tuple[Path, ...]:
    """Move the finished pictures to their place; those of an earlier run, whatever their kind, go."""
    out.mkdir(parents=True, exist_ok=True)
    for name in PICTURES:
        (out / name).unlink(missing_ok=True)
    return tuple(Path(shutil.move(drawn / name, out / name)) for name in PICTURES if (drawn / name).is_file())


def gl_candidates(wish: str | None, platform: str) -> list[str | None]:
    """Values of MUJOCO_GL to try, best first; None leaves it to MuJoCo."""
    if wish and wish.strip().lower() in _WORDS_FOR_NO_GL:
        return [NO_GL]
    if wish:
        return [wish, NO_GL]
    return ["egl", "osmesa", NO_GL] if platform == "linux" else [None, NO_GL]


def _draw(module: str, source: Path, out: Path, gl: str | None) -> str:
    """Empty where it worked, otherwise the last line of what went wrong."""
    environment = {key: value for key, value in os.environ.items() if key != "MUJOCO_GL"}
    if gl is not None:
        environment["MUJOCO_GL"] = gl
    command = [sys.executable, "-m", module, str(source), str(out)]
    try:
        done = subprocess.run(
            command, env=environment, stdout=2, stderr=subprocess.PIPE, text=True, timeout=_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"drawing took longer than {_LIMIT_S:.0f} s"
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or [f"the drawing process ended with {done.returncode}"])[-1]
