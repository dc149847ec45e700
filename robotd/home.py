"""Where robotd keeps its things: the system's folders as root, one folder of the user's otherwise."""

from __future__ import annotations

import os
from pathlib import Path


def tree_root() -> Path:
    """What /etc/robotd, /var/lib/robotd and /run/robotd lie under: $WILDROBOT_HOME, or / for root, or
    $XDG_STATE_HOME/wildrobot (by default ~/.local/state/wildrobot)."""
    if chosen := os.environ.get("WILDROBOT_HOME"):
        return Path(chosen)
    if os.geteuid() == 0:
        return Path("/")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "wildrobot"
