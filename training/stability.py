"""How much an answer would move, had the same hospitals sent other patients: the spread over a bootstrap's refits.

Source: Riley & Collins 2023 (prediction instability and mean absolute prediction error).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.curves import Curves
from training.evidence import Estimate, Evidence
from training.metrics.metric import Floats, events_by, risk_for
from training.optimism import DESIGN, Refits

LEAST_PATIENTS: Final = 10
"""A row of the table speaks of so many patients at least."""
_BINS: Final = 20
_ESTIMATOR: Final = "bootstrap_refits"


def stability(outcome: Outcome, apparent: Curves, refits: Refits, *, horizons: Sequence[float], model: str) -> Evidence:
    """Mean absolute prediction error by cause and horizon, and the table `stability` by level of predicted risk.

    Of each patient i: mean over refits b of |p_bi − p_i|, and the 2.5 and 97.5 percentiles of p_bi; p_i is the model's
    own prediction. Rows of the table average these over a twentieth of the patients, by predicted risk (fewer, larger
    parts where that would be below ten patients): nobody can be read from it. Estimates: the mean over patients, and
    the error that 95 of 100 patients stay below. outcome, apparent, refits: of the same patients in the same order.
    """
    estimates: list[Estimate] = []
    rows: list[dict[str, Any]] = []
    for cause, name in enumerate(outcome.causes, start=1):
        for day in sorted(float(one) for one in horizons):
            risk = risk_for(apparent, cause, day)
            again = _by_refit(refits, cause, day)
            error = np.abs(again - risk).mean(axis=0)
            key: dict[str, Any] = {"cause": name, "horizon_days": day, "design": DESIGN, "model": model}
            counts: dict[str, Any] = {"n": outcome.n, "events": int(events_by(outcome, cause, day).sum())}
            said = f"{len(again)} refits of the whole development"
            for metric, value in (("mape", error.mean()), ("mape_p95", np.quantile(error, 0.95))):
                estimates.append(Estimate(metric, _ESTIMATOR, value=float(value), method=said, **key, **counts))
            rows += [{**key, **row} for row in _levels(risk, again, error)]
    return Evidence(tuple(estimates), {"stability": rows})


def _by_refit(refits: Refits, cause: int, day: float) -> Floats:
    """(b, n) risks by the horizon."""
    place = int(np.searchsorted(refits.times, day, side="right"))
    if not place:
        return np.zeros(refits.incidence.shape[:2])
    return refits.incidence[:, :, cause - 1, place - 1].astype(float)


def _levels(risk: Floats, again: Floats, error: Floats) -> list[dict[str, Any]]:
    low, high = np.quantile(again, [0.025, 0.975], axis=0)
    rows = []
    for patients in _parts(risk):
        numbers = {
            "predicted": risk[patients].mean(),
            "mean_absolute_difference": error[patients].mean(),
            "p2_5": low[patients].mean(),
            "p97_5": high[patients].mean(),
        }
        rows.append({"patients": len(patients)} | {name: float(value) for name, value in numbers.items()})
    return rows


def _parts(risk: Floats) -> list[NDArray[np.intp]]:
    """Patients by ascending risk in equal parts; one part where there are too few for two."""
    count = max(min(_BINS, len(risk) // LEAST_PATIENTS), 1)
    return [part for part in np.array_split(np.argsort(risk, kind="stable"), count) if len(part) >= LEAST_PATIENTS]
