"""Whose log it is: the bundle whose robot has the joints and the period that were recorded."""

from __future__ import annotations

from pathlib import Path

from contract import Bundle, assets_dir, load_bundle
from robotd.blackbox_layout import Header
from robotd.ctl.refusal import Refusal
from robotd.policy import open_session


def robot_of(header: Header, bundle: Path | None, log: Path) -> Bundle | str:
    """The bundle that was given, otherwise the standing one; a sentence why none fits.

    Raises:
        contract.ContractError: the bundle cannot be loaded. Refusal: one was given, and is another robot's.
    """
    loaded = load_bundle(bundle or assets_dir() / "bundles" / "standing", open_session)
    joints, ctrl_dt = list(loaded.spec.robot.actuator_names), loaded.spec.runtime.ctrl_dt
    if joints == header.joints and abs(ctrl_dt - header.ctrl_dt) < 1e-9:
        return loaded
    if bundle is None:
        return f"{header.robot} has other joints or another period than the standing bundle's robot; give its --bundle"
    raise Refusal(
        f"{bundle}: drives {', '.join(joints)} every {ctrl_dt:g} s, expected {', '.join(header.joints)} every "
        f"{header.ctrl_dt:g} s as {log}; take the bundle that ran there"
    )
