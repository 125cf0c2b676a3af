"""Every further piece of evidence is shown where it belongs; without it the same place says what was not done."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from typing import Any

import pytest

from experiments.documents.sensitivity import censoring
from experiments.documents.subject import Subject
from training.evidence import Estimate, Evidence

DIED: dict[str, Any] = {
    "cause": "died",
    "model": "chosen",
    "n": 1000,
    "events": 200,
    "level": 0.95,
    "method": "a method",
}
NESTED, SITES, BOOT = "nested_cross_validation", "leave_one_site_out", "bootstrap"
HORIZONS = (42.0, 90.0, 365.0)


def estimate(metric: str, estimator: str, value: float, reach: float = 0.05, **key: Any) -> Estimate:
    return Estimate(metric, estimator, value=value, low=value - reach, high=value + reach, **{**DIED, **key})


def sites() -> list[Estimate]:
    found = [
        estimate(
            "harrell_c", "within_fold_pairs", 0.66 + k / 50, population=f"site=S0{k + 1}", design=SITES, n=n, events=60
        )
        for k, n in enumerate((320, 280, 240, 160))
    ]
    for metric, tau, value in (
        ("oe_ratio", "log_oe", 1.04),
        ("harrell_c", "logit_c", 0.7),
        ("calibration_slope", "slope", 0.95),
    ):
        for horizon in (None,) if metric == "harrell_c" else HORIZONS:
            key = {"horizon_days": horizon, "design": SITES}
            pooled = {**key, "population": "all sites, pooled"}
            found += [
                replace(estimate(metric, "reml_hartung_knapp", value, **pooled), high=value + 0.07),
                replace(
                    estimate(metric, "reml_hartung_knapp", value, 0.2, **{**key, "population": "next site"}),
                    high=value + 0.25,
                ),
                Estimate(
                    "tau", f"reml_{tau}", value=0.061, method="REML", **{"cause": "died", "model": "chosen"}, **pooled
                ),
            ]
    return found


def groups() -> list[Estimate]:
    found = []
    for population, n in (("sex=female", 480), ("sex=male", 520), ("period=2018 to 2020", 400)):
        for horizon in HORIZONS:
            key = {"population": population, "horizon_days": horizon, "design": NESTED, "n": n, "events": 40}
            found.append(replace(estimate("oe_ratio", "kaplan_meier_over_mean_risk", 1.1, **key), high=1.4))
            found.append(estimate("auc", "ipcw_cumulative_dynamic", 0.731, **key))
    return found


def rivals() -> list[Estimate]:
    found = []
    for model, c, ici in (("katagiri_revised", 0.61, 0.2), ("katagiri_revised_recalibrated", 0.61, 0.02)):
        key = {"model": model, "design": NESTED, "population": "all"}
        found.append(estimate("harrell_c", "within_fold_pairs", c, **key))
        found += [estimate("ici", "flexible_cox_rcs3", ici, 0.01, horizon_days=h, **key) for h in HORIZONS]
    return found


def refits() -> list[Estimate]:
    found = []
    for horizon in HORIZONS:
        key = {"horizon_days": horizon, "design": BOOT}
        found.append(estimate("auc", "ipcw_cumulative_dynamic_optimism_corrected", 0.7123, **key))
        for metric, value in (("mape", 0.031), ("mape_p95", 0.082)):
            found.append(Estimate(metric, "bootstrap_refits", value=value, **{**DIED, "level": None}, **key))
    return found


def tables() -> dict[str, list[dict[str, Any]]]:
    at = [{"design": NESTED, "cause": "died", "horizon_days": h} for h in HORIZONS]
    boot = [{**one, "design": BOOT, "model": "chosen"} for one in at]
    thresholds = [k / 100 for k in range(1, 51)]
    return {
        "decision_curve": [
            {**one, "model": m, "threshold": t, "net_benefit": 0.2 - t * s, "low": 0.1, "high": 0.3,
             "treat_all": 0.25 - t}
            for one in at
            for m, s in (("chosen", 0.3), ("katagiri_revised", 0.9), ("katagiri_revised_recalibrated", 0.5))
            for t in thresholds
        ],
        "risk_by_outcome": [
            {**one, "model": "chosen", "outcome": who, "n": 200, "mean": p,
             **{f"p{q}": p * q / 50 for q in (5, 25, 50, 75, 95)}}
            for one in at
            for who, p in (("event", 0.4), ("event_free", 0.2))
        ],
        "stability": [
            {**one, "patients": 50, "predicted": p, "mean_absolute_difference": 0.02, "p2_5": p / 2, "p97_5": p * 1.5}
            for one in boot
            for p in (0.1, 0.2, 0.4)
        ],
        "optimism": [
            {**one, "metric": "auc", "estimator": "ipcw_cumulative_dynamic", "scale": "as measured", "refits": 200,
             "apparent": 0.745, "optimism": 0.033, "corrected": 0.7123, "standard_error": 0.02}
            for one in boot
        ],
        "site_performance": [
            {"metric": "oe_ratio", "cause": "died", "horizon_days": h, "model": "chosen", "site": site,
             "weight": weight, "reason": "" if weight else "fewer than 10 events"}
            for h in HORIZONS
            for site, weight in (("S01", 0.5), ("S02", 0.5), ("S03", None))
        ],
        "subgroup_gaps": [
            {"group": "sex", "level": "female", "metric": "oe_ratio", "cause": "died", "horizon_days": 90.0, "n": 480,
             "events": 90, "gap": 1.31, "low": 1.12, "high": 1.5, "scale": "ratio", "p_holm": 0.01,
             "multiplicity": "Holm over 3 gaps"},
            {"group": "sex", "level": "male", "metric": "auc", "cause": "died", "horizon_days": 90.0, "n": 520,
             "events": 90, "gap": 0.01, "low": -0.2, "high": 0.2, "scale": "difference", "p_holm": 1.0,
             "multiplicity": "Holm over 3 gaps"},
        ],
        "comparator_differences": [
            {"comparator": "katagiri_revised", "metric": "delta_c", "design": NESTED, "cause": "died",
             "horizon_days": None, "value": 0.088, "low": 0.06, "high": 0.11}
        ],
        "sample_size": [
            {"recipe": "cox", "cause": "died", "horizon_days": 90.0, "purpose": "development", "criterion": "shrinkage",
             "target": "0.9", "needed_n": 1200, "available": 1000, "met": False, "source": "Riley 2019"}
        ],
        "findings": [
            {"code": f"PM00{k}", "title": f"title {k}", "state": state, "sentence": f"sentence {k}", "threshold": "10",
             "source": "x"}
            for k, state in enumerate(("passed", "found", "found", "found", "found", "not applicable"), 1)
        ],
        "sites": [
            {"site": f"S0{k}", "n": n, "died": 99, "censored": n - 99} for k, n in enumerate((320, 280, 240, 160), 1)
        ],
        "refits": [{"design": NESTED, "label": "fold 1", "n_train": 800, "n_test": 200, "chosen": "cox"}],
        "split_proofs": [
            {"design": NESTED, "repeat": 0, "label": f"fold {k}", "train_digest": "a" * 64, "test_digest": "b" * 64,
             "n_train": 800, "n_test": 200, "overlap": 0}
            for k in range(5)
        ],
    }  # fmt: skip


@pytest.fixture(scope="module")
def whole(survival: Any) -> Any:
    """The survival study with everything that a run can find."""
    complete = [
        estimate(
            "auc", "ipcw_cumulative_dynamic", 0.705, population="complete cases", horizon_days=h, design=NESTED, n=400
        )
        for h in HORIZONS
    ]
    given = [estimate("brier", "ipcw_given_predictors", 0.16, horizon_days=h, design=NESTED) for h in HORIZONS]
    telling = Estimate(
        "censoring_c", "out_of_sample_cox", value=0.74, low=0.7, high=0.78, level=0.95, n=1000, events=400
    )
    more = [*sites(), *groups(), *rivals(), *refits(), *complete, *given, telling]
    kept = [e for e in survival.evidence.estimates if e.key not in {one.key for one in more}]
    curves = survival.evidence.tables["calibration_curve"]
    again = [{**row, "design": BOOT} for row in curves]
    found = {**survival.evidence.tables, **tables(), "calibration_curve": [*curves, *again]}
    facts = {
        **survival.evidence.facts,
        "digests": {**survival.evidence.facts["digests"], "source": "5c" * 32},
        "comparators": ["katagiri_revised", "katagiri_revised_recalibrated"],
        "headline_weights": "given_predictors",
        "dates": {"first_time_zero": 2013, "last_time_zero": 2024, "last_contact": 2025},
    }
    return survival.changed(evidence=Evidence((*kept, *more), found, facts))


def words(parts: Any, name: str = "calibration-report.html") -> str:
    text = re.sub(r"<svg.*?</svg>", " ", parts.rendered()[name].decode(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def section(parts: Any, key: str, name: str = "calibration-report.json") -> str:
    page = json.loads(parts.rendered()[name])
    (one,) = [each for each in (*page["page_one"], *page["sections"]) if each["id"] == key]
    return json.dumps(one, ensure_ascii=False)


def test_of_twenty_points_none_is_left_open_without_a_reason(whole: Any, survival: Any) -> None:
    for parts, done in ((whole, 17), (survival, 10)):
        page = json.loads(parts.rendered()["calibration-report.json"])
        (grid,) = [b for s in page["sections"] for b in s["blocks"] if b.get("name") == "twenty_points"]
        rows = [[cell["text"] for cell in row] for row in grid["rows"]]
        assert [row[0] for row in rows] == [str(k) for k in range(1, 21)]
        assert {row[2] for row in rows} <= {"done", "in part", "not done"}
        assert sum(row[2] == "done" for row in rows) >= done
        for row in rows:
            assert row[2] == "done" or len(row[3]) > len(f"section {row[0]}") + 10, row


def test_of_no_evidence_no_point_of_numbers_is_done(survival: Any) -> None:
    bare = survival.changed(evidence=Evidence(), identity={}, decision={})
    page = json.loads(bare.rendered()["calibration-report.json"])
    (grid,) = [b for s in page["sections"] for b in s["blocks"] if b.get("name") == "twenty_points"]
    states = {row[0]["text"]: row[2]["text"] for row in grid["rows"]}
    assert {states[str(k)] for k in (3, 4, 5, 6, 7, 8, 9, 11, 13, 14, 15, 16)} == {"not done"}


def test_what_was_not_checked_is_what_the_evidence_lacks(whole: Any, survival: Any) -> None:
    left = section(whole, "p19")
    for name in ("External cohort", "Temporal validation", "Performance after release"):
        assert name in left
    assert "Optimism-corrected values: " not in left
    bare = section(survival, "p19")
    for name in ("Decision curve", "Subgroups", "Stability", "Comparator scores", "Sample size", "Split proofs"):
        assert name in bare, name


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("p9", "estimated to be worth more than treating all or none from"),
        ("p10", "What the next hospital should expect, died"),
        ("p10", "0.84 to 1.29"),
        ("p10", "left out: S03 (fewer than 10 events)"),
        ("p10", "Holm over 3 gaps"),
        ("p11", "period: 2018 to 2020"),
        ("p12", "complete cases"),
        ("p13", "Apparent values less their optimism"),
        ("p13", "0.712 (0.662 to 0.762)"),
        ("p14", "3.1 %"),
        ("p14", "8.2 %"),
        ("p15", "given the predictors"),
        ("p15", "0.740 (0.700 to 0.780)"),
        ("p16", "katagiri revised, recalibrated"),
        ("p16", "0.088 (0.060 to 0.110)"),
        ("p18", "sentence 4"),
        ("p7", "median 40 % where it did and 20 % where it did not"),
    ],
)
def test_a_point_of_the_report_shows_its_evidence(whole: Any, key: str, said: str) -> None:
    assert said in section(whole, key)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("p9", "MISSING: net benefit"),
        ("p10", "sites were not pooled in this run"),
        ("p10", "MISSING: no subgroup was judged. try: subgroups = "),
        ("p11", "MISSING: no calendar period was named"),
        ("p13", "MISSING: the whole development was not refitted in a bootstrap. try: "),
        ("p14", "MISSING: no refits show"),
        ("p15", "MISSING: whether leaving depends on the predictors"),
        ("p16", "MISSING: no comparator was judged"),
        ("p18", "MISSING: the evidence was not appraised"),
    ],
)
def test_a_point_without_evidence_says_what_was_not_done(survival: Any, key: str, said: str) -> None:
    assert said in section(survival, key).replace('\\"', '"')


def test_an_interval_is_read_also_where_no_line_of_origin_stands_behind_it(whole: Any) -> None:
    for said in ("0.088 (0.060 to 0.110)", "1.31 (1.12 to 1.50)"):
        assert said in words(whole), said


def test_page_one_names_worst_and_next_hospital_findings_and_the_nearest_score(whole: Any) -> None:
    good, wrong = section(whole, "good", "card.json"), section(whole, "wrong", "card.json")
    assert "Worst site: S0" in good
    assert "0.84 to 1.29" in good
    assert "C higher than katagiri revised by 0.088 (0.060 to 0.110)" in good
    for code in ("PM002", "PM003", "PM004"):
        assert code in wrong
    assert "PM005" not in wrong
    assert "1, under Findings" in wrong
    assert "sex: female: Observed : expected, 1.31 (1.12 to 1.50) times that of the others; p after Holm 0.010" in wrong


def test_page_one_says_first_that_a_predictor_may_know_the_outcome(whole: Any) -> None:
    tables = {name: [dict(row) for row in rows] for name, rows in whole.evidence.tables.items()}
    tables["findings"][4] |= {"code": "PM029", "title": "a leak"}
    wrong = section(whole.changed(evidence=replace(whole.evidence, tables=tables)), "wrong", "card.json")
    assert wrong.index("PM029 a leak") < wrong.index("PM002")
    assert "PM004" not in wrong


def test_the_card_has_a_chapter_for_each(whole: Any) -> None:
    for key, said in (
        ("size", "1\u202f200"),
        ("benefit", "Net benefit"),
        ("groups", "sex: female"),
        ("comparators", "katagiri revised"),
        ("stability", "mean absolute prediction error"),
        ("findings", "6 questions: 4 found, 1 passed, 1 not applicable"),
        ("standards", "TRIPOD+AI: 52 rows"),
        ("provenance", "Split proofs"),
    ):
        assert said in section(whole, key, "card.json"), key


def test_weights_given_the_predictors_stand_in_front_where_the_evidence_says_so(whole: Any) -> None:
    marginal = replace(whole.evidence, facts={**whole.evidence.facts, "headline_weights": "marginal"})
    assert "0.160 (0.110 to 0.210)" in section(whole, "p8")
    assert "0.160 (0.110 to 0.210)" not in section(whole.changed(evidence=marginal), "p8")


def test_corrected_for_optimism_they_stand_in_front_too_and_beside_their_marginal_twin(whole: Any) -> None:
    name, key = "ipcw_null_of_scored_data", {"cause": "died", "horizon_days": 42.0}
    more = [
        Estimate("ipa", f"{name}{end}_optimism_corrected", value=value, design=BOOT, model="chosen", n=900, **key)
        for end, value in (("", 0.111), ("_given_predictors", 0.222))
    ]
    telling = whole.evidence.find(metric="censoring_c")
    found = Evidence((*telling, *more), {}, whole.evidence.facts)
    subject = Subject(found, whole.study, whole.identity, whole.decision, ())
    assert subject.design == BOOT
    assert subject.find("ipa", **key).value == 0.222
    (_, grid) = censoring(subject, "died")
    assert [cell.text for cell in grid.rows[0]][2:] == ["0.111", "0.222", "0.111"]


def test_a_decision_curve_claims_only_thresholds_at_which_it_beats_both_defaults(whole: Any) -> None:
    rows = [dict(row) for row in whole.evidence.tables["decision_curve"]]
    for row in rows:
        row["net_benefit"] = max(row["treat_all"], 0.0) + (0.05 if 0.2 <= row["threshold"] <= 0.4 else 0.0)
    tables = {**whole.evidence.tables, "decision_curve": rows}
    better = whole.changed(evidence=Evidence(whole.evidence.estimates, tables, whole.evidence.facts))
    assert "worth more than treating all or none from 20 to 40 %" in section(better, "p9")
    for row in rows:
        row["net_benefit"] = max(row["treat_all"], 0.0)
    none = whole.changed(evidence=Evidence(whole.evidence.estimates, tables, whole.evidence.facts))
    assert "at no threshold is the model estimated to be worth more" in section(none, "p9")


def test_all_data_of_the_report_lie_beside_it_as_tables(whole: Any) -> None:
    made = whole.rendered()
    html = made["calibration-report.html"].decode() + made["card.html"].decode()
    named = set(re.findall(r"tables/[A-Za-z0-9_.-]+\.csv", html))
    assert named <= set(made)
    assert {f"tables/{name}.csv" for name in tables()} <= set(made)
    rows = made["tables/decision_curve.csv"].decode().splitlines()
    assert len(rows) == 1 + len(tables()["decision_curve"])


def test_pictures_hold_finite_numbers_alone(whole: Any) -> None:
    for name in ("card.html", "calibration-report.html"):
        html = whole.rendered()[name].decode()
        pictures = re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL)
        assert len(pictures) > 10
        for picture in pictures:
            numbers = re.findall(r' (?:x|y|x1|x2|y1|y2|width|height|cx|cy)="([^"]+)"', picture)
            assert all(math.isfinite(float(number)) for number in numbers)
            assert not [number for number in numbers if float(number) < -60 or float(number) > 900]


def test_every_fact_that_a_run_can_fill_is_filled_by_a_whole_run(whole: Any) -> None:
    text = words(whole, "profiles/tripod-ai.html")
    assert "Of 22 that a run can fill, 22 are filled; of 14 that it can fill in part, its facts stand in 14." in text


def test_text_of_findings_groups_scores_and_people_is_shown_as_text(whole: Any) -> None:
    hostile = '<script>alert("x")</script>'
    tables = {name: [dict(row) for row in rows] for name, rows in whole.evidence.tables.items()}
    tables["findings"][1] |= {"title": hostile, "sentence": hostile}
    tables["comparators"] = [
        {"model": "katagiri_revised", "title": hostile, "patients": 9, "not_scored": 1, "with_range": 0}
    ]
    tables["subgroup_gaps"][0] |= {"level": hostile, "multiplicity": hostile}
    tables["site_performance"][2] |= {"site": hostile, "reason": hostile}
    estimates = tuple(
        replace(e, population=f"sex={hostile}") if e.population == "sex=female" else e for e in whole.evidence.estimates
    )
    said = replace(whole.declared, said={**whole.declared.said, "thresholds": hostile, "limits": hostile})
    made = whole.changed(evidence=Evidence(estimates, tables, whole.evidence.facts), declared=said).rendered()
    for name, content in made.items():
        if name.endswith((".html", ".xml", ".md")):
            assert "<script" not in content.decode(), name
    for name in ("card.html", "calibration-report.html", "profiles/tripod-ai.html"):
        assert "&lt;script&gt;" in made[name].decode(), name


def test_what_missing_inputs_and_other_mappings_would_change_stands_beside_the_scores(survival: Any) -> None:
    about = {"model": "tokuhashi_revised", "title": "Revised Tokuhashi", "patients": 1000, "not_scored": 0}
    about |= {"with_range": None, "mean_width": None, "widest": None}
    c = {"model": "tokuhashi_revised", "metric": "harrell_c", "horizon_days": None}
    judged = replace(
        survival.evidence.one(metric="harrell_c", design="nested_cross_validation"), model="tokuhashi_revised"
    )
    tables = {
        **survival.evidence.tables,
        "comparators": [about],
        "comparator_ranges": [{**c, "at_lowest": 0.6214, "at_middle": 0.6431, "at_highest": 0.6512}],
        "comparator_readings": [
            {**c, "reading": "ECOG 1 as 70", "patients": 41, "as_judged": 0.6431, "otherwise": 0.6557, "reason": ""},
            {**c, "reading": "sarcoma as 0", "patients": None, "as_judged": None, "otherwise": None, "reason": "few"},
        ],
    }
    facts = {**survival.evidence.facts, "comparators": ["tokuhashi_revised"]}
    evidence = Evidence((*survival.evidence.estimates, judged), tables, facts)
    made = survival.changed(evidence=evidence).rendered()
    for name in ("card.html", "calibration-report.html"):
        words = re.sub(r"<[^>]+>", " ", made[name].decode())
        for said in ("0.621", "0.651", "ECOG 1 as 70", "0.656", "not applicable: few"):
            assert said in words, said
    assert b"sarcoma as 0" in made["tables/comparator_readings.csv"]


@pytest.mark.parametrize(
    ("identity", "words"),
    [
        ({"version": 1}, "not applicable: first version"),
        ({"version": None}, "not applicable: not yet released"),
        ({"version": 2}, "MISSING: no earlier version was compared"),
        ({"version": 2, "change": "Against survival@1: data: patients 900 → 1 000."}, "patients 900 → 1 000"),
    ],
)
def test_page_one_says_what_changed_or_why_nothing_could(survival: Any, identity: dict[str, Any], words: str) -> None:
    made = survival.changed(identity={**survival.identity, **identity}).rendered()
    front = json.loads(made["card.json"])["page_one"]
    assert words in json.dumps(next(one for one in front if one["id"] == "change"), ensure_ascii=False)
