"""BVH: a hierarchy with channels, then a line of numbers for each frame. Degrees, y up or z up, any unit of length."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from contract import ConfigError

from .clips import MARKERS, HumanClip
from .skeleton import Skeleton, about, forward

# names of joints in common skeletons, lower case without separators and without the side
_ALIASES = {
    "hip": ("hip", "upleg", "upperleg", "thigh", "hipjoint", "femur"),
    "knee": ("knee", "leg", "lowleg", "lowerleg", "shin", "tibia", "calf"),
    "ankle": ("ankle", "foot"),
    "toe": ("toe", "toebase", "toes", "ball"),
}


@dataclass
class _Bone:
    name: str
    parent: int
    offset: list[float] = field(default_factory=list)
    channels: list[str] = field(default_factory=list)


def read_bvh(path: Path) -> HumanClip:
    """Raises ConfigError where the file is not BVH or has no legs that we know by name."""
    try:
        words = path.read_text(encoding="utf-8", errors="strict").split()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"{path}: not text, expected BVH; use --format for another one") from None
    try:
        bones, at = _hierarchy(words)
        rate, values = _motion(words, at, sum(len(bone.channels) for bone in bones))
    except (IndexError, ValueError) as problem:
        raise ConfigError(f"{path}: not BVH ({problem}), expected HIERARCHY and MOTION; export it anew") from None
    local, root, column = [], np.zeros((len(values), 3)), 0
    for index, bone in enumerate(bones):
        own = values[:, column : column + len(bone.channels)]
        column += len(bone.channels)
        turn, move = _channels(bone, own)
        local.append(turn)
        root = move + bone.offset if index == 0 else root
    skeleton = Skeleton(
        tuple(str(i) for i in range(len(bones))),
        tuple(bone.parent for bone in bones),
        np.array([bone.offset for bone in bones]),
    )
    places = forward(skeleton, root, np.stack(local, axis=1))
    chosen = _legs(path, bones)
    return HumanClip(rate, _z_up({name: places[str(index)] for name, index in chosen.items()}), loops=False)


def _hierarchy(words: list[str]) -> tuple[list[_Bone], int]:
    """The bones, end sites included, and where MOTION stands."""
    bones: list[_Bone] = []
    open_bones: list[int] = [-1]
    at = words.index("HIERARCHY") + 1
    while words[at] != "MOTION":
        word = words[at]
        if word in ("ROOT", "JOINT", "End"):
            bones.append(_Bone(words[at + 1], open_bones[-1]))
            at += 2
        elif word == "{":
            open_bones.append(len(bones) - 1)
            at += 1
        elif word == "}":
            open_bones.pop()
            at += 1
        elif word == "OFFSET":
            bones[open_bones[-1]].offset = [float(number) for number in words[at + 1 : at + 4]]
            at += 4
        elif word == "CHANNELS":
            count = int(words[at + 1])
            bones[open_bones[-1]].channels = words[at + 2 : at + 2 + count]
            at += 2 + count
        else:
            raise ValueError(f"found {word!r} in the hierarchy")
    if not bones or any(len(bone.offset) != 3 for bone in bones):
        raise ValueError("a joint has no offset")
    return bones, at


def _motion(words: list[str], at: int, channels: int) -> tuple[float, np.ndarray]:
    if words[at + 1] != "Frames:" or words[at + 3 : at + 5] != ["Frame", "Time:"]:
        raise ValueError("MOTION has no Frames: and Frame Time:")
    frames, step = int(words[at + 2]), float(words[at + 5])
    values = np.array(words[at + 6 :], float)
    if len(values) != frames * channels or step <= 0 or not channels:
        raise ValueError(f"{len(values)} numbers for {frames} frames of {channels} channels")
    return 1 / step, values.reshape(frames, channels)


def _channels(bone: _Bone, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rotation (T, 3, 3), channels applied in their order, and the translation (T, 3)."""
    turn, move = np.tile(np.eye(3), (len(values), 1, 1)), np.zeros((len(values), 3))
    for channel, value in zip(bone.channels, values.T, strict=True):
        axis = channel[:1].lower()
        if axis not in "xyz" or channel[1:] not in ("rotation", "position"):
            raise ValueError(f"channel {channel!r}")
        if channel[1:] == "rotation":
            turn = turn @ about(axis, value * math.pi / 180)
        else:
            move[:, "xyz".index(axis)] = value
    return turn, move


def _legs(path: Path, bones: list[_Bone]) -> dict[str, int]:
    """{marker: bone}: the root, and of each side hip, knee, ankle by name; the toe, or else the end of the foot."""
    chosen = {"pelvis": 0}
    for side in ("left", "right"):
        for part, names in _ALIASES.items():
            found = [i for i, bone in enumerate(bones) if _spoken(bone.name, side) in names]
            if not found and part == "toe":
                found = [i for i, bone in enumerate(bones) if bone.parent == chosen[f"{side}_ankle"]]
            if not found:
                known = ", ".join(bone.name for bone in bones if bone.name != "Site")
                raise ConfigError(f"{path}: no {side} {part} among the joints {known}; rename them as e.g. LeftUpLeg")
            chosen[f"{side}_{part}"] = found[0]
    return {name: chosen[name] for name in MARKERS}


def _spoken(name: str, side: str) -> str:
    """A joint's name without side, prefix and separators, or nothing where it is of the other side."""
    plain = name.split(":")[-1].lower().replace("_", "").replace(" ", "").replace("-", "").replace(".", "")
    for mark in (side, side[0]):
        if plain.startswith(mark):
            return plain[len(mark) :]
        if plain.endswith(mark):
            return plain[: -len(mark)]
    return ""


def _z_up(places: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Turn y-up files over: up is the axis along which the pelvis is farthest above the ankles."""
    above = places["pelvis"].mean(axis=0) - (places["left_ankle"].mean(axis=0) + places["right_ankle"].mean(axis=0)) / 2
    if int(np.argmax(np.abs(above))) != 1:
        return places
    return {name: place[:, [2, 0, 1]] for name, place in places.items()}
