from __future__ import annotations

import numpy as np
import pytest

from features.outcome import Outcome
from training.comparison import compare
from training.curves import Curves
from training.evaluation import Scored, evaluate


def world(noise: float, causes: int = 1, n: int = 250) -> tuple[Outcome, Scored]:
    rng = np.random.default_rng(1)
    x = rng.normal(size=n)
    died, lost = np.ceil(rng.exponential(250 * np.exp(-x))), np.ceil(rng.uniform(150, 900, n))
    event = np.where(died <= lost, np.where(rng.random(n) < 0.6, 1, causes), 0)
    outcome = Outcome.right_censored(np.minimum(died, lost), event, ("died", "other")[:causes])
    patients, times = np.concatenate([np.arange(n), np.arange(n)]), np.linspace(20, 700, 35)
    log_hazard = x[patients] + noise * np.random.default_rng(2).normal(size=2 * n)
    risk = (1 - np.exp(-times / 250 * np.exp(log_hazard)[:, None])) / causes
    curves = Curves(times, outcome.causes, np.repeat(risk[:, None, :], causes, axis=1))
    return outcome, Scored(patients, np.r_[np.arange(n) % 5, 5 + np.arange(n) % 5], curves)


@pytest.mark.parametrize("causes", [1, 2])
def test_a_model_with_itself_differs_by_exactly_nothing(causes: int) -> None:
    outcome, rows = world(0.3, causes)
    found = compare(
        outcome, rows, rows, names=("a", "b"), horizons=(100, 300), thresholds=(0.3,), resamples=20, level=0.95, seed=1
    )
    assert {(e.value, e.low, e.high) for e in found.estimates} == {(0.0, 0.0, 0.0)}
    assert {e.metric.removeprefix("delta_") for e in found.estimates} == {
        *("c", "antolini_c", "uno_c", "auc", "brier", "ibs", "ipa", "rcll", "ici", "net_benefit"),
    }


def test_the_worse_model_loses_on_every_count_and_the_differences_are_those_of_the_evidence() -> None:
    outcome, better = world(0.0)
    _, worse = world(1.5)
    choices = {"horizons": (300,), "level": 0.95, "seed": 1, "thresholds": (0.4,)}
    found = compare(outcome, better, worse, names=("good", "bad"), resamples=60, **choices)  # type: ignore[arg-type]
    deltas = {e.metric: e for e in found.estimates if e.horizon_days in (None, 300)}
    signs = {"delta_c": -1, "delta_auc": -1, "delta_uno_c": -1, "delta_ipa": -1, "delta_net_benefit": -1}
    for metric, sign in (signs | {"delta_brier": 1, "delta_ici": 1, "delta_ibs": 1, "delta_rcll": 1}).items():
        e = deltas[metric]
        assert e.low is not None
        assert e.high is not None
        assert (e.high < 0) if sign < 0 else (e.low > 0)
    a, b = (
        evaluate(outcome, s, design="d", model="m", resamples=0, **choices)  # type: ignore[arg-type]
        for s in (better, worse)
    )
    for metric, whole in (
        ("delta_c", "harrell_c"),
        ("delta_ipa", "ipa"),
        ("delta_brier", "brier"),
        ("delta_ici", "ici"),
        ("delta_auc", "auc"),
        ("delta_net_benefit", "net_benefit"),
        ("delta_rcll", "rcll"),
    ):
        key = {"metric": whole, "horizon_days": deltas[metric].horizon_days, "estimator": deltas[metric].estimator}
        before, after = (e.one(**key).value for e in (a, b))
        assert before is not None
        assert after is not None
        assert deltas[metric].value == pytest.approx(after - before, abs=1e-12)
    assert found.events == int((outcome.event == 1).sum())


def test_pairing_makes_the_interval_narrower_than_two_separate_ones() -> None:
    outcome, a = world(0.2)
    _, b = world(0.25)
    found = compare(outcome, a, b, names=("a", "b"), horizons=(300,), resamples=60, level=0.95, seed=1)
    alone = evaluate(outcome, a, horizons=(300,), design="d", model="m", resamples=60, level=0.95, seed=1)
    paired = next(e for e in found.estimates if e.metric == "delta_ipa")
    single = alone.one(metric="ipa", horizon_days=300.0)
    assert paired.high - paired.low < (single.high - single.low) / 2  # type: ignore[operator]


def test_other_patients_on_one_side_are_refused_with_counts() -> None:
    outcome, rows = world(0.3)
    fewer = Scored(rows.patients[:200], rows.groups[:200], rows.curves.take(np.arange(200)))
    with pytest.raises(ValueError, match="a scores 250, b 200, 200 of them shared"):
        compare(outcome, rows, fewer, names=("a", "b"), horizons=(100,), resamples=5, level=0.95, seed=1)


def test_a_horizon_beyond_follow_up_has_no_difference() -> None:
    outcome, rows = world(0.3)
    found = compare(outcome, rows, rows, names=("a", "b"), horizons=(5000,), resamples=5, level=0.95, seed=1)
    assert {e.state for e in found.estimates if e.horizon_days} == {"not applicable"}
