"""No count of one to nine patients is in finished evidence, and none can be reckoned from it.

`leaks` is the attack: it reads nothing but what is printed, adds and subtracts over sites, levels, scored or not, event
or not, and says which counts of one to nine it found. Before there was a law for all evidence it found some 290 in that
of each default study.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from experiments.cli import main
from experiments.documents import render
from experiments.results import RunFolder
from experiments.run import run_study
from experiments.study import Study
from experiments.suppression import Told
from features.cohort import Cohort, Flow
from features.contract import Contract
from features.outcome import Outcome
from features.registries.synthetic import SyntheticSettings, simulate, write_extract
from training.disclosure import WITHHELD
from training.evidence import Estimate, Evidence
from training.subgroups import Subgroup

ROOT = Path(__file__).resolve().parents[2]
QUICK = (
    "tuning.trials=1",
    "tuning.folds=2",
    "designs=[{design='nested_cross_validation', folds=2, repeats=1}, {design='leave_one_site_out'}, "
    "{design='temporal', share=0.6}]",
    "intervals.resamples=20",
    'recipes=[{family="cox"}]',
)

FEW = range(1, 10)
_COUNTS = {
    "n", "events", "patients", "missing", "of", "left", "remaining", "outside", "at_risk", "n_train", "n_test",
    "not_scored", "complete", "with_range", "known_alive_throughout", "assessed", "recovery_first_seen", "censored",
}  # fmt: skip

Cell = tuple[str, str, float | None]


def leaks(evidence: Evidence) -> list[str]:
    """Sentences: each count of one to nine that is told, or follows from what is told."""
    return [*_printed(evidence), *_reckoned(evidence), *_partitions(evidence)]


def _printed(evidence: Evidence) -> Iterator[str]:
    """Counts as they stand."""
    for e in evidence.estimates:
        yield from (f"{e.id} {name}" for name in ("n", "events") if getattr(e, name) in FEW)
    for table, rows in evidence.tables.items():
        for row in rows:
            told = {name for name in _COUNTS & set(row) if type(row[name]) is int and row[name] in FEW}
            told |= {"value"} if row.get("statistic") == "count" and row["value"] in FEW else set()
            yield from (f"{table} {name} {row.get('site', row.get('level', ''))}" for name in told)
    for name, value in evidence.facts.get("endpoint", {}).items():
        if type(value) is int and value in FEW:
            yield f"fact {name}"


def _reckoned(evidence: Evidence) -> Iterator[str]:
    """Counts of groups of patients, from sums over sites, levels, scored or not, event or not."""
    known, sums = _known(evidence), _sums(evidence)
    whole = {("all", name, None) for name in ("n", "censored", *evidence.facts["events"])}
    while True:
        new: dict[Cell, int] = {}
        for total, parts in sums:
            unknown = [cell for cell in (total, *parts) if cell not in known]
            if len(unknown) == 1:
                told = sum(known[cell] for cell in parts if cell in known)
                new[unknown[0]] = told if unknown[0] == total else known[total] - told
        if not new:
            break
        known |= new
    yield from (f"reckoned {cell}" for cell, count in known.items() if count in FEW and cell not in whole)
    for total, parts in sums:
        hidden = [cell for cell in parts if cell not in known]
        if total in known and hidden and known[total] - sum(known.get(cell, 0) for cell in parts) in FEW:
            yield f"reckoned together {hidden}"


def _known(evidence: Evidence) -> dict[Cell, int]:
    facts = evidence.facts
    known: dict[Cell, int] = {("all", "n", None): facts["n"], ("all", "censored", None): facts["censored"]}
    known |= {("all", cause, None): count for cause, count in facts["events"].items()}
    for e in evidence.estimates:
        who = _who(e)
        if e.n is not None:
            known[who, "n", None] = e.n
        if e.events is not None and e.cause:
            known[who, e.cause, e.horizon_days] = e.events
    for row in evidence.tables.get("sites", ()):
        who = f"site={row['site']}"
        known |= {(who, name, None): row[name] for name in ("n", "censored", *facts["events"]) if row[name] is not None}
    for row in evidence.tables.get("comparators", ()):
        if row["patients"] is not None:
            known[f"scored by {row['model']}", "n", None] = row["patients"]
    for e in evidence.estimates:
        # Where nobody was censored a rate is a count over a count.
        size, share = known.get((_who(e), "n", None)), _share(evidence, e)
        if size is not None and share is not None and abs(share * size - round(share * size)) < 1e-6:
            known.setdefault((_who(e), e.cause, e.horizon_days), round(share * size))
    return known


def _who(e: Estimate) -> str:
    return f"{e.design} {e.population}" if e.design == "temporal" else e.population


def _share(evidence: Evidence, e: Estimate) -> float | None:
    """The observed risk as a reader finds it: as it stands, or O/E times the mean risk."""
    if e.metric == "observed_risk":
        return e.value
    if e.metric != "oe_ratio" or e.value is None or "_given_" in e.estimator or not e.model:
        return None
    where = {name: getattr(e, name) for name in ("cause", "horizon_days", "population", "design", "model")}
    mean = next((one.value for one in evidence.find(metric="mean_risk", **where)), None)
    return None if mean is None or "over_mean" not in e.estimator or "corrected" in e.estimator else e.value * mean


def _sums(evidence: Evidence) -> list[tuple[Cell, tuple[Cell, ...]]]:
    causes = list(evidence.facts["events"])
    days = [None, *sorted({e.horizon_days for e in evidence.estimates if e.horizon_days is not None})]
    populations = dict.fromkeys(_who(e) for e in evidence.estimates if e.population not in ("next site",))
    populations.pop("all sites, pooled", None)
    parts = {
        f"{name}=": [f"{name}={level}" for level in levels] for name, levels in evidence.facts["subgroups"].items()
    }
    parts["site="] = [one for one in populations if one.startswith("site=")] or [
        f"site={row['site']}" for row in evidence.tables["sites"]
    ]
    groups = [("all", each) for each in parts.values() if each]
    groups += [("all", [one, f"not {one}"]) for one in populations if "=" not in one and one != "all"]
    sums: list[tuple[Cell, tuple[Cell, ...]]] = []
    for whole, each in groups:
        for name, day in [("n", None), *((cause, day) for cause in (*causes, "censored") for day in days)]:
            sums.append(((whole, name, day), tuple((one, name, day) for one in each)))
    for who in dict.fromkeys(one for whole, each in groups for one in (whole, *each)):
        sums += [((who, "n", None), tuple((who, name, day) for name in ("censored", *causes))) for day in days]
    return sums


def _partitions(evidence: Evidence) -> Iterator[str]:
    """Rows of one table that are everybody of a known number."""
    rows: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in evidence.tables.get("risk_by_outcome", ()):
        rows.setdefault((row["design"], row["model"], row["cause"], row["horizon_days"]), []).append(row)
    for key, own in rows.items():
        n = next(
            (e.n for e in evidence.find(design=key[0], model=key[1], cause=key[2]) if "=" not in e.population), None
        )
        told = [row["n"] for row in own if row["n"] is not None]
        if n is not None and len(told) < len(own) and (n - sum(told) in FEW):
            yield f"risk_by_outcome {key}: {n - sum(told)}"
    for row in evidence.tables.get("comparators", ()):
        patients, n = row["patients"], evidence.facts["n"]
        if patients is None and None not in (row["complete"], row["with_range"]):
            patients = row["complete"] + row["with_range"]
        if patients is not None and n - patients in FEW:
            yield f"comparators {row['model']}: not scored"
        if patients is not None and row["complete"] is not None and patients - row["complete"] in FEW:
            yield f"comparators {row['model']}: with range"
    flow = evidence.tables.get("flow", ())
    remaining = [row["remaining"] for row in flow if row["remaining"] is not None]
    yield from (f"flow {a - b}" for k, a in enumerate(remaining) for b in remaining[k + 1 :] if a - b in FEW)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A small registry: four hospitals, rare levels, scores that do not speak of everybody."""
    folder = tmp_path_factory.mktemp("extract")
    write_extract(simulate(SyntheticSettings(patients=260, seed=4, sites=4)), folder)
    asked = (
        'predictors=["age_at_treatment", "ecog", "albumin", "primary_site"]',
        "comparators=['katagiri_revised', 'rades_two_month']",
    )
    study = Study.from_toml(ROOT / "configs" / "studies" / "survival.toml", (*QUICK, *asked))
    contract = Contract.from_toml(ROOT / "configs" / "registries" / "spine.toml")
    return run_study(study, contract, folder, tmp_path_factory.mktemp("root"))


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """One table with three hospitals, two causes, a rare grade, and nobody lost before two years."""
    folder, rng, n = tmp_path_factory.mktemp("flat"), np.random.default_rng(6), 170
    died, other = rng.exponential(500, n).clip(1).round(), rng.exponential(2500, n).clip(1).round()
    days = np.minimum(np.minimum(died, other), 730 + rng.integers(0, 90, n))
    table = pd.DataFrame(
        {
            "pid": [f"{i:04d}" for i in range(n)],
            "age": rng.normal(62, 9, n).round(1),
            "grade": rng.choice(["low", "middle", "high"], n, p=[0.6, 0.35, 0.05]),
            "albumin": np.where(rng.random(n) < 0.03, np.nan, rng.normal(3.6, 0.5, n).round(1)),
            "hospital": rng.choice(["A", "B", "C"], n, p=[0.6, 0.34, 0.06]),
            "days": days,
            "ended": np.where(days == died, 1, np.where(days == other, 2, 0)),
        }
    )
    table.to_csv(folder / "mine.csv", index=False)
    words = [
        "--time",
        "days",
        "--event",
        "ended",
        "--causes",
        "1=died,2=other",
        "--id",
        "pid",
        "--site",
        "hospital",
        "--no-input",
    ]
    assert main(["init", str(folder / "p"), "--from", str(folder / "mine.csv"), *words]) == 0
    study = next((folder / "p" / "configs" / "studies").glob("*.toml"))
    contract = next((folder / "p" / "configs" / "registries").glob("*.toml"))
    asked = ("subgroups=['grade']", "endpoint.horizons_days=[60, 365, 720]", "endpoint.primary_horizon_days=365")
    quick = (*QUICK[:2], QUICK[2].replace(", {design='temporal', share=0.6}", ""), *QUICK[3:])
    return run_study(
        Study.from_toml(study, (*quick, *asked)), Contract.from_toml(contract), folder / "mine.csv", folder
    )


