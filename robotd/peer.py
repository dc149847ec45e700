"""Who is at the other end of a unix socket, as the kernel says, and whether he may command the robot."""

from __future__ import annotations

import grp
import os
import socket
import struct
from typing import NamedTuple

_CREDENTIALS = struct.Struct("3i")
_SO_PEERGROUPS = 59  # Linux 4.13; not in the socket module
_MAX_GROUPS = 256  # as many as Python lets a socket option have


class Peer(NamedTuple):
    """A process. gids: its group and its supplementary groups when it connected."""

    pid: int
    uid: int
    gids: frozenset[int]

    def __str__(self) -> str:
        return f"pid {self.pid} (uid {self.uid})"


def peer_of(connection: socket.socket) -> Peer:
    """The process that connected. Raises OSError where it has gone already."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, gid = _CREDENTIALS.unpack(raw)
    try:
        groups = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, 4 * _MAX_GROUPS)
    except OSError:  # an old kernel, or more groups than that: its first group counts alone
        groups = b""
    return Peer(pid, uid, frozenset((gid, *struct.unpack(f"{len(groups) // 4}I", groups))))


def group_id(name: str) -> int | None:
    """The number of a group; None where this machine has no such group."""
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def may_command(peer: Peer, group: int | None) -> bool:
    """Root, whoever runs robotd, and members of the group."""
    return peer.uid in (0, os.geteuid()) or (group is not None and group in peer.gids)
