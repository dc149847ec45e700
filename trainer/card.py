"""A bundle's one page: how the policy was trained and what it was seen to do. Every figure is read from a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contract import ConfigError, Provenance, load_bundle, save_bundle
from contract.bundle_files import CHECKSUM_FILE

from .assessment import policy_origin
from .config import TrainConfig, load_train_config
from .figures import draw_curves
from .onnx_network import open_session
from .report.findings import COLUMNS, ladder_head, ladder_rows, number, read_findings, terms_sentence, trial_rows
from .training_log import WINDOW, read_log

CARD_FILE, CURVES_FILE, ENVELOPE_FILE = "card.md", "card.png", "envelope.png"


def write_card(bundle: Path, run: Path, report: Path, envelope: Path | None = None) -> list[str]:
    """Put card.md, card.png and, where one is given, envelope.png into a verified bundle, under its checksums.

    Args:
        run: the folder of the run that the bundle was exported from.
        report: what `trainer eval --json` said of this policy.
        envelope: a PNG of `trainer eval --envelope`.

    Returns:
        The names of the files written.

    Raises:
        ContractError: the bundle does not verify, or run, report and bundle are not of one policy.
    """
    spec = load_bundle(bundle, open_session).spec
    config = load_train_config(bundle / "training_config.yaml")
    origin = policy_origin(config, str(spec.provenance.checkpoint_id))
    rows = _rows_of(run, config, origin)
    measured = _read_report(report, origin)
    files = {str(f.relative_to(bundle)): f.read_bytes() for f in sorted(bundle.rglob("*")) if f.is_file()}
    for name in (CARD_FILE, CURVES_FILE, ENVELOPE_FILE, CHECKSUM_FILE):
        files.pop(name, None)
    title = f"{config.task}: {len(rows)} iterations, seed {config.seed}"
    pictures = {CURVES_FILE: draw_curves(rows, title)}
    if envelope is not None:
        pictures[ENVELOPE_FILE] = _read_picture(envelope)
    text = card_text(config, spec.provenance, rows, measured, run.resolve().name, envelope is not None)
    cards = {CARD_FILE: text.encode(), **pictures}
    save_bundle(bundle, {**files, **cards})
    load_bundle(bundle, open_session)
    return list(cards)


def card_text(
    config: TrainConfig,
    provenance: Provenance,
    rows: Sequence[dict[str, Any]],
    report: dict[str, Any],
    run_name: str,
    with_envelope: bool,
) -> str:
    """The page as Markdown; rows are the run's iterations up to the checkpoint."""
    parts = [
        f"# {config.task}: policy card\n\n![curves of the training]({CURVES_FILE})",
        _table(("", ""), _training(config, provenance, rows, run_name)),
        "## Gate\n\n" + _gate(report),
        "## Trials\n\n" + _table(("", *COLUMNS.values()), trial_rows(report)),
        "## Push ladder\n\n" + _ladder(report["ladder"]),
    ]
    if with_envelope:
        parts.append(f"## Commands\n\n![commands and what came of them]({ENVELOPE_FILE})")
    return "\n\n".join(parts) + "\n"


def _training(
    config: TrainConfig, provenance: Provenance, rows: Sequence[dict[str, Any]], run_name: str
) -> list[tuple[str, str]]:
    first, last = rows[0], rows[-1]
    sizes = "-".join(str(size) for size in config.network.policy_hidden_dims)
    rate = last["env_steps"] / last["wall_s"]
    command = f"`trainer train --config training_config.yaml --run runs/{run_name}`"
    facts = [
        ("command, in this folder", f"{command}; as many cores give the same weights, more or fewer give others"),
        ("seed", str(config.seed)),
        ("config", str(provenance.training_config_hash)),
        ("checkpoint", f"{provenance.checkpoint_id}, iteration {last['iteration']} of {config.iterations}"),
        ("env steps", f"{last['env_steps']:,}"),
        ("wall time", f"{last['wall_s']:,.0f} s, {rate:,.0f} env-steps/s with compiling"),
        ("actor", f"{sizes} {config.network.activation}"),
        ("exported", f"{provenance.created_at} by wildrobot {provenance.package_version}"),
    ]
    if first["iteration"] > 1:
        facts.append(("begun", f"from another run's checkpoint, iteration {first['iteration'] - 1}: not in the curves"))
    if not config.amp.enable_amp:
        return [*facts, ("AMP", "none")]
    styled = [row for row in rows[-WINDOW:] if "disc_accuracy" in row]
    mean = {n: sum(row[n] for row in styled) / len(styled) for n in ("amp_reward_mean", "disc_accuracy") if styled}
    found = (
        f"style reward {mean['amp_reward_mean']:.2f}, discriminator accuracy {mean['disc_accuracy']:.2f} over the last "
        f"{len(styled)} iterations"
        if styled
        else "not begun"
    )
    return [*facts, ("AMP", f"weight {config.amp.amp_reward_weight:g}; {found}")]


def _gate(report: dict[str, Any]) -> str:
    rows = []
    for name, line in report["gate"].items():
        verdict = "pass" if line["pass"] else "**MISS**"
        rows.append((name, number(line["value"]), line["target"], verdict))
    table = _table(("line", "found", "target", "verdict"), rows)
    return f"{table}\n\n{terms_sentence(report)}"


def _ladder(ladder: dict[str, Any] | None) -> str:
    if ladder is None:
        return "Not measured: `trainer eval --ladder`."
    rows = [(*row[:-1], f"**{row[-1]}**") for row in ladder_rows(ladder)]
    return (
        f"{_table(ladder_head(ladder), rows)}\n\nSurvival of one push, {ladder['trials_each']} robots each; "
        "0 deg pushes forward, 90 to the left."
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _rows_of(run: Path, config: TrainConfig, origin: dict[str, str]) -> list[dict[str, Any]]:
    """The run's iterations up to the bundle's checkpoint. Raises ConfigError where the run is another one."""
    theirs = load_train_config(run / "config.yaml")
    if theirs.model_copy(update={"iterations": config.iterations}) != config:
        raise ConfigError(
            f"{run}: config.yaml differs from the bundle's training_config.yaml, expected the run that the bundle was "
            "exported from; name that one by --run"
        )
    rows = read_log(run / "metrics.jsonl")
    step = origin["checkpoint_id"].rpartition("/")[2]
    kept = [row for row in rows if row.get("env_steps", 0) <= int(step)] if step.isdigit() else []
    if not kept or str(kept[-1].get("env_steps")) != step:
        raise ConfigError(
            f"{run}: metrics.jsonl has no env step {step}, expected the run of the bundle's checkpoint "
            f"{origin['checkpoint_id']}; name that one by --run"
        )
    return kept


def _read_report(path: Path, origin: dict[str, str]) -> dict[str, Any]:
    report = read_findings(path)
    found = report["policy"]
    if found != origin:
        raise ConfigError(
            f"{path}: policy: found {found}, expected the bundle's {origin}; make it with trainer eval --bundle BUNDLE "
            "--ladder --long-run --json"
        )
    return report


def _read_picture(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise ConfigError(f"{path}: {problem.strerror}, expected a PNG of trainer eval --envelope") from None
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        raise ConfigError(f"{path}: not a PNG, expected the one of trainer eval --envelope")
    return content
