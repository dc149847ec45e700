"""The door of the control socket: its file, who has it, and who is let in."""

from __future__ import annotations

import errno
import os
import socket
import stat
from pathlib import Path

from robotd.lock import HardwareLock, HardwareLockError
from robotd.messages import Refused
from robotd.peer import Peer, group_id, may_command, peer_of

MAX_PATH = 107  # bytes; the kernel's bound on the address of a unix socket
BACKLOG = 16


class SocketError(RuntimeError):
    """The socket cannot be opened: one sentence with path, cause and cure."""


class Listener:
    """A listening, non-blocking unix socket for its owner, root and `group`, there from `__init__` to `close`.

    A socket that a killed daemon has left is replaced. A lock file beside it tells that one from one in use.

    Raises:
        SocketError: another daemon has it, or the path cannot be used.
    """

    def __init__(self, path: Path, group: str) -> None:
        self.path, self.group = path, group
        self._gid = group_id(group)
        if len(os.fsencode(path)) > MAX_PATH:
            raise SocketError(f"{path}: {len(os.fsencode(path))} bytes, expected at most {MAX_PATH}; choose --socket")
        try:
            self._lock = HardwareLock("robotd", path.with_name(f"{path.name}.lock"), "the control socket")
        except HardwareLockError as problem:
            raise SocketError(str(problem)) from None
        try:
            self.socket = self._bind()
        except OSError as problem:
            self._lock.close()
            raise SocketError(
                f"{path}: {problem.strerror}, expected a free place; choose another with --socket, or a whole tree "
                "of your own with WILDROBOT_HOME"
            ) from None

    def accept(self) -> tuple[socket.socket, Peer] | None:
        """The next one at the door, if he is still there."""
        try:
            sock, _ = self.socket.accept()
        except OSError:
            return None
        try:
            return sock, peer_of(sock)
        except OSError:
            sock.close()
            return None

    def refusal(self, peer: Peer) -> Refused | None:
        """Why this process is not let in."""
        if may_command(peer, self._gid):
            return None
        return Refused(
            f"uid {peer.uid} may not command this robot, expected root, uid {os.geteuid()} or a member of group "
            f"{self.group}; `usermod -aG {self.group} USER` and log in again"
        )

    def close(self) -> None:
        """Remove the socket."""
        self.socket.close()
        self.path.unlink(missing_ok=True)
        self._lock.close()

    def _bind(self) -> socket.socket:
        if os.path.lexists(self.path):
            if not stat.S_ISSOCK(self.path.lstat().st_mode):
                raise FileExistsError(errno.EEXIST, "there is something else")
            self.path.unlink()
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o117)  # never open to others, not even for a moment
        try:
            listening.bind(str(self.path))
            if self._gid is not None:
                _give_to_group(self.path, self._gid)
            listening.listen(BACKLOG)
            listening.setblocking(False)
        except OSError:
            listening.close()
            raise
        finally:
            os.umask(mask)
        return listening


def _give_to_group(path: Path, gid: int) -> None:
    """So that members may open it; who is not a member himself cannot give it away, and commands alone."""
    try:
        os.chown(path, -1, gid)
    except PermissionError:
        return
