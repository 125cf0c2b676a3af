from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from features.outcome import Outcome
from training.metrics.smooth_calibration import spline_basis
from training.partial_likelihood import PartialLikelihood, fit_cox

Floats = NDArray[np.float64]


def patients(n: int, seed: int, *, entry: bool = False) -> tuple[Floats, Outcome]:
    """Follow-up in whole days, so that a third of the deaths are tied."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    start = np.floor(rng.uniform(0, 6, n)) if entry else np.zeros(n)
    end = start + np.ceil(rng.exponential(12 * np.exp(-0.7 * X[:, 0])))
    event = rng.choice([0, 1, 2], n, p=[0.3, 0.5, 0.2])
    return X, Outcome(start, end, end, event, ("died", "other"))


def brute_force(coef: Floats, X: Floats, outcome: Outcome, weights: Floats) -> float:
    """Efron's log partial likelihood written out patient by patient."""
    eta, total = X @ coef, 0.0
    for day in np.unique(outcome.right_days[outcome.event == 1]):
        dead = (outcome.right_days == day) & (outcome.event == 1)
        at_risk = (outcome.entry_days < day) & (outcome.right_days >= day)
        all_, dying = (weights * np.exp(eta))[at_risk].sum(), (weights * np.exp(eta))[dead].sum()
        d = int(dead.sum())
        total += float((weights * eta)[dead].sum())
        total -= weights[dead].mean() * sum(np.log(all_ - k / d * dying) for k in range(d))
    return total


@pytest.fixture
def weighted() -> tuple[Floats, Outcome, Floats]:
    """The weighted example of R's survival package (tests/book6.R, T. Therneau): ties with deaths of unequal weight."""
    x = np.array([2.0, 0, 1, 1, 0, 1, 0, 1, 0])[:, None]
    outcome = Outcome.right_censored([1.0, 1, 2, 2, 2, 2, 3, 4, 5], [1, 0, 1, 1, 1, 0, 0, 1, 0])
    return x, outcome, np.array([1.0, 2, 3, 4, 3, 2, 1, 2, 1])


def loglik_by_hand(beta: float) -> float:
    """Its Efron log partial likelihood, worked out there by hand: three deaths of weight 3, 4 and 3 share day 2."""
    r = np.exp(beta)
    dying, others = 7 * r + 3, 4 * r + 2
    tied = sum(np.log(dying * share + others) for share in (1.0, 2 / 3, 1 / 3))
    return float(11 * beta - np.log(r**2 + 11 * r + 7) - 10 / 3 * tied - 2 * np.log(2 * r + 1))


def test_weighted_ties_are_those_of_r(weighted: tuple[Floats, Outcome, Floats]) -> None:
    """Figures as R prints them; under Efron they are not those of the duplicated rows."""
    X, outcome, weights = weighted
    fit = fit_cox(X, outcome, weights=weights)
    assert fit.coef[0] == pytest.approx(0.8726, abs=5e-5)
    assert fit.standard_error[0] == pytest.approx(0.7126, abs=5e-5)
    assert 2 * (fit.loglik - fit.loglik_null) == pytest.approx(1.75, abs=5e-3)
    assert fit.loglik == pytest.approx(loglik_by_hand(fit.coef[0]), abs=1e-12)
    assert fit.loglik_null == pytest.approx(loglik_by_hand(0.0), abs=1e-12)
    copies = np.repeat(np.arange(9), weights.astype(int))
    assert abs(fit_cox(X[copies], outcome.take(copies)).coef[0] - fit.coef[0]) > 0.01


