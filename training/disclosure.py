"""Which counts may be told: none from one to nine, and none that what else is told gives back by subtraction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

LEAST: Final = 10
"""Fewer patients than this are told of in no count, and no number is told that so few have made."""

WITHHELD: Final = f"suppressed: fewer than {LEAST} patients, or a subtraction would tell of so few"
"""The reason of what is not told."""

Cell = Any  # whatever names a count and can be hashed
_EMPTY: Final = 1000.0  # what it costs to hide a nought: a reader may guess that nobody hides one
_NOTHING: Final = 1e-7


@final
@dataclass(frozen=True)
class Sum:
    """A total that its parts add up to: whoever reads all but one of these cells knows that one."""

    total: Cell
    parts: tuple[Cell, ...]


def withheld(
    counts: Mapping[Cell, int],
    sums: Sequence[Sum],
    *,
    silent: Collection[Cell] = (),
    fixed: Collection[Cell] = (),
) -> frozenset[Cell]:
    """Cells that are not told: counts from 1 to 9, and as few patients' others as keep those from being reckoned.

    A reader knows what is told and every sum, all at once. Neither a small cell may follow from these, nor the small
    remainder of a known total, which is the count of several cells together. The company is that of the cheapest set of
    changes that moves the small one and keeps every sum (a linear programme; Fischetti & Salazar 2001 for the problem).

    silent  cells that are printed nowhere: nothing has to be hidden of them.
    fixed   cells that are told whatever they hold: the size of the study itself.
    """
    system = _System(counts, sums, frozenset(fixed))
    small = {cell for cell, count in counts.items() if 0 < count < LEAST and cell not in fixed}
    unknown, lost = small | set(silent), set[tuple[Cell, ...]]()
    while True:
        hidden = unknown - system.determined(unknown)
        needs = [(cell,) for cell in counts if cell in small and cell not in hidden]
        needs += [open_ for one in sums if (open_ := _remainder(one, hidden, counts))]
        needs = [need for need in needs if need not in lost]
        if not needs:
            return frozenset(unknown)
        for need in needs:
            added = system.company(need, unknown)
            if not added - unknown:
                lost.add(need)  # nothing that may be hidden helps
            unknown |= added


def shown_counts(counts: Mapping[str, int]) -> dict[str, int | None]:
    """Counts that add up to a known whole; None for what is not told."""
    whole = ("whole",)
    cells: dict[Cell, int] = {**counts, whole: sum(counts.values())}
    hidden = withheld(cells, [Sum(whole, tuple(counts))], fixed=[whole])
    return {name: None if name in hidden else count for name, count in counts.items()}


def told_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts whose whole numbers count patients, each by itself: few are said to be few."""
    few = {name for name, value in facts.items() if type(value) is int and 0 < value < LEAST}
    return {name: f"fewer than {LEAST}" if name in few else value for name, value in facts.items()}


def _remainder(one: Sum, hidden: Collection[Cell], counts: Mapping[Cell, int]) -> tuple[Cell, ...]:
    """The parts of a known total that are not known, where they hold fewer than ten together."""
    if one.total in hidden:
        return ()
    parts = tuple(part for part in one.parts if part in hidden)
    return parts if 0 < sum(counts[part] for part in parts) < LEAST else ()


class _System:
    """The sums as equations that every change of the cells has to keep."""

    def __init__(self, counts: Mapping[Cell, int], sums: Sequence[Sum], fixed: frozenset[Cell]) -> None:
        self.cells = [cell for cell in counts if cell not in fixed]
        self.place = {cell: k for k, cell in enumerate(self.cells)}
        self.prices = np.array([counts[cell] or _EMPTY for cell in self.cells], dtype=float)
        self.matrix = np.zeros((len(sums), len(self.cells)))
        for row, one in zip(self.matrix, sums, strict=True):
            for cell, sign in ((one.total, -1.0), *((part, 1.0) for part in one.parts)):
                if cell in self.place:
                    row[self.place[cell]] += sign

    def determined(self, unknown: Collection[Cell]) -> set[Cell]:
        """Unknown cells that no change moves: they follow from what is told."""
        found: set[Cell] = set()
        columns = np.array([self.place[cell] for cell in unknown if cell in self.place], dtype=np.intp)
        for block, rows in _blocks(self.matrix[:, columns]):
            _, values, across = np.linalg.svd(self.matrix[np.ix_(rows, columns[block])])
            free = np.abs(across[int(np.sum(values > _NOTHING)) :]).max(axis=0, initial=0.0)
            found |= {self.cells[k] for k in columns[block][free < _NOTHING]}
        return found

    def company(self, need: tuple[Cell, ...], unknown: Collection[Cell]) -> set[Cell]:
        """The cells of the cheapest change that moves the sum of `need` by one; what is unknown costs nothing."""
        from scipy.optimize import linprog
        from scipy.sparse import csr_matrix

        moved = np.zeros(len(self.cells))
        moved[[self.place[cell] for cell in need]] = 1.0
        rows = np.vstack([self.matrix, moved])
        price = np.where([cell in unknown for cell in self.cells], 0.0, self.prices)
        target = np.append(np.zeros(len(self.matrix)), 1.0)
        # Up and down apart, so that what a change costs is linear in it.
        both: Any = csr_matrix(np.hstack([rows, -rows]))
        solved = linprog(np.tile(price, 2), A_eq=both, b_eq=target, method="highs")
        if solved.x is None:
            return set()
        change = np.abs(solved.x[: len(price)] - solved.x[len(price) :])
        return {self.cells[k] for k in np.flatnonzero(change > _NOTHING)}


def _blocks(matrix: NDArray[np.float64]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Columns that no sum ties together, each block with its rows: solved by itself it is small."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    touch = csr_matrix(np.abs(matrix))
    count, label = connected_components(touch.T @ touch, directed=False)
    for block in range(count):
        columns = np.flatnonzero(label == block)
        yield columns, np.flatnonzero(np.abs(matrix[:, columns]).sum(axis=1) > 0)
