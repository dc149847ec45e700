"""What `trainer` says to words that it cannot take: one sentence, the program's name first, exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from contract import assets_dir
from trainer.cli import main

DEPLOYMENT = assets_dir() / "bundles" / "wildrobot"
MORE = {
    "export": ["--output-dir", "nowhere"],
    "record-expert": ["--output", "nowhere"],
    "visualize": ["--headless"],
    "card": ["--run", "x", "--eval", "y"],
}


def refused(*words: str) -> str:
    """What stands on stderr after a refusal."""
    done: Result = CliRunner().invoke(main, list(words))
    assert done.exit_code == 2 and done.stdout == "", done.output
    return done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trian"], "trainer: no verb 'trian'; did you mean 'train'?\n"),
        (["eval", "--laddr"], "trainer: No such option '--laddr'. Did you mean '--ladder'?\n"),
        (["eval", "--num-steps", "0"], "trainer: Invalid value for '--num-steps': 0 is not in the range x>=1.\n"),
        (["export"], "trainer: Missing option '--checkpoint'.\n"),
        (["train", "now"], "trainer: Got unexpected extra argument (now)\n"),
    ],
)
def test_usage_errors_are_one_sentence(words: list[str], said: str) -> None:
    assert refused(*words) == said


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "NaN", "1e999"])
@pytest.mark.parametrize(
    "words",
    [
        ["eval", "--velocity"],
        ["eval", "--command", "0.3", "0"],
        ["visualize", "--velocity"],
        ["visualize", "--command", "0.3", "0"],
        ["train", "--amp-weight"],
        ["train", "--disc-lr"],
        ["motion", "build", "--period"],
        ["motion", "build", "--lift"],
        ["motion", "build", "--double-support"],
        ["motion", "build", "--lower"],
        ["motion", "import", "walk.bvh", "--output", "x", "--unit"],
        ["motion", "import", "walk.bvh", "--output", "x", "--stride"],
        ["motion", "import", "walk.bvh", "--output", "x", "--slower"],
        ["motion", "import", "walk.bvh", "--output", "x", "--lower"],
    ],
)
def test_a_number_that_is_not_finite(words: list[str], number: str) -> None:
    option = [word for word in words if word.startswith("--")][-1]
    said = f"trainer: Invalid value for '{option}': found {number}, expected a finite number.\n"
    assert refused(*words, number) == said


@pytest.mark.parametrize("number", ["nan", "inf"])
@pytest.mark.parametrize("verb", ["eval", "visualize"])
def test_a_push_that_is_not_finite(verb: str, number: str) -> None:
    said = f"trainer: Invalid value for '--push-n': found {number}, expected a finite number.\n"
    assert refused(verb, "--push-n", number) == said
    below = "trainer: Invalid value for '--push-n': -1.0 is not in the range x>=0.\n"
    assert refused(verb, "--push-n", "-1") == below


def test_no_verb_at_all_gives_the_help() -> None:
    assert refused().startswith("Usage:")


def test_help_is_no_error() -> None:
    assert CliRunner().invoke(main, ["--help"]).exit_code == CliRunner().invoke(main, ["eval", "--help"]).exit_code == 0


@pytest.mark.parametrize("verb", ["eval", "visualize", "export", "record-expert"])
def test_a_run_that_is_not_there_is_called_a_run(verb: str, tmp_path: Path) -> None:
    wanted = "expected a folder runs/NAME or one of its checkpoints; correct the path\n"
    words = [verb, "--checkpoint", "nothing", *MORE.get(verb, [])]
    assert refused(*words) == f"trainer: nothing: no such run, {wanted}"
    words[2] = str(tmp_path)
    assert refused(*words) == f"trainer: {tmp_path}: no run, it has no config.yaml, {wanted}"


def test_a_dump_that_is_not_there(tmp_path: Path) -> None:
    wanted = "expected a run's dump/, e.g. runs/walking/dump; a run writes one when a value is not finite\n"
    assert refused("replay-dump", "nothing") == f"trainer: nothing: no such folder, {wanted}"
    said = f"trainer: {tmp_path}: no usable checkpoint (meta.json: No such file or directory), "
    assert refused("replay-dump", str(tmp_path)) == f"{said}expected arrays.npz and meta.json\n"


@pytest.mark.parametrize("verb", ["eval", "visualize", "sim2sim", "check-pose", "card"])
def test_a_deployment_where_one_policy_is_asked_for(verb: str) -> None:
    assert refused(verb, "--bundle", str(DEPLOYMENT), *MORE.get(verb, [])) == (
        f"trainer: {DEPLOYMENT}: a deployment of standing, walking, expected the bundle of one policy; name one of "
        f"them, e.g. {DEPLOYMENT / 'standing'}\n"
    )


def test_check_pose_lists_what_is_out_of_reach_when_asked() -> None:
    words = ["check-pose", "--bundle", str(DEPLOYMENT / "walking")]
    short, long = (CliRunner().invoke(main, more).stdout for more in (words, [*words, "--verbose"]))
    assert "out of reach" not in short and long.count("out of reach: ") == 12
    assert "reach    12 ends of joint ranges are never reached, by design" in short


@pytest.mark.parametrize("verb", ["eval", "visualize", "sim2sim", "check-pose"])
def test_a_bundle_that_is_not_there(verb: str) -> None:
    said = refused(verb, "--bundle", "nothing", *MORE.get(verb, []))
    assert said.startswith("trainer: nothing: no such bundle folder, expected one with")
