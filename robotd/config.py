"""robotd.yaml: the defaults of docs/safety.md, and bounds that no file can widen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, get_args

import yaml
from pydantic import Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from contract.plain_yaml import load_plain
from contract.schema import short, suggest
from contract.signature import KEY_BYTES, is_base64
from robotd.migration import ROBOTD_YAML, VersionError, migrated
from robotd.section import Section, bounded
from robotd.wiring import Wiring


class ConfigFileError(ValueError):
    """robotd.yaml is not usable: one sentence with file, key, value found and what was expected."""


class SafetyConfig(Section):
    """Bounds of the fault conditions, and how long a condition must last before it is a fault."""

    tilt_deg: Annotated[float, bounded(10, 80)] = 45.0
    tilt_debounce_s: Annotated[float, bounded(0, 0.2)] = 0.06
    imu_stale_s: Annotated[float, bounded(0.02, 0.1)] = 0.06
    imu_lost_s: Annotated[float, bounded(0.1, 0.3)] = 0.2
    joint_stale_s: Annotated[float, bounded(0.02, 0.3)] = 0.16
    other_joint_stale_s: Annotated[float, bounded(0.1, 2)] = 0.5
    overrun_in_a_row: Annotated[int, bounded(1, 10)] = 3
    overrun_in_50: Annotated[int, bounded(1, 25)] = 5
    joint_limit_margin_rad: Annotated[float, bounded(0, 0.2)] = 0.05
    joint_limit_debounce_s: Annotated[float, bounded(0, 0.2)] = 0.06
    tracking_rad: Annotated[float, bounded(0.05, 0.7)] = 0.35
    tracking_debounce_s: Annotated[float, bounded(0, 0.5)] = 0.3
    bus_errors: Annotated[int, bounded(2, 20)] = 3
    overheat_degc: Annotated[float, bounded(40, 85)] = 75.0
    overheat_debounce_s: Annotated[float, bounded(0, 5)] = 1.0
    undervolt_v: Annotated[float, bounded(6, 12)] = 10.0
    undervolt_debounce_s: Annotated[float, bounded(0, 5)] = 1.0
    torque_debounce_s: Annotated[float, bounded(0.1, 1)] = 0.3
    link_silent_s: Annotated[float, bounded(0.1, 2)] = 0.5
    link_decay_s: Annotated[float, bounded(0.05, 0.3)] = 0.3
    link_debounce_s: Annotated[float, bounded(0.3, 2)] = 0.5
    link_forget_s: Annotated[float, bounded(1, 60)] = 5.0
    health_stale_s: Annotated[float, bounded(1.5, 10)] = 3.0
    foot_stale_s: Annotated[float, bounded(0.02, 1)] = 0.2


class MotionConfig(Section):
    """How robotd itself moves the robot, and the limits of every target before the bus."""

    homing_s: Annotated[float, bounded(2, 30)] = 2.0
    crouch_s: Annotated[float, bounded(0.5, 5)] = 1.5
    target_margin_rad: Annotated[float, bounded(0, 0.2)] = 0.02
    slow_motion: Annotated[float, bounded(0.1, 1)] = 1.0
    policy_blend_s: Annotated[float, bounded(0, 3)] = 0.5


class RealtimeConfig(Section):
    """What robotd asks of Linux. priority: of SCHED_FIFO; cpus: where the loop may run, empty for all.

    wake_early_us: how long before a tick the timer fires; the rest is passed by looking at the clock.
    """

    enabled: bool = True
    priority: Annotated[int, bounded(1, 90)] = 70
    cpus: Annotated[list[Annotated[int, bounded(0, 1023)]], Field(max_length=64)] = []  # noqa: RUF012
    lock_memory: bool = True
    wake_early_us: Annotated[int, bounded(0, 2000)] = 300

    @property
    def early_s(self) -> float:
        """For the clock; 0 where nothing is asked of Linux."""
        return self.wake_early_us * 1e-6 if self.enabled else 0.0


class BlackBoxConfig(Section):
    """How much the black box holds: minutes of ticks in a file, and so many older files beside it."""

    minutes: Annotated[float, bounded(0.1, 120)] = 10.0
    keep: Annotated[int, bounded(0, 50)] = 5


class ControlConfig(Section):
    """Who may command the robot through the control socket beside root and robotd's own user, and how many at once."""

    group: Annotated[str, Field(min_length=1)] = "robot"
    max_clients: Annotated[int, bounded(2, 32)] = 12


