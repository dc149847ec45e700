"""A bundle with anything wrong in it is refused with one sentence: file, what was found, what was expected."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from bundle_builder import (
    joint_names,
    make_bundle,
    make_files,
    make_real_bundle,
    make_spec,
    make_spec_data,
    open_session,
    remake_checksums,
    replace_file,
    robot_config_data,
    robot_xml,
    to_json,
    to_yaml,
)
from sentences import assert_sentence

from contract.bundle import load_bundle
from contract.errors import BundleError, ChecksumError, ConfigError, ContractError, SpecError

FILES = sorted([*make_files(), "checksums.json"])
NAMES = joint_names(11)
SWAPPED = (NAMES[1], NAMES[0], *NAMES[2:])


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "standing")


def refused(path: Path, kind: type[ContractError], *words: object, allow: bool = False) -> None:
    """The bundle is refused, with one sentence that has all `words` in it."""
    with pytest.raises(kind) as caught:
        load_bundle(path, open_session, allow)
    assert_sentence(caught.value, *words)


def changed(path: Path, file: str, **values: Any) -> None:
    """Change values at the top of a JSON file and make the checksums again."""
    replace_file(path, file, to_json(json.loads((path / file).read_text()) | values))


def test_a_whole_bundle_loads_without_a_warning(bundle: Path, tmp_path: Path) -> None:
    for path in (bundle, make_real_bundle(tmp_path / "real")):
        loaded = load_bundle(path, open_session)
        assert loaded.verified and loaded.warnings == ()
        assert loaded.robot_xml == path / "robot.xml"
        assert loaded.robot_config is not None
        assert loaded.robot_config.actuator_names == loaded.spec.robot.actuator_names == NAMES


@pytest.mark.parametrize("file", FILES)
def test_one_flipped_byte_in_any_file_is_refused(bundle: Path, file: str) -> None:
    good = (bundle / file).read_bytes()
    places = {0, 1, len(good) // 3, len(good) // 2, 2 * len(good) // 3, len(good) - 1}
    for place in sorted(places):
        for flip in (0x01, 0x20, 0x80, 0xFF):
            bad = bytearray(good)
            bad[place] ^= flip
            (bundle / file).write_bytes(bad)
            refused(bundle, BundleError, bundle)
    (bundle / file).write_bytes(good)
    assert load_bundle(bundle, open_session).verified


def test_every_single_bit_of_the_checksums_counts(bundle: Path) -> None:
    file = bundle / "checksums.json"
    good = file.read_bytes()
    for place in range(0, len(good), 5):
        for bit in range(8):
            bad = bytearray(good)
            bad[place] ^= 1 << bit
            file.write_bytes(bad)
            refused(bundle, BundleError, bundle)


@pytest.mark.parametrize("file", [name for name in FILES if name != "checksums.json"])
def test_a_stale_checksum_names_file_found_and_expected(bundle: Path, file: str) -> None:
    old = json.loads((bundle / "checksums.json").read_text())[file]
    (bundle / file).write_bytes((bundle / file).read_bytes() + b"\n")
    refused(
        bundle,
        ChecksumError,
        bundle / file,
        "changed since the export: sha256 ",
        f"expected {old[:12]}",
        "--allow-unverified",
    )


def test_a_stale_checksum_can_be_allowed_and_leaves_a_warning(bundle: Path) -> None:
    (bundle / "metrics.json").write_bytes(b"{}")
    loaded = load_bundle(bundle, open_session, allow_unverified=True)
    assert not loaded.verified
    assert [str(bundle / "metrics.json") in text and "unverified" in text for text in loaded.warnings] == [True]


def test_missing_checksums_can_be_allowed_and_leave_a_warning(bundle: Path) -> None:
    (bundle / "checksums.json").unlink()
    refused(bundle, ChecksumError, bundle / "checksums.json", "missing", "a checksum of every file")
    loaded = load_bundle(bundle, open_session, allow_unverified=True)
    assert not loaded.verified
    assert len(loaded.warnings) == 1


def test_allowing_stale_checksums_allows_nothing_else(bundle: Path) -> None:
    changed(bundle, "policy_spec.json", surprise=1)
    (bundle / "metrics.json").write_bytes(b"{}")
    refused(bundle, SpecError, "unknown key 'surprise'", allow=True)
    (bundle / "checksums.json").write_bytes(b"garbage")
    refused(bundle, BundleError, bundle / "checksums.json", "not JSON", allow=True)


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_refused(bundle: Path, file: str) -> None:
    (bundle / file).unlink()
    refused(bundle, BundleError, bundle / file, "file is missing", "expected")
    if file != "checksums.json":
        refused(bundle, BundleError, bundle / file, "file is missing", allow=True)


@pytest.mark.parametrize("file", ["policy_spec.json", "policy.onnx"])
def test_a_file_that_every_bundle_needs_is_asked_for(bundle: Path, file: str) -> None:
    replace_file(bundle, file, None)
    refused(bundle, BundleError, bundle / file, "file is missing", "expected in every bundle")


@pytest.mark.parametrize("file", ["golden.json", "robot_config.yaml", "robot.xml"])
def test_a_file_that_older_bundles_lack_leaves_a_warning(bundle: Path, file: str) -> None:
    replace_file(bundle, file, None)
    warnings = load_bundle(bundle, open_session).warnings
    assert [str(bundle / file) in text and "missing" in text for text in warnings] == [True]


def test_a_file_without_a_checksum_is_refused(bundle: Path) -> None:
    (bundle / "extra.txt").write_bytes(b"x")
    refused(bundle, ChecksumError, bundle / "extra.txt", "not in checksums.json", "for every file")


@pytest.mark.parametrize("place", ["nowhere", "standing/policy.onnx"])
def test_what_is_no_folder_is_refused(bundle: Path, place: str) -> None:
    refused(bundle.parent / place, BundleError, bundle.parent / place, "no such bundle folder", "policy_spec.json")


def test_an_empty_folder_is_asked_for_its_spec(tmp_path: Path) -> None:
    refused(tmp_path, BundleError, tmp_path / "policy_spec.json", "missing")


GARBAGE = {
    "empty": b"",
    "not text": b"\xff\xfe\x00",
    "cut short": b'{"a": ',
    "more than one": b"{} {}",
    "deep": b"[" * 200_000,
    "deep and whole": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "a number too long": b"[" + b"9" * 5000 + b"]",
    "twice": b'{"a": 1, "a": 2}',
}


@pytest.mark.parametrize("kind", sorted(GARBAGE))
@pytest.mark.parametrize("file", ["policy_spec.json", "golden.json", "checksums.json"])
def test_garbage_in_a_json_file_is_refused(bundle: Path, file: str, kind: str) -> None:
    if file == "checksums.json":
        (bundle / file).write_bytes(GARBAGE[kind])
    else:
        replace_file(bundle, file, GARBAGE[kind])
    refused(bundle, BundleError, bundle / file, "not JSON", "export again")


def test_a_key_that_stands_twice_is_named(bundle: Path) -> None:
    text = (bundle / "policy_spec.json").read_text().replace('"spec_version"', '"contract_name"')
    replace_file(bundle, "policy_spec.json", text.encode())
    refused(bundle, BundleError, bundle / "policy_spec.json", "'contract_name' stands twice")


@pytest.mark.parametrize("file", ["robot_config.yaml", "robot.xml"])
@pytest.mark.parametrize("content", [b"", b"\xff\x00", b"{" * 20_000, b"<a>" * 20_000 + b"</a>" * 20_000])
def test_garbage_in_the_robots_description_is_refused(bundle: Path, file: str, content: bytes) -> None:
    replace_file(bundle, file, content)
    refused(bundle, ContractError, bundle / file)


@pytest.mark.parametrize("data", [[], "text", {"policy.onnx": 3}, {"policy.onnx": None}])
def test_checksums_of_another_form_are_refused(bundle: Path, data: object) -> None:
    (bundle / "checksums.json").write_bytes(to_json(data))
    refused(bundle, BundleError, bundle / "checksums.json", "expected")


@pytest.mark.parametrize("name", ["../other", "/etc/hostname", "a/../../b", "", "a\0b"])
def test_checksums_that_lead_out_of_the_bundle_are_refused(bundle: Path, name: str) -> None:
    sums = json.loads((bundle / "checksums.json").read_text()) | {name: "0" * 64}
    (bundle / "checksums.json").write_bytes(to_json(sums))
    refused(bundle, BundleError, bundle / "checksums.json", repr(name), "expected one inside the bundle", allow=True)


@pytest.mark.parametrize("name", ["\x1b]0;owned\x07", "a\nb"])
def test_a_sentence_has_nothing_in_it_that_a_terminal_obeys(bundle: Path, name: str) -> None:
    (bundle / "checksums.json").write_bytes(to_json({name: "0" * 64}))
    with pytest.raises(BundleError, match="file is missing") as caught:
        load_bundle(bundle, open_session)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("target", ["outside.onnx", "standing/golden.json"])
def test_a_symbolic_link_is_refused(bundle: Path, target: str) -> None:
    (bundle.parent / "outside.onnx").write_bytes((bundle / "policy.onnx").read_bytes())
    (bundle / "policy.onnx").unlink()
    os.symlink(bundle.parent / target, bundle / "policy.onnx")
    remake_checksums(bundle)
    refused(bundle, BundleError, bundle / "policy.onnx", "symbolic link", "a plain file", allow=True)


def test_the_folder_itself_may_be_a_link(bundle: Path) -> None:
    os.symlink(bundle, bundle.parent / "current")
    assert load_bundle(bundle.parent / "current", open_session).verified


def test_a_file_that_cannot_be_read_is_named(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(file: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr(Path, "read_bytes", deny)
    with pytest.raises(BundleError) as caught:
        load_bundle(bundle, open_session)
    expected = f"{bundle / 'checksums.json'}: Permission denied, expected a file that can be read; check its owner"
    assert str(caught.value) == expected


def test_swapped_joints_in_the_spec_are_refused(bundle: Path) -> None:
    data = make_spec_data()
    data["robot"]["actuator_names"] = list(SWAPPED)
    replace_file(bundle, "policy_spec.json", to_json(data))
    refused(bundle, BundleError, bundle / "robot_config.yaml", "joint 0 is", repr(NAMES[0]), repr(SWAPPED[0]))


def test_swapped_joints_in_the_robot_config_are_refused(bundle: Path) -> None:
    data = robot_config_data(make_spec())
    for key in ("joints", "home_pose_rad", "crouch_pose_rad"):
        data[key] = {name: data[key][name] for name in SWAPPED}
    data["actuator_names"] = list(SWAPPED)
    replace_file(bundle, "robot_config.yaml", to_yaml(data))
    refused(bundle, BundleError, bundle / "robot_config.yaml", "joint 0 is", repr(NAMES[0]), repr(SWAPPED[0]))


def test_swapped_actuators_in_the_model_are_refused(bundle: Path) -> None:
    replace_file(bundle, "robot.xml", robot_xml(SWAPPED))
    refused(bundle, BundleError, bundle / "robot.xml", "joint 0 is", repr(NAMES[0]), repr(SWAPPED[0]))


def test_a_model_with_other_joints_is_refused(bundle: Path) -> None:
    replace_file(bundle, "robot.xml", robot_xml(NAMES[:-1]))
    refused(bundle, BundleError, bundle / "robot.xml", "has 10 joints", "expected 11")
    replace_file(bundle, "robot.xml", robot_xml((*NAMES, "tail")))
    refused(bundle, BundleError, bundle / "robot.xml", "has 12 joints", "expected 11")


@pytest.mark.parametrize(
    ("key", "value"), [("range_min_rad", -1.1), ("range_max_rad", 0.6), ("policy_action_sign", -1)]
)
def test_a_robot_config_of_another_robot_is_refused(bundle: Path, key: str, value: float) -> None:
    data = robot_config_data(make_spec())
    expected = data["joints"][NAMES[0]][key]
    data["joints"][NAMES[0]][key] = value
    replace_file(bundle, "robot_config.yaml", to_yaml(data))
    refused(bundle, BundleError, bundle / "robot_config.yaml", NAMES[0], key, f"found {value}", f"expected {expected}")


def test_a_robot_config_in_a_foreign_form_is_refused_in_a_new_bundle(bundle: Path) -> None:
    replace_file(bundle, "robot_config.yaml", b"generated_at: 2024\n")
    refused(bundle, ConfigError, bundle / "robot_config.yaml", "unknown key 'generated_at'")
