"""What a bundle is read from: folders and archives, whole ones and those that mean harm. Nothing is ever written."""

from __future__ import annotations

import io
import os
import random
import socket
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from bundle_builder import make_bundle

from contract import BundleError
from robotd.ctl import bundle_source
from robotd.ctl.bundle_source import MAX_ARCHIVE_BYTES, MAX_BYTES, MAX_FILES, TooMuch, read_source

FUZZ = int(os.environ.get("WILDROBOT_ARCHIVE_FUZZ", "400"))
FORMS = ("tar", "tar.gz", "tgz", "zip")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("source") / "walking")


def pack(path: Path, files: dict[str, bytes]) -> Path:
    """An archive of the form that its name says."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    with tarfile.open(path, "w" if path.suffix == ".tar" else "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def with_member(path: Path, **fields: object) -> Path:
    """A tar of one special member."""
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("policy.onnx")
        for key, value in fields.items():
            setattr(member, key, value)
        archive.addfile(member)
    return path


def content_of(bundle: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in bundle.iterdir()}


def refused(path: Path, *words: str) -> str:
    with pytest.raises(BundleError) as caught:
        read_source(path)
    said = str(caught.value)
    assert "\n" not in said and said.isprintable() and len(said) < 600 and "expected" in said, said
    for word in words:
        assert word in said, said
    return said


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("around", ["", "walking/", "./"])
def test_every_form_gives_the_same_files(bundle: Path, tmp_path: Path, form: str, around: str) -> None:
    files = {f"{around}{name}": content for name, content in content_of(bundle).items()}
    found = read_source(pack(tmp_path / f"mine.{form}", files))
    assert found.files == content_of(bundle)
    assert found.stem == ("walking" if around == "walking/" else "mine")
    assert read_source(bundle).files == found.files and read_source(bundle).stem == "walking"


@pytest.mark.parametrize("form", ["tar", "tar.gz", "zip"])
@pytest.mark.parametrize(
    "name", ["../escaped", "/etc/escaped", "a/../../escaped", "a\\..\\escaped", "a\x1b[31m", "a\nb", ".."]
)
def test_a_path_that_leads_out_or_writes_on_the_terminal_is_refused(tmp_path: Path, form: str, name: str) -> None:
    refused(pack(tmp_path / f"b.{form}", {"policy_spec.json": b"{}", name: b"x"}), "found the path")
    assert [entry.name for entry in tmp_path.iterdir()] == [f"b.{form}"]


@pytest.mark.parametrize(
    "fields",
    [
        {"type": tarfile.SYMTYPE, "linkname": "/etc/shadow"},
        {"type": tarfile.LNKTYPE, "linkname": "../../etc/shadow"},
        {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 5},
        {"type": tarfile.BLKTYPE},
        {"type": tarfile.FIFOTYPE},
    ],
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, fields: dict[str, object]) -> None:
    refused(with_member(tmp_path / "b.tar", **fields), "policy.onnx", "plain files only")


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        member = zipfile.ZipInfo("policy.onnx")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/shadow")
    refused(tmp_path / "b.zip", "a link")


@pytest.mark.parametrize("kind", ["link", "pipe", "socket"])
def test_in_a_folder_too(bundle: Path, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    if kind == "link":
        (folder / "policy.onnx").symlink_to("/etc/hostname")
    elif kind == "pipe":
        os.mkfifo(folder / "policy.onnx")
    else:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(str(folder / "policy.onnx"))
    refused(folder, "policy.onnx", "plain files only")


@pytest.mark.parametrize("form", ["tar", "zip"])
def test_a_name_twice_and_a_file_that_is_a_folder_are_refused(tmp_path: Path, form: str) -> None:
    refused(pack(tmp_path / f"b.{form}", {"a": b"1", "a/b": b"2"}), "a file and a folder")
    refused(pack(tmp_path / f"c.{form}", {"a": b"1", "./a": b"2"}), "twice")


@pytest.mark.parametrize("form", ["tar.gz", "zip"])
def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_source, "MAX_BYTES", 1 << 20)
    monkeypatch.setattr(bundle_source, "MAX_FILES", 20)
    one = pack(tmp_path / f"one.{form}", {"policy.onnx": bytes(3 << 20)})
    many = pack(tmp_path / f"many.{form}", {f"{n}": bytes(200_000) for n in range(10)})
    crowd = pack(tmp_path / f"crowd.{form}", {f"{n}": b"" for n in range(30)})
    assert one.stat().st_size < 40_000
    for path in (one, many, crowd):
        with pytest.raises(TooMuch):
            read_source(path)


def test_a_header_that_unpacks_to_gigabytes_is_bounded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """tarfile reads a pax header whole, whatever its size says."""
    monkeypatch.setattr(bundle_source, "MAX_BYTES", 1 << 20)
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("a")
        member.pax_headers = {"comment": "x" * (8 << 20)}
        archive.addfile(member)
    with pytest.raises(TooMuch):
        read_source(tmp_path / "b.tar.gz")


def test_a_large_archive_is_not_opened_and_a_sparse_file_not_read(tmp_path: Path) -> None:
    with (tmp_path / "b.zip").open("wb") as file:
        file.truncate(MAX_ARCHIVE_BYTES + 1)
    refused(tmp_path / "b.zip", str(MAX_ARCHIVE_BYTES))
    (tmp_path / "f").mkdir()
    with (tmp_path / "f" / "policy.onnx").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    refused(tmp_path / "f", str(MAX_BYTES))
    assert MAX_FILES < 10_000


def test_what_is_not_there_or_no_archive_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "none", "not there")
    (tmp_path / "text").write_text("hello")
    refused(tmp_path / "text", "cannot be unpacked")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "not a plain file")


def test_a_zip_under_a_password_or_of_another_compression_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", b"x")
    refused(tmp_path / "b.zip", "deflate")
    path = pack(tmp_path / "c.zip", {"a": b"x"})
    content = bytearray(path.read_bytes())
    content[6] |= 1  # "encrypted", in both headers
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    refused(path, "cannot be unpacked")


def flipped(content: bytes, dice: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(dice.randint(1, 8)):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


def cut(content: bytes, dice: random.Random) -> bytes:
    return content[: dice.randrange(len(content))]


def doubled(content: bytes, dice: random.Random) -> bytes:
    begin = dice.randrange(len(content))
    return content[:begin] + content[begin : begin + dice.randrange(2000)] + content[begin:]


@pytest.mark.parametrize("form", ["tar", "tar.gz", "zip"])
@pytest.mark.parametrize("harm", [flipped, cut, doubled])
def test_a_broken_archive_is_read_or_refused_and_nothing_else(
    tmp_path: Path, form: str, harm: Callable[[bytes, random.Random], bytes]
) -> None:
    files = {"walking/policy_spec.json": b'{"a": 1}' * 20, "walking/checksums.json": b"{}", "walking/x/y": b"z" * 600}
    path = pack(tmp_path / f"whole.{form}", files)
    whole, dice = path.read_bytes(), random.Random(f"{form} {harm.__name__}")
    refusals = 0
    for _ in range(FUZZ // 9 + 1):
        path.write_bytes(harm(whole, dice))
        try:
            read_source(path)
        except BundleError as problem:
            refusals += 1
            assert "\n" not in str(problem)
    assert refusals or harm is doubled  # tar takes what it cannot read for its end; checksums tell what is missing
