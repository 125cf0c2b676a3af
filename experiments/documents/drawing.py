"""Marks on a plane, as SVG text: the same numbers give the same bytes on every machine."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import final
from xml.sax.saxutils import escape, quoteattr

BLUE, ORANGE, GREEN, BLACK, GREY = "#0b5c93", "#b4500a", "#0a7a5c", "#111418", "#5b6470"
STYLES = ((BLUE, ""), (ORANGE, "8 4"), (GREEN, "2 3"), (BLACK, "10 3 2 3"))
"""Colours and dashes of the curves of one picture, in this order: apart by colour to people without one kind of cones
(tests simulate all three), and by dash to everybody else."""


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from `low` to `high`."""
    span = high - low
    if span <= 0:
        return [low]
    raw = span / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(step * k, 10) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def linear(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """Value → pixel."""
    return lambda value: start + (value - low) / ((high - low) or 1.0) * (end - start)


def logarithmic(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """Value → pixel on a logarithmic scale; values at or below zero stand at the edge."""
    line = linear(math.log(low), math.log(high), start, end)
    return lambda value: line(math.log(min(max(value, low), high)))


@final
@dataclass
class Drawing:
    """A canvas that is written from back to front. Pixels, y downwards."""

    width: float
    height: float
    marks: list[str] = field(default_factory=list)

    def line(
        self, x1: float, y1: float, x2: float, y2: float, *, color: str = GREY, width: float = 1, dash: str = ""
    ) -> None:
        """One stroke."""
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.marks.append(
            f'<line x1="{_px(x1)}" y1="{_px(y1)}" x2="{_px(x2)}" y2="{_px(y2)}" '
            f'stroke="{color}" stroke-width="{width:g}"{dashed}/>'
        )

    def path(self, points: Sequence[tuple[float, float]], *, color: str, width: float = 2, dash: str = "") -> None:
        """A line through points."""
        if points:
            dashed = f' stroke-dasharray="{dash}"' if dash else ""
            way = " ".join(f"{_px(x)},{_px(y)}" for x, y in points)
            self.marks.append(
                f'<polyline points="{way}" fill="none" stroke="{color}" stroke-width="{width:g}" '
                f'stroke-linejoin="round"{dashed}/>'
            )

    def area(self, upper: Sequence[tuple[float, float]], lower: Sequence[tuple[float, float]], *, color: str) -> None:
        """The band between two lines."""
        if upper and lower:
            way = " ".join(f"{_px(x)},{_px(y)}" for x, y in [*upper, *reversed(lower)])
            self.marks.append(f'<polygon points="{way}" fill="{color}" fill-opacity="0.16"/>')

    def box(
        self, x: float, y: float, width: float, height: float, *, fill: str, stroke: str = "none", radius: float = 0
    ) -> None:
        """A rectangle."""
        self.marks.append(
            f'<rect x="{_px(x)}" y="{_px(y)}" width="{_px(max(width, 0))}" height="{_px(max(height, 0))}" '
            f'rx="{radius:g}" fill="{fill}" stroke="{stroke}"/>'
        )

    def point(self, x: float, y: float, *, color: str, size: float = 4, shape: str = "circle") -> None:
        """A mark: "circle", "square" or "diamond"."""
        if shape == "circle":
            self.marks.append(f'<circle cx="{_px(x)}" cy="{_px(y)}" r="{_px(size)}" fill="{color}"/>')
        elif shape == "square":
            self.box(x - size, y - size, 2 * size, 2 * size, fill=color)
        else:
            half = 1.4 * size
            corners = ((x, y - half), (x + half, y), (x, y + half), (x - half, y))
            way = " ".join(f"{_px(a)},{_px(b)}" for a, b in corners)
            self.marks.append(f'<polygon points="{way}" fill="{color}"/>')

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        anchor: str = "start",
        size: float = 13,
        color: str = "#1d232b",
        weight: str = "",
        turn: bool = False,
    ) -> None:
        """Words; `turn` writes them upwards."""
        turned = f' transform="rotate(-90 {_px(x)} {_px(y)})"' if turn else ""
        heavy = f' font-weight="{weight}"' if weight else ""
        self.marks.append(
            f'<text x="{_px(x)}" y="{_px(y)}" text-anchor="{anchor}" font-size="{size:g}" '
            f'fill="{color}"{heavy}{turned}>{escape(words)}</text>'
        )

    def svg(self, *, key: str, title: str, description: str) -> str:
        """The picture with its text alternative."""
        name = quoteattr(f"{key}-title {key}-description")
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:g} {self.height:g}" '
            f'role="img" aria-labelledby={name} '
            f'width="{self.width:g}" height="{self.height:g}">'
            f"<title id={quoteattr(key + '-title')}>{escape(title)}</title>"
            f"<desc id={quoteattr(key + '-description')}>{escape(description)}</desc>"
            f'<g aria-hidden="true">{"".join(self.marks)}</g></svg>'
        )


def _px(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0") if abs(value) >= 0.05 else "0"