def test_weighted_information_score_and_hazard_at_zero_are_the_fractions_worked_out_by_hand(
    weighted: tuple[Floats, Outcome, Floats],
) -> None:
    X, outcome, weights = weighted
    held = fit_cox(X, outcome, weights=weights, ridge=1e12)  # as good as zero: where the fractions are
    means = np.array([13 / 19, 11 / 16, 26 / 38, 19 / 28, 2 / 3])
    tied = 10 * np.mean(means[1:4] - means[1:4] ** 2)
    information = 15 / 19 - means[0] ** 2 + tied + 2 * (means[4] - means[4] ** 2)
    score = 11 - (means[0] + 10 * means[1:4].mean() + 2 * means[4])
    assert 1 / held.covariance[0, 0] - 1e12 == pytest.approx(information, abs=1e-3)
    assert 1 / np.sqrt(information) == pytest.approx(0.584, abs=5e-4)  # the standard error that R prints at zero
    assert score**2 / information == pytest.approx(1.58, abs=5e-3)  # and its score test
    step = 1e-5
    assert (loglik_by_hand(step) - loglik_by_hand(-step)) / (2 * step) == pytest.approx(score, abs=1e-8)
    assert held.hazard == pytest.approx(np.cumsum([1 / 19, 5 / 24 + 5 / 19 + 5 / 14, 2 / 3]), abs=1e-9)


@pytest.mark.parametrize("entry", [False, True])
def test_the_maximum_is_that_of_the_likelihood_written_out(entry: bool) -> None:
    X, outcome = patients(120, 3, entry=entry)
    weights = np.random.default_rng(1).uniform(0.5, 2.0, outcome.n)
    fit = fit_cox(X, outcome, 1, weights=weights)
    assert fit.loglik == pytest.approx(brute_force(fit.coef, X, outcome, weights), abs=1e-9)
    assert fit.loglik_null == pytest.approx(brute_force(np.zeros(3), X, outcome, weights), abs=1e-9)
    step, information = 1e-4, np.linalg.inv(fit.covariance)
    for j in range(3):
        ahead, behind = fit.coef.copy(), fit.coef.copy()
        ahead[j] += step
        behind[j] -= step
        up, down = brute_force(ahead, X, outcome, weights), brute_force(behind, X, outcome, weights)
        assert (up - down) / (2 * step) == pytest.approx(0.0, abs=1e-5)
        assert -(up - 2 * fit.loglik + down) / step**2 == pytest.approx(information[j, j], rel=1e-4)


def test_fine_gray_is_cox_on_rows_split_where_the_weights_change() -> None:
    X, outcome = patients(80, 5)
    fit = fit_cox(X, outcome, 1, subdistribution=True)
    days = np.unique(outcome.right_days)
    at_risk = np.array(
        [((outcome.right_days > d) | ((outcome.right_days == d) & (outcome.event == 0))).sum() for d in days]
    )
    lost = np.array([((outcome.right_days == d) & (outcome.event == 0)).sum() for d in days])
    g = np.concatenate([[1.0], np.cumprod(1 - lost / np.maximum(at_risk, 1))])
    rows: list[tuple[int, float, float, int, float]] = []
    for i in range(outcome.n):
        end = outcome.right_days[i]
        rows.append((i, 0.0, end, int(outcome.event[i] == 1), 1.0))
        if outcome.event[i] == 2:
            own = g[np.searchsorted(days, end)]
            later = days[days > end]
            rows += [(i, max(end, d - 1), d, 0, g[np.searchsorted(days, d)] / own) for d in later]
    who, start, stop, event, weight = (np.array(c) for c in zip(*rows, strict=True))
    keep = weight > 0
    split = Outcome(start[keep], stop[keep], stop[keep], event[keep], ("died",))
    again = fit_cox(X[who[keep]], split, 1, weights=weight[keep])
    assert fit.coef == pytest.approx(again.coef, abs=1e-7)
    assert fit.loglik - fit.loglik_null == pytest.approx(again.loglik - again.loglik_null, abs=1e-8)


def test_rows_units_and_scale_do_not_matter() -> None:
    X, outcome = patients(150, 7)
    fit = fit_cox(X, outcome, 1, ridge=0.3)
    order = np.random.default_rng(0).permutation(outcome.n)
    weeks = outcome.right_days / 7
    other = Outcome(outcome.entry_days, weeks, weeks, outcome.event, outcome.causes).take(order)
    again = fit_cox(X[order] + 1000.0, other, 1, ridge=0.3)
    assert again.coef == pytest.approx(fit.coef, abs=1e-9)
    assert fit_cox(X * 1e6, outcome, 1).coef * 1e6 == pytest.approx(fit_cox(X, outcome, 1).coef, abs=1e-8)


