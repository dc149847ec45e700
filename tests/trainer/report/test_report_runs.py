"""Runs read back: half-written lines, figures that are no numbers, runs of other configs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from run_folders import config_of, write_run

from contract import ConfigError
from trainer.report.differences import differences, flat
from trainer.report.runs import groups, load_runs, not_finite
from trainer.training_log import read_log


def test_a_line_that_is_being_written_is_left_out(tmp_path: Path) -> None:
    log = write_run(tmp_path / "a", config_of(), 5) / "metrics.jsonl"
    whole = log.read_bytes()
    for cut in (2, 40, 200):
        log.write_bytes(whole[:-cut])
        assert [row["iteration"] for row in read_log(log)] == [1, 2, 3, 4]
    log.write_bytes(whole[:200] + b"\n" + whole)
    with pytest.raises(ConfigError, match="a line is not JSON"):
        read_log(log)


def test_only_a_seed_and_the_length_may_differ_within_a_group(tmp_path: Path) -> None:
    config = config_of()
    other = config.model_copy(update={"reward_scale": 0.2})
    folders = [write_run(tmp_path / f"walk-{s}", config, 4, s) for s in (0, 1)]
    folders += [write_run(tmp_path / "walk-2", config.model_copy(update={"iterations": 80}), 4, 2)]
    folders += [write_run(tmp_path / "other", other, 4)]
    found = groups(load_runs(folders))
    assert [[run.name for run in group.runs] for group in found] == [["walk-0", "walk-1", "walk-2"], ["other"]]
    assert [group.label for group in found] == ["walk (3 seeds)", "other"]
    assert found[0].runs[0].checkpoint is None and not found[0].runs[0].complete


def test_a_run_is_complete_with_its_last_iteration(tmp_path: Path) -> None:
    done, short = (write_run(tmp_path / name, config_of(), n) for name, n in (("done", 40), ("short", 39)))
    assert [run.complete for run in load_runs([done, short])] == [True, False]


def test_what_is_not_finite_is_named_once_and_episodes_may_wait(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", config_of(), 5)
    rows = read_log(folder / "metrics.jsonl")
    assert not_finite(load_runs([folder])[0]) == []
    rows[2]["value_loss"] = rows[3]["value_loss"] = math.nan
    rows[4]["approx_kl"] = math.inf
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert not_finite(load_runs([folder])[0]) == [
        "a: value_loss is not finite, first in iteration 3",
        "a: approx_kl is not finite, first in iteration 5",
    ]


def test_folders_that_are_no_runs_are_refused(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", config_of(), 2)
    with pytest.raises(ConfigError, match=r"a/\.: found twice|found twice"):
        load_runs([folder, folder / ".." / "a"])
    with pytest.raises(ConfigError, match=r"no config\.yaml in it, expected a run's folder"):
        load_runs([tmp_path])
    (folder / "metrics.jsonl").write_text('{"loss": 1}\n')
    with pytest.raises(ConfigError, match="no iteration or env_steps"):
        load_runs([folder])
    (folder / "metrics.jsonl").unlink()
    with pytest.raises(ConfigError, match=r"metrics\.jsonl: No such file"):
        load_runs([folder])
    assert load_runs([folder], unstarted=True)[0].iteration == 0


def test_differences_are_keys_with_both_values() -> None:
    one = config_of()
    other = one.model_copy(update={"ppo": one.ppo.model_copy(update={"gamma": 0.5}), "seed": 3})
    assert differences([one, other]) == {"seed": ("1", "3"), "ppo.gamma": ("0.98", "0.5")}
    assert differences([one, one]) == {}
    assert flat({"a": {"b": [1, 2.50]}, "c": None}) == {"a.b": "1, 2.5", "c": "none"}
