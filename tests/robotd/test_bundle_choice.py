"""Which bundle is meant: one rule for robotd and every verb of robotctl."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from contract import assets_dir
from robotd.bundle_choice import bundle_option, find_bundle, find_installed
from robotd.bundle_store import BundleStoreError, bundles_folder


@pytest.fixture
def bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two installed bundles that begin alike, and one that does not."""
    monkeypatch.setenv("WILDROBOT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for name in ("walking-11111111", "walking-22222222", "mine-33333333"):
        (bundles_folder() / name).mkdir(parents=True)
    return bundles_folder()


@click.command()
@bundle_option("Which one.")
def verb(bundle: Path | None) -> Path | None:
    """A verb with the option."""
    return bundle


def given(*words: str) -> Any:
    """What a verb with the option gets."""
    return verb.main(["--bundle", *words] if words else [], standalone_mode=False)


def test_a_path_is_itself(bundles: Path, tmp_path: Path) -> None:
    for path in ("./mine", "assets/bundles/standing", str(tmp_path / "nothing"), "nothing", "."):
        assert find_bundle(path) == Path(path)


def test_what_lies_in_this_folder_by_chance_is_not_taken_for_a_name(
    bundles: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "standing").mkdir()
    shipped = assets_dir() / "bundles" / "standing"
    assert given("standing") == shipped
    assert capsys.readouterr().err == f"standing: {shipped} is taken; what lies in this folder is ./standing\n"
    assert given("./standing") == Path("standing") and capsys.readouterr().err == ""
    with pytest.raises(click.BadParameter, match="2 bundles begin with 'walking'"):
        given("walking")


def test_a_name_is_an_installed_bundle_or_else_one_that_ships(bundles: Path) -> None:
    assert find_bundle("mine") == bundles / "mine-33333333"
    assert find_bundle("walking-2") == bundles / "walking-22222222"
    assert find_bundle("standing") == assets_dir() / "bundles" / "standing"


def test_a_name_of_several_is_refused(bundles: Path) -> None:
    with pytest.raises(BundleStoreError) as problem:
        find_bundle("walking")
    assert str(problem.value) == (
        f"{bundles}: 2 bundles begin with 'walking', expected one of walking-11111111, walking-22222222; "
        "name it in full"
    )


def test_a_name_of_none_is_refused_where_only_installed_ones_count(bundles: Path) -> None:
    with pytest.raises(BundleStoreError, match="no installed bundle begins with 'standing', expected one of mine-3333"):
        find_installed(bundles, "standing")
