"""Which OpenGL draws here. A GL that does not work can end the process that tries it, so each is tried in another."""

from __future__ import annotations

import os
import subprocess
import sys

from contract import ConfigError

_TRY = (
    "import mujoco\n"
    "model = mujoco.MjModel.from_xml_string('<mujoco/>')\n"
    "drawn = mujoco.Renderer(model, 8, 8)\n"
    "drawn.update_scene(mujoco.MjData(model))\n"
    "drawn.render()\n"
    "drawn.close()\n"
)
_LIMIT_S = 60.0


def choose_gl() -> None:
    """Set MUJOCO_GL to what draws without a display; call it before mujoco is imported.

    Raises:
        ConfigError: none does.
    """
    if sys.platform != "linux":
        return
    wish = os.environ.get("MUJOCO_GL")
    tried = [wish] if wish else ["egl", "osmesa"]
    for name in tried:
        if draws(name):
            os.environ["MUJOCO_GL"] = name
            return
    raise ConfigError(
        f"MUJOCO_GL: found none that draws here (tried {', '.join(tried)}), expected EGL or OSMesa; "
        "apt install libegl1 libgl1-mesa-dri libosmesa6, or watch with --browser, which needs no GL"
    )


def draws(name: str) -> bool:
    """Whether MuJoCo can draw with this value of MUJOCO_GL."""
    command = [sys.executable, "-c", _TRY]
    try:
        done = subprocess.run(
            command, env={**os.environ, "MUJOCO_GL": name}, capture_output=True, timeout=_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0
