"""One YAML per robot: what CAD cannot know. Read as frozen data; unknown keys are errors with a suggestion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from contract import FOOT_SWITCHES
from contract.errors import ConfigError
from contract.schema import read, suggest

from .export import PRIMITIVES

_CONTACT_KEYS = {"contype", "conaffinity", "condim", "priority", "margin", "gap"}


@dataclass(frozen=True)
class Servo:
    """A kind of servo, as a position actuator: gains Nm/rad and Nm s/rad, limits, and what its gears add to a joint."""

    kp: float
    kv: float
    max_torque_nm: float
    max_velocity_rad_s: float
    damping: float
    frictionloss: float
    armature: float


@dataclass(frozen=True)
class JointFacts:
    """`axis`: which turn counts as positive, in the base's axes (x forward, y left, z up); `servo`: its kind, where
    there are several; `range_rad` instead of CAD's limits."""

    axis: tuple[float, ...]
    servo: str | None = None
    range_rad: tuple[float, ...] | None = None
    policy_action_sign: int = 1


@dataclass(frozen=True)
class PartFacts:
    """What becomes of a mesh. `fit`: the primitive that takes its place; `touches`: the class of `contact` it collides
    as, none: it does not; `draw`: mesh keeps the mesh to be seen; `trim`: looks only, without a name."""

    fit: str
    touches: str | None = None
    draw: str = "primitive"
    trim: bool = False


@dataclass(frozen=True)
class Added:
    """A collider that no part has: a capsule between two points of a link, m, never drawn. One on a left link gets
    its mirror image on the right one."""

    link: str
    ends: tuple[tuple[float, ...], ...]
    radius_m: float
    touches: str


@dataclass(frozen=True)
class Look:
    """A material. Everything that CAD paints in this colour (within 1/255) gets it."""

    rgba: tuple[float, ...]
    specular: float | None = None
    shininess: float | None = None
    reflectance: float | None = None
    emission: float | None = None


@dataclass(frozen=True)
class Switches:
    """The contract's four foot switches: half size of the box that senses, m, and the CAD frame of each."""

    size_m: tuple[float, ...]
    frames: dict[str, str]


@dataclass(frozen=True)
class Tolerances:
    """How far left and right may differ, and how much larger than its mesh a primitive may be."""

    mass_share: float = 0.01
    inertia_share: float = 0.03
    length_m: float = 0.001
    angle_rad: float = 0.01
    volume_ratio: float = 2.0


@dataclass(frozen=True)
class Facts:
    """All of it. `joints` stand in policy order; `poses` needs home and crouch, and a joint's name without its side
    means both; `option` is MJCF's; `shapes_touch` is the class of colliders that CAD exports as primitives."""

    robot_name: str
    export: str
    base: str
    joints: dict[str, JointFacts]
    servos: dict[str, Servo]
    parts: dict[str, PartFacts]
    contact: dict[str, dict[str, int]]
    friction: tuple[float, ...]
    imu: str
    foot_switches: Switches
    poses: dict[str, dict[str, float]]
    option: dict[str, str]
    flags: dict[str, str] = field(default_factory=dict)
    sides: tuple[str, ...] = ("left_", "right_")
    forward: tuple[float, ...] = (1.0, 0.0, 0.0)
    up: tuple[float, ...] = (0.0, 0.0, 1.0)
    added: dict[str, Added] = field(default_factory=dict)
    looks: dict[str, Look] = field(default_factory=dict)
    shapes_touch: str | None = None
    tolerances: Tolerances = Tolerances()
    assumed: tuple[str, ...] = ()

    @property
    def model(self) -> str:
        """The file name of the MJCF."""
        return f"{self.robot_name}.xml"

    def servo_of(self, joint: str) -> str:
        """The kind of servo that drives a joint."""
        return self.joints[joint].servo or next(iter(self.servos))

    def side_of(self, name: str) -> int | None:
        """0 for the left one of a pair, 1 for the right, None for what stands in the middle."""
        return next((i for i, prefix in enumerate(self.sides) if name.startswith(prefix)), None)

    def mirror_of(self, name: str) -> str:
        """The name of its mirror image: itself in the middle."""
        side = self.side_of(name)
        return name if side is None else self.sides[1 - side] + name.removeprefix(self.sides[side])


def load_facts(path: Path) -> Facts:
    """Read and check a robot's YAML. Raises ConfigError."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}, expected a robot's YAML; check the path") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not YAML ({' '.join(str(error).split())}); correct that line") from None
    if isinstance(data, dict) and isinstance(data.get("option"), dict):
        data["option"] = {key: str(value) for key, value in data["option"].items()}
    facts: Facts = read(Facts, data, path.name, ConfigError)
    _check_words(facts, path.name)
    _check_lengths(facts, path.name)
    return facts


def _check_words(facts: Facts, where: str) -> None:
    """Names that stand for something defined elsewhere in the file."""
    words: list[tuple[str, str | None, Mapping[str, object] | tuple[str, ...]]] = [
        *((f"parts.{name}.fit", part.fit, PRIMITIVES) for name, part in facts.parts.items()),
        *((f"parts.{name}.draw", part.draw, ("primitive", "mesh", "nothing")) for name, part in facts.parts.items()),
        *((f"parts.{name}.touches", part.touches, facts.contact) for name, part in facts.parts.items()),
        *((f"added.{name}.touches", added.touches, facts.contact) for name, added in facts.added.items()),
        *((f"joints.{name}.servo", joint.servo, facts.servos) for name, joint in facts.joints.items()),
        *(
            (f"contact.{name}", key, dict.fromkeys(_CONTACT_KEYS))
            for name, keys in facts.contact.items()
            for key in keys
        ),
        *(("foot_switches.frames", name, FOOT_SWITCHES) for name in facts.foot_switches.frames),
        ("shapes_touch", facts.shapes_touch, facts.contact),
    ]
    for key, word, known in words:
        if word is not None and word not in known:
            raise ConfigError(f"{where}: {key} is {word!r}, expected a known name{suggest(word, known)}; correct it")
    for name in FOOT_SWITCHES:
        if name not in facts.foot_switches.frames:
            raise ConfigError(f"{where}: foot_switches.frames.{name} is missing, expected the name of its CAD frame")
    for name in ("home", "crouch"):
        if name not in facts.poses:
            raise ConfigError(f"{where}: poses.{name} is missing, expected joint angles in rad; add it")
    if not facts.servos or not facts.joints:
        raise ConfigError(f"{where}: joints and servos, expected one of each at least; add them")


def _check_lengths(facts: Facts, where: str) -> None:
    lengths = [
        ("friction", facts.friction, 3), ("forward", facts.forward, 3), ("up", facts.up, 3), ("sides", facts.sides, 2),
        ("foot_switches.size_m", facts.foot_switches.size_m, 3),
        *((f"joints.{name}.axis", joint.axis, 3) for name, joint in facts.joints.items()),
        *((f"joints.{n}.range_rad", joint.range_rad, 2) for n, joint in facts.joints.items() if joint.range_rad),
        *((f"added.{name}.ends", added.ends, 2) for name, added in facts.added.items()),
        *((f"added.{name}.ends", end, 3) for name, added in facts.added.items() for end in added.ends),
        *((f"looks.{name}.rgba", look.rgba, 4) for name, look in facts.looks.items()),
    ]  # fmt: skip
    for key, values, count in lengths:
        if len(values) != count:
            raise ConfigError(f"{where}: {key} has {len(values)} values, expected {count}; correct it")
