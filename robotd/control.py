"""Puts the control socket together for one daemon."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from contract import Bundle
from robotd.config import RobotdConfig
from robotd.control_socket import ControlSocket
from robotd.desk import Desk
from robotd.listener import Listener
from robotd.messages import Check
from robotd.places import SYSTEM_SOCKET, run_folder
from robotd.record import TickRecord
from robotd.reports import Reporter
from robotd.timing import LoopTiming


class Control(NamedTuple):
    """desk: the loop's operator; socket: a hook, to be opened and closed."""

    desk: Desk
    socket: ControlSocket


def make_control(
    path: Path | None,
    bundle: Bundle,
    config: RobotdConfig,
    timing: LoopTiming,
    now_s: Callable[[], float],
    checks: Callable[[TickRecord], tuple[Check, ...]],
) -> Control:
    """A control socket at `path` (None: in the run folder) for the policies of a bundle.

    Raises:
        SocketError: another daemon has it, or the path cannot be used.
    """
    listener = Listener(path or run_folder() / SYSTEM_SOCKET.name, config.control.group)
    trained = {name: policy.spec.runtime.command for name, policy in bundle.policies.items()}
    joints = bundle.spec.robot.actuator_names
    desk = Desk(tuple(bundle.policies), timing.period_s, config.safety, now_s, checks, trained, joints)
    reporter = Reporter(desk, joints, timing, checks)
    return Control(desk, ControlSocket(listener, desk, reporter, config.control.max_clients, now_s))
