"""A bundle's card: its figures are those of the files, it lies under the checksums, and strangers' files are refused.

`test_training.py` makes one from a run of its own.
"""

import json
import shutil
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract import ChecksumError, ConfigError, assets_dir, load_bundle
from trainer.amp.monitor import ACCURACY_BAND
from trainer.assessment import Report, Terms, policy_origin
from trainer.card import write_card
from trainer.config import load_train_config
from trainer.exam import LADDER_DIRECTIONS_DEG, LADDER_N, Ladder
from trainer.figures import AMP_CURVES, CURVES, draw_curves
from trainer.gate import gate
from trainer.onnx_network import open_session
from trainer.report.findings import COLUMNS
from trainer.tally import Evaluation

SHIPPED = assets_dir() / "bundles" / "standing"
LIMIT = 200 * 1024
RNG = np.random.default_rng(0)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    shutil.copytree(SHIPPED, tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run whose last but one iteration is the shipped bundle's checkpoint."""
    folder = tmp_path / "small"
    folder.mkdir()
    shutil.copy(SHIPPED / "training_config.yaml", folder / "config.yaml")
    step = int(checkpoint_id().rpartition("/")[2])
    rows = [
        {"iteration": k, "env_steps": step * k // 4, "wall_s": 12.0 * k}
        | dict(zip(CURVES, RNG.uniform(0.1, 1, 6), strict=True))
        for k in range(1, 6)
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def report(tmp_path: Path) -> Path:
    path = tmp_path / "eval.json"
    path.write_text(json.dumps(measured()))
    return path


def checkpoint_id() -> str:
    return str(load_bundle(SHIPPED, open_session).spec.provenance.checkpoint_id)


def measured(**changes: Any) -> dict[str, Any]:
    """A report of the shipped bundle with made-up figures, by the classes that `trainer eval` uses."""
    config = load_train_config(SHIPPED / "training_config.yaml")
    calm, pushed = (
        Evaluation(
            **{field.name: float(RNG.uniform()) for field in fields(Evaluation)}
            | {"trials": 40, "steps": 77, "survived": survived, "survived_interval": (0.5, 0.9)}
        )  # type: ignore[arg-type]
        for survived in (39, 31)
    )
    survived = np.tile(np.arange(len(LADDER_N))[::-1, None], (1, len(LADDER_DIRECTIONS_DEG)))
    found = Report(
        Terms((0.0, 0.0, 0.0), steps=77),
        calm,
        pushed,
        Ladder(LADDER_N, LADDER_DIRECTIONS_DEG, survived, 4),
        None,
        None,
        None,
        gate("standing", calm, pushed),
        ["steps"],
    )
    return {"policy": policy_origin(config, checkpoint_id())} | found.as_dict() | changes


def changed(report: Path, **changes: Any) -> Path:
    path = report.with_name("changed.json")
    path.write_text(json.dumps(json.loads(report.read_text()) | changes))
    return path


def test_the_card_says_what_the_files_say(bundle: Path, run: Path, report: Path) -> None:
    assert write_card(bundle, run, report) == ["card.md", "card.png"]
    card, found = (bundle / "card.md").read_text(), json.loads(report.read_text())
    config = load_train_config(run / "config.yaml")
    row = json.loads((run / "metrics.jsonl").read_text().splitlines()[3])
    provenance = load_bundle(bundle, open_session).spec.provenance
    assert f"| seed | {config.seed} |" in card and "--run runs/small`; as many cores" in card
    assert str(provenance.training_config_hash) in card and f"{checkpoint_id()}, iteration 4 of" in card
    assert f"| env steps | {row['env_steps']:,} |" in card
    assert f"| 48 s, {row['env_steps'] / 48:,.0f} env-steps/s" in card
    assert f"| push_survival | {31 / 40:.3g} | >= 0.95 | **MISS** |" in card
    assert "not the gate's own terms" in card
    calm = next(line for line in card.splitlines() if line.startswith("| undisturbed, 77 steps"))
    assert "39 of 40 (50% to 90%)" in calm and calm.count("|") == len(COLUMNS) + 2
    assert all(f"| {found['undisturbed'][name]:.3g} |" in calm for name in COLUMNS if name != "survived")
    assert "| 5 N | 100% |" in card and "| 20 N | 0% |" in card
    assert (bundle / "card.png").read_bytes().startswith(b"\x89PNG") and (bundle / "card.png").stat().st_size < LIMIT


def test_a_flipped_byte_of_the_card_is_found(bundle: Path, run: Path, report: Path) -> None:
    write_card(bundle, run, report)
    assert load_bundle(bundle, open_session).verified
    assert (bundle / "policy.onnx").read_bytes() == (SHIPPED / "policy.onnx").read_bytes()
    for name in ("card.md", "card.png"):
        whole = (bundle / name).read_bytes()
        (bundle / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(ChecksumError, match=f"{name}: changed since the export"):
            load_bundle(bundle, open_session)
        (bundle / name).write_bytes(whole)


def test_a_changed_bundle_gets_no_card_and_no_new_checksums(bundle: Path, run: Path, report: Path) -> None:
    (bundle / "golden.json").write_bytes((bundle / "golden.json").read_bytes() + b" ")
    before = {file.name: file.read_bytes() for file in bundle.iterdir()}
    with pytest.raises(ChecksumError, match=r"golden\.json: changed"):
        write_card(bundle, run, report)
    assert {file.name: file.read_bytes() for file in bundle.iterdir()} == before


def test_a_second_card_takes_the_firsts_place(bundle: Path, run: Path, report: Path, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\nand more")
    assert write_card(bundle, run, report, picture)[-1] == "envelope.png"
    assert "envelope.png" in (bundle / "card.md").read_text()
    write_card(bundle, run, changed(report, ladder=None))
    assert not (bundle / "envelope.png").exists() and load_bundle(bundle, open_session).verified
    assert "Not measured" in (bundle / "card.md").read_text()


def test_a_passed_line_and_what_could_not_be_measured(bundle: Path, run: Path, report: Path) -> None:
    lines = {"push_survival": {"value": None, "target": ">= 0.95", "pass": True}}
    write_card(bundle, run, changed(report, gate=lines, gate_terms=True))
    card = (bundle / "card.md").read_text()
    assert "| push_survival | - | >= 0.95 | pass |" in card and "own terms" not in card


def test_a_run_that_began_with_another_ones_checkpoint_says_so(bundle: Path, run: Path, report: Path) -> None:
    log = run / "metrics.jsonl"
    log.write_text("".join(line + "\n" for line in log.read_text().splitlines()[2:]))
    write_card(bundle, run, report)
    assert "from another run's checkpoint, iteration 2" in (bundle / "card.md").read_text()


def test_files_of_another_policy_are_refused(bundle: Path, run: Path, report: Path) -> None:
    before = (bundle / "checksums.json").read_bytes()
    for policy in (None, {"checkpoint_id": checkpoint_id(), "training_config_hash": "0"}):
        with pytest.raises(ConfigError, match=r"changed\.json: policy: found .*, expected the bundle's"):
            write_card(bundle, run, changed(report, policy=policy))
    with pytest.raises(ConfigError, match="not a PNG"):
        write_card(bundle, run, report, report)
    log = (run / "metrics.jsonl").read_text()
    (run / "metrics.jsonl").write_text(log.splitlines()[0] + "\n")
    with pytest.raises(ConfigError, match=r"metrics\.jsonl has no env step "):
        write_card(bundle, run, report)
    (run / "metrics.jsonl").write_text(log)
    text = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(text.replace("\nseed: ", "\nseed: 1"))
    with pytest.raises(ConfigError, match=r"small: config\.yaml differs from the bundle's"):
        write_card(bundle, run, report)
    assert (bundle / "checksums.json").read_bytes() == before


def test_curves_of_a_long_noisy_run_stay_small() -> None:
    rows = [{"env_steps": 6144 * k} | dict(zip(CURVES, RNG.uniform(1e-4, 500, 6), strict=True)) for k in range(3000)]
    plain = draw_curves(rows, "noise")
    with_amp = draw_curves([row | dict.fromkeys(AMP_CURVES, ACCURACY_BAND[0]) for row in rows], "noise")
    assert max(len(plain), len(with_amp)) < LIMIT
    assert int.from_bytes(with_amp[16:20], "big") > int.from_bytes(plain[16:20], "big"), "two panels more"
