"""Each trap of `shared/domain/audit.md` §5.4 and of the reference's `convention_traps`, one test each."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from experiments.study import IntervalChoice
from features.outcome import Outcome
from training.censoring import Censoring, censoring, ipcw
from training.curves import Curves
from training.evaluation import Scored, evaluate
from training.evidence import Evidence
from training.metrics.accuracy import brier
from training.metrics.calibration import cox_slope, oe_ratio
from training.metrics.discrimination import auc, uno_c
from training.metrics.utility import net_benefit
from training.nonparametric import aalen_johansen, kaplan_meier
from training.partial_likelihood import fit_cox

TIMES = np.arange(20.0, 820.0, 20.0)


def patients(n: int, seed: int, *, lost_by: float = 900.0, causes: int = 1) -> tuple[Outcome, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    died, lost = np.ceil(rng.exponential(250 * np.exp(-x))), np.ceil(rng.uniform(50, lost_by, n))
    event = np.where(died <= lost, np.where(rng.random(n) < 0.6, 1, causes), 0)
    return Outcome.right_censored(np.minimum(died, lost), event, ("died", "other")[:causes]), x


def judged(outcome: Outcome, x: np.ndarray) -> Evidence:
    gone = 1 - np.exp(-TIMES / 250 * np.exp(1.4 * x)[:, None])
    causes = len(outcome.causes)
    curves = Curves(TIMES, outcome.causes, np.repeat(gone[:, None, :] / causes, causes, axis=1))
    everybody = Scored(np.arange(outcome.n), np.zeros(outcome.n, int), curves)
    return evaluate(
        outcome, everybody, horizons=(300.0,), design="external", model="m", resamples=0, level=0.95, seed=1
    )


def test_weights_come_from_the_data_that_are_scored_and_not_from_those_that_taught() -> None:
    outcome, x = patients(400, 1)
    taught = patients(400, 2, lost_by=5000.0)[0]
    found = judged(outcome, x)
    risk = 1 - np.exp(-300 / 250 * np.exp(1.4 * x))
    for metric, measure in (("uno_c", uno_c), ("auc", auc), ("brier", brier)):
        own, others = (measure(outcome, risk, horizon=300.0, g=censoring(o)).value for o in (outcome, taught))
        assert found.one(metric=metric, horizon_days=300.0).value == pytest.approx(own, abs=1e-9)
        assert abs(own - others) > 1e-3


def test_the_null_of_the_scaled_brier_score_is_that_of_the_scored_data() -> None:
    outcome, x = patients(400, 1)
    found = judged(outcome, x)
    average = np.full(400, 1 - float(kaplan_meier(outcome.right_days, outcome.event).at(300.0)))
    null = brier(outcome, average, horizon=300.0).value
    squared = found.one(metric="brier", horizon_days=300.0).value
    assert squared is not None
    expected = 1 - squared / null
    scaled = found.one(metric="ipa", estimator="ipcw_null_of_scored_data", horizon_days=300.0)
    assert scaled.value == pytest.approx(expected, abs=1e-12)


def test_every_slope_names_its_estimator_because_they_are_different_numbers() -> None:
    slopes = {
        (e.estimator, e.horizon_days): e.value for e in judged(*patients(400, 1)).find(metric="calibration_slope")
    }
    assert set(slopes) == {("pseudo_cloglog", 300.0), ("cox_on_log_hazard", None), ("poisson_glm", None)}
    assert len({round(v, 3) for v in slopes.values() if v is not None}) == 3


def test_the_interval_of_observed_over_expected_says_whose_standard_error_it_is() -> None:
    outcome, x = patients(400, 1)
    said = judged(outcome, x).one(metric="oe_ratio", horizon_days=300.0)
    assert "standard error of the observed risk over it" in said.method
    risk = 1 - np.exp(-300 / 250 * np.exp(1.4 * x))
    narrow = oe_ratio(outcome, risk, horizon=300.0)
    wide = oe_ratio(outcome, risk, horizon=300.0, standard_error="events")
    assert narrow[0] == wide[0]
    assert said.low == pytest.approx(narrow[1])
    assert wide[1] is not None
    assert narrow[1] is not None
    assert wide[1] < narrow[1]


def test_an_efron_fit_has_an_efron_baseline() -> None:
    # Two deaths on day 2 among three: Breslow gives 2/3, Efron 1/3 + 1/2.
    outcome = Outcome.right_censored([2.0, 2.0, 5.0], [1, 1, 0])
    fit = fit_cox(np.zeros((3, 1)), outcome)
    assert fit.cumulative_hazard(2.0) == pytest.approx(1 / 3 + 1 / 2)


def test_ties_are_efrons_and_not_the_default_of_the_usual_library() -> None:
    from sksurv.linear_model import CoxPHSurvivalAnalysis
    from sksurv.util import Surv

    outcome, x = patients(300, 3)
    tied = Outcome.right_censored(np.ceil(outcome.right_days / 60), outcome.event)
    y = Surv.from_arrays(tied.event == 1, tied.right_days)
    ours = float(fit_cox(x[:, None], tied).coef[0])
    efron, default = (CoxPHSurvivalAnalysis(**c).fit(x[:, None], y).coef_[0] for c in ({"ties": "efron"}, {}))
    assert ours == pytest.approx(efron, abs=1e-6)
    assert abs(ours - default) > 1e-3


def test_at_the_administrative_cut_off_the_horizon_is_read_just_before_it() -> None:
    outcome = Outcome.right_censored([2.0, 3.0, 5.0, 5.0, 5.0], [1, 0, 0, 0, 1])
    at, before = (ipcw(outcome, day, censoring(outcome)) for day in (5.0, 4.999))
    assert at.sum() == pytest.approx(5.0)
    assert before[2:] == pytest.approx(at[2:])


def test_an_event_is_weighed_by_the_chance_of_being_observed_before_its_day() -> None:
    # One is lost and one dies on day 2: the death was seen with certainty, G(2) would double it.
    outcome = Outcome.right_censored([2.0, 2.0, 9.0], [1, 0, 0])
    found = brier(outcome, np.array([0.0, 0.0, 0.0]), horizon=5.0)
    assert found.value == pytest.approx(1 / 3)
    late = Censoring(np.nextafter(censoring(outcome).times, 0), censoring(outcome).values)
    assert brier(outcome, np.zeros(3), horizon=5.0, g=late).value > found.value


def test_a_threshold_that_no_risk_reaches_is_said_to_tell_nothing() -> None:
    outcome, x = patients(400, 1)
    risk = 0.25 + 0.5 * (1 - np.exp(-np.exp(x)))
    curves = Curves(np.array([300.0]), ("died",), risk[:, None, None])
    everybody = Scored(np.arange(400), np.zeros(400, int), curves)
    choices = {"design": "d", "model": "m", "resamples": 0, "level": 0.95, "seed": 1}
    found = evaluate(outcome, everybody, horizons=(300.0,), thresholds=(0.2, 0.4), **choices)  # type: ignore[arg-type]
    low, high = (
        found.one(metric="net_benefit", estimator=f"kaplan_meier_above_{t}_percent", horizon_days=300.0)
        for t in (20, 40)
    )
    assert "the same as a default" in low.method
    assert "the same as a default" not in high.method
    assert low.value == pytest.approx(net_benefit(outcome, np.ones(400), horizon=300.0, threshold=0.2).value)


def test_with_competing_causes_the_observed_risk_is_not_one_minus_kaplan_meier() -> None:
    outcome, x = patients(400, 1, causes=2)
    found = judged(outcome, x)
    observed = found.one(metric="observed_risk", cause="died", horizon_days=300.0)
    assert observed.estimator == "aalen_johansen"
    assert observed.value == pytest.approx(float(aalen_johansen(outcome).at(300.0, 1)))
    wrong = 1 - float(kaplan_meier(outcome.right_days, outcome.event == 1).at(300.0))
    assert observed.value is not None
    assert observed.value < wrong - 0.02


def test_each_slope_has_its_own_standard_error_and_not_another_models() -> None:
    outcome, x = patients(400, 1)
    steep, flat = (cox_slope(outcome, 1 - np.exp(-np.exp(c * x))) for c in (2.0, 0.5))
    assert steep.standard_error < flat.standard_error
    said = judged(outcome, x).one(metric="calibration_slope", estimator="cox_on_log_hazard")
    own = cox_slope(outcome, 1 - np.exp(-300 / 250 * np.exp(1.4 * x)))
    assert (said.low, said.high) == pytest.approx(own.interval())


def test_ten_resamples_are_too_few_for_any_interval() -> None:
    with pytest.raises(ValidationError):
        IntervalChoice(resamples=10, level=0.95)
