"""Where robotd keeps its things: the system's folders as root, one folder of the user's otherwise."""

from __future__ import annotations

import os
from pathlib import Path

SYSTEM_SOCKET = Path("/run/robotd/robotd.sock")


def tree_root() -> Path:
    """What /etc/robotd, /var/lib/robotd and /run/robotd lie under: $WILDROBOT_HOME, or / for root, or
    $XDG_STATE_HOME/wildrobot (by default ~/.local/state/wildrobot)."""
    if chosen := os.environ.get("WILDROBOT_HOME"):
        return Path(chosen)
    if os.geteuid() == 0:
        return Path("/")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "wildrobot"


def run_folder() -> Path:
    """What is gone after a reboot: the control socket and the hardware lock."""
    return tree_root() / "run" / "robotd"


def state_folder() -> Path:
    """What stays: black box, calibration, bundles."""
    return tree_root() / "var" / "lib" / "robotd"


def config_path() -> Path:
    """The robot's own robotd.yaml."""
    return tree_root() / "etc" / "robotd" / "robotd.yaml"


def socket_path() -> Path:
    """Where a client finds the daemon. That of this machine's robotd counts for every user without WILDROBOT_HOME."""
    if SYSTEM_SOCKET.exists() and not os.environ.get("WILDROBOT_HOME"):
        return SYSTEM_SOCKET
    return run_folder() / SYSTEM_SOCKET.name


def blackbox_path() -> Path:
    """The newest black box; older ones lie beside it."""
    return state_folder() / "blackbox.bin"
