"""`trainer report` as it is typed: refusals in one sentence, live until the runs are complete."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from run_folders import config_of, rows_of, write_run

from trainer.cli import main

PATIENCE_S = 120.0


def trainer(*words: object) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, words)])


def test_a_run_without_a_checkpoint_has_a_page_that_says_so(tmp_path: Path) -> None:
    folder, output = write_run(tmp_path / "a", config_of(), 5), tmp_path / "a.html"
    log = folder / "metrics.jsonl"
    log.write_bytes(log.read_bytes()[:-30])
    done = trainer(folder, "--output", output, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"output": str(output), "bytes": output.stat().st_size, "runs": ["a"]}
    html = output.read_text(encoding="utf-8")
    assert "a: no checkpoint yet, so nothing walked for it." in html and "4 of 40" in html
    assert 'http-equiv="refresh"' not in html


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "found no run, expected at least one folder"),
        (("{run}", "{run}"), "found twice"),
        (("{run}/none",), "no config.yaml in it"),
        (("{run}", "--output", "{run}"), "found a folder, expected a file"),
        (("{run}", "--output", "{run}/no/a.html"), "expected a file that can be written"),
        (("{run}", "--eval", "{run}/config.yaml"), "not JSON"),
        (("{run}", "--eval", "{run}/none"), "No such file or directory"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    folder = write_run(tmp_path / "a", config_of(), 2)
    typed = [word.replace("{run}", str(folder)) for word in words]
    if "--output" not in typed:
        typed += ["--output", str(tmp_path / "a.html")]
    done = trainer(*typed, "--no-trials")
    assert done.exit_code == 2 and sentence in done.stderr
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("trainer: ")
    assert not (tmp_path / "a.html").exists()


def test_live_writes_the_page_anew_until_the_last_iteration(tmp_path: Path) -> None:
    config = config_of(iterations=8)
    folder, output = write_run(tmp_path / "a", config, 3), tmp_path / "live.html"
    log = folder / "metrics.jsonl"
    words = [sys.executable, "-m", "trainer", "report", folder, "--live", "--every", "1", "--output", output]
    follower = subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        await_text(output, "3 of 8", 'http-equiv="refresh" content="1"')
        rest = [json.dumps(row) + "\n" for row in rows_of(config, 8)[3:]]
        with log.open("a", encoding="utf-8") as file:
            file.write(rest[0] + rest[1][:100])
        await_text(output, "4 of 8", 'http-equiv="refresh"')
        with log.open("a", encoding="utf-8") as file:
            file.write(rest[1][100:] + "".join(rest[2:]))
        said, errors = follower.communicate(timeout=PATIENCE_S)
    finally:
        follower.kill()
    assert follower.returncode == 0, errors
    assert said.startswith(f"{output}: 1 run, ")
    html = output.read_text(encoding="utf-8")
    assert "8 of 8" in html and 'http-equiv="refresh"' not in html


def await_text(path: Path, *texts: str) -> None:
    """Poll until a file holds all texts."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if path.exists():
            found = path.read_text(encoding="utf-8")
            if all(text in found for text in texts):
                return
        time.sleep(0.1)
    raise AssertionError(f"{path} does not hold {texts}")
