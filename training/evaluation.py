"""Out-of-fold predictions judged: every metric, by cause, at each horizon and over the range, with intervals.

C and AUC compare pairs within a fold and repeat; Brier and calibration pool, a patient's rows sharing one patient's
weight; censoring weights come from the whole scored cohort. Intervals are about patients, never rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.curves import Curves
from training.evidence import Estimate, Evidence
from training.judge import Judge
from training.metrics.panel import Panel, multiplicities, strata_of


@final
@dataclass(frozen=True)
class Scored:
    """Predictions for patients who had no part in making them; a patient stands once per repeat.

    patients (r,) row of the cohort · groups (r,) label of fold × repeat · curves (r,).
    """

    patients: NDArray[np.intp]
    groups: NDArray[np.intp]
    curves: Curves


def panel_of(outcome: Outcome, scored: Scored) -> Panel:
    """The scored rows beside their patients' outcomes; `outcome` is of the whole cohort."""
    return Panel.build(outcome, scored.patients, scored.groups, scored.curves)


def evaluate(
    outcome: Outcome,
    scored: Scored,
    *,
    horizons: Sequence[float],
    design: str,
    model: str,
    resamples: int,
    level: float,
    seed: int,
    null: Scored | None = None,
    populations: Mapping[str, NDArray[np.intp]] | None = None,
) -> Evidence:
    """All that can be said of one model in one design.

    outcome: of the whole cohort. horizons: ascending, in the outcome's unit. resamples of patients (stratified by
    `populations` where these divide the patients, as sites do) serve Brier, IPA and the calibration curve; the others
    have analytic intervals; each says which. null: the out-of-fold predictions of the null family, for a second IPA.
    populations: name → rows of the cohort; they get values, counts and O/E's interval, and nothing below ten events.
    What is undefined is "not applicable" with its reason. `merged` joins the evidence of several models.
    """
    panel = panel_of(outcome, scored)
    drawn = multiplicities(len(panel.patients), resamples, seed, strata_of(panel.patients, populations))
    judge = Judge(panel, drawn, tuple(float(h) for h in sorted(horizons)), level, design, model)
    other = None if null is None else panel_of(outcome, null)
    for cause in range(1, len(outcome.causes) + 1):
        judge.whole_range(cause)
        judge.at_horizons(cause, other)
        for name, rows in (populations or {}).items():
            judge.population(name, np.asarray(rows, np.intp), cause)
    return Evidence(tuple(judge.estimates), judge.tables, judge.facts())


def merged(evidence: Iterable[Evidence]) -> Evidence:
    """Evidence of several models of the same data: estimates and rows of tables that agree stand once.

    Of facts with one name the last one stands.
    """
    estimates: dict[Any, Estimate] = {}
    tables: dict[str, dict[Any, Mapping[str, Any]]] = {}
    facts: dict[str, Any] = {}
    for one in evidence:
        estimates.update({e.key: e for e in one.estimates})
        facts.update(one.facts)
        for name, rows in one.tables.items():
            tables.setdefault(name, {}).update({tuple(row.items()): row for row in rows})
    return Evidence(tuple(estimates.values()), {name: list(rows.values()) for name, rows in tables.items()}, facts)
