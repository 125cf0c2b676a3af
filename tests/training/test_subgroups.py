"""Subgroups: values, gaps to all others, and how many gaps were looked at."""

from __future__ import annotations

import math

import numpy as np
import pytest

from features.outcome import Outcome
from training.curves import Curves
from training.evaluation import Scored
from training.evidence import Estimate, Evidence
from training.subgroups import Subgroup, gap_table, judge_subgroup, without_rests

HORIZONS = (90.0, 365.0)
TIMES = np.array([30.0, 90.0, 200.0, 365.0, 600.0])
Z = 1.959963984540054


def world(n: int = 400, seed: int = 0) -> tuple[Outcome, Scored, np.ndarray]:
    """A model that knows every hazard, and a group that means nothing."""
    rng = np.random.default_rng(seed)
    lp = rng.normal(0, 0.8, n)
    hazard = 0.002 * np.exp(lp)
    happens, lost = rng.exponential(1 / hazard), rng.uniform(370, 800, n)
    outcome = Outcome.right_censored(np.ceil(np.minimum(happens, lost)), (happens <= lost).astype(int), ("died",))
    curves = Curves(TIMES, ("died",), -np.expm1(-np.outer(hazard, TIMES))[:, None, :])
    return outcome, Scored(np.arange(n), rng.integers(0, 4, n), curves), rng.integers(0, 3, n)


def by(labels: np.ndarray, *names: str, silent: tuple[str, ...] = ()) -> Subgroup:
    return Subgroup("group", {name: np.flatnonzero(labels == k) for k, name in enumerate(names)}, silent)


def judged(group: Subgroup, outcome: Outcome, scored: Scored) -> Evidence:
    return judge_subgroup(
        outcome, scored, group, horizons=HORIZONS, level=0.95, design="nested_cross_validation", model="chosen"
    )


def gaps(group: Subgroup, evidence: Evidence) -> dict[tuple, dict]:
    rows = gap_table(evidence, [group], primary_horizon=90.0, level=0.95)
    return {(row["level"], row["metric"], row["horizon_days"]): row for row in rows}


def test_each_level_is_held_against_all_other_patients() -> None:
    outcome, scored, labels = world()
    group = by(labels, "a", "b", "c")
    evidence = judged(group, outcome, scored)
    rows = gaps(group, evidence)
    assert {level for level, *_ in rows} == {"a", "b", "c"}
    row = rows["a", "harrell_c", None]
    mine = evidence.one(metric="harrell_c", horizon_days=None, population="group=a")
    rest = evidence.one(metric="harrell_c", horizon_days=None, population="group not a")
    assert mine.n + rest.n == outcome.n
    assert row["gap"] == pytest.approx(mine.value - rest.value)
    errors = [(one.high - one.low) / 2 / Z for one in (mine, rest)]
    assert row["high"] - row["low"] == pytest.approx(2 * Z * math.hypot(*errors))
    ratio = rows["b", "oe_ratio", 90.0]
    assert ratio["scale"] == "ratio"
    assert ratio["gap"] == pytest.approx(ratio["value"] / ratio["rest"])
    assert ratio["low"] < ratio["gap"] < ratio["high"]


def test_of_two_levels_one_gap_says_everything() -> None:
    outcome, scored, labels = world()
    group = by(labels % 2, "female", "male")
    rows = gaps(group, judged(group, outcome, scored))
    assert {(level, row["against"]) for (level, *_), row in rows.items()} == {("female", "group=male")}


def test_what_is_not_known_is_judged_and_compared_with_nobody() -> None:
    outcome, scored, labels = world()
    group = by(labels, "a", "b", "not known", silent=("not known",))
    evidence = judged(group, outcome, scored)
    assert evidence.find(population="group=not known")
    assert {row["level"] for row in gaps(group, evidence).values()} == {"a"}
    assert {one.population for one in without_rests(evidence, [group]).estimates} == {
        "group=a",
        "group=b",
        "group=not known",
    }


def test_a_level_with_fewer_than_ten_events_has_no_number_and_no_gap() -> None:
    outcome, scored, labels = world()
    rare = np.where(np.arange(len(labels)) < 12, 2, labels % 2)
    group = by(rare, "a", "b", "rare")
    evidence = judged(group, outcome, scored)
    few = evidence.find(population="group=rare", horizon_days=90.0)
    assert few
    assert all(one.value is None and one.events is None for one in few)
    assert ("rare", "oe_ratio", 90.0) not in gaps(group, evidence)


def test_an_interval_that_was_cut_at_the_edge_keeps_its_error() -> None:
    def estimate(population: str, value: float, low: float, high: float) -> Estimate:
        return Estimate(
            "harrell_c", "x", population=population, value=value, low=low, high=high, level=0.95, n=50, events=20
        )

    group = Subgroup("g", {"a": np.arange(50), "b": np.arange(50, 100)})
    whole = Evidence((estimate("g=a", 0.97, 0.87, 1.0), estimate("g=b", 0.7, 0.6, 0.8)))
    (row,) = gap_table(whole, [group], primary_horizon=90.0, level=0.95)
    assert row["high"] - row["gap"] == pytest.approx(math.hypot(0.1, 0.1))


def test_the_number_of_gaps_is_said_and_the_smallest_p_is_multiplied_by_it() -> None:
    outcome, scored, labels = world(seed=3)
    group = by(labels, "a", "b", "c")
    rows = gap_table(judged(group, outcome, scored), [group], primary_horizon=90.0, level=0.95)
    first = min(rows, key=lambda row: row["p"])
    assert first["p_holm"] == pytest.approx(min(1.0, first["p"] * len(rows)))
    assert all(row["p_holm"] >= row["p"] for row in rows)
    ordered = sorted(rows, key=lambda row: row["p"])
    assert [row["p_holm"] for row in ordered] == sorted(row["p_holm"] for row in ordered)
    assert {row["multiplicity"].split(":")[0] for row in rows} == {f"one of {len(rows)} gaps"}


def test_a_group_that_means_nothing_has_gaps_around_nothing() -> None:
    """Of 50 null worlds 47 or 48 intervals hold no gap; fewer than 42 come up by chance once in 2,000."""
    held: dict[str, list[bool]] = {}
    for seed in range(50):
        outcome, scored, labels = world(300, seed + 100)
        group = by(labels % 2, "a", "b")
        for (_, metric, horizon), row in gaps(group, judged(group, outcome, scored)).items():
            nothing = 1.0 if row["scale"] == "ratio" else 0.0
            held.setdefault(f"{metric} {horizon}", []).append(row["low"] <= nothing <= row["high"])
    assert set(held) >= {"harrell_c None", "oe_ratio 90.0", "auc 90.0", "calibration_slope 90.0"}
    assert all(np.mean(one) >= 42 / 50 for one in held.values()), {name: np.mean(one) for name, one in held.items()}
