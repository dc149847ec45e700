"""`trainer deploy`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from contract import ContractError, load_deployment
from contract.bundle_files import DEPLOYMENT_FILE, save_bundle


@click.command("deploy")
@click.option("--policy", "folders", type=Path, multiple=True, required=True, help="a bundle; its folder's name counts")
@click.option("--default", "default", help="the policy to start with [the first]")
@click.option("--output-dir", type=Path, required=True, help="the deployment's folder; replaced whole if it exists")
def command(folders: tuple[Path, ...], default: str | None, output_dir: Path) -> None:
    """Join several bundles into one that a robot can switch between, and verify it as the robot will.

    \b
    Example:
      trainer deploy --policy assets/bundles/standing --policy assets/bundles/walking --output-dir runs/bundles/both

    Exit codes: 0 ok, 2 refused.
    """
    from ..onnx_network import open_session

    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        raise ContractError(f"trainer deploy: found the names {names}, expected names that differ; rename a folder")
    default = default or names[0]
    if default not in names:
        raise ContractError(f"trainer deploy: --default is {default!r}, expected one of {', '.join(names)}")
    files: dict[str, bytes] = {}
    for name, folder in zip(names, folders, strict=True):
        load_deployment(folder, open_session)
        files |= {f"{name}/{f.relative_to(folder)}": f.read_bytes() for f in folder.rglob("*") if f.is_file()}
    text = json.dumps({"policies": {name: name for name in names}, "default": default}, indent=2)
    files[DEPLOYMENT_FILE] = text.encode() + b"\n"
    save_bundle(output_dir, files)
    load_deployment(output_dir, open_session)
    click.echo(f"deployment: {output_dir}, {', '.join(names)}, starts with {default}")
