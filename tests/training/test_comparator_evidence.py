"""What evidence says of comparators: all that they allow, and why there is no number where they allow none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.outcome import Outcome
from training.comparator_evidence import comparator_tables, judge_comparator, scope
from training.comparators import Comparator, PublishedScore, UploadedRisk
from training.curves import Curves
from training.evaluation import Scored
from training.evidence import Evidence

HORIZONS = (42.0, 90.0, 365.0)
TIMES = np.array([*HORIZONS, 500.0])
N = 300


def world(seed: int = 1) -> tuple[pd.DataFrame, Outcome, Scored, Scored]:
    """Frame, outcome, a model that knows the truth, and the null."""
    rng = np.random.default_rng(seed)
    ecog = rng.choice(list("01234"), N)
    frame = pd.DataFrame(
        {
            "kps": np.full(N, np.nan),
            "ecog": ecog.astype(object),
            "primary_site": rng.choice(["breast", "lung_nsclc", "kidney"], N).astype(object),
            "visceral_mets": rng.choice(["none", "nodular"], N).astype(object),
            "visceral_removable": np.full(N, np.nan),
            "ais_grade": np.full(N, "D", dtype=object),
            "n_spinal_mets": rng.integers(1, 4, N).astype(float),
            "n_extraspinal_bone": rng.choice(["0", "1-2"], N).astype(object),
            "ambulatory_status": rng.choice(["independent", "non_ambulatory"], N).astype(object),
            "albumin": rng.normal(3.6, 0.5, N),
            "deficit_development_days": np.full(N, ">14", dtype=object),
            "interval_dx_to_spine": rng.uniform(0, 40, N),
        }
    )
    hazard = 0.0015 * np.exp(0.5 * ecog.astype(float) - 1)
    happens, lost = rng.exponential(1 / hazard), rng.uniform(380, 900, N)
    outcome = Outcome.right_censored(np.ceil(np.minimum(happens, lost)), (happens <= lost).astype(int), ("died",))
    risk = -np.expm1(-np.outer(hazard, TIMES))
    return frame, outcome, scored(risk), scored(np.broadcast_to(risk.mean(axis=0), risk.shape))


def scored(risk: np.ndarray) -> Scored:
    return Scored(np.arange(len(risk)), np.arange(len(risk)) % 3, Curves(TIMES, ("died",), risk[:, None, :]))


def judged(comparator: Comparator, seed: int = 1, **change: object) -> Evidence:
    frame, outcome, ours, null = world(seed)
    frame = frame.assign(**change)
    own = comparator.fit(frame, outcome).predict(frame, TIMES)
    return judge_comparator(
        comparator,
        outcome,
        frame,
        Scored(ours.patients, ours.groups, own),
        ours,
        null,
        horizons=HORIZONS,
        design="nested_cross_validation",
        resamples=20,
        level=0.95,
        seed=4,
    )


def states(evidence: Evidence, **key: object) -> set[str]:
    return {one.state for one in evidence.find(**key)}


def test_what_was_published_is_judged_as_far_as_it_was_published() -> None:
    found = judged(Comparator(PublishedScore("bauer_modified")))  # medians: the shortest is 146 days
    for metric in ("oe_ratio", "brier", "ipa", "ici"):
        assert states(found, metric=metric, horizon_days=90.0) == {"measured"}
        assert states(found, metric=metric, horizon_days=365.0) == {"not applicable"}
    assert "no risk beyond 146 days" in found.one(metric="ici", horizon_days=365.0).reason
    assert states(found, metric="ibs") == {"not applicable"}
    assert states(found, metric="harrell_c") == {"measured"}
    assert {row["horizon_days"] for row in found.tables["calibration_curve"]} == {42.0, 90.0}
    assert {e.design for e in found.estimates} == {"nested_cross_validation"}
    assert not found.facts


def test_a_score_without_published_risks_ranks_and_no_more() -> None:
    found = judged(Comparator(PublishedScore("tokuhashi_revised")))
    assert {one.metric for one in found.estimates if one.state == "measured"} == {
        "harrell_c",
        "antolini_c",
        "uno_c",
        "auc",
    }
    assert "it only ranks patients" in found.one(metric="ibs").reason
    assert not found.tables["calibration_curve"]
    differences = {row["metric"] for row in found.tables["comparator_differences"]}
    assert differences == {"delta_c", "delta_antolini_c", "delta_uno_c", "delta_auc"}


def test_a_recalibrated_score_has_every_number() -> None:
    found = judged(Comparator(PublishedScore("tokuhashi_revised"), recalibrated=True))
    for metric in ("oe_ratio", "brier", "ipa", "ici", "auc", "harrell_c"):
        assert states(found, metric=metric) == {"measured"}
    assert {e.model for e in found.estimates} == {"tokuhashi_revised_recalibrated"}


def test_the_truth_is_better_than_every_score_and_by_how_much_is_paired() -> None:
    for name in ("tomita", "van_der_linden", "nesms"):
        found = judged(Comparator(PublishedScore(name), recalibrated=True))
        rows = {(row["metric"], row["horizon_days"]): row for row in found.tables["comparator_differences"]}
        assert rows["delta_c", None]["low"] > 0
        assert rows["delta_ipa", 365.0]["low"] > 0
        assert rows["delta_brier", 365.0]["high"] < 0
        assert {row["comparator"] for row in rows.values()} == {f"{name}_recalibrated"}


def test_a_score_is_judged_on_the_patients_for_whom_it_was_made() -> None:
    comparator = Comparator(PublishedScore("rades_two_month"))
    frame, outcome, *_ = world()
    spoken = comparator.speaks_of(frame)
    found = judged(comparator)
    assert 0 < spoken.sum() < N
    assert {e.population for e in found.estimates} == {scope(comparator)} == {"scored by rades_two_month"}
    whole = found.one(metric="harrell_c", horizon_days=None)
    assert (whole.n, whole.events) == (spoken.sum(), outcome.event[spoken].sum())
    assert {row["n"] for row in found.tables["comparator_differences"]} == {int(spoken.sum())}


def test_too_few_events_are_no_number() -> None:
    grade = np.full(N, "E", dtype=object)
    grade[:12] = "C"
    found = judged(Comparator(PublishedScore("rades_two_month")), ais_grade=grade)
    (only,) = found.estimates
    assert only.state == "not applicable"
    assert (only.n, only.events) == (None, None)
    assert "suppressed" in only.reason


def test_the_tables_say_what_was_missing_and_what_that_may_change() -> None:
    frame, outcome, *_ = world()
    frame["visceral_mets"] = frame["visceral_mets"].where(np.arange(N) >= 60, None)
    frame["risk"] = np.where(np.arange(N) < 7, np.nan, 0.2)
    sources = (PublishedScore("van_der_linden"), PublishedScore("sins"), UploadedRisk("tool", (("risk", 90.0),)))
    frame = frame.assign(**{name: np.full(N, None, dtype=object) for name in PublishedScore("sins").inputs})
    comparators = [Comparator(source, again) for again in (False, True) for source in sources]
    tables = comparator_tables(comparators, frame, outcome, HORIZONS)
    linden, sins, tool = tables["comparators"]
    assert (linden["patients"], linden["complete"], linden["with_range"], linden["mean_width"]) == (N, N - 60, 60, 1.0)
    assert (sins["complete"], sins["widest"], sins["until_days"]) == (0, 18.0, None)
    assert (tool["patients"], tool["not_scored"], tool["until_days"]) == (None, None, 90.0)  # seven are few
    rows = {(row["model"], row["metric"], row["horizon_days"]): row for row in tables["comparator_ranges"]}
    assert set(rows) == {("sins", "harrell_c", None), *(("van_der_linden", m, h) for m, h in KEYS)}
    ratio = rows["van_der_linden", "oe_ratio", 90.0]
    assert ratio["at_lowest"] < ratio["at_middle"] <= ratio["at_highest"]  # fewer points are worse here
    assert rows["sins", "harrell_c", None]["at_middle"] == pytest.approx(0.5)


def test_what_another_mapping_would_change_is_told_with_how_many_patients_it_moves() -> None:
    frame, outcome, *_ = world()
    frame["primary_site"] = np.where(np.arange(N) < 9, "colorectal", "breast")
    tables = comparator_tables([Comparator(PublishedScore("tokuhashi_revised"))], frame, outcome, HORIZONS)
    found = {row["reading"].partition(" ")[0]: row for row in tables["comparator_readings"]}
    ecog = int((frame["ecog"] == "1").sum())
    assert found["ECOG"]["patients"] == ecog
    assert found["ECOG"]["as_judged"] == tables["comparator_ranges"][0]["at_middle"]
    assert found["ECOG"]["otherwise"] != found["ECOG"]["as_judged"]
    # Nine patients' points can be had from two C's: neither the count nor the number is told.
    few = found["colorectal"]
    assert (few["patients"], few["as_judged"], few["otherwise"]) == (None, None, None)
    assert "fewer than 10" in few["reason"]
    assert (found["sarcoma"]["patients"], found["sarcoma"]["reason"]) == (0, "nobody is read otherwise")


KEYS = [("harrell_c", None), *(("oe_ratio", days) for days in HORIZONS)]
