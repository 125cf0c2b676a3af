"""Whether effects change with time: the score test for adding x·g(t) to a Cox model, predictor by predictor.

At the fit of β'x the second half of the score of β'x + θ'x·g(t) is Σ g(t)(x − x̄(t)) over the events; what the first
half knows of it is projected out, so that a ridge in the fit, or a column that the fit could not move, does no harm.
Sources: Grambsch & Therneau 1994, Biometrika 81:515; the exact form as in R's survival 3 (cox.zph).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from features.outcome import Outcome
from training.censoring import require_common_entry
from training.nonparametric import kaplan_meier
from training.partial_likelihood import fit_cox

Floats = NDArray[np.float64]
GLOBAL = "all predictors"


@final
@dataclass(frozen=True)
class TimeTrend:
    """One test: of a predictor's columns together, or of all (`GLOBAL`). df: 0 where no column of it varies."""

    predictor: str
    chi_squared: float
    df: int
    p: float


def time_trends(
    X: Floats,
    outcome: Outcome,
    cause: int,
    groups: Sequence[str],
    *,
    ridge: float = 0.0,
    transform: Callable[[Floats], Floats] | None = None,
) -> tuple[TimeTrend, ...]:
    """A test for each predictor, in the order in which they come, and the global one last.

    X          (n, p) columns; groups (p,) whose column each is. Other causes censor.
    ridge      of the Cox fit at which the score is taken.
    transform  g, of the event times; without it 1 − Kaplan–Meier just before them, which a change of time unit or a
               monotone change of time leaves as it is.

    Raises `Undefined` for patients who enter at different times.
    """
    require_common_entry(outcome)
    names = list(dict.fromkeys(groups))
    X = np.asarray(X, float) - np.mean(X, axis=0)
    spread = X.std(axis=0)
    X = X / np.where(spread > 0, spread, 1.0)
    coef = fit_cox(X, outcome, cause, ridge=ridge * np.where(spread > 0, spread, 1.0) ** -2.0).coef
    times = np.unique(outcome.right_days[outcome.event == cause])
    curve = kaplan_meier(outcome.right_days, outcome.event == cause)
    g = np.concatenate([[0.0], 1 - curve.values])[:-1] if transform is None else np.asarray(transform(times), float)
    score, information = _moments(X, outcome, cause, coef, g - g.mean())
    I11, I12, I22 = information
    back = np.linalg.pinv(I11, rcond=1e-9, hermitian=True)
    gap = score[1] - I12.T @ back @ score[0]
    left = I22 - I12.T @ back @ I12
    owner = np.array([names.index(group) for group in groups])
    tests = [_test(name, gap, left, np.flatnonzero(owner == k)) for k, name in enumerate(names)]
    return (*tests, _test(GLOBAL, gap, left, np.arange(len(owner))))


def _test(name: str, gap: Floats, left: Floats, columns: NDArray[np.intp]) -> TimeTrend:
    from scipy.stats import chi2

    block = left[np.ix_(columns, columns)]
    # A column that does not vary, or that others determine, adds no degree of freedom.
    values, vectors = np.linalg.eigh(block)
    kept = values > 1e-9 * max(float(np.abs(left).max(initial=0.0)), 1e-300)
    df = int(kept.sum())
    along = vectors[:, kept].T @ gap[columns]
    chi_squared = float(np.sum(along**2 / values[kept]))
    return TimeTrend(name, chi_squared, df, float(chi2.sf(chi_squared, df)) if df else 1.0)


def _moments(
    X: Floats, outcome: Outcome, cause: int, coef: Floats, g: Floats
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats, Floats]]:
    """Score of both halves, and the three blocks of the information: Σ V, Σ gV and Σ g²V over Efron's sub-steps."""
    time, died = outcome.right_days, outcome.event == cause
    eta = X @ coef
    theta = np.exp(eta - eta.max())
    order = np.argsort(-time, kind="stable")
    times = np.unique(time[died])
    p = X.shape[1]
    s0, s1, s2 = 0.0, np.zeros(p), np.zeros((p, p))
    first, second = np.zeros(p), np.zeros(p)
    blocks = np.zeros((3, p, p))
    entered = 0
    for k in range(len(times) - 1, -1, -1):
        until = int(np.searchsorted(-time[order], -times[k], side="right"))
        new = order[entered:until]
        entered = until
        weighted = X[new] * theta[new, None]
        s0, s1, s2 = s0 + theta[new].sum(), s1 + weighted.sum(axis=0), s2 + weighted.T @ X[new]
        deaths = new[(time[new] == times[k]) & died[new]]
        dying = X[deaths] * theta[deaths, None]
        d0, d1, d2 = theta[deaths].sum(), dying.sum(axis=0), dying.T @ X[deaths]
        residual = X[deaths].sum(axis=0)
        variance = np.zeros((p, p))
        for step in range(len(deaths)):
            share = step / len(deaths)
            mean = (s1 - share * d1) / (s0 - share * d0)
            residual = residual - mean
            variance += (s2 - share * d2) / (s0 - share * d0) - np.outer(mean, mean)
        first, second = first + residual, second + g[k] * residual
        blocks += np.array([1.0, g[k], g[k] ** 2])[:, None, None] * variance
    return (first, second), (blocks[0], blocks[1], blocks[2])
