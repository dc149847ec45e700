"""The robot in a web browser, by viser: a mesh for each geom under a frame for each body. Needs no GL on this side."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import mujoco
import numpy as np

from contract import ConfigError

from ..physics.robot_model import RobotModel
from .frames import Frame, Stage
from .ghost import COLOUR, Ghost

HOST = "127.0.0.1"
RED = (219, 31, 46)
_SHAPES = mujoco.mjtGeom
_HIDDEN = 3  # from this group on MuJoCo's own viewer shows nothing either


class BrowserScene:
    """A served scene that takes frames; `url` says where to look."""

    def __init__(self, robot: RobotModel, port: int) -> None:
        """Raises ConfigError where viser is not installed."""
        try:
            import viser
        except ImportError:
            raise ConfigError(
                "viser: not installed, expected it for --browser; install the extra: uv sync --extra viewer"
            ) from None
        self._stage, self._ghost = Stage(robot), Ghost(robot)
        self._server = viser.ViserServer(host=HOST, port=port, verbose=False)
        self.url = f"http://{HOST}:{self._server.get_port()}"
        scene = self._server.scene
        scene.set_up_direction("+z")
        model = self._stage.model
        self._bodies, self._ghost_bodies = (
            [scene.add_frame(f"/{name}/{model.body(b).name or b}", show_axes=False) for b in range(model.nbody)]
            for name in ("robot", "ghost")
        )
        self._floor = scene.add_grid("/floor", width=20.0, height=20.0, cell_size=0.25, section_size=1.0)
        self._arrow = scene.add_arrows("/push", np.zeros((1, 2, 3)), RED, shaft_radius=0.012, head_radius=0.03)
        self._shown: dict[int, tuple[int, int, int]] = {}
        drawn = np.flatnonzero(model.geom_group < _HIDDEN)
        self._meshes = {int(g): self._add_geom(int(g)) for g in drawn if g != robot.floor}
        self._ghost_shown = True
        self._show_ghost(None)
        self._text = self._server.gui.add_markdown("waiting for the first frame")

    def show(self, shown: Frame) -> None:
        """Move everything to a frame."""
        stage = self._stage
        stage.place(shown)
        base = shown.qpos[stage.robot.base_qpos : stage.robot.base_qpos + 2]
        with self._server.atomic():
            for b, frame in enumerate(self._bodies):
                frame.position, frame.wxyz = stage.data.xpos[b], stage.data.xquat[b]
            for geom in {*np.concatenate(stage.limbs), *stage.soles} & self._meshes.keys():
                self._paint(int(geom))
            self._show_ghost(shown.ghost)
            self._floor.wxyz = shown.floor_quat
            ends = stage.arrow(shown)
            self._arrow.visible = ends is not None
            if ends is not None:
                self._arrow.points = np.array([ends])
        vx, vy, yaw = shown.command
        self._text.content = (
            f"**{shown.time_s:.1f} s** · asked {vx:.2f}, {vy:.2f} m/s, {yaw:.2f} rad/s · forward {shown.speed:.2f} m/s"
            f" · at {base[0]:.2f}, {base[1]:.2f} m{' · **fell**' if shown.fell else ''}"
        )

    def close(self) -> None:
        """Stop serving."""
        self._server.stop()

    def _add_geom(self, g: int) -> Any:
        model = self._stage.model
        body = model.body(int(model.geom_bodyid[g])).name or int(model.geom_bodyid[g])
        is_mesh = model.geom_type[g] == _SHAPES.mjGEOM_MESH
        mesh = triangles(model, g) if is_mesh else shape(int(model.geom_type[g]), model.geom_size[g])
        self._shown[g] = _rgb(self._stage.colours[g])
        place = {"position": model.geom_pos[g], "wxyz": model.geom_quat[g]}
        add = self._server.scene.add_mesh_simple
        add(f"/ghost/{body}/geom{g}", *mesh, color=_rgb(COLOUR), opacity=float(COLOUR[3]), cast_shadow=False, **place)
        return add(f"/robot/{body}/geom{g}", *mesh, color=self._shown[g], **place)

    def _show_ghost(self, qpos: np.ndarray | None) -> None:
        """Move the ghost to a pose, or hide it; all of it lies below its bodies."""
        if (qpos is not None) != self._ghost_shown:
            self._ghost_shown = qpos is not None
            for frame in self._ghost_bodies:
                frame.visible = self._ghost_shown
        if qpos is None:
            return
        self._ghost.place(qpos)
        for b, frame in enumerate(self._ghost_bodies):
            frame.position, frame.wxyz = self._ghost.data.xpos[b], self._ghost.data.xquat[b]

    def _paint(self, g: int) -> None:
        """Change a mesh's colour where it differs: each change is a message."""
        colour = _rgb(self._stage.model.geom_rgba[g])
        if max(abs(a - b) for a, b in zip(colour, self._shown[g], strict=True)) > 12:
            self._meshes[g].color = self._shown[g] = colour


def triangles(model: mujoco.MjModel, geom: int) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) m and faces (F, 3) of a mesh geom in its own frame."""
    mesh = model.mesh(int(model.geom_dataid[geom]))
    vertices, faces = int(mesh.vertadr[0]), int(mesh.faceadr[0])
    corners = model.mesh_vert[vertices : vertices + int(mesh.vertnum[0])]
    return corners.astype(np.float32), model.mesh_face[faces : faces + int(mesh.facenum[0])].astype(np.uint32)


def shape(kind: int, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Vertices (V, 3) m and faces (F, 3) of a MuJoCo geom in its own frame. Raises ConfigError for other kinds."""
    import trimesh.creation as make

    if kind == _SHAPES.mjGEOM_BOX:
        mesh = make.box(2 * size)
    elif kind == _SHAPES.mjGEOM_CAPSULE:
        mesh = make.capsule(2 * size[1], size[0], count=(16, 8))
        mesh.apply_translation([0, 0, -mesh.bounds.mean(0)[2]])
    elif kind == _SHAPES.mjGEOM_CYLINDER:
        mesh = make.cylinder(size[0], 2 * size[1], sections=24)
    elif kind in (_SHAPES.mjGEOM_SPHERE, _SHAPES.mjGEOM_ELLIPSOID):
        mesh = make.icosphere(3, 1.0)
        mesh.apply_scale(size if kind == _SHAPES.mjGEOM_ELLIPSOID else [size[0]] * 3)
    else:
        raise ConfigError(
            f"geom type {_SHAPES(kind).name}: cannot be shown in the browser, expected boxes, capsules, cylinders, "
            "spheres or ellipsoids; watch in the window"
        )
    return np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.uint32)


def serve(scene: BrowserScene, episodes: Iterator[Callable[[], Iterator[Frame]]], ctrl_dt: float) -> None:
    """Show episodes in real time until there are no more; every second step, which is smooth enough for the wire."""
    for episode in episodes:
        due = time.monotonic()
        for number, shown in enumerate(episode()):
            if number % 2 == 0:
                scene.show(shown)
            due += ctrl_dt
            time.sleep(max(due - time.monotonic(), 0.0))


def _rgb(rgba: np.ndarray) -> tuple[int, int, int]:
    red, green, blue = (round(255 * float(c)) for c in rgba[:3])
    return red, green, blue
