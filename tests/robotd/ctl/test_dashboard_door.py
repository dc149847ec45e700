"""Who the dashboard lets in: names, origins, and the key with its file."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from robotd.ctl.cockpit.door import Door, make_door, new_key, stored_key
from robotd.ctl.refusal import Refusal

OWN = socket.gethostname().lower()


def near() -> Door:
    return make_door("127.0.0.1", (), "the key")


def far() -> Door:
    return make_door("0.0.0.0", ("Robot.example",), "the key")


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8750", "127.0.0.1", "localhost:9000", "LOCALHOST:1", "[::1]:8750", "127.9.9.9"]
)
def test_on_loopback_it_answers_to_loopback(host: str) -> None:
    assert near().host_problem(host) is None


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "evil.example:8750",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8750",
        "192.168.1.4:8750",
        "localhost.",
        "[fe80::1]:8750",
        f"{OWN}.evil.example",
        "0.0.0.0:8750",
        "127.1",
    ],
)
def test_a_name_that_was_made_to_point_here_is_refused_on_loopback(host: str | None) -> None:
    problem = near().host_problem(host)
    assert problem is not None and "expected an address of this machine or localhost" in problem


@pytest.mark.parametrize("host", ["192.168.1.4:8750", "[fe80::1]:8750", f"{OWN}:8750", f"{OWN}.local", "robot.example"])
def test_bound_wider_it_answers_to_addresses_and_to_its_own_names(host: str) -> None:
    assert far().host_problem(host) is None


@pytest.mark.parametrize("host", [None, "", "evil.example", "127.0.0.1.evil.example", "192.168.1.4.evil.example:8750"])
def test_bound_wider_a_foreign_name_is_refused_all_the_same(host: str | None) -> None:
    assert far().host_problem(host) is not None


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "",
        "null",
        "http://evil.example",
        "http://127.0.0.1:8751",
        "http://localhost:8750",
        "file://",
        "http://127.0.0.1:8750.evil.example",
        "ftp://127.0.0.1:8750",
        "http://127.0.0.1:8750/",
    ],
)
def test_only_the_page_of_this_very_server_opens_a_live_connection(origin: str | None) -> None:
    problem = near().origin_problem(origin, "127.0.0.1:8750")
    assert problem is not None and "expected this server's own page" in problem


def test_its_own_page_does() -> None:
    assert near().origin_problem("http://127.0.0.1:8750", "127.0.0.1:8750") is None
    assert near().origin_problem("https://127.0.0.1:8750", "127.0.0.1:8750") is None
    assert near().origin_problem("http://", "") is not None and near().origin_problem(None, None) is not None


@pytest.mark.parametrize("key", [None, "", "the", "the key ", "THE KEY", 3, ["the key"], "dör Schlüssel"])
def test_what_is_not_the_key_does_not_open(key: object) -> None:
    assert near().opens("the key") and not near().opens(key)


def test_keys_are_long_and_differ() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100 and min(map(len, keys)) >= 32


def test_a_stored_key_is_its_owners_alone_and_stays(tmp_path: Path) -> None:
    file, before = tmp_path / "key", os.umask(0)
    try:
        key = stored_key(file)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(key) >= 32 and stored_key(file) == key


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "key"
    stored_key(file)
    file.chmod(mode)
    with pytest.raises(Refusal, match=r"rights 0..4 of others|rights 0[0-7]{2} of others"):
        stored_key(file)


def test_a_file_without_a_key_in_it_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.touch(0o600)
    with pytest.raises(Refusal, match="found 0 characters, expected a key"):
        stored_key(file)
    with pytest.raises(Refusal, match="no/such/folder"):
        stored_key(tmp_path / "no" / "such" / "folder" / "key")
