"""Table 1: who was in the data, by site and altogether, with what was not known. Aggregates only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.contract import NOT_APPLICABLE, Field
from features.outcome import Outcome
from training.disclosure import LEAST, Cell, Sum, shown_counts, withheld

_KNOWN: Final = "n"
_QUANTILES: Final = {"median": 0.5, "lower_quartile": 0.25, "upper_quartile": 0.75}


def table_one(frame: pd.DataFrame, sites: NDArray[Any] | None, fields: Sequence[Field]) -> list[dict[str, Any]]:
    """Rows {site, field, label, kind, unit, statistic, level, value, n, missing, of}.

    site       "all" or a site's id.        statistic  "median", "lower_quartile", "upper_quartile", "count".
    n          patients whose value is known; `missing` those asked and not known; `of` those it applies to.

    None stands for a count of one to nine patients and for what would give one back by subtraction, across levels or
    across sites; and for a quantile with fewer than ten patients on either side.
    """
    groups = dict(_groups(frame, sites))
    rows: list[dict[str, Any]] = []
    for field in fields:
        counted = {site: _counted(field, group[field.name]) for site, group in groups.items()}
        told = _told(counted)
        for site, group in groups.items():
            own = told[site]
            about: dict[str, Any] = {
                "site": site,
                "field": field.name,
                "label": field.label,
                "kind": field.kind,
                "unit": field.unit,
            }
            about |= {name: own[name] for name in (_KNOWN, "missing", "of")}
            rows += [about | statistic for statistic in _statistics(field, _known(group[field.name]), own)]
    return rows


def _groups(frame: pd.DataFrame, sites: NDArray[Any] | None) -> Iterator[tuple[str, pd.DataFrame]]:
    yield "all", frame
    for site in [] if sites is None else sorted({str(one) for one in sites}):
        yield site, frame[np.asarray(sites) == site]


def _counted(field: Field, column: pd.Series[Any]) -> dict[str, int]:
    """Patients by what is known of them: levels, then how many are known, missing, not asked, and all."""
    applies = (column != NOT_APPLICABLE).to_numpy(bool)
    known = _known(column)
    levels = {level: int((known == value).sum()) for level, value in _levels(field).items()}
    counts = {f"={level}": count for level, count in levels.items()}
    of = int(applies.sum())
    whole = {_KNOWN: len(known), "missing": of - len(known), "of": of, "not asked": len(column) - of}
    return {**counts, **whole, "everybody": len(column)}


def _levels(field: Field) -> dict[str, Any]:
    if field.kind == "boolean":
        return {"yes": 1.0, "no": 0.0}
    return {} if field.numeric else {level: level for level in field.levels}


def _told(counted: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int | None]]:
    """The counts of one field that are told, site by site; levels add up, and so do sites."""
    sites = [site for site in counted if site != "all"]
    cells: dict[Cell, int] = {(site, name): count for site, own in counted.items() for name, count in own.items()}
    sums = [Sum(("all", name), tuple((site, name) for site in sites)) for name in counted["all"] if sites]
    for site, own in counted.items():
        levels = tuple((site, name) for name in own if name.startswith("="))
        sums += [Sum((site, _KNOWN), levels)] if levels else []
        sums.append(Sum((site, "of"), ((site, _KNOWN), (site, "missing"))))
        sums.append(Sum((site, "everybody"), ((site, "of"), (site, "not asked"))))
    sizes = shown_counts({site: counted[site]["everybody"] for site in sites})
    unsaid = {(site, "everybody") for site, size in sizes.items() if size is None}
    fixed = {(site, "everybody") for site in counted} - unsaid
    hidden = withheld(cells, sums, silent={cell for cell in cells if cell[1] == "not asked"} | unsaid, fixed=fixed)
    return {
        site: {name: None if (site, name) in hidden else count for name, count in own.items()}
        for site, own in counted.items()
    }


def _statistics(field: Field, known: pd.Series[Any], told: Mapping[str, int | None]) -> Iterator[dict[str, Any]]:
    if field.numeric:
        values = known.to_numpy(float)
        for name, q in _QUANTILES.items():
            enough = min(q, 1 - q) * len(values) >= LEAST
            yield {"statistic": name, "level": None, "value": float(np.quantile(values, q)) if enough else None}
        return
    for level in ("yes",) if field.kind == "boolean" else field.levels:
        yield {"statistic": "count", "level": level, "value": told[f"={level}"]}


def site_table(sites: NDArray[Any] | None, outcome: Outcome) -> list[dict[str, Any]]:
    """Rows {site, n, censored, and one count per cause}; see `Told` for which of them are told."""
    rows = []
    for site in [] if sites is None else sorted(set(sites.tolist())):
        own = outcome.event[np.asarray(sites) == site]
        counts = {name: int((own == k).sum()) for k, name in enumerate(("censored", *outcome.causes))}
        rows.append({"site": site, "n": len(own), **counts})
    return rows


def case_mix(frame: pd.DataFrame, judged: NDArray[np.bool_], fields: Sequence[Field]) -> list[dict[str, Any]]:
    """Those who taught beside those who were judged: rows {field, label, level, taught, judged, difference}.

    taught, judged  median of a number, share of a level among the known; None where few patients stand behind it.
    difference      of means, or of shares, in standard deviations of both sides together.
    """
    rows: list[dict[str, Any]] = []
    for field in fields:
        sides = [_known(frame.loc[side, field.name]) for side in (~judged, judged)]
        about = {"field": field.name, "label": field.label}
        if field.numeric:
            values = [side.astype(float).to_numpy() for side in sides]
            middle = [float(np.median(side)) if len(side) >= 2 * LEAST else None for side in values]
            rows.append(about | {"level": None} | _beside(values, middle))
            continue
        values_of = _levels(field)
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
