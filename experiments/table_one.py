"""Table 1: who was in the data, by site and altogether, with what was not known. Aggregates only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import NOT_APPLICABLE, Field

LEAST = 10
"""At a single site, what fewer patients than this say is not printed: a rare level names a person."""


def table_one(frame: pd.DataFrame, sites: NDArray[Any] | None, fields: Sequence[Field]) -> list[dict[str, Any]]:
    """Rows {site, field, label, kind, unit, statistic, level, value, n, missing, of}.

    site       "all" or a site's id.        statistic  "median", "lower_quartile", "upper_quartile", "count".
    n          patients whose value is known; `missing` those asked and not known; `of` those it applies to.
    value      None where fewer than `LEAST` patients of one site stand behind it.
    """
    rows: list[dict[str, Any]] = []
    for field in fields:
        for site, group in _groups(frame, sites):
            column = group[field.name]
            applies = (column != NOT_APPLICABLE).to_numpy(bool)
            known = column[applies & column.notna().to_numpy(bool)]
            about = {
                "site": site,
                "field": field.name,
                "label": field.label,
                "kind": field.kind,
                "unit": field.unit,
                "n": len(known),
                "missing": int(applies.sum()) - len(known),
                "of": int(applies.sum()),
            }
            least = 1 if site == "all" else LEAST
            rows += [about | statistic for statistic in _statistics(field, known, least)]
    return rows


def _groups(frame: pd.DataFrame, sites: NDArray[Any] | None) -> Iterator[tuple[str, pd.DataFrame]]:
    yield "all", frame
    for site in [] if sites is None else sorted({str(one) for one in sites}):
        yield site, frame[np.asarray(sites) == site]


def _statistics(field: Field, known: pd.Series[Any], least: int) -> Iterator[dict[str, Any]]:
    if field.numeric:
        enough = len(known) >= least
        for name, q in (("median", 0.5), ("lower_quartile", 0.25), ("upper_quartile", 0.75)):
            value = float(np.quantile(known.to_numpy(float), q)) if enough and len(known) else None
            yield {"statistic": name, "level": None, "value": value}
        return
    if field.kind == "boolean":
        counts = {"yes": int((known.astype(float) == 1.0).sum())}
    else:
        counts = {level: int((known == level).sum()) for level in field.levels}
    for level, count in counts.items():
        yield {"statistic": "count", "level": level, "value": count if count == 0 or count >= least else None}
