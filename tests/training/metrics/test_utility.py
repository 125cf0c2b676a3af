from __future__ import annotations

import numpy as np
import pytest

from features.outcome import Outcome
from training.metrics.utility import net_benefit


def test_by_hand_without_censoring() -> None:
    outcome = Outcome.right_censored([1, 2, 9, 9], [1, 1, 1, 1])
    risk = np.array([0.9, 0.2, 0.8, 0.1])
    # Two are treated, one rightly: 1/4 − 1/4 · 0.3/0.7.
    assert net_benefit(outcome, risk, horizon=5, threshold=0.3).value == pytest.approx(0.25 - 0.25 * 0.3 / 0.7)
    assert net_benefit(outcome, risk, horizon=5, threshold=0.95).value == 0.0


def test_treating_everybody_at_the_threshold_of_their_mean_risk_gains_nothing() -> None:
    outcome = Outcome.right_censored([1, 2, 9, 9], [1, 1, 1, 1])
    assert net_benefit(outcome, np.ones(4), horizon=5, threshold=0.5).value == pytest.approx(0.0)


def test_a_threshold_is_a_probability() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        net_benefit(Outcome.right_censored([1.0], [1]), np.ones(1), horizon=1, threshold=1.0)
