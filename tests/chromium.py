"""Debian's Chromium without a screen, driven by playwright; tests skip where one of the two is missing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

PROGRAM = os.environ.get("WILDROBOT_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
OPTIONS = (
    "--headless=new",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    *(("--no-sandbox",) if os.geteuid() == 0 else ()),
)
LONG_MS = 90_000
"""The most that a page may take for what takes it a second: other work on this machine must not fail a test."""


@contextmanager
def chromium() -> Iterator[Any]:
    """A playwright browser with a user's folder of its own; its pages wait LONG_MS."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no playwright here: uv sync --group dev")
    if not os.access(PROGRAM, os.X_OK):
        pytest.skip(f"no Chromium at {PROGRAM}: apt install chromium, or name one in WILDROBOT_CHROMIUM")
    with (
        tempfile.TemporaryDirectory(prefix="wr-chromium-", ignore_cleanup_errors=True) as folder,
        playwright.sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(executable_path=PROGRAM, args=[*OPTIONS, f"--crash-dumps-dir={folder}"])
        try:
            yield browser
        finally:
            browser.close()
