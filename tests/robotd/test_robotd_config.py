"""robotd.yaml: the defaults of safety.md, hard bounds, one sentence on every mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from robotd.config import ConfigFileError, MotionConfig, RobotdConfig, SafetyConfig, load_config


def load(tmp_path: Path, text: str) -> RobotdConfig:
    path = tmp_path / "robotd.yaml"
    path.write_text(text)
    return load_config(path)


def test_defaults_are_those_of_the_safety_document() -> None:
    safety, motion = load_config(None).safety, load_config(None).motion
    assert (safety.tilt_deg, safety.tilt_debounce_s) == (45, 0.06)
    assert (safety.imu_stale_s, safety.imu_lost_s, safety.joint_stale_s) == (0.06, 0.2, 0.16)
    assert (safety.overrun_in_a_row, safety.overrun_in_50) == (3, 5)
    assert (safety.joint_limit_margin_rad, safety.joint_limit_debounce_s) == (0.05, 0.06)
    assert (safety.tracking_rad, safety.tracking_debounce_s) == (0.35, 0.3)
    assert (motion.homing_s, motion.crouch_s, motion.target_margin_rad, motion.slow_motion) == (2, 1.5, 0.02, 1)


@pytest.mark.parametrize("text", ["", "{}", "safety: {}", "motion:\n  homing_s: 2\n"])
def test_what_is_left_out_has_its_default(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text) == RobotdConfig()


def test_a_value_is_taken_over(tmp_path: Path) -> None:
    config = load(tmp_path, "safety: {tilt_deg: 30, overrun_in_a_row: 2}\nmotion: {crouch_s: 3}\n")
    assert (config.safety.tilt_deg, config.safety.overrun_in_a_row, config.motion.crouch_s) == (30, 2, 3)


BOUNDS = [
    (section, name, limit.ge, limit.le)
    for section, model in (("safety", SafetyConfig), ("motion", MotionConfig))
    for name, field in model.model_fields.items()
    for limit in [type("", (), {k: getattr(m, k) for m in field.metadata for k in ("ge", "le") if hasattr(m, k)})]
]


@pytest.mark.parametrize("section, name, low, high", BOUNDS)
def test_every_value_has_hard_bounds(tmp_path: Path, section: str, name: str, low: float, high: float) -> None:
    whole = isinstance(getattr(getattr(RobotdConfig(), section), name), int)
    step = 1 if whole else 1e-4
    for value in (low, high):
        assert getattr(getattr(load(tmp_path, f"{section}: {{{name}: {value}}}"), section), name) == value
    for value in (low - step, high + step):
        with pytest.raises(ConfigFileError) as caught:
            load(tmp_path, f"{section}: {{{name}: {value}}}")
        message = str(caught.value)
        assert f"{section}.{name}: found {value}" in message and "\n" not in message


def test_the_faults_debounces_can_never_be_switched_off() -> None:
    assert len(BOUNDS) == len(SafetyConfig.model_fields) + len(MotionConfig.model_fields)
    safety = {name: high for section, name, _, high in BOUNDS if section == "safety"}
    assert safety["tilt_deg"] < 90 and safety["tilt_debounce_s"] <= 0.2 and safety["tracking_debounce_s"] <= 0.5


@pytest.mark.parametrize(
    "text, problem",
    [
        ("safety: {tilt_degrees: 30}", "unknown key 'safety.tilt_degrees' (did you mean 'tilt_deg'?)"),
        ("saftey: {}", "unknown key 'saftey' (did you mean 'safety'?)"),
        ("wings: {}", "unknown key 'wings' (known: black_box, bundles, control, hardware, motion, realtime, safety)"),
        ("safety: {tilt_deg: steep}", "safety.tilt_deg: found 'steep'"),
        ("safety: {tilt_deg: .nan}", "safety.tilt_deg: found nan"),
        ("safety: {tilt_deg: true}", "safety.tilt_deg: found True"),
        ("safety: 3", "safety: found 3, expected a section of keys, as `{tilt_deg: ...}`"),
        ("foo", "the top of the file: found 'foo', expected a section of keys, as `{safety: ...}`"),
        ("- 1", "found [1]"),
        ("a: [", "not YAML"),
    ],
)
def test_a_mistake_is_one_sentence_with_file_and_key(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigFileError) as caught:
        load(tmp_path, text)
    message = str(caught.value)
    assert problem in message and "robotd.yaml" in message and "\n" not in message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigFileError, match="No such file"):
        load_config(tmp_path / "none.yaml")
