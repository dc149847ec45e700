"""Where the robot's description and the shipped bundles lie, in a checkout and in an install."""

from __future__ import annotations

from pathlib import Path


def assets_dir() -> Path:
    """The folder `assets`: beside this package in a checkout, inside it in an installed wheel."""
    here = Path(__file__).resolve().parent
    checkout = here.parent / "assets"
    return checkout if checkout.is_dir() else here / "_assets"
