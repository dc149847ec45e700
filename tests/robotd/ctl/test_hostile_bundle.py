"""robotctl bundle, and a bundle that means harm: one sentence, nothing installed, nothing that a terminal obeys."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path

import onnx
import pytest
from bench_rig import Robotctl
from bundle_builder import make_deployment, make_real_bundle, make_spec_data, replace_file, to_json
from onnx import helper

from robotd.bundle_store import bundle_in_use, bundles_folder, installed
from robotd.ctl import bundle_change
from robotd.ctl.bundle_source import read_source


@pytest.fixture
def sources(tmp_path: Path) -> tuple[Path, Path]:
    """Two bundles of one name and different content."""
    return make_real_bundle(tmp_path / "a" / "walk", alpha=0.1), make_real_bundle(tmp_path / "b" / "walk", alpha=0.2)


def test_another_bundle_of_the_same_digits_is_told(
    robotctl: Robotctl, sources: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight digits can be found by trying: what is installed under them is compared file by file."""
    monkeypatch.setattr(bundle_change, "full_name", lambda stem, source: f"{stem}-01234567")
    assert robotctl("bundle", "install", sources[0]).code == 0
    said = robotctl("bundle", "install", sources[1], "--use")
    assert said.code == 2 and "walk-01234567: holds other files" in said.sentence and "--name" in said.sentence
    assert read_source(bundle_in_use()).files == read_source(sources[0]).files
    assert robotctl("bundle", "install", sources[0]).out.startswith("was there already")


def test_names_of_policies_do_not_reach_the_terminal_unless_plain(robotctl: Robotctl, tmp_path: Path) -> None:
    for name in ("\x1b]0;owned\x07", "walk\nstand"):
        bad = make_deployment(tmp_path / "bad", {"a": make_spec_data()}, "a")
        replace_file(bad, "deployment.json", to_json({"policies": {name: "a"}, "default": name}))
        said = robotctl("bundle", "install", bad)
        assert said.code == 2 and said.sentence.isprintable() and "policies: found" in said.sentence
        shutil.rmtree(bundles_folder() / "by-hand", ignore_errors=True)
        shutil.copytree(bad, bundles_folder() / "by-hand")
        listed = robotctl("bundle", "list").out.rstrip("\n")
        assert listed.isprintable() and "NOT VERIFIED" in listed and "policies: found" in listed


def test_a_key_twice_in_robotd_yaml_does_not_switch_signatures_off(
    robotctl: Robotctl, sources: tuple[Path, Path], own_home: Path
) -> None:
    (own_home / "etc/robotd").mkdir(parents=True)
    wanted = f"bundles: {{require_signature: true, trusted_keys: {{lab: {'A' * 43}=}}}}\n"
    (own_home / "etc/robotd/robotd.yaml").write_text(f"{wanted}bundles: {{}}\n")
    said = robotctl("bundle", "install", sources[0])
    assert said.code == 2 and "found the key 'bundles' twice" in said.sentence
    assert installed(bundles_folder()) == ()


@pytest.mark.parametrize("first", ["mean", "scaled"])
def test_a_network_that_grows_without_end_is_refused_in_bounded_memory(
    robotctl: Robotctl, tmp_path: Path, first: str
) -> None:
    """Its values double, when it is opened (`mean` is a weight) or when it runs."""
    bad = make_real_bundle(tmp_path / "bad")
    model = onnx.load(bad / "policy.onnx")
    nodes, last = [helper.make_node("Flatten", [first], ["x0"], axis=0)], 26
    for n in range(last):
        nodes.append(helper.make_node("Concat", [f"x{n}", f"x{n}"], [f"x{n + 1}"], axis=0))
    nodes.append(helper.make_node("ReduceMax", [f"x{last}"], ["most"], keepdims=0))
    nodes.append(helper.make_node("Sub", ["most", "most"], ["nothing"]))
    for node in model.graph.node:
        node.output[0] = "before" if node.output[0] == "action" else node.output[0]
    model.graph.node.extend([*nodes, helper.make_node("Add", ["before", "nothing"], ["action"])])
    replace_file(bad, "policy.onnx", model.SerializeToString())
    before = resource.getrlimit(resource.RLIMIT_AS)
    said = robotctl("bundle", "install", bad)
    assert said.code == 2 and "policy.onnx: cannot be run" in said.sentence
    assert resource.getrlimit(resource.RLIMIT_AS) == before and installed(bundles_folder()) == ()


def test_a_network_that_fails_or_has_a_broken_name_is_one_sentence(robotctl: Robotctl, tmp_path: Path) -> None:
    bad = make_real_bundle(tmp_path / "bad")
    content = (bad / "policy.onnx").read_bytes()
    replace_file(bad, "policy.onnx", content.replace(b"observation", b"observati\xff\xfe"))
    said = robotctl("bundle", "install", bad)
    assert said.code == 2 and "policy.onnx: cannot be run" in said.sentence
