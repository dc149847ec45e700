"""Signed bundles: who signs with trainer is trusted by robotd, and nobody else; what a signature does not cover."""

from __future__ import annotations

import base64
import json
import os
import stat
import sys
from pathlib import Path

import pytest
from bundle_builder import make_deployment, make_real_bundle, make_spec_data, remake_checksums
from click.testing import CliRunner, Result

from contract import BundleError, load_bundle, load_deployment, save_bundle
from contract.signature import read_signature
from robotd.config import BundlesConfig, ConfigFileError, RobotdConfig, load_config
from robotd.daemon import Refusal, start_up
from robotd.policy import open_session
from robotd.signature import SignatureError, require_signature, signer_of
from trainer.cli import main as trainer_verbs
from trainer.signing import KeyFileError, new_key, sign_bundle, signer

pytest.importorskip("cryptography", reason="the extra `sign` is not installed")


def trainer(*words: object) -> Result:
    return CliRunner().invoke(trainer_verbs, [str(word) for word in words])


@pytest.fixture
def key(tmp_path: Path) -> Path:
    new_key(tmp_path / "lab.key")
    return tmp_path / "lab.key"


@pytest.fixture
def trusting(key: Path, tmp_path: Path) -> BundlesConfig:
    """A robot that takes bundles of this key only; through robotd.yaml, with the line that keygen prints."""
    said = trainer("keygen", "--output", tmp_path / "other.key")
    assert said.exit_code == 0
    line = said.output.splitlines()[-1]
    stranger = load_text(tmp_path, line).bundles
    assert stranger.require_signature and list(stranger.trusted_keys) == ["other"]
    from trainer.signing import public_text

    return BundlesConfig(require_signature=True, trusted_keys={"lab": public_text(key)})


def load_text(tmp_path: Path, text: str) -> RobotdConfig:
    (tmp_path / "robotd.yaml").write_text(text)
    return load_config(tmp_path / "robotd.yaml")


@pytest.fixture
def bundle(tmp_path: Path, key: Path) -> Path:
    """Signed by `trainer sign`."""
    path = make_real_bundle(tmp_path / "bundle")
    said = trainer("sign", "--bundle", path, "--key", key)
    assert said.exit_code == 0, said.output
    return path


def refused(bundle: Path, policy: BundlesConfig) -> str:
    with pytest.raises(SignatureError) as caught:
        require_signature(bundle, policy)
    assert "\n" not in str(caught.value) and any(word in str(caught.value) for word in ("expected", "(known: "))
    return str(caught.value)


def test_a_signed_bundle_is_taken_and_still_loads(bundle: Path, trusting: BundlesConfig) -> None:
    require_signature(bundle, trusting)
    assert signer_of(bundle, trusting.trusted_keys) == "lab"
    assert load_bundle(bundle, open_session).verified
    assert sorted(p.name for p in bundle.parent.glob(".*signature*")) == []


def test_where_nobody_asks_a_bundle_needs_no_signature(tmp_path: Path) -> None:
    require_signature(make_real_bundle(tmp_path / "plain"), BundlesConfig())


def test_without_a_signature_it_is_refused(tmp_path: Path, trusting: BundlesConfig) -> None:
    assert "missing" in refused(make_real_bundle(tmp_path / "plain"), trusting)


def test_a_stranger_s_signature_is_refused_and_named(bundle: Path, tmp_path: Path, trusting: BundlesConfig) -> None:
    stranger = new_key(tmp_path / "stranger.key")
    sign_bundle(bundle, tmp_path / "stranger.key")
    assert stranger in refused(bundle, trusting)


def test_a_changed_file_is_refused_by_its_checksum_and_changed_checksums_by_the_signature(
    bundle: Path, trusting: BundlesConfig
) -> None:
    (bundle / "metrics.json").write_text("{}")
    require_signature(bundle, trusting)  # the checksums are as signed
    with pytest.raises(BundleError, match="changed since the export"):
        load_bundle(bundle, open_session)
    remake_checksums(
        bundle
    )  # an attacker makes all fit; builder counts the signature as a file, as a stranger's tool may
    assert "does not fit" in refused(bundle, trusting)


@pytest.mark.parametrize("place", range(0, 64, 7))
def test_a_flipped_bit_anywhere_in_the_signature_is_refused(bundle: Path, trusting: BundlesConfig, place: int) -> None:
    file = bundle / "signature.json"
    data = json.loads(file.read_text())
    raw = bytearray(base64.b64decode(data["signature"]))
    raw[place] ^= 1
    file.write_text(json.dumps(data | {"signature": base64.b64encode(raw).decode()}))
    assert "does not fit" in refused(bundle, trusting)


