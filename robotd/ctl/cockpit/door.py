"""Who may come in: the names that the server answers to, the pages that may speak to it, and the key.

A web page from anywhere can make its reader's browser open connections to this server, also to 127.0.0.1, and a name
from anywhere can be made to point here (DNS rebinding). So a request must name this server by an address or one of its
own names, and what opens a live connection must come from the very page that was served under that name. An address
cannot be rebound: it is no name.
"""

from __future__ import annotations

import hmac
import ipaddress
import os
import secrets
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from robotd.ctl.refusal import Refusal

KEY_BYTES = 24


class Door(NamedTuple):
    """wide: whether more than this machine reaches the server; names: that it answers to, in lower case; key: acts
    need it."""

    wide: bool
    names: frozenset[str]
    key: str

    def host_problem(self, host: str | None) -> str | None:
        """What is wrong with the header Host, or None."""
        name = host_name(host or "")
        if name in self.names or _is_address(name, loopback_only=not self.wide):
            return None
        return (
            f"found Host {name!r}, expected an address of this machine or {', '.join(sorted(self.names))}; see --name"
        )

    def origin_problem(self, origin: str | None, host: str | None) -> str | None:
        """What is wrong with the header Origin of a live connection, or None: only this server's page may open one."""
        if host and origin in (f"http://{host}", f"https://{host}"):
            return None
        return f"found Origin {origin or 'none'!r}, expected this server's own page"

    def opens(self, key: object) -> bool:
        """Whether this is the key; takes as long for a wrong one as for a nearly right one."""
        return isinstance(key, str) and hmac.compare_digest(key.encode(), self.key.encode())


def make_door(host: str, names: Iterable[str], key: str) -> Door:
    """The door of a server that is bound to `host`; `names` beside its own ones."""
    known = {"localhost", *(name.lower() for name in names)}
    wide = not _is_address(host, loopback_only=True)
    if wide:
        own = socket.gethostname().lower()
        known |= {own, f"{own}.local"}
        known |= {host.lower()} if not _is_address(host, loopback_only=False) else set()
    return Door(wide, frozenset(known), key)


def host_name(host: str) -> str:
    """The name or address in a header Host, without its port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def new_key() -> str:
    """A key that nobody guesses."""
    return secrets.token_urlsafe(KEY_BYTES)


def stored_key(path: Path) -> str:
    """The key in a file that only its owner may read; a new one where there is no file yet.

    Raises:
        Refusal: others may read it, there is no key in it, or it cannot be read or written.
    """
    try:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return _read_key(path)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{(key := new_key())}\n")
        return key
    except (OSError, UnicodeDecodeError) as problem:
        raise Refusal(f"--key-file {path}: {problem}, expected a file of the dashboard's own") from None


def _read_key(path: Path) -> str:
    if others := path.stat().st_mode & 0o077:
        raise Refusal(f"--key-file {path}: found rights {others:03o} of others, expected none; chmod 600 {path}")
    key = path.read_text(encoding="ascii").strip()
    if len(key) < KEY_BYTES:
        raise Refusal(
            f"--key-file {path}: found {len(key)} characters, expected a key; remove the file to get a new one"
        )
    return key


def _is_address(name: str, loopback_only: bool) -> bool:
    if name == "localhost":
        return loopback_only
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or not loopback_only
