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
from training.conditional_censoring import ConditionalCensoring
from training.curves import Curves
from training.evidence import Estimate, Evidence
from training.judge import Judge
from training.judging.place import Ledger
from training.metrics.panel import Panel, multiplicities


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


def ledger_of(outcome: Outcome, panel: Panel, design: str, model: str, level: float) -> Ledger:
    """Where it is written down; the data of a part of the cohort, as of a temporal set, stand under its design."""
    return Ledger(design, model, level, "data" if len(panel.patients) == outcome.n else design)


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
    strata: NDArray[Any] | None = None,
    censoring: ConditionalCensoring | None = None,
    thresholds: Sequence[float] = (),
) -> Evidence:
    """All that can be said of one model in one design.

    outcome: of the whole cohort. horizons: in the outcome's unit. resamples of patients serve the calibration curve and
    its distances, drawn within `strata` (labels of the cohort's rows: sites); the others have analytic intervals; each
    says which. null: the out-of-fold predictions of the null family, for a second IPA. populations: name → rows of the
    cohort; they get values with analytic intervals, and nothing below ten events. censoring: of the cohort, given its
    predictors; what weighs by inverse probability of censoring is then said a second time with those weights (Brier,
    IBS, IPA; where they are the headline also AUC, Uno's C, O/E and the slope). thresholds: risks at which somebody
    would act. What is undefined is "not applicable" with its reason. `merged` joins the evidence of several models.
    """
    panel = panel_of(outcome, scored)
    layers = None if strata is None else np.unique(strata[panel.patients], return_inverse=True)[1]
    drawn = multiplicities(len(panel.patients), resamples, seed, layers)
    ledger = ledger_of(outcome, panel, design, model, level)
    days = tuple(float(h) for h in sorted(horizons))
    judge = Judge(panel, drawn, days, ledger, given=censoring, thresholds=thresholds)
    other = None if null is None else panel_of(outcome, null)
    judge.all_causes()
    for cause in range(1, len(outcome.causes) + 1):
        judge.whole_range(cause)
        judge.at_horizons(cause, other)
        for name, rows in (populations or {}).items():
            judge.population(name, np.asarray(rows, np.intp), cause)
    return Evidence(tuple(judge.estimates), ledger.tables, judge.facts())


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
