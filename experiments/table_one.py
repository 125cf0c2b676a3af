"""Table 1: who was in the data, by site and altogether, with what was not known. Aggregates only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import NOT_APPLICABLE, Field
from features.outcome import Outcome

LEAST = 10
"""At a single site, what fewer patients than this say is not printed: a rare level names a person."""


def table_one(frame: pd.DataFrame, sites: NDArray[Any] | None, fields: Sequence[Field]) -> list[dict[str, Any]]:
    """Rows {site, field, label, kind, unit, statistic, level, value, n, missing, of}.

    site       "all" or a site's id.        statistic  "median", "lower_quartile", "upper_quartile", "count".
    n          patients whose value is known; `missing` those asked and not known; `of` those it applies to.
    value      None where fewer than `LEAST` patients of one site stand behind it, or would be found by subtraction.
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
        yes = int((known.astype(float) == 1.0).sum())
        counts = {"yes": shown_counts({"yes": yes, "no": len(known) - yes}, least)["yes"]}
    else:
        counts = shown_counts({level: int((known == level).sum()) for level in field.levels}, least)
    for level, count in counts.items():
        yield {"statistic": "count", "level": level, "value": count}


def shown_counts(counts: Mapping[str, int], least: int = LEAST) -> dict[str, int | None]:
    """Counts that add up to a known whole, those from 1 to `least` − 1 as None; never one alone, which a subtraction
    would give back: the smallest of the others goes with it.
    """
    hidden = {name for name, count in counts.items() if 0 < count < least}
    others = [name for name, count in counts.items() if count >= least]
    if len(hidden) == 1 and others:
        hidden.add(min(others, key=counts.__getitem__))
    return {name: None if name in hidden else count for name, count in counts.items()}


def site_table(sites: NDArray[Any] | None, outcome: Outcome) -> list[dict[str, Any]]:
    """Rows {site, n, censored, and one count per cause}; what fewer than `LEAST` patients say is None."""
    rows = []
    for site in [] if sites is None else sorted(set(sites.tolist())):
        own = outcome.event[np.asarray(sites) == site]
        counts = {name: int((own == k).sum()) for k, name in enumerate(("censored", *outcome.causes))}
        rows.append({"site": site, "n": len(own), **shown_counts(counts)})
    return rows


def case_mix(frame: pd.DataFrame, judged: NDArray[np.bool_], fields: Sequence[Field]) -> list[dict[str, Any]]:
    """Those who taught beside those who were judged: rows {field, label, level, taught, judged, difference}.

    taught, judged  median of a number, share of a level among the known; None where fewer than `LEAST` stand behind it.
    difference      of means, or of shares, in standard deviations of both sides together.
    """
    rows: list[dict[str, Any]] = []
    for field in fields:
        sides = [_known(frame.loc[side, field.name]) for side in (~judged, judged)]
        about = {"field": field.name, "label": field.label}
        if field.numeric:
            values = [side.astype(float).to_numpy() for side in sides]
            middle = [float(np.median(side)) if len(side) >= LEAST else None for side in values]
            rows.append(about | {"level": None} | _beside(values, middle))
            continue
        values_of: dict[str, Any] = {"yes": 1.0, "no": 0.0} if field.kind == "boolean" else {x: x for x in field.levels}
        shown = [
            shown_counts({level: int((side == told).sum()) for level, told in values_of.items()}) for side in sides
        ]
        for level, told in values_of.items():
            if field.kind == "boolean" and level == "no":
                continue
            counts = [(side == told).to_numpy(dtype=float) for side in sides]
            few = any(one[level] is None for one in shown) or any(len(side) < LEAST for side in sides)
            shares = [None if few else float(side.mean()) for side in counts]
            rows.append(about | {"level": level} | _beside(counts, shares))
    return rows


def _known(column: pd.Series[Any]) -> pd.Series[Any]:
    return column[((column != NOT_APPLICABLE) & column.notna()).to_numpy(bool)]


def _beside(values: Sequence[NDArray[Any]], shown: Sequence[float | None]) -> dict[str, float | None]:
    """Both sides, and how far apart their means are; nothing of it where a side is not shown."""
    if None in shown:
        return {"taught": None, "judged": None, "difference": None}
    spread = float(np.sqrt(np.mean([side.var() for side in values])))
    apart = float(values[1].mean() - values[0].mean())
    return {"taught": shown[0], "judged": shown[1], "difference": apart / spread if spread > 0 else 0.0}


def calendar_years(time_zero: NDArray[np.datetime64] | None, outcome: Outcome) -> dict[str, int]:
    """First and last year of time zero, and the year in which follow-up ends; empty where there are no dates.

    Years, not days: the first and the last day would be two patients' own.
    """
    known = np.zeros(outcome.n, bool) if time_zero is None else ~np.isnat(time_zero)
    if time_zero is None or not known.any():
        return {}
    ends = time_zero[known] + np.floor(outcome.left_days[known]).astype("timedelta64[D]")
    first, last = time_zero[known].min(), time_zero[known].max()
    days = {"first_time_zero": first, "last_time_zero": last, "last_contact": ends.max()}
    return {name: int(str(day)[:4]) for name, day in days.items()}
