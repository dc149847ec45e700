"""A person who walks by formula, and the same walk written in each file format."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

SPEED, PERIOD, RATE, SECONDS = 1.1, 1.1, 60.0, 5.0
THIGH, SHANK, HIP_Y, ANKLE_Z, LIFT = 0.42, 0.41, 0.085, 0.08, 0.07
STANCE = 0.6  # of a cycle, so each double support takes a tenth of it: a share of 0.2 of half a cycle


def walk(seconds: float = SECONDS) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The pelvis's way (T, 3) m, x forward and z up, and {side: (T, 3)} hip, knee and ankle rad in the walking plane.

    Leg forward, knee bent and toes up are positive; the soles stay level.
    """
    times = np.arange(0, seconds, 1 / RATE)
    pelvis = np.column_stack([SPEED * times, np.zeros_like(times), np.full_like(times, 0.86)])
    hip_z = 0.86 - 0.06
    angles = {}
    for side, start in (("left", 0.0), ("right", 0.5)):
        share = np.mod(times / PERIOD - start, 1.0)  # 0: the foot strikes
        swing = np.clip((share - STANCE) / (1 - STANCE), 0, 1)
        gained = (swing + swing**3 * (10 - 15 * swing + 6 * swing**2)) / 2
        x = SPEED * PERIOD * (STANCE / 2 - share + gained)
        z = ANKLE_Z + LIFT * 64 * swing**3 * (1 - swing) ** 3 - hip_z
        reach = np.hypot(x, z)
        knee = math.pi - np.arccos((THIGH**2 + SHANK**2 - reach**2) / (2 * THIGH * SHANK))
        inner = np.arccos((THIGH**2 + reach**2 - SHANK**2) / (2 * THIGH * reach))
        hip = np.arctan2(x, -z) + inner
        angles[side] = np.column_stack([hip, knee, knee - hip])
    return pelvis, angles


def quat(axis: int, angle: np.ndarray) -> np.ndarray:
    out = np.zeros((len(angle), 4))
    out[:, 0], out[:, 1 + axis] = np.cos(angle / 2), np.sin(angle / 2)
    return out


def write_deepmimic(path: Path, cycles: float | None = None) -> None:
    """One cycle that wraps, or as many as asked that do not; bones are the format's own."""
    pelvis, angles = walk((cycles or 1) * PERIOD + 0.5 / RATE)
    frames = np.zeros((len(pelvis), 44))
    frames[:, 0] = 1 / RATE
    frames[:, 1:4] = pelvis[:, [0, 2, 1]] * [1, 1, -1]
    for first in (4, 8, 12, 16, 21, 25, 30, 35, 39):
        frames[:, first] = 1
    for side, (hip, knee, ankle) in {"right": (16, 20, 21), "left": (30, 34, 35)}.items():
        bend = angles[side]
        frames[:, hip : hip + 4] = quat(2, bend[:, 0])
        frames[:, knee] = -bend[:, 1]
        frames[:, ankle : ankle + 4] = quat(2, bend[:, 2])
    path.write_text(json.dumps({"Loop": "none" if cycles else "wrap", "Frames": frames.tolist()}))


def write_bvh(path: Path) -> None:
    """Centimetres, y up, z forward, x to the left, the toe as the end of the foot."""
    pelvis, angles = walk()

    def leg(side: str, sign: int) -> str:
        text = ""
        joints = [
            ("UpLeg", (100 * HIP_Y * sign, -6.0, 0.0)),
            ("Leg", (0.0, -100 * THIGH, 0.0)),
            ("Foot", (0.0, -100 * SHANK, 0.0)),
        ]
        for name, offset in joints:
            text += f"JOINT {side}{name}\n{{\nOFFSET {offset[0]} {offset[1]} {offset[2]}\n"
            text += "CHANNELS 3 Zrotation Xrotation Yrotation\n"
        return text + "End Site\n{\nOFFSET 0 -7 14\n}\n" + "}\n" * 3

    text = "HIERARCHY\nROOT Hips\n{\nOFFSET 0 0 0\nCHANNELS 6 Xposition Yposition Zposition "
    text += "Zrotation Xrotation Yrotation\n" + leg("Left", 1) + leg("Right", -1) + "}\n"
    text += f"MOTION\nFrames: {len(pelvis)}\nFrame Time: {1 / RATE}\n"
    for n, place in enumerate(pelvis):
        numbers = [100 * place[1], 100 * place[2], 100 * place[0], 0, 0, 0]
        for side in ("left", "right"):
            hip, knee, ankle = np.degrees(angles[side][n])
            numbers += [0, -hip, 0, 0, knee, 0, 0, -ankle, 0]
        text += " ".join(f"{number:.6f}" for number in numbers) + "\n"
    path.write_text(text)


def write_amass(path: Path, width: int = 156) -> None:
    """z up, walking along world -y, with bones of its own."""
    pelvis, angles = walk()
    poses = np.zeros((len(pelvis), width))
    poses[:, 0] = math.pi / 2  # the tree's y becomes z, and its z, forward, becomes -y
    for side, (hip, knee, ankle) in {"left": (1, 4, 7), "right": (2, 5, 8)}.items():
        for joint, angle in ((hip, -angles[side][:, 0]), (knee, angles[side][:, 1]), (ankle, -angles[side][:, 2])):
            poses[:, 3 * joint] = angle
    offsets = np.zeros((22, 3))
    offsets[[1, 2]] = [HIP_Y, -0.06, 0], [-HIP_Y, -0.06, 0]
    offsets[[4, 5]], offsets[[7, 8]], offsets[[10, 11]] = [0, -THIGH, 0], [0, -SHANK, 0], [0, -0.07, 0.14]
    trans = np.column_stack([pelvis[:, 1], -pelvis[:, 0], pelvis[:, 2]])
    np.savez(path, poses=poses, trans=trans, mocap_framerate=RATE, joint_offsets=offsets)
