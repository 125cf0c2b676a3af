"""Curves of one picture are told apart by people who see fewer colours, and stand out from the paper."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from experiments.documents.drawing import BLACK, BLUE, GREEN, GREY, ORANGE, STYLES

Floats = NDArray[np.float64]

# Machado, Oliveira, Fernandes: IEEE Trans Vis Comput Graph 2009;15:1291; severity 1, on linear RGB.
SEEN_BY = {
    "everybody": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = TO_XYZ @ np.ones(3)
COLOURS = {"blue": BLUE, "orange": ORANGE, "green": GREEN, "black": BLACK, "grey": GREY}


def linear(colour: str) -> Floats:
    """Linear RGB of "#rrggbb"."""
    share = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def lab(colour: str, eyes: str = "everybody") -> Floats:
    """CIE L*a*b* (D65) of a colour as these eyes see it."""
    x = TO_XYZ @ np.clip(SEEN_BY[eyes] @ linear(colour), 0, 1) / WHITE
    f = np.where(x > (6 / 29) ** 3, np.cbrt(x), x / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(one: str, other: str, eyes: str) -> float:
    """ΔE (CIE 1976): about 2 is just noticed side by side."""
    return float(np.linalg.norm(lab(one, eyes) - lab(other, eyes)))


def contrast(colour: str, ground: str = "#ffffff") -> float:
    """WCAG 2: (lighter + 0.05) / (darker + 0.05) of relative luminance."""
    light = sorted(float(TO_XYZ[1] @ linear(one)) for one in (colour, ground))
    return (light[1] + 0.05) / (light[0] + 0.05)


def test_the_simulation_agrees_with_known_values() -> None:
    assert lab("#ffffff") == pytest.approx([100, 0, 0], abs=1e-2)
    assert lab("#ff0000") == pytest.approx([53.24, 80.09, 67.20], abs=0.05)
    assert contrast("#767676") == pytest.approx(4.54, abs=0.01)
    for matrix in SEEN_BY.values():  # grey stays grey to all eyes
        assert matrix.sum(axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    assert distance("#ff0000", "#00c000", "deuteranopia") < 0.5 * distance("#ff0000", "#00c000", "everybody")


@pytest.mark.parametrize("eyes", SEEN_BY)
@pytest.mark.parametrize("pair", list(combinations([colour for colour, _ in STYLES] + [GREY], 2)))
def test_colours_of_one_picture_are_apart_to_all_eyes(eyes: str, pair: tuple[str, str]) -> None:
    assert distance(*pair, eyes) >= 12


@pytest.mark.parametrize("colour", COLOURS.values(), ids=COLOURS)
def test_lines_and_words_stand_out_from_the_paper(colour: str) -> None:
    assert contrast(colour) >= 4.5  # 3 for lines, 4.5 for words, which use them too


def test_curves_differ_by_their_dash_besides() -> None:
    assert len({dash for _, dash in STYLES}) == len({colour for colour, _ in STYLES}) == len(STYLES)