@pytest.fixture(params=["registry", "flat"])
def run(request: pytest.FixtureRequest) -> RunFolder:
    found: RunFolder = request.getfixturevalue(request.param)
    return found


def test_no_small_count_is_told_or_follows_from_what_is(run: RunFolder) -> None:
    assert leaks(run.evidence) == []


def test_what_is_not_told_has_a_state_and_a_reason(run: RunFolder) -> None:
    withheld = [e for e in run.evidence.estimates if WITHHELD in e.reason]
    assert withheld
    assert all(e.state == "not applicable" or e.events is None for e in withheld)
    assert all(e.value is None for e in withheld if e.state == "not applicable")


def test_documents_are_rendered_of_what_is_told(run: RunFolder) -> None:
    description = run.json("study").get("endpoint_description", {})
    study = {**run.study.to_json(), "endpoint_description": description}
    identity = {"name": run.study.name, "version": 1, "status": "candidate", "run": run.run, "model_digest": "0" * 64}
    documents = render(run.evidence, study, run.contract, identity, {})
    assert {"card.html", "calibration-report.html"} <= set(documents)
    for name, content in documents.items():
        assert b">None<" not in content, name
        assert b"nan" not in content.lower().split(), name


def test_a_gap_between_groups_counts_whom_its_estimates_count(registry: RunFolder) -> None:
    evidence = registry.evidence
    assert evidence.tables["subgroup_gaps"]
    for row in evidence.tables["subgroup_gaps"]:
        named = {name: row[name] for name in ("metric", "estimator", "cause", "horizon_days")}
        own = evidence.one(population=f"{row['group']}={row['level']}", model="chosen", **named)
        assert (row["n"], row["events"], row["value"]) == (own.n, own.events, own.value)


def test_the_law_again_changes_nothing() -> None:
    """Every sum is looked at once; what is left is closed."""
    n = 60
    outcome = Outcome.right_censored(np.arange(1.0, n + 1), (np.arange(n) % 3 > 0).astype(int), ("died",))
    cohort = Cohort(pd.DataFrame(index=range(n)), np.array([f"{k}" for k in range(n)]), None, Flow(n))
    group = Subgroup("g", {"a": np.arange(7), "b": np.arange(7, 30), "c": np.arange(30, n)})
    told = Told.of(cohort, outcome, (20.0,), groups=(group,))
    rate = {"cause": "died", "horizon_days": 20.0, "design": "d", "model": "m"}
    counted = [Estimate("oe_ratio", "x", population=f"g={level}", value=1.0, n=len(rows), events=9, **rate)
               for level, rows in group.levels.items()]  # fmt: skip
    once = told.closed(Evidence(tuple(counted)))
    assert told.closed(once) == once
    assert [e.n for e in once.estimates] == [None, None, 30]
    assert once.estimates[0].reason.endswith(WITHHELD)