class BundlesConfig(Section):
    """Whose bundles this robot runs. trusted_keys: public ed25519 keys by name, as `trainer keygen` prints them."""

    require_signature: bool = False
    trusted_keys: dict[str, str] = {}  # noqa: RUF012

    @model_validator(mode="after")
    def _are_keys(self) -> BundlesConfig:
        for name, key in self.trusted_keys.items():
            if not is_base64(key, KEY_BYTES):
                raise ValueError(f"trusted_keys.{name}: found {key[:60]!r}, expected a key of `trainer keygen`")
        if self.require_signature and not self.trusted_keys:
            raise ValueError("require_signature is true and trusted_keys is empty, expected at least one key")
        return self


class RobotdConfig(Section):
    """The whole file. Every key may be left out."""

    safety: SafetyConfig = SafetyConfig()
    motion: MotionConfig = MotionConfig()
    black_box: BlackBoxConfig = BlackBoxConfig()
    hardware: Wiring = Wiring()
    control: ControlConfig = ControlConfig()
    realtime: RealtimeConfig = RealtimeConfig()
    bundles: BundlesConfig = BundlesConfig()


def load_config(path: Path | None) -> RobotdConfig:
    """Read robotd.yaml; None gives the defaults.

    Raises:
        ConfigFileError: the file cannot be read, or the first key in it that does not fit.
    """
    if path is None:
        return RobotdConfig()
    try:
        data = load_plain(Path(path).read_text(encoding="utf-8"))
    except OSError as problem:
        raise ConfigFileError(f"{path}: {problem.strerror}, expected robotd.yaml; check the path") from None
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        detail = " ".join(str(problem).split())
        raise ConfigFileError(f"{path}: not YAML ({detail}), expected a mapping; correct that line") from None
    try:
        plain = migrated(data, ROBOTD_YAML) if isinstance(data, dict) else data
        return RobotdConfig.model_validate({} if plain is None else plain)
    except VersionError as problem:
        raise ConfigFileError(f"{path}: {problem}") from None
    except ValidationError as problem:
        raise ConfigFileError(f"{path}: {_sentence(problem)}") from None


def _sentence(problem: ValidationError) -> str:
    error = problem.errors(include_url=False)[0]
    *above, key = error["loc"] or ("the top of the file",)
    place = ".".join(str(part) for part in (*above, key))[:200]
    if error["type"] == "extra_forbidden":
        return f"unknown key {place!r}{suggest(str(key), _kind_at(above).model_fields)}; remove or correct it"
    if error["type"] == "value_error":
        return f"{place}: {error['ctx']['error']}"
    if error["type"] == "missing":
        section = ".".join(map(str, above))[:200] or "the top of the file"
        return f"{section}: key `{key}` is missing, expected {_wanted(_kind_at(above).model_fields[str(key)])}"
    if error["type"] in ("model_type", "dict_type"):
        example = _example(_kind_at(error["loc"]), error["input"])
        return f"{place}: found {short(error['input'])}, expected a section of keys, as `{example}`"
    message = error["msg"].removeprefix("Input ").replace("should be", "expected")
    return f"{place}: found {short(error['input'])}, {message}"


def _kind_at(place: Sequence[int | str]) -> Any:
    """What the file may hold at this place: a section, or a dict of something."""
    kind: Any = RobotdConfig
    for part in place:
        of_dict = get_args(kind)
        kind = of_dict[-1] if of_dict else kind.model_fields[part].annotation
    return kind


def _wanted(field: FieldInfo) -> str:
    """The value of a key in words, with its bounds."""
    words: dict[Any, str] = {int: "a whole number", float: "a number", str: "a text"}
    bounds = [f"{getattr(each, side):g}" for each in field.metadata for side in ("ge", "le") if hasattr(each, side)]
    return " ".join([field.description or words.get(field.annotation, "a value"), " to ".join(bounds)]).strip()


def _example(kind: Any, found: object) -> str:
    """A section with the keys that it needs, or its first; where it needs one only, what was found is meant for it."""
    if of_dict := get_args(kind):
        return f"{{NAME: {_example(of_dict[-1], ...)}}}"
    if not issubclass(kind, Section):
        return "..."
    needed = [name for name, field in kind.model_fields.items() if field.is_required()]
    value = short(found).strip("'") if isinstance(found, str | int) and len(needed) == 1 else "..."
    keys = needed or list(kind.model_fields)[:1]
    return f"{{{', '.join(f'{name}: {value}' for name in keys)}}}"
