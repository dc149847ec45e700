"""robotctl bundle: install, list, use, rollback, remove; what robotd runs of it; and a kill at any moment."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bench_rig import Robotctl
from bundle_builder import make_real_bundle

from contract import assets_dir, load_deployment
from robotd.bundle_store import BundleStoreError, Hold, bundle_in_use, bundles_folder, history, in_use, installed
from robotd.config import BundlesConfig
from robotd.ctl import bundle_change
from robotd.ctl.bundle_source import Source, read_source
from robotd.policy import open_session
from robotd.signature import SignatureError

OPEN = BundlesConfig()


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two bundles of one name and different content."""
    folder = tmp_path_factory.mktemp("sources")
    return make_real_bundle(folder / "a" / "walk", alpha=0.1), make_real_bundle(folder / "b" / "walk", alpha=0.2)


def name_of(said_json: dict[str, object]) -> str:
    return str(said_json["bundle"])


def test_the_way_of_two_bundles_and_back(robotctl: Robotctl, sources: tuple[Path, Path], tmp_path: Path) -> None:
    assert "robotctl bundle install" in robotctl("bundle", "list").out
    first = robotctl("bundle", "install", sources[0], "--json").json
    assert first["new"] and first["in_use"] and name_of(first).startswith("walk-")
    with tarfile.open(tmp_path / "update.tar.gz", "w:gz") as archive:
        archive.add(sources[1], "walk")
    second = robotctl("bundle", "install", tmp_path / "update.tar.gz", "--json").json
    assert second["new"] and not second["in_use"] and name_of(second) != name_of(first)
    assert bundle_in_use().name == name_of(first)
    assert name_of(second) in robotctl("bundle", "use", name_of(second)[:-2]).out
    assert load_deployment(bundle_in_use(), open_session)[0]
    assert robotctl("bundle", "use", name_of(second), "--json").json["changed"] is False
    back = robotctl("bundle", "rollback", "--json").json
    assert back == {"bundle": name_of(first), "before": name_of(second)}
    assert "no other bundle was in use before" in robotctl("bundle", "rollback").sentence
    rows = robotctl("bundle", "list", "--json").json["bundles"]
    assert [(row["name"], row["in_use"], row["problem"]) for row in rows] == sorted(
        [(name_of(first), True, ""), (name_of(second), False, "")]
    )


def test_the_same_content_is_installed_once(robotctl: Robotctl, sources: tuple[Path, Path]) -> None:
    first = robotctl("bundle", "install", sources[0], "--json").json
    again = robotctl("bundle", "install", sources[0], "--json").json
    assert again == {**first, "new": False} and installed(bundles_folder()) == (name_of(first),)