@pytest.mark.parametrize(
    "change, word",
    [
        ({"algorithm": "none"}, "algorithm"),
        ({"key": "AAAA"}, "key"),
        ({"signature": ""}, "signature"),
        ({"key": 5}, "key"),
        ({"extra": 1}, "extra"),
        (None, "JSON"),
        ("x" * 5000, "bytes"),
    ],
)
def test_what_is_no_signature_is_one_sentence(
    bundle: Path, trusting: BundlesConfig, change: dict[str, object] | str | None, word: str
) -> None:
    file = bundle / "signature.json"
    data = json.loads(file.read_text())
    text = json.dumps(data | change) if isinstance(change, dict) else change or "{"
    file.write_text(text)
    assert word in refused(bundle, trusting) and str(file) in refused(bundle, trusting)


def test_robotd_refuses_before_it_parses_anything(bundle: Path, trusting: BundlesConfig, tmp_path: Path) -> None:
    name, public = next(iter(trusting.trusted_keys.items()))
    config = tmp_path / "robotd.yaml"
    config.write_text(f"bundles: {{require_signature: true, trusted_keys: {{{name}: {public}}}}}")
    *_, hardware = start_up(bundle, "mock", config)
    hardware.close()
    (bundle / "signature.json").unlink()
    (bundle / "policy.onnx").write_bytes(b"broken")
    with pytest.raises(Refusal, match=r"signature\.json: missing"):
        start_up(bundle, "mock", config)


def test_unverified_and_signed_do_not_go_together(bundle: Path, trusting: BundlesConfig) -> None:
    """Else a stale checksum would be waved through, and the signature would vouch for nothing."""
    with pytest.raises(SignatureError, match="allow-unverified"):
        require_signature(bundle, trusting, allow_unverified=True)


def test_a_bundle_that_is_saved_again_loses_a_signature_that_no_longer_fits(bundle: Path, key: Path) -> None:
    files = {p.name: p.read_bytes() for p in bundle.iterdir()}
    save_bundle(bundle, {**files, "card.md": b"new"})
    assert read_signature(bundle) is None
    save_bundle(bundle, files, signer(key))
    assert read_signature(bundle) is not None and load_bundle(bundle, open_session).verified


def test_a_deployment_is_signed_as_a_whole(tmp_path: Path, key: Path, trusting: BundlesConfig) -> None:
    path = make_deployment(tmp_path / "both", {"a": make_spec_data(), "b": make_spec_data(alpha=0.1)}, "a")
    sign_bundle(path / "b", key)
    remake_outer(path)
    assert "missing" in refused(path, trusting)  # the part's signature is not the whole's
    sign_bundle(path, key)
    require_signature(path, trusting)
    assert set(load_deployment(path, open_session)[0]) == {"a", "b"}


def remake_outer(path: Path) -> None:
    """As `trainer deploy` does: a part's signature is a file like others."""
    remake_checksums(path)


def test_a_private_key_is_for_its_owner_and_never_overwritten(key: Path, tmp_path: Path, bundle: Path) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    said = trainer("keygen", "--output", key)
    assert said.exit_code == 2 and "expected a new file" in said.output and key.read_bytes() == before
    key.chmod(0o644)
    with pytest.raises(KeyFileError, match="others may read"):
        sign_bundle(bundle, key)


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_is_one_sentence(tmp_path: Path, bundle: Path, content: bytes) -> None:
    file = tmp_path / "bad.key"
    file.write_bytes(content)
    file.chmod(0o600)
    said = trainer("sign", "--bundle", bundle, "--key", file)
    assert said.exit_code == 2 and str(file) in said.output and "Traceback" not in said.output


@pytest.mark.parametrize("part", ["trainer", "robotd"])
def test_without_the_library_it_says_how_to_get_it(
    part: str, bundle: Path, key: Path, trusting: BundlesConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "cryptography"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises((KeyFileError, SignatureError), match=r"pip install 'wildrobot\[sign\]'"):
        sign_bundle(bundle, key) if part == "trainer" else require_signature(bundle, trusting)


@pytest.mark.parametrize(
    "text, word",
    [
        ("bundles: {require_signature: true}", "trusted_keys is empty"),
        ("bundles: {trusted_keys: {lab: AAAA}}", "trusted_keys.lab"),
        ("bundles: {trusted_keys: {lab: 5}}", "bundles.trusted_keys.lab"),
        ("bundles: {require: true}", "require_signature"),
    ],
)
def test_a_policy_that_cannot_hold_is_refused(tmp_path: Path, text: str, word: str) -> None:
    with pytest.raises(ConfigFileError) as caught:
        load_text(tmp_path, text)
    assert word in str(caught.value) and "\n" not in str(caught.value)


def test_signing_leaves_the_bundle_readable_for_robotd_whatever_the_umask(bundle: Path, key: Path) -> None:
    before = os.umask(0o077)
    try:
        sign_bundle(bundle, key)
    finally:
        os.umask(before)
    assert stat.S_IMODE((bundle / "signature.json").stat().st_mode) == 0o644
