"""The process that draws poses: python -m robotd.ctl.flight_report.darkroom SOURCE OUT, with MUJOCO_GL saying how.

SOURCE holds poses.npz (qpos (N, nq), lookat (N, 3) m, distance_m, azimuth_deg, size (width, height)) and model.mjb;
OUT gets pictures.npz with `pictures` (N, height, width, 3).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import mujoco
import numpy as np

from robotd.ctl.camera import Camera
from robotd.ctl.progress import Pace, Progress
from robotd.ctl.studio import open_painter
from robotd.hal.twin_model import NO_GL


def main() -> None:
    """Draw them all."""
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    model = mujoco.MjModel.from_binary_path(str(source / "model.mjb"))
    progress = Progress(sys.stdout)
    with np.load(source / "poses.npz", allow_pickle=False) as poses:
        qpos, lookat = poses["qpos"], poses["lookat"]
        distance_m, azimuth_deg = float(poses["distance_m"]), float(poses["azimuth_deg"])
        width, height = poses["size"].tolist()
    fine = os.environ.get("MUJOCO_GL") != NO_GL  # rays are slow enough as they are
    painter = open_painter(model, width, height, fine)
    pictures: list[np.ndarray] = []
    pace = Pace(len(qpos), "pictures drawn")
    for pose, point in zip(qpos, lookat, strict=True):
        progress.show(pace.text(len(pictures)))
        pictures.append(painter.draw(pose, Camera(point, distance_m, azimuth_deg)))
    painter.close()
    progress.end()
    np.savez(out / "pictures.npz", pictures=np.array(pictures))


if __name__ == "__main__":
    main()
