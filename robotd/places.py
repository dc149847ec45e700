"""Where robotd keeps its things: the system's folders on a robot and as root, one folder of the user's otherwise."""

from __future__ import annotations

import os
from pathlib import Path

SYSTEM_CONFIG = Path("/etc/robotd/robotd.yaml")
SYSTEM_SOCKET = Path("/run/robotd/robotd.sock")


def tree_root() -> Path:
    """What /etc/robotd, /var/lib/robotd and /run/robotd lie under: $WILDROBOT_HOME; or / for root, and for everybody
    on a robot, which is a machine with /etc/robotd/robotd.yaml; or $XDG_STATE_HOME/wildrobot (by default
    ~/.local/state/wildrobot)."""
    if chosen := os.environ.get("WILDROBOT_HOME"):
        return Path(chosen)
    if os.geteuid() == 0 or os.path.exists(SYSTEM_CONFIG):
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


def own_config(chosen: Path | None) -> Path | None:
    """The robotd.yaml that counts: the chosen one, else the robot's own, else None, which means the defaults."""
    return chosen or (config_path() if config_path().exists() else None)


def may_write(path: Path) -> bool:
    """Whether this user can put a file there; folders that are missing would be made."""
    return os.access(next(each for each in path.absolute().parents if each.exists()), os.W_OK)


def socket_path() -> Path:
    """Where a client finds the daemon. That of this machine's robotd counts for every user without WILDROBOT_HOME."""
    if os.path.exists(SYSTEM_SOCKET) and not os.environ.get("WILDROBOT_HOME"):
        return SYSTEM_SOCKET
    return run_folder() / SYSTEM_SOCKET.name


def unit_path() -> Path:
    """Where `robotctl service install` puts robotd's unit."""
    return tree_root() / "etc" / "systemd" / "system" / "robotd.service"


def blackbox_path() -> Path:
    """The newest black box; older ones lie beside it."""
    return state_folder() / "blackbox.bin"
