"""The page of runs: small, complete, read in a browser without network, on a phone, by night."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import LONG_MS, chromium
from PIL import Image
from run_folders import config_of, findings_of, rows_of, write_run
from test_gait_figures import stepping

from contract import ConfigError
from trainer.assessment import policy_origin
from trainer.physics.robot_model import RobotModel
from trainer.report.page import Watched, build, read_verdicts
from trainer.report.runs import Run, load_runs
from trainer.report.trials import Trial

LIMIT = 15_000_000
DOZEN = 12


def picture(seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(100, 140, (340, 300, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "WEBP", quality=80)
    return stream.getvalue()


def watched(run: Run, robot: RobotModel) -> Watched:
    load = np.abs(np.random.default_rng(0).normal(size=(8000, 11)))
    trial = Trial(run, robot, stepping(), load, 2 * load, 15, 16, (0.4, 0.0, 0.0))
    return Watched(trial, [(picture(i), f"{i}.0 s") for i in range(10)])


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """Three seeds of one config and a run of another."""
    folder = tmp_path_factory.mktemp("runs")
    config = config_of()
    other = config.model_copy(update={"rewards": config.rewards | {"alive": 0.123}})
    made = [write_run(folder / f"walk-{seed}", config, 40, seed) for seed in range(3)]
    return load_runs([*made, write_run(folder / "other", other, 30)])


@pytest.fixture(scope="module")
def report(runs: list[Run], walking_robot: RobotModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    findings = folder / "eval.json"
    config, step = runs[0].config, runs[0].rows[-1]["env_steps"]
    findings.write_text(json.dumps(findings_of(policy_origin(config, f"walking/{step}"))))
    page = build(
        runs, read_verdicts([findings], runs), [watched(runs[0], walking_robot), watched(runs[3], walking_robot)]
    )
    page.write(folder / "report.html")
    return folder / "report.html"


def test_the_page_says_what_the_runs_say(report: Path) -> None:
    html = report.read_text(encoding="utf-8")
    assert "walk (3 seeds)" in html and "30 of 40" in html
    assert "rewards.alive" in html and ">0.123<" in html
    assert '<td class="bad">4.07 MISS</td>' in html and '<td class="good">0.965 pass</td>' in html
    assert "15 of 16 robots did not fall" in html and html.count("data:image/webp") == 20
    for title in ("Runs", "Gate", "Learning", "Rewards", "AMP", "Gait", "Torque", "Speed", "Configs"):
        assert f"<h2>{title}</h2>" in html


def test_many_long_runs_with_noisy_pictures_stay_small(walking_robot: RobotModel) -> None:
    configs = [config_of(reward_scale=0.1 + 0.01 * k) for k in range(DOZEN)]
    runs = [Run(f"run-{k}", Path(f"run-{k}"), config, rows_of(config, 300), None) for k, config in enumerate(configs)]
    html = build(runs, (), [watched(run, walking_robot) for run in runs]).html()
    assert len(html.encode()) < LIMIT


def test_a_browser_shows_it_without_network_on_a_phone_and_by_night(report: Path) -> None:
    with chromium() as browser:
        asked, said = [], []
        context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="light", offline=True)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda problem: said.append(str(problem)))
        page.goto(report.as_uri(), timeout=LONG_MS)
        plots = page.locator(".plot").count()
        until(page, f"document.querySelectorAll('.plot > .plot-container').length === {plots}")
        by_day = colours(page)
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 844})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate(WIDEST) <= width
        page.emulate_media(color_scheme="dark")
        until(page, f"{TEXT} !== '{by_day['plot']}'")
        by_night = colours(page)
    assert plots > 40
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == [] and len(asked) >= 1
    assert said == []
    assert by_day["page"] == "rgb(255, 255, 255)" and by_night["page"] == "rgb(18, 23, 30)"
    assert by_day["plot"] == "rgb(27, 42, 65)" and by_night["plot"] == "rgb(230, 234, 240)"


WIDEST = """Math.max(...[...document.querySelectorAll(".scroll, figure, p")]
  .map((part) => part.getBoundingClientRect().right))"""
TEXT = "getComputedStyle(document.querySelector('.plot .xtick text')).fill"


def until(page: Any, condition: str) -> None:
    """Poll from here: what playwright evaluates in the page itself, the page forbids."""
    end = time.monotonic() + LONG_MS / 1000
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        time.sleep(0.05)


def colours(page: Any) -> dict[str, str]:
    return page.evaluate(f"({{page: getComputedStyle(document.body).backgroundColor, plot: {TEXT}}})")


def test_a_report_of_another_policy_is_refused(runs: list[Run], tmp_path: Path) -> None:
    path = tmp_path / "eval.json"
    origin = policy_origin(runs[0].config, f"walking/{runs[0].rows[-1]['env_steps']}")
    strangers = [origin | {"checkpoint_id": "walking/1"}, origin | {"training_config_hash": "0"}, "me"]
    for policy in strangers:
        path.write_text(json.dumps(findings_of(policy)))
        with pytest.raises(ConfigError, match=r"eval\.json: policy: found .*, expected one of these runs"):
            read_verdicts([path], runs)
    for text, sentence in (("{", "not JSON"), ("{}", "found no policy and gate")):
        path.write_text(text)
        with pytest.raises(ConfigError, match=sentence):
            read_verdicts([path], runs)


def test_figures_that_are_no_numbers_and_amps_warning_are_said_at_the_top(tmp_path: Path) -> None:
    config = config_of()
    rows = rows_of(config, 30)
    for row in rows[10:]:
        row |= {"value_loss": float("nan"), "disc_accuracy": 0.99, "amp_reward_mean": 0.01}
    run = Run("sick", tmp_path, config, rows, None)
    html = build([run]).html()
    assert "sick: value_loss is not finite, first in iteration 11" in html
    assert "sick: AMP: the discriminator is saturated" in html
    assert "NaN" not in html[html.index('<script type="application/json"') : html.index("</main>")]