def test_a_predictor_that_separates_is_bounded_by_ridge_and_said_otherwise() -> None:
    group = np.repeat([0.0, 1.0], 50)[:, None]
    outcome = Outcome.right_censored(np.r_[np.arange(51.0, 101.0), np.arange(1.0, 51.0)], np.ones(100, int))
    assert not fit_cox(group, outcome).converged
    held = fit_cox(group, outcome, ridge=0.1)
    assert held.converged
    assert 2.0 < held.coef[0] < 10.0


def test_a_column_that_does_not_vary_gets_zero_and_no_standard_error() -> None:
    X, outcome = patients(60, 9)
    fit = fit_cox(np.c_[X, np.full(60, 3.0)], outcome)
    assert fit.coef[3] == 0.0
    assert np.isnan(fit.standard_error[3])
    assert fit.coef[:3] == pytest.approx(fit_cox(X, outcome).coef, abs=1e-9)


def test_without_an_event_there_is_nothing_to_fit() -> None:
    X, outcome = patients(30, 1)
    calm = Outcome.right_censored(outcome.right_days, np.zeros(30, int))
    with pytest.raises(ValueError, match="at least one event"):
        PartialLikelihood(calm, 1).fit(X)


def test_a_refit_where_a_column_all_but_decides_who_dies_next_stays_finite() -> None:
    """A leak: sixteen deaths among the patients with the highest risks. Some resamples are separated."""
    rng = np.random.default_rng(1)
    rank = np.arange(400.0)
    outcome = Outcome.right_censored(np.minimum(rank + 1, 16.5), (rank < 16).astype(int))
    X = spline_basis(-(rank + rng.normal(0, 4, 400)) / 20, np.array([-18.0, -10.0, -2.0]))
    X = X - X.mean(axis=0)
    likelihood = PartialLikelihood(outcome, 1)
    first = likelihood.fit(X)
    for _ in range(60):
        weights = rng.multinomial(400, np.full(400, 1 / 400)).astype(float)
        coef, hazard = likelihood.refit(X, first.coef, weights)
        assert np.isfinite(coef).all()
        assert np.isfinite(hazard).all()
        assert (np.diff(hazard) >= 0).all()


def test_more_columns_than_patients_give_the_model_of_the_columns_that_they_are_copies_of() -> None:
    """Copies share an effect: their ridges, of any size, act as one whose inverse is the sum of theirs."""
    X, outcome = patients(25, 3)
    ridges = np.array([0.7, 2.0, 5.0, 0.9, 11.0, 3.0, 3.0, 8.0, 2.5, 6.0])
    once = fit_cox(X, outcome, ridge=1 / np.sum(1 / ridges))
    often = fit_cox(np.tile(X, 10), outcome, ridge=np.repeat(ridges, 3))
    total = np.tile(np.eye(3), 10)
    assert total @ often.coef == pytest.approx(once.coef, abs=1e-7)
    assert total @ often.covariance @ total.T == pytest.approx(once.covariance, rel=1e-5)
    assert often.loglik == pytest.approx(once.loglik, abs=1e-9)
    assert often.converged


def test_where_rows_see_nothing_the_ridge_alone_says_how_uncertain_a_column_is() -> None:
    X, outcome = patients(12, 3)
    wide = np.random.default_rng(1).normal(size=(12, 30))
    fit = fit_cox(np.c_[X, wide], outcome, ridge=2.0)
    unseen = np.linalg.svd(np.c_[X, wide] - np.c_[X, wide].mean(axis=0))[2][-1]
    assert unseen @ fit.covariance @ unseen == pytest.approx(1 / 2.0, rel=1e-9)
    assert unseen @ fit.coef == pytest.approx(0.0, abs=1e-9)
