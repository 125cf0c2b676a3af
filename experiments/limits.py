"""What the data can carry, as tables and facts: predictors that may know the outcome, rounded times, values that other
sites never saw, time trends.

The appraisal reads these; each says counts of at least ten patients, or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.study import Study
from features.cohort import Cohort
from features.contract import NOT_APPLICABLE, Contract, Field
from features.leakage import screen
from features.outcome import Outcome
from features.predictors import derive, field_of
from training.censoring import Undefined
from training.disclosure import LEAST, Cell, Sum, shown_counts, withheld
from training.families import family_named
from training.proportionality import GLOBAL, TimeTrend, time_trends
from training.recipe import Recipe
from training.resampling import derive_seed

_LEAST_EVENTS: Final = 20
_RIDGE: Final = 1.0  # of the fit at which time trends are tested: enough for a separated level, nothing for the rest
_MONTH: Final = 30.4375


def limit_tables(study: Study, contract: Contract, cohort: Cohort, outcome: Outcome) -> dict[str, list[dict[str, Any]]]:
    """Tables "proportionality" {cause, predictor, label, chi_squared, df, p, p_holm}, "suspicions" {field, by,
    sentence} and "extrapolation" {site, n, outside}. outcome: each event with its day.
    """
    frame = derive(cohort.frame, study.predictors)
    found = {
        "proportionality": _proportionality(study, contract, cohort, outcome),
        "suspicions": [asdict(one) for one in screen(frame, outcome, contract)],
    }
    if cohort.sites is not None and (counts := _outside(study, contract, cohort)):
        found["extrapolation"] = _told(counts)
    return {name: rows for name, rows in found.items() if rows}


def limit_facts(study: Study, contract: Contract, cohort: Cohort, outcome: Outcome) -> dict[str, Any]:
    """Facts "screened" (predictors looked at for a leak), "ties" and, with sites to compare, "extrapolation"."""
    facts: dict[str, Any] = {"screened": len(study.predictors)}
    if (outcome.event > 0).any():
        facts["ties"] = ties(outcome)
    counts = {} if cohort.sites is None else _outside(study, contract, cohort)
    outside = int(sum(rows.sum() for rows in counts.values()))
    if counts:
        # Fewer than ten are said to be none of ten: a share of the whole that names nobody.
        facts["extrapolation"] = {"n": cohort.n, "outside": outside if outside >= LEAST else 0, "least": LEAST}
    return facts


def ties(outcome: Outcome) -> dict[str, Any]:
    """Events, days on which they fell, events a day, and the share of follow-up that is a whole number of months.

    By chance about one day in fifteen is a multiple of 30 or of 30.4375.
    """
    happened = outcome.right_days[outcome.event > 0]
    days = outcome.right_days
    months = np.maximum(np.round(days / _MONTH), 1)
    whole = (np.abs(days - np.round(months * _MONTH)) < 0.5) | ((days % 30 == 0) & (days > 0))
    return {
        "events": len(happened),
        "days": len(np.unique(happened)),
        "events_per_day": round(len(happened) / len(np.unique(happened)), 3),
        "whole_months_share": round(float(np.mean(whole)), 3),
    }


def _proportionality(study: Study, contract: Contract, cohort: Cohort, outcome: Outcome) -> list[dict[str, Any]]:
    """Time trends of the study's predictors in a Cox model of each cause, what is missing imputed once."""
    recipe = Recipe(family_named("cox")(), study.predictors)
    encoded = recipe.encode(cohort.frame, contract, seed=derive_seed(study.seed, "proportionality"))
    X, owners = encoded.design.X, [reading.field for reading in encoded.encoding.readings]
    rows: list[dict[str, Any]] = []
    for cause, name in enumerate(outcome.causes, start=1):
        if int((outcome.event == cause).sum()) < max(_LEAST_EVENTS, X.shape[1]):
            continue
        try:
            trends = time_trends(X, outcome, cause, owners, ridge=_RIDGE)
        except Undefined:
            continue
        rows += list(_holm(name, trends, contract))
    return rows


def _holm(cause: str, trends: tuple[TimeTrend, ...], contract: Contract) -> Iterator[dict[str, Any]]:
    """Holm's correction over the predictors; the global test stands for itself."""
    own = sorted((one for one in trends if one.predictor != GLOBAL), key=lambda one: one.p)
    corrected, least = {}, 0.0
    for rank, one in enumerate(own):
        least = max(least, min(1.0, one.p * (len(own) - rank)))
        corrected[one.predictor] = least
    for one in trends:
        label = GLOBAL if one.predictor == GLOBAL else field_of(contract, one.predictor).label
        row = {"cause": cause, "predictor": one.predictor, "label": label}
        yield row | {
            "chi_squared": one.chi_squared,
            "df": one.df,
            "p": one.p,
            "p_holm": corrected.get(one.predictor),
        }


def _outside(study: Study, contract: Contract, cohort: Cohort) -> dict[str, NDArray[np.bool_]]:
    """Site → which of its patients have a value below, above or besides all that the other sites saw."""
    fields = [field_of(contract, name) for name in study.predictors]
    frame = derive(cohort.frame, study.predictors)
    sites = np.asarray(cohort.sites)
    found = {}
    for site in sorted(set(sites.tolist())):
        own = sites == site
        if own.all():
            return {}
        beyond = np.zeros(int(own.sum()), dtype=bool)
        for field in fields:
            beyond |= _unseen(field, frame.loc[own, field.name], frame.loc[~own, field.name])
        found[str(site)] = beyond
    return found


def _told(outside: Mapping[str, NDArray[np.bool_]]) -> list[dict[str, Any]]:
    """Rows {site, n, outside}; None for what is not told."""
    sizes = shown_counts({site: len(rows) for site, rows in outside.items()})
    cells: dict[Cell, int] = {"outside": int(sum(rows.sum() for rows in outside.values()))}
    sums = [Sum("outside", tuple((site, "outside") for site in outside))]
    for site, rows in outside.items():
        own = {"n": len(rows), "outside": int(rows.sum()), "inside": int((~rows).sum())}
        cells |= {(site, name): count for name, count in own.items()}
        sums.append(Sum((site, "n"), ((site, "outside"), (site, "inside"))))
    unsaid = {(site, "n") for site, size in sizes.items() if size is None}
    silent = {(site, "inside") for site in outside} | unsaid
    fixed = {"outside", *((site, "n") for site in outside)} - unsaid
    hidden = withheld(cells, sums, silent=silent, fixed=fixed)
    return [
        {"site": site, "n": sizes[site]} | {"outside": None if (site, "outside") in hidden else int(rows.sum())}
        for site, rows in outside.items()
    ]


def _unseen(field: Field, here: pd.Series[Any], elsewhere: pd.Series[Any]) -> NDArray[np.bool_]:
    if not field.numeric:
        seen = [*elsewhere.dropna().unique().tolist(), NOT_APPLICABLE]
        return np.array(here.notna() & ~here.isin(seen), dtype=bool)
    values = pd.to_numeric(here, errors="coerce").to_numpy(float)
    others = pd.to_numeric(elsewhere, errors="coerce").to_numpy(float)
    known = others[np.isfinite(others)]
    low, high = (known.min(), known.max()) if len(known) else (np.inf, -np.inf)
    return np.array((values < low) | (values > high), dtype=bool)
