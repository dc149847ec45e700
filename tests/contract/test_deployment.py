"""Several policies in one bundle."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bundle_builder import (
    WALKING_LAYOUT,
    make_bundle,
    make_deployment,
    make_spec_data,
    open_session,
    remake_checksums,
    replace_file,
    to_json,
)
from sentences import assert_sentence

from contract.bundle import Bundle, load_deployment
from contract.errors import BundleError, ChecksumError, ContractError

STANDING, WALKING = make_spec_data(), make_spec_data(layout=WALKING_LAYOUT)


@pytest.fixture
def deployment(tmp_path: Path) -> Path:
    return make_deployment(tmp_path / "both", {"standing": STANDING, "walking": WALKING}, "standing")


def load(path: Path, allow: bool = False) -> tuple[dict[str, Bundle], str]:
    return load_deployment(path, open_session, allow)


def refused(path: Path, *words: object, allow: bool = False) -> None:
    with pytest.raises(ContractError) as caught:
        load(path, allow)
    assert_sentence(caught.value, *words)


def planned(path: Path, **plan: object) -> None:
    """Write another deployment.json over the old one, with good checksums."""
    replace_file(path, "deployment.json", to_json({"policies": {"standing": "standing"}, "default": "standing"} | plan))


def test_all_policies_load_and_the_default_is_named(deployment: Path) -> None:
    bundles, default = load(deployment)
    assert default == "standing"
    assert {name: bundle.spec.model.obs_dim for name, bundle in bundles.items()} == {"standing": 44, "walking": 48}
    assert all(bundle.verified and bundle.warnings == () for bundle in bundles.values())


def test_one_policy_is_a_deployment_of_one(tmp_path: Path) -> None:
    bundles, default = load(make_bundle(tmp_path / "standing"))
    assert (list(bundles), default) == (["standing"], "standing")
    with pytest.raises(BundleError, match="no such bundle folder"):
        load(tmp_path / "nowhere")


def test_a_policy_needs_no_checksums_of_its_own(deployment: Path) -> None:
    replace_file(deployment, "walking/checksums.json", None)
    assert load(deployment)[0]["walking"].verified


@pytest.mark.parametrize(
    "file", ["deployment.json", "walking/policy.onnx", "standing/checksums.json", "checksums.json"]
)
def test_a_flipped_byte_in_any_file_is_refused(deployment: Path, file: str) -> None:
    content = bytearray((deployment / file).read_bytes())
    content[len(content) // 2] ^= 1
    (deployment / file).write_bytes(content)
    refused(deployment, deployment)


def test_a_stale_checksum_can_be_allowed_and_every_policy_says_so(deployment: Path) -> None:
    (deployment / "walking" / "metrics.json").write_bytes(b"{}")
    with pytest.raises(ChecksumError):
        load(deployment)
    bundles, _ = load(deployment, allow=True)
    for bundle in bundles.values():
        assert not bundle.verified
        assert "metrics.json" in bundle.warnings[0]


@pytest.mark.parametrize("folder", ["../elsewhere", "/tmp", "walking/../../both", ""])
def test_a_folder_that_leads_out_of_the_bundle_is_refused(deployment: Path, folder: str) -> None:
    make_bundle(deployment.parent / "elsewhere")
    planned(deployment, policies={"standing": folder})
    refused(deployment, deployment / "deployment.json", repr(folder), "expected one inside the bundle", allow=True)


def test_a_linked_folder_is_refused(deployment: Path) -> None:
    (deployment / "other").symlink_to(make_bundle(deployment.parent / "elsewhere"))
    planned(deployment, policies={"standing": "other"})
    refused(deployment, deployment / "other", "symbolic link", allow=True)


def test_a_folder_that_is_not_there_is_refused(deployment: Path) -> None:
    planned(deployment, policies={"standing": "stand"})
    refused(deployment, deployment / "stand", "no such bundle folder", "expected")


def test_a_missing_file_of_a_policy_is_refused(deployment: Path) -> None:
    replace_file(deployment, "walking/policy.onnx", None)
    refused(deployment, deployment / "walking" / "policy.onnx", "missing")
    (deployment / "walking" / "checksums.json").unlink()
    remake_checksums(deployment)
    refused(deployment, deployment / "walking" / "policy.onnx", "missing", "expected in every bundle")


PLANS = [
    ({"default": "stand"}, ("found 'stand'", "did you mean 'standing'")),
    ({"policies": {}}, ("found 'standing'", "known: none")),
    ({"policies": ["standing"]}, ("policies", "['standing']", "expected a mapping")),
    ({"policies": {"standing": 3}}, ("policies.standing", "3", "expected a text")),
    ({"default": None}, ("default", "None", "expected a text")),
    ({"surprise": 1}, ("unknown key 'surprise'",)),
]


@pytest.mark.parametrize(("plan", "words"), PLANS)
def test_a_mistake_in_the_plan_is_refused(deployment: Path, plan: dict[str, object], words: tuple[str, ...]) -> None:
    planned(deployment, **plan)
    refused(deployment, deployment / "deployment.json", *words)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"null"])
def test_a_plan_that_is_none_is_refused(deployment: Path, content: bytes) -> None:
    replace_file(deployment, "deployment.json", content)
    refused(deployment, deployment / "deployment.json", "expected")


def test_policies_for_different_robots_or_rates_are_refused(tmp_path: Path) -> None:
    robots = {"standing": STANDING, "dancing": make_spec_data(joints=12)}
    refused(make_deployment(tmp_path / "robots", robots, "standing"), "policies.dancing", "joint 0 is 'joint_00'")
    rates = {"standing": STANDING, "dancing": make_spec_data(ctrl_dt=0.01)}
    refused(make_deployment(tmp_path / "rates", rates, "standing"), "policies.dancing", "0.01 s", "expected 0.02 s")


def test_a_policy_that_is_no_good_is_named(deployment: Path) -> None:
    data = json.loads((deployment / "walking" / "policy_spec.json").read_text()) | {"spec_version": 3}
    (deployment / "walking" / "policy_spec.json").write_bytes(to_json(data))
    remake_checksums(deployment / "walking")
    remake_checksums(deployment)
    refused(deployment, deployment / "walking" / "policy_spec.json", "spec_version is 3", "expected 2")


@pytest.mark.parametrize(
    "name", ["\x1b]0;owned\x07", "walk\nstand", "", ".hidden", "a b", "../a", "x" * 101, "l\u00e4uft"]
)
def test_a_policy_without_a_plain_name_is_refused(deployment: Path, name: str) -> None:
    planned(deployment, policies={name: "standing"}, default=name)
    refused(deployment, deployment / "deployment.json", "policies: found", "expected letters, digits")
