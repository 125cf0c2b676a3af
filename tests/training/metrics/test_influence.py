"""An influence is a derivative: that of the number with respect to a row's weight, through its weights as well."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from features.outcome import Outcome
from training.curves import Curves
from training.metrics.accuracy import brier, integrated_brier, ipa
from training.metrics.discrimination import auc, harrell_c, uno_c
from training.metrics.likelihood import log_likelihood
from training.metrics.metric import Measured
from training.metrics.time_dependent import antolini_c
from training.metrics.utility import net_benefit
from training.nonparametric import aalen_johansen, incidence_influence

N = 40
TIMES = np.arange(1.0, 15.0)
_rng = np.random.default_rng(4)
OUTCOME = Outcome.right_censored(_rng.integers(1, 15, N), _rng.integers(0, 3, N), ("a", "b"))
RISK, NULL, GROUP = _rng.integers(0, 9, N) / 9, _rng.uniform(size=N), _rng.integers(0, 2, N)
_inc = np.cumsum(_rng.uniform(size=(N, 2, len(TIMES))), axis=2)
CURVES = Curves(TIMES, ("a", "b"), _inc / (_inc.max() * 2.2))
WEIGHTS = _rng.integers(1, 3, N).astype(float)

Weighted = Callable[[np.ndarray], Measured]
NUMBERS: dict[str, Weighted] = {
    "brier": lambda w: brier(OUTCOME, RISK, horizon=6, weights=w),
    "brier at the cut-off": lambda w: brier(OUTCOME, RISK, horizon=14, weights=w),
    "ipa": lambda w: ipa(OUTCOME, RISK, horizon=6, weights=w),
    "ipa, another null": lambda w: ipa(OUTCOME, RISK, horizon=6, weights=w, null=NULL),
    "ibs": lambda w: integrated_brier(OUTCOME, CURVES, until=9, weights=w),
    "harrell_c": lambda w: harrell_c(OUTCOME, RISK, weights=w, groups=GROUP),
    "antolini_c": lambda w: antolini_c(OUTCOME, CURVES, weights=w, groups=GROUP),
    "uno_c": lambda w: uno_c(OUTCOME, RISK, horizon=9, weights=w, groups=GROUP),
    "auc": lambda w: auc(OUTCOME, RISK, horizon=6, weights=w, groups=GROUP),
    "net_benefit": lambda w: net_benefit(OUTCOME, RISK, horizon=6, threshold=0.3, weights=w),
    "rcll": lambda w: log_likelihood(OUTCOME, CURVES, weights=w),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_an_influence_is_the_derivative_by_a_rows_weight(name: str) -> None:
    number, step = NUMBERS[name], 1e-5
    found = number(WEIGHTS)
    derivative = np.zeros(N)
    for i in range(N):
        up, down = WEIGHTS.copy(), WEIGHTS.copy()
        up[i] += step
        down[i] -= step
        derivative[i] = (number(up).value - number(down).value) / (2 * step) * WEIGHTS[i]
    assert found.total == pytest.approx(derivative, abs=1e-8)
    assert found.total.sum() == pytest.approx(0.0, abs=1e-10)  # the same patients twice are the same number


def test_the_influences_on_an_incidence_give_the_known_variance_to_the_last_digit() -> None:
    value, moved = incidence_influence(OUTCOME, 1, 7.0)
    curve = aalen_johansen(OUTCOME)
    assert value == pytest.approx(float(curve.at(7.0, 1)), abs=1e-14)
    assert np.sqrt(np.sum(moved**2)) == pytest.approx(float(curve.standard_error_at(7.0, 1)), rel=1e-12)


def test_estimating_the_weights_makes_brier_surer_and_nineteen_of_twenty_intervals_hold_its_mean() -> None:
    held, widths = 0, []
    rng = np.random.default_rng(0)
    for _ in range(300):
        x = rng.normal(size=150)
        died, lost = rng.exponential(np.exp(-x)), rng.exponential(1.5, 150)
        outcome = Outcome.right_censored(np.minimum(died, lost), (died <= lost).astype(int))
        found = brier(outcome, 1 - np.exp(-0.8 * np.exp(x)), horizon=0.8)
        error, known = (float(np.sqrt(np.sum(i**2))) for i in (found.total, np.asarray(found.influence)))
        widths.append(error / known)
        held += abs(found.value - 0.17447) <= 1.96 * error
    assert np.mean(widths) < 0.97
    assert 272 <= held <= 296  # 285 ± three standard errors of a binomial count
