"""What a verb says and where: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import click


def say(text: str) -> None:
    """A message for the person at the terminal, on stderr."""
    click.echo(text, err=True)


def result(value: object, *, as_json: bool, text: str) -> None:
    """The result on stdout: as JSON, or as text for people."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) if as_json else text)


def then(command: str) -> None:
    """The last line of every success: what to do next."""
    say(f"next: {command}")


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns aligned by width: text to the left, numbers to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max([len(title), *(len(row[k]) for row in cells)]) for k, title in enumerate(header)]
    right = [bool(rows) and all(isinstance(row[k], int | float) for row in rows) for k in range(len(header))]

    def line(parts: Sequence[str]) -> str:
        padded = (p.rjust(w) if r else p.ljust(w) for p, w, r in zip(parts, widths, right, strict=True))
        return "  ".join(padded).rstrip()

    return "\n".join([line(header), *(line(row) for row in cells)])


def json_option(verb: Callable[..., Any]) -> Callable[..., Any]:
    """The flag `--json` of every verb that prints a result."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(verb)
