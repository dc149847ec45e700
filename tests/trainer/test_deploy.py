"""trainer deploy joins the shipped bundles, and refuses what does not fit."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from contract import ContractError, assets_dir, load_deployment
from trainer.onnx_network import open_session

BUNDLES = assets_dir() / "bundles"


def deploy(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from trainer.cli import main; main()", "deploy", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=200)


def test_standing_and_walking_become_one(tmp_path: Path) -> None:
    out = tmp_path / "robot"
    done = deploy("--policy", BUNDLES / "standing", "--policy", BUNDLES / "walking", "--output-dir", out)
    assert done.returncode == 0, done.stderr
    bundles, default = load_deployment(out, open_session)
    assert set(bundles) == {"standing", "walking"} and default == "standing"
    assert all(bundle.verified for bundle in bundles.values())
    (out / "walking" / "golden.json").write_text("{}")
    with pytest.raises(ContractError, match="changed since the export"):
        load_deployment(out, open_session)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    twin = tmp_path / "standing"
    shutil.copytree(BUNDLES / "standing", twin)
    for words, sentence in (
        (("--policy", BUNDLES / "standing", "--policy", twin), "expected names that differ"),
        (("--policy", BUNDLES / "standing", "--default", "walkin"), "--default is 'walkin', expected one of standing"),
        (("--policy", tmp_path / "none"), "none"),
    ):
        done = deploy(*words, "--output-dir", tmp_path / "out")
        assert done.returncode == 2 and sentence in done.stderr and done.stderr.count("\n") == 1
        assert not (tmp_path / "out").exists()