def test_a_shipped_bundle_goes_by_its_name(robotctl: Robotctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert robotctl("bundle", "install", "wildrobot").code == 0
    assert "standing, walking" in robotctl("bundle", "list").out


def test_a_shipped_bundle_is_taken_though_a_folder_is_called_so(
    robotctl: Robotctl, sources: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(sources[0], tmp_path / "standing")
    shipped = robotctl("bundle", "install", "standing", "--json")
    assert shipped.err == "standing: the bundle that WildRobot ships; what lies in this folder is ./standing\n"
    own = robotctl("bundle", "install", "./standing", "--json")
    assert own.err == "" and own.json["new"] and own.json["bundle"] != shipped.json["bundle"]
    first, second = (read_source(bundles_folder() / name_of(said.json)).files for said in (shipped, own))
    assert first == read_source(assets_dir() / "bundles" / "standing").files
    assert second == read_source(sources[0]).files


def test_all_may_read_it_whatever_the_umask(robotctl: Robotctl, sources: tuple[Path, Path]) -> None:
    before = os.umask(0o077)
    try:
        robotctl("bundle", "install", sources[0])
    finally:
        os.umask(before)
    for path in (bundle_in_use(), *bundle_in_use().rglob("*")):
        assert path.stat().st_mode & 0o444 == 0o444, path


def test_what_is_in_use_or_runs_is_not_removed(robotctl: Robotctl, sources: tuple[Path, Path]) -> None:
    first, second = (name_of(robotctl("bundle", "install", source, "--json").json) for source in sources)
    assert "is in use" in robotctl("bundle", "remove", first).sentence
    with Hold(bundles_folder() / second):
        assert "runs it" in robotctl("bundle", "remove", second).sentence
        assert "runs now" in robotctl("bundle", "list").out
    assert "the whole name" in robotctl("bundle", "remove", second[:-1]).sentence
    assert robotctl("bundle", "remove", second).code == 0
    assert installed(bundles_folder()) == (first,)


def test_robotd_runs_the_one_in_use_and_holds_it(
    robotctl: Robotctl, sources: tuple[Path, Path], own_home: Path
) -> None:
    start = [sys.executable, "-c", "from robotd.daemon import main; main()", "--hal", "mock"]
    none = subprocess.run([*start, "--check"], capture_output=True, text=True, check=False)
    assert none.returncode == 2 and "no bundle is installed" in none.stderr and none.stderr.count("\n") == 1
    first = name_of(robotctl("bundle", "install", sources[0], "--json").json)
    second = name_of(robotctl("bundle", "install", sources[1], "--json").json)
    check = subprocess.run([*start, "--check"], capture_output=True, text=True, check=False)
    assert check.returncode == 0 and first in check.stdout, check.stderr
    with subprocess.Popen(start, stderr=subprocess.PIPE, text=True) as robotd:
        assert robotd.stderr is not None
        assert any("mode idle" in line for line in robotd.stderr)
        robotctl("bundle", "use", second)
        assert "runs it" in robotctl("bundle", "remove", first).sentence
        robotd.kill()
    assert robotctl("bundle", "remove", first).code == 0


@pytest.mark.parametrize("words", [("install", "none"), ("use", "none"), ("remove", "none"), ("rollback",)])
def test_what_cannot_be_is_one_sentence(robotctl: Robotctl, words: tuple[str, ...]) -> None:
    said = robotctl("bundle", *words)
    assert said.code == 2 and "expected" in said.sentence
    if words[0] in ("use", "remove"):
        assert said.sentence.endswith(
            "no installed bundle begins with 'none', expected one that is; robotctl bundle install"
        )


def test_a_bundle_that_does_not_verify_is_not_installed(
    robotctl: Robotctl, sources: tuple[Path, Path], tmp_path: Path
) -> None:
    shutil.copytree(sources[0], tmp_path / "bad")
    (tmp_path / "bad" / "metrics.json").write_text("{}")
    said = robotctl("bundle", "install", tmp_path / "bad")
    assert said.code == 2 and "metrics.json: changed" in said.sentence and ".incoming" not in said.sentence
    assert [each.name for each in bundles_folder().iterdir()] == [".lock"]


def test_without_the_signature_that_robotd_yaml_asks_for_it_is_not_installed(
    robotctl: Robotctl, sources: tuple[Path, Path], own_home: Path
) -> None:
    (own_home / "etc/robotd").mkdir(parents=True)
    key = "A" * 43 + "="
    (own_home / "etc/robotd/robotd.yaml").write_text(
        f"bundles: {{require_signature: true, trusted_keys: {{lab: {key}}}}}"
    )
    said = robotctl("bundle", "install", sources[0])
    assert said.code == 2 and "signature.json: missing" in said.sentence
    with pytest.raises(SignatureError):
        bundle_change.install(
            bundles_folder(), read_source(sources[0]), BundlesConfig(require_signature=True, trusted_keys={"lab": key})
        )
    assert installed(bundles_folder()) == ()


def test_a_file_in_use_that_is_broken_or_names_nothing_is_told_and_mended(
    robotctl: Robotctl, sources: tuple[Path, Path]
) -> None:
    name = name_of(robotctl("bundle", "install", sources[0], "--json").json)
    for text in ("", "../../etc\n", "gone\n", "\x00\n"):
        (bundles_folder() / "in_use").write_text(text)
        with pytest.raises(BundleStoreError, match="expected"):
            in_use(bundles_folder())
        assert robotctl("bundle", "use", name).code == 0
        assert bundle_in_use().name == name


def test_a_second_change_at_the_same_time_is_refused(robotctl: Robotctl, sources: tuple[Path, Path]) -> None:
    with bundle_change.changing(bundles_folder()):
        assert "another robotctl bundle is at work" in robotctl("bundle", "install", sources[0]).sentence


def test_two_copied_by_hand_and_none_chosen_is_refused(robotctl: Robotctl, sources: tuple[Path, Path]) -> None:
    for name in ("one", "two"):
        shutil.copytree(sources[0], bundles_folder() / name)
    with pytest.raises(BundleStoreError, match="none of them chosen"):
        bundle_in_use()
    assert robotctl("bundle", "use", "two").code == 0 and bundle_in_use().name == "two"


def test_history_goes_back_step_by_step_over_what_is_gone(tmp_path: Path, sources: tuple[Path, Path]) -> None:
    for name in ("a", "b", "c"):
        shutil.copytree(sources[0], tmp_path / name)
        bundle_change.use(tmp_path, name, OPEN)
    bundle_change.use(tmp_path, "b", OPEN)
    assert history(tmp_path) == ("a", "b", "c", "b")
    bundle_change.remove(tmp_path, "c")
    assert bundle_change.roll_back(tmp_path, OPEN) == ("b", "a")
    assert json.loads(json.dumps(history(tmp_path))) == ["a"]


# --- a kill at any moment ---

EFFECTS = ("open", "mkdir", "rename", "replace", "fsync", "unlink", "rmdir")


def mortal(nth: int) -> None:
    """In this process: SIGKILL before its nth effect on the disk."""
    numbers = itertools.count(1)

    def dying(real: Callable[..., object]) -> Callable[..., object]:
        def wrapped(*args: object, **options: object) -> object:
            if next(numbers) == nth:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **options)

        return wrapped

    for name in EFFECTS:
        setattr(os, name, dying(getattr(os, name)))


def killed_at(nth: int, act: Callable[[], object]) -> bool:
    """Do it in a process of its own; whether it was killed before it was done."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            mortal(nth)
            act()
            code = 0
        finally:
            os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, -signal.SIGKILL), status
    return status != 0


def deaths(act: Callable[[], object], again: Callable[[], None]) -> Iterator[int]:
    """Every moment of an act; `again` makes the place as it was before."""
    for nth in itertools.count(1):
        again()
        if not killed_at(nth, act):
            return
        yield nth


@pytest.fixture
def loaded_without_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """onnxruntime's threads do not live on in a fork; what is verified here are the files."""
    from contract.bundle_files import verify_checksums

    monkeypatch.setattr(bundle_change, "load_as_robotd", lambda bundle, policy: verify_checksums(bundle, False))


def all_whole(folder: Path) -> tuple[str, ...]:
    """Names of what is installed, each verified with all that robotd verifies."""
    names = installed(folder)
    for name in names:
        load_deployment(folder / name, open_session)
    return names


@pytest.mark.usefixtures("loaded_without_the_network")
@pytest.mark.parametrize("verb", ["install", "use", "rollback", "remove"])
def test_a_kill_at_any_moment_leaves_whole_bundles_and_one_in_use(
    tmp_path: Path, sources: tuple[Path, Path], verb: str
) -> None:
    before, folder = tmp_path / "before", tmp_path / "bundles"
    one, two = (read_source(source) for source in sources)
    third = Source(two.files, "third")
    first, _ = bundle_change.install(before, one, OPEN)
    second, _ = bundle_change.install(before, two, OPEN)
    if verb == "rollback":
        bundle_change.use(before, second, OPEN)
    acts: dict[str, Callable[[], object]] = {
        "install": lambda: bundle_change.install(folder, third, OPEN),
        "use": lambda: bundle_change.use(folder, second, OPEN),
        "rollback": lambda: bundle_change.roll_back(folder, OPEN),
        "remove": lambda: bundle_change.remove(folder, second),
    }

    def again() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(before, folder)

    kills, seen = 0, set()
    for nth in deaths(acts[verb], again):
        kills += 1
        names = all_whole(folder)
        assert first in names and in_use(folder) in {first, second}, nth
        seen.add((names, in_use(folder)))
        bundle_change.install(folder, one, OPEN)  # the next change clears away what was left
        assert {each.name for each in folder.iterdir()} <= {*names, "in_use", ".lock"}
    names, chosen = all_whole(folder), in_use(folder)  # the last time, nobody was killed
    done = {
        "install": len(names) == 3,
        "use": chosen == second,
        "rollback": chosen == first,
        "remove": names == (first,),
    }
    assert done[verb] and kills > len(seen) > 1
    print(f"{verb}: {kills} kills, {len(seen)} states seen, all whole")
