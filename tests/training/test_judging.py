"""What a decision curve and the distribution of risks say, row by row."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from features.outcome import Outcome
from training.curves import Curves
from training.disclosure import WITHHELD
from training.evaluation import Scored, evaluate
from training.evidence import Evidence
from training.judging import use
from training.metrics.panel import CURVE_POINTS
from training.metrics.utility import net_benefit


def judged(causes: int, n: int = 400, thresholds: tuple[float, ...] = ()) -> tuple[Evidence, Outcome, np.ndarray]:
    rng = np.random.default_rng(2)
    x = rng.normal(size=n)
    died, lost = np.ceil(rng.exponential(250 * np.exp(-x))), np.ceil(rng.uniform(100, 900, n))
    event = np.where(died <= lost, np.where(rng.random(n) < 0.6, 1, causes), 0)
    outcome = Outcome.right_censored(np.minimum(died, lost), event, ("died", "other")[:causes])
    times = np.linspace(20, 700, 35)
    gone = (1 - np.exp(-times / 250 * np.exp(x)[:, None])) / causes
    curves = Curves(times, outcome.causes, np.repeat(gone[:, None, :], causes, axis=1))
    scored = Scored(np.arange(n), np.zeros(n, int), curves)
    choices = {"design": "d", "model": "m", "resamples": 0, "level": 0.95, "seed": 1, "thresholds": thresholds}
    evidence = evaluate(outcome, scored, horizons=(300.0,), **choices)  # type: ignore[arg-type]
    return evidence, outcome, curves.risk_at(300.0, "died")


@pytest.mark.parametrize("causes", [1, 2])
def test_a_decision_curve_stands_beside_treating_all_and_none_with_its_interval(causes: int) -> None:
    evidence, outcome, risk = judged(causes)
    rows = [row for row in evidence.tables["decision_curve"] if row["cause"] == "died"]
    assert {row["threshold"] for row in rows} <= {round(0.01 * k, 2) for k in range(1, 51)}
    assert len(rows) > 10
    for row in rows[::4]:
        t = row["threshold"]
        assert row["net_benefit"] == pytest.approx(net_benefit(outcome, risk, horizon=300.0, threshold=t).value)
        everybody = net_benefit(outcome, np.ones(outcome.n), horizon=300.0, threshold=t).value
        assert row["treat_all"] == pytest.approx(everybody, abs=1e-12)
        assert row["treat_none"] == 0.0
        assert row["low"] < row["net_benefit"] < row["high"]
    stated = evidence.one(metric="net_benefit", cause="died", estimator=f"{_name(causes)}_above_20_percent")
    twenty = next(row for row in rows if row["threshold"] == 0.2)  # what is stated is seen to before the grid
    assert (stated.value, stated.low, stated.high) == (twenty["net_benefit"], twenty["low"], twenty["high"])


def _name(causes: int) -> str:
    return "kaplan_meier" if causes == 1 else "aalen_johansen"


def test_no_two_thresholds_have_one_to_nine_patients_between_them() -> None:
    """Net benefit at a threshold gives the counts above it away: two of them would tell of those between."""
    for n in (60, 400):
        evidence, _, risk = judged(1, n=n)
        told = [row["threshold"] for row in evidence.tables["decision_curve"]]
        above = [n, *(int((risk > threshold).sum()) for threshold in told), 0]
        assert not [a - b for a, b in pairwise(above) if 0 < a - b < 10]


def test_a_threshold_with_few_patients_beyond_it_is_suppressed_with_the_reason() -> None:
    evidence, _, risk = judged(1, thresholds=(0.1, 0.6))
    few, enough = (evidence.one(estimator=f"kaplan_meier_above_{t}_percent") for t in (10, 60))
    assert 0 < (risk <= 0.1).sum() < 10
    assert (few.state, few.reason, few.value) == ("not applicable", WITHHELD, None)
    assert enough.state == "measured"
    assert 0.1 not in {row["threshold"] for row in evidence.tables["decision_curve"]}


def test_no_bin_holds_one_to_nine_patients_and_no_curve_ends_at_a_patient_s_own_risk() -> None:
    for n in (60, 400):
        evidence, outcome, risk = judged(1, n=n)
        bins = evidence.tables["risk_histogram"]
        assert sum(row["patients"] for row in bins) == outcome.n
        assert all(row["patients"] == 0 or row["patients"] >= 10 for row in bins)
        assert [row["to"] for row in bins[:-1]] == [row["from"] for row in bins[1:]]
        ends = [row["predicted"] for row in evidence.tables["calibration_curve"]][:: CURVE_POINTS - 1]
        assert ends == pytest.approx([np.sort(risk)[:10].mean(), np.sort(risk)[-10:].mean()])


def test_thresholds_that_somebody_named_are_told_and_drawn() -> None:
    evidence = judged(1, thresholds=(0.255, 0.6))[0]
    names = {e.estimator for e in evidence.find(metric="net_benefit")}
    assert names == {"kaplan_meier_above_25.5_percent", "kaplan_meier_above_60_percent"}
    assert {0.255, 0.6} <= {row["threshold"] for row in evidence.tables["decision_curve"]}


def test_risks_lie_by_what_is_known_of_the_patients_and_the_counts_add_up() -> None:
    evidence, outcome, _ = judged(2)
    rows = {r["outcome"]: r for r in evidence.tables["risk_by_outcome"] if r["cause"] == "died"}
    assert list(rows) == ["event", "competing_event", "event_free", "unknown"]
    assert sum(row["n"] for row in rows.values()) == outcome.n
    assert rows["event"]["n"] == int(((outcome.event == 1) & (outcome.right_days <= 300)).sum())
    assert rows["event"]["p50"] > rows["event_free"]["p50"]
    for row in rows.values():
        told = [row[name] for name in ("p5", "p25", "p50", "p75", "p95") if row[name] is not None]
        assert told == sorted(told)
        assert (row["p5"] is not None) == (row["n"] >= 200), "ten patients lie beyond a quantile that is told"
        assert (row["p25"] is not None) == (row["n"] >= 40)


def test_of_fewer_than_ten_patients_no_distribution_is_shown() -> None:
    evidence, outcome, _ = judged(2, n=30)
    few = int(((outcome.event == 2) & (outcome.right_days <= 300)).sum())
    row = next(r for r in evidence.tables["risk_by_outcome"] if r["outcome"] == "competing_event")
    assert few < 10
    assert row["n"] is None
    assert row["p50"] is None


def test_those_of_whom_it_is_not_known_are_few_and_so_is_not_told_how_many_lived() -> None:
    """How many had the event is said of every number; the rest of the whole would be the few."""
    sizes = {"event": 40, "event_free": 50, "unknown": 4}
    assert use._hidden(sizes) == {"event_free", "unknown"}
    assert use._hidden({"event": 40, "competing_event": 3, "event_free": 50, "unknown": 20}) == {
        "competing_event", "unknown"
    }  # fmt: skip
    assert use._hidden({"event": 40, "event_free": 50, "unknown": 0}) == set()


def test_the_intervals_of_net_benefit_hold_the_truth_nineteen_times_in_twenty() -> None:
    held, few, t = 0, 300, 0.3
    grid = np.random.default_rng(0).normal(size=400_000)
    true = 1 - np.exp(-0.6 * np.exp(grid))
    truth = float(np.mean((true > t) * (true - (1 - true) * t / (1 - t))))
    for seed in range(few):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=200)
        died, lost = rng.exponential(np.exp(-x)), rng.uniform(0.2, 2.0, 200)
        outcome = Outcome.right_censored(np.minimum(died, lost), (died <= lost).astype(int))
        found = net_benefit(outcome, 1 - np.exp(-0.6 * np.exp(x)), horizon=0.6, threshold=t)
        held += abs(found.value - truth) <= 1.96 * float(np.sqrt(np.sum(found.total**2)))
    assert 270 <= held <= 297  # 285 ± three and a half standard errors of a binomial count, one-sided bias allowed
