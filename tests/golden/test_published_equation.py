"""The published equation on the German trial as scikit-survival ships it: golden numbers without any file of ours.

McLernon et al., Ann Intern Med 2023; the numbers stand in their companion repository as printed to two digits and were
recomputed independently to the digits below.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from features.outcome import Outcome
from training.metrics.accuracy import brier, ipa
from training.metrics.calibration import cox_slope, oe_ratio
from training.metrics.discrimination import auc, harrell_c, uno_c

pytestmark = pytest.mark.golden


@pytest.fixture(scope="module")
def women() -> tuple[Outcome, NDArray[np.float64]]:
    """686 women, follow-up cut at five years, and their predicted five-year risk."""
    from sksurv.datasets import load_gbsg2

    X, y = load_gbsg2()
    years = y["time"] / 365.25
    size, nodes = X["tsize"].to_numpy(float), np.minimum(X["pnodes"].to_numpy(float), 19)
    # The restricted cubic spline's term for knots at 0, 1 and 9 nodes.
    bend = (nodes**3 - np.clip(nodes - 1, 0, None) ** 3 * 9 / 8 + np.clip(nodes - 9, 0, None) ** 3 / 8) / 81
    worst = (X["tgrade"].astype(str) == "III").to_numpy()
    middling, large = (size > 20) & (size <= 50), size > 50
    eta = 0.342 * middling + 0.574 * large + 0.304 * nodes - 0.811 * bend + 0.362 * worst
    event = y["cens"] & (years <= 5)
    return Outcome.right_censored(np.minimum(years, 5), event.astype(int)), 1 - 0.804 ** np.exp(eta)


def test_discrimination_is_that_of_the_publication(women: tuple[Outcome, NDArray[np.float64]]) -> None:
    outcome, risk = women
    assert harrell_c(outcome, risk).value == pytest.approx(0.6523705, abs=1e-4)
    assert uno_c(outcome, risk).value == pytest.approx(0.6353121, abs=2e-4)
    assert auc(outcome, risk, horizon=4.99).value == pytest.approx(0.6774263, abs=2e-4)


def test_calibration_is_that_of_the_publication(women: tuple[Outcome, NDArray[np.float64]]) -> None:
    outcome, risk = women
    ratio, low, high = oe_ratio(outcome, risk, horizon=5.0, standard_error="events")
    assert ratio == pytest.approx(1.0177541, abs=1e-5)
    assert (low, high) == pytest.approx((0.91, 1.14), abs=5e-3)
    slope = cox_slope(outcome, risk)
    assert slope.value == pytest.approx(1.0553572, abs=1e-5)
    assert slope.interval() == pytest.approx((0.82, 1.30), abs=5e-3)


def test_accuracy_is_that_of_the_publication(women: tuple[Outcome, NDArray[np.float64]]) -> None:
    outcome, risk = women
    assert brier(outcome, risk, horizon=4.99).value == pytest.approx(0.2247196, abs=2e-4)
    assert ipa(outcome, risk, horizon=4.99).value == pytest.approx(0.1006118, abs=5e-4)
