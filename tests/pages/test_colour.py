"""Colours as the page's own style sheet has them: text can be read, series can be told apart by everybody."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from pages import Page

TEXT, SERIES = ("ink", "muted", "accent", "good", "bad"), 6
# Machado, Oliveira and Fernandes 2009, severity 1: linear RGB as it is seen with one kind of cone missing
VISION = {
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
TO_XYZ = np.array([[0.41246, 0.35758, 0.18044], [0.21267, 0.71515, 0.07218], [0.01933, 0.11919, 0.95030]])
WHITE = TO_XYZ.sum(1)


def themes() -> dict[str, dict[str, str]]:
    """Custom properties of :root in the CSS of a page, by light and dark."""
    html = Page("colours").html()
    blocks = re.findall(r":root \{ (.*?) \}", html)
    assert len(blocks) == 2 and html.index("prefers-color-scheme: dark") > html.index(blocks[0])
    return {
        name: dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block))
        for name, block in zip(("light", "dark"), blocks, strict=True)
    }


def linear(colour: str) -> np.ndarray:
    part = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    """WCAG 2: 1 for equal colours, 21 for black on white."""
    dark, light = sorted(float(TO_XYZ[1] @ linear(colour)) for colour in (a, b))
    return (light + 0.05) / (dark + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    share = TO_XYZ @ np.clip(rgb, 0, 1) / WHITE
    f = np.where(share > 0.008856, np.cbrt(share), 7.787 * share + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(a: str, b: str, vision: str) -> float:
    """CIE76 between two colours as they are seen; about 2.3 is just noticeable."""
    seen = np.array(VISION[vision])
    return float(np.linalg.norm(lab(seen @ linear(a)) - lab(seen @ linear(b))))


def test_the_measures_measure() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21, abs=0.05)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)  # a well-known near miss
    assert distance("#ff0000", "#00ff00", "all cones") > 100
    assert distance("#d73a3a", "#7f7a2a", "deuteranopia") < 20 < distance("#d73a3a", "#7f7a2a", "all cones")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("behind", ["paper", "card"])
def test_text_stands_out(theme: str, behind: str) -> None:
    colours = themes()[theme]
    for name in TEXT:
        assert contrast(colours[name], colours[behind]) >= 4.5, f"{name} on {behind}"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_series_stand_out(theme: str) -> None:
    colours = themes()[theme]
    assert f"series{SERIES}" not in colours
    for i in range(SERIES):
        assert contrast(colours[f"series{i}"], colours["card"]) >= 3


@pytest.mark.parametrize("vision", list(VISION))
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_series_are_told_apart(theme: str, vision: str) -> None:
    colours = themes()[theme]
    for a, b in itertools.combinations([colours[f"series{i}"] for i in range(SERIES)], 2):
        assert distance(a, b, vision) >= 25, f"{a} and {b}"
