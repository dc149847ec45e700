"""Which bundle is meant: a folder, or the name of one that is installed or that ships."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from contract import assets_dir
from robotd.bundle_store import NAME, BundleStoreError, bundles_folder, installed

Function = TypeVar("Function", bound=Callable[..., Any])


def find_installed(folder: Path, name: str) -> str:
    """The full name of the one bundle in a folder that is called so, or begins so. Raises BundleStoreError."""
    there = installed(folder)
    fits = _fitting(there, name)
    if not fits:
        known = f"expected one of {', '.join(there)}" if there else "expected one that is; robotctl bundle install"
        raise BundleStoreError(f"{folder}: no installed bundle begins with {name!r}, {known}")
    return _only(folder, name, fits)


def find_bundle(text: str) -> Path:
    """The folder of a bundle.

    A bare name, wherever it is said, is the installed bundle that is called so or begins so, else one that ships.
    What has a slash in it, as ./NAME, is a path; so is a name that neither has.

    Raises:
        BundleStoreError: several installed bundles begin so.
    """
    if not NAME.fullmatch(text):
        return Path(text)
    folder = bundles_folder()
    if fits := _fitting(installed(folder), text):
        return folder / _only(folder, text, fits)
    shipped = assets_dir() / "bundles" / text
    return shipped if shipped.is_dir() else Path(text)


def bundle_option(words: str, *names: str) -> Callable[[Function], Function]:
    """The option --bundle, whose value is a folder or None; `words` are its help, `names` what it is called inside."""
    return click.option("--bundle", *names, metavar="BUNDLE", callback=_folder_of, help=words)


def _folder_of(ctx: click.Context, param: click.Parameter, text: str | None) -> Path | None:
    if text is None:
        return None
    try:
        found = find_bundle(text)
    except BundleStoreError as problem:
        raise click.BadParameter(str(problem), ctx, param) from None
    if found != Path(text) and Path(text).exists():
        click.echo(f"{text}: {found} is taken; what lies in this folder is ./{text}", err=True)
    return found


def _fitting(there: Sequence[str], name: str) -> list[str]:
    return [each for each in there if each == name] or [each for each in there if each.startswith(name)]


def _only(folder: Path, name: str, fits: Sequence[str]) -> str:
    if len(fits) > 1:
        raise BundleStoreError(
            f"{folder}: {len(fits)} bundles begin with {name!r}, expected one of {', '.join(fits)}; name it in full"
        )
    return fits[0]
