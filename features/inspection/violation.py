"""`Violation`: a broken rule as a sentence of counts; `Finding`: the rows behind it, which stay in this room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# A cause seen at more sites than this is not a matter of one site's habits.
_FEW_SITES = 3


@final
@dataclass(frozen=True)
class Violation:
    """One rule broken in one column: how many rows of how many, from which site, and what may be behind it.

    rule   reads on after "n of m rows"; with `of` = 0 the rule is about the table and stands alone.
    site   where these rows come from, or None where many sites share the fault.
    sole   whether that site accounts for all of them.
    guess  the likely cause or the next step, without its full stop; empty where nothing can be guessed.
    """

    table: str
    field: str
    rule: str
    rows: int
    of: int
    site: str | None = None
    guess: str = ""
    sole: bool = True

    @property
    def sentence(self) -> str:
        """The violation in one line: names and counts, never a value."""
        where = f"{self.table}.{self.field}" if self.field else self.table
        counted = f"{self.rows} of {self.of} rows {self.rule}" if self.of else self.rule
        site = f", {'all ' if self.sole else ''}from site {self.site}" if self.site else ""
        guess = f"; {self.guess}" if self.guess else ""
        sentence = f"{where}: {counted}{site}{guess}"
        return sentence if sentence.endswith("?") else f"{sentence}."


@final
@dataclass(frozen=True)
class Finding:
    """A broken rule with the positions of its rows in the table."""

    table: str
    field: str
    rule: str
    rows: NDArray[np.intp]
    of: int
    guess: str = ""


def found(
    table: str, field: str, rule: str, wrong: NDArray[np.bool_] | pd.Series, *, of: int | None = None, guess: str = ""
) -> list[Finding]:
    """The finding of the rows marked in `wrong`, or none."""
    marked = np.asarray(wrong, dtype=bool)
    return (
        [Finding(table, field, rule, np.flatnonzero(marked), len(marked) if of is None else of, guess)]
        if marked.any()
        else []
    )


def gather(findings: Sequence[Finding], sites: Mapping[str, pd.Series]) -> tuple[Violation, ...]:
    """Findings as violations: one for each site where a few sites account for it all, otherwise one."""
    violations: list[Violation] = []
    for finding in findings:
        parts = _by_site(finding, sites.get(finding.table))
        violations += [
            Violation(finding.table, finding.field, finding.rule, n, finding.of, site, finding.guess, len(parts) == 1)
            for site, n in parts
        ]
    return tuple(violations)


def _by_site(finding: Finding, sites: pd.Series | None) -> list[tuple[str | None, int]]:
    whole: list[tuple[str | None, int]] = [(None, len(finding.rows))]
    if sites is None or not finding.of or sites.nunique() < 2:
        return whole
    counts = sites.iloc[finding.rows].value_counts(dropna=False)
    if len(counts) > _FEW_SITES or counts.index.isna().any():
        return whole
    return [(str(site), int(n)) for site, n in sorted(counts.items())]
