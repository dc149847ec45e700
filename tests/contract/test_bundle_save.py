"""A bundle is saved whole or not at all, whatever happens in between."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from bundle_builder import make_bundle, make_files, make_spec_data, open_session
from sentences import assert_sentence

from contract import bundle_files
from contract.bundle import load_bundle
from contract.bundle_files import save_bundle
from contract.errors import BundleError

OLD, NEW = make_files(make_spec_data(alpha=0.1)), make_files(make_spec_data(alpha=0.2))


def alpha_of(path: Path) -> float:
    """Loads the bundle with every check, and tells old (0.1) from new (0.2)."""
    return load_bundle(path, open_session).spec.action.alpha


def test_saving_writes_the_files_and_their_checksums(tmp_path: Path) -> None:
    save_bundle(tmp_path / "deep" / "inside" / "b", NEW)
    path = tmp_path / "deep" / "inside" / "b"
    written = {file.name: file.read_bytes() for file in path.iterdir()}
    sums = json.loads(written.pop("checksums.json"))
    assert written == NEW
    assert sums == {name: hashlib.sha256(data).hexdigest() for name, data in NEW.items()}
    assert path.stat().st_mode & 0o777 == 0o755


def test_saving_over_a_bundle_replaces_all_of_it(tmp_path: Path) -> None:
    save_bundle(tmp_path / "b", {**OLD, "left_over.txt": b"old"})
    save_bundle(tmp_path / "b", NEW)
    assert alpha_of(tmp_path / "b") == 0.2
    assert not (tmp_path / "b" / "left_over.txt").exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["b"]


def test_files_in_folders_are_saved_and_verified(tmp_path: Path) -> None:
    save_bundle(tmp_path / "b", {**NEW, "plots/reward.txt": b"1 2 3"})
    assert alpha_of(tmp_path / "b") == 0.2
    (tmp_path / "b" / "plots" / "reward.txt").write_bytes(b"1 2 4")
    with pytest.raises(BundleError, match=r"reward\.txt: changed"):
        alpha_of(tmp_path / "b")


def test_checksums_handed_in_are_made_again(tmp_path: Path) -> None:
    save_bundle(tmp_path / "b", {**NEW, "checksums.json": b"stale"})
    assert alpha_of(tmp_path / "b") == 0.2


def test_a_link_to_a_bundle_stays_a_link(tmp_path: Path) -> None:
    make_bundle(tmp_path / "first")
    os.symlink("first", tmp_path / "current")
    save_bundle(tmp_path / "current", NEW)
    assert (tmp_path / "current").is_symlink()
    assert alpha_of(tmp_path / "first") == 0.2
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["current", "first"]


@pytest.mark.parametrize("name", ["../escaped.txt", "/tmp/escaped.txt", "a/../../escaped.txt", ""])
def test_a_name_that_leads_out_of_the_bundle_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BundleError) as caught:
        save_bundle(tmp_path / "b", {**NEW, name: b"x"})
    assert_sentence(caught.value, repr(name), "expected one inside the bundle")
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_a_bundle_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_bytes(b"years of work")
    (tmp_path / "file").write_bytes(b"x")
    for name in ("thesis", "file"):
        with pytest.raises(BundleError) as caught:
            save_bundle(tmp_path / name, NEW)
        assert_sentence(caught.value, tmp_path / name, "is not a bundle", "expected a free name")
    assert (tmp_path / "thesis" / "chapter.tex").read_bytes() == b"years of work"
    (tmp_path / "empty").mkdir()
    save_bundle(tmp_path / "empty", NEW)
    assert alpha_of(tmp_path / "empty") == 0.2


def failing(real: Callable[..., object], nth: int, problem: BaseException, calls: list[int]) -> Callable[..., object]:
    """`real`, but its nth call raises `problem`."""

    def wrapped(*args: object, **options: object) -> object:
        calls.append(1)
        if len(calls) == nth:
            raise problem
        return real(*args, **options)

    return wrapped


@pytest.mark.parametrize("problem", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("over_old", [True, False])
@pytest.mark.parametrize("function", ["fsync", "rename", "mkdir"])
def test_an_error_at_any_point_leaves_old_or_new_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, over_old: bool, problem: BaseException
) -> None:
    outcomes = set()
    if function == "rename":  # only a file system that cannot let two folders change places needs two of them
        monkeypatch.setattr(bundle_files, "_exchange", lambda one, other: False)
    for nth in itertools.count(1):
        folder = tmp_path / str(nth)
        folder.mkdir()
        if over_old:
            save_bundle(folder / "b", OLD)
        calls: list[int] = []
        with monkeypatch.context() as patch:
            patch.setattr(os, function, failing(getattr(os, function), nth, problem, calls))
            try:
                save_bundle(folder / "b", {**NEW, "plots/a.txt": b"a"})
            except type(problem):
                outcomes.add("raised")
        left = [entry.name for entry in folder.iterdir()]
        assert left == ["b"] or (left == [] and not over_old)
        outcomes.add(alpha_of(folder / "b") if left else "nothing")
        if len(calls) < nth:
            break
    assert outcomes >= {"raised", 0.2, 0.1 if over_old else "nothing"}


KILLED = """
import json, os, signal, sys
from pathlib import Path
from contract.bundle_files import save_bundle

folder, files = Path(sys.argv[1]), {name: bytes.fromhex(text) for name, text in json.load(sys.stdin).items()}
for nth in range(1, 200):
    child = os.fork()
    if child == 0:
        calls = [0]
        def dying(real):
            def wrapped(*args, **options):
                calls[0] += 1
                if calls[0] == nth:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*args, **options)
            return wrapped
        os.fsync, os.rename = dying(os.fsync), dying(os.rename)
        save_bundle(folder / str(nth) / "b", files)
        os._exit(0)
    if os.waitpid(child, 0)[1] == 0:
        print(nth)
        break
"""


def test_a_kill_at_any_point_leaves_a_whole_bundle(tmp_path: Path) -> None:
    for nth in range(1, 40):
        save_bundle(tmp_path / str(nth) / "b", OLD)
    files = json.dumps({name: data.hex() for name, data in NEW.items()})
    result = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], input=files, capture_output=True, text=True, check=True
    )
    points = int(result.stdout)
    assert points > len(NEW) + 2  # each file, and the folders
    found = [alpha_of(tmp_path / str(nth) / "b") for nth in range(1, points + 1)]
    assert found == sorted(found)
    assert found[0] == 0.1 and found[-1] == 0.2
