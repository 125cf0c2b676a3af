"""`Page`: what a document says before it is HTML, Markdown or JSON: one content, renderings that cannot differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, final


@final
@dataclass(frozen=True)
class Cell:
    """One thing said: text as it is read and, where it is a number, the exact value and where it comes from.

    interval   the interval that is read after the text, in brackets.
    estimate   id of the `Estimate` behind it; it becomes the link to the line that holds n, events, horizon and method.
    note       the same in one sentence, shown on hover.
    state      "missing" and "not applicable" are printed in words; "declared" was said by a person; "" with an
               estimate was measured by the run, and is an ordinary statement without.
    """

    text: str
    interval: str = ""
    estimate: str = ""
    note: str = ""
    state: Literal["", "declared", "missing", "not applicable"] = ""
    value: float | None = None
    numeric: bool = False

    @property
    def full(self) -> str:
        """Text and interval as they are read."""
        return f"{self.text} ({self.interval})" if self.interval else self.text


@final
@dataclass(frozen=True)
class Prose:
    """A paragraph of cells that are read in a row; `tone` "note" is small, "warning" stands in a frame."""

    cells: tuple[Cell, ...]
    tone: Literal["plain", "note", "warning"] = "plain"

    @classmethod
    def of(cls, *parts: str | Cell, tone: Literal["plain", "note", "warning"] = "plain") -> Prose:
        """From text and cells mixed."""
        return cls(tuple(Cell(part) if isinstance(part, str) else part for part in parts), tone)


@final
@dataclass(frozen=True)
class Grid:
    """A table. Of `kind` "pairs": a label and a statement per row, no head. `folded` opens on demand and in print."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    kind: Literal["table", "pairs"] = "table"
    folded: bool = False
    name: str = ""


@final
@dataclass(frozen=True)
class Figure:
    """A picture: the finding as title, a description in words, its data as a table; `data.name` is the CSV's."""

    id: str
    title: str
    description: str
    svg: str
    data: Grid


Block = Prose | Grid | Figure


@final
@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    id: str
    title: str
    blocks: tuple[Block, ...]


@final
@dataclass(frozen=True)
class Page:
    """A document: `front` is page one, `sections` the rest; `band` stands above all, on screen and in print."""

    kind: Literal["model card", "calibration report", "reporting profile"]
    title: str
    lead: str
    front: tuple[Section, ...]
    sections: tuple[Section, ...]
    foot: Prose
    band: str = ""

    def blocks(self) -> Iterator[Block]:
        """Every block, in reading order."""
        for section in (*self.front, *self.sections):
            yield from section.blocks
        yield self.foot

    def cells(self) -> Iterator[Cell]:
        """Every cell, in reading order, those of the figures' tables included."""
        for block in self.blocks():
            if isinstance(block, Prose):
                yield from block.cells
            else:
                for row in (block.data if isinstance(block, Figure) else block).rows:
                    yield from row

    def cited(self) -> tuple[str, ...]:
        """Ids of the estimates behind the numbers, each once, in reading order."""
        return tuple(dict.fromkeys(cell.estimate for cell in self.cells() if cell.estimate))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; pictures are left out, their data stay."""
        return {
            "document": self.kind,
            "title": self.title,
            "lead": self.lead,
            "band": self.band,
            "page_one": [_section(section) for section in self.front],
            "sections": [_section(section) for section in self.sections],
            "foot": [_cell(cell) for cell in self.foot.cells],
        }


def _cell(cell: Cell) -> dict[str, Any]:
    full: Mapping[str, Any] = {"text": cell.full, "value": cell.value, "estimate": cell.estimate, "state": cell.state}
    return {name: value for name, value in full.items() if value not in ("", None)}


def _block(block: Block) -> dict[str, Any]:
    if isinstance(block, Prose):
        return {"prose": [_cell(cell) for cell in block.cells], "tone": block.tone}
    if isinstance(block, Figure):
        return {"figure": block.id, "title": block.title, "description": block.description, "data": _block(block.data)}
    rows = [[_cell(cell) for cell in row] for row in block.rows]
    return {"table": block.title, "columns": list(block.columns), "rows": rows, "note": block.note, "name": block.name}


def _section(section: Section) -> dict[str, Any]:
    return {"id": section.id, "title": section.title, "blocks": [_block(block) for block in section.blocks]}
