"""Two worlds in which the right answer is known beforehand: nothing to predict, and a predictor that is the outcome.

In the null world the patients' predictors are dealt anew among them: each figure's interval has to hold the value of a
prediction that knows nothing, and the appraisal has to say so. In the other a laboratory value of innocent name and
plausible range is replaced by the follow-up in disguise: the appraisal has to ring, and the leakage screen to name it.

One split in time holds at the nominal rate. Cross-validation cannot, exactly where there is nothing to predict: its
figure is then Σ r_i r_j over pairs of folds, each pair counted twice, whose standard deviation is √2 times what
intervals that take the predictions as known can see, so that 83 of 100 are to be expected instead of 95 (Bengio &
Grandvalet 2004). With any signal that part is lost beside the first-order one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final, final

import numpy as np
import pandas as pd

from experiments.assembly import assemble
from experiments.benchmarks.demonstration import Demonstration, demonstrate
from features.cohort import Cohort
from training.evidence import Estimate, Evidence
from training.validation import develop_on_all, validate
from training.workers import engine

NESTED: Final = "nested_cross_validation"
SPLIT: Final = "temporal"
DESIGNS: Final = f'designs=[{{design="{NESTED}",folds=5,repeats=1}}, {{design="{SPLIT}",share=0.5}}]'
QUICK: Final = (
    'recipes=[{family="cox"}, {family="coxnet"}]',
    DESIGNS,
    "tuning.trials=3",
    "comparators=[]",
    "subgroups=[]",
    "intervals.resamples=100",
)
LEAK: Final = "albumin"
ALARMS: Final = {"PM020": "(too good to be true)", "PM029": "(the screen)"}
_IDENTITY: Final = dict.fromkeys(("run", "study", "contract", "data", "source"), "")


@final
class World:
    """One registry, changed in memory, and a small study of it."""

    def __init__(self, patients: int, seed: int, overrides: tuple[str, ...] = QUICK) -> None:
        self.seed = seed
        self.shown: Demonstration = demonstrate("survival", patients, seed, overrides)

    def shuffled(self) -> Cohort:
        """Everybody with somebody's predictors."""
        cohort = self.shown.prepared.cohort
        order = np.random.default_rng(self.seed).permutation(cohort.n)
        return replace(cohort, frame=cohort.frame.iloc[order].reset_index(drop=True))

    def leaking(self) -> Cohort:
        """Albumin that falls as death comes near: 2 to 5 g/dL by rank of follow-up, with an error of measurement."""
        cohort, outcome = self.shown.prepared.cohort, self.shown.prepared.judged
        rank = pd.Series(outcome.time_days).rank(pct=True).to_numpy()
        noise = np.random.default_rng(self.seed).normal(0, 0.1, cohort.n)
        return replace(cohort, frame=cohort.frame.assign(**{LEAK: np.round(2 + 3 * rank + noise, 1)}))

    def recorded_late(self) -> Cohort:
        """Albumin that is known only of those who lived for ninety days, as of a value written down at a visit."""
        cohort, outcome = self.shown.prepared.cohort, self.shown.prepared.judged
        early = (outcome.time_days < 90) & (outcome.event > 0)
        return replace(cohort, frame=cohort.frame.assign(**{LEAK: cohort.frame[LEAK].where(~early)}))

    def evidence(self, cohort: Cohort, workers: int = 1) -> Evidence:
        """The study answered with these predictors."""
        shown, ready = self.shown, self.shown.prepared
        seed, outcome = shown.study.seed, ready.observed.outcome
        identity: dict[str, Any] = {**_IDENTITY, "tables": {}, "libraries": {}, "synthetic": True}
        develop = replace(ready.develop, comparators=())  # a score knows what the dealt predictors have lost
        with engine(workers) as pool:
            predictions = validate(develop, cohort, outcome, shown.study.designs, seed=seed, engine=pool)
            developed = develop_on_all(develop, cohort, outcome, seed)
            return assemble(
                shown.study,
                shown.contract,
                cohort,
                ready.observed,
                develop,
                predictions,
                developed,
                (),
                identity,
                pool,
            )


def measure(*, patients: int = 800, seeds: tuple[int, ...] = tuple(range(1, 11)), workers: int = 2) -> Iterator[str]:
    """Both worlds over several registries."""
    yield f"null world: the predictors of {patients} synthetic patients dealt anew; five folds, and one split in time"
    held: dict[str, list[bool]] = {SPLIT: [], NESTED: []}
    said = 0
    for seed in seeds:
        world = World(patients, seed)
        evidence = world.evidence(world.shuffled(), workers)
        said += state_of(evidence, "PM018") == "found"
        yield f"  seed {seed:>2}  nothing to predict: {state_of(evidence, 'PM018')}"
        for design, count in held.items():
            for name, inside, shown in known_beforehand(evidence, design):
                count.append(inside)
                yield f"    {design:<24} {name:<24} {shown}  {'holds' if inside else 'MISSES'}"
    for design, count in held.items():
        yield f"  {design}: {sum(count)} of {len(count)} intervals hold it"
    yield f"  {said} of {len(seeds)} appraisals say that there is nothing to predict"
    yield from _leaks(patients, seeds, workers)


def _leaks(patients: int, seeds: tuple[int, ...], workers: int) -> Iterator[str]:
    leaks: dict[str, Callable[[World], Cohort]] = {
        "the follow-up in disguise": World.leaking,
        "known only of those who lived 90 days": World.recorded_late,
    }
    for words, plant in leaks.items():
        yield f"planted leak: {LEAK} is {words}"
        rung = dict.fromkeys(ALARMS, 0)
        for seed in seeds:
            world = World(patients, seed)
            evidence = world.evidence(plant(world), workers)
            key = {**_whose(evidence, NESTED), "estimator": "within_fold_pairs", "horizon_days": None}
            c = _number(evidence.one(metric="harrell_c", **key))
            found = [code for code in ALARMS if state_of(evidence, code) == "found"]
            rung = {code: count + (code in found) for code, count in rung.items()}
            named = ", ".join(str(row["field"]) for row in evidence.tables.get("suspicions", ())) or "nothing"
            yield f"  seed {seed:>2}  C {c}  found: {', '.join(found) or 'NOTHING'}; the screen names {named}"
        yield "  " + ", ".join(f"{code} {words} in {rung[code]} of {len(seeds)}" for code, words in ALARMS.items())


def known_beforehand(evidence: Evidence, design: str) -> list[tuple[str, bool, str]]:
    """(figure, whether its interval holds the value of knowing nothing, the figure): C 0.5, IPA at or below 0, slope 0,
    and net benefit no better than the better default.
    """
    rows = []
    for metric, estimator in (
        ("harrell_c", "within_fold_pairs"),
        ("ipa", "ipcw_null_of_scored_data"),
        ("calibration_slope", "cox_on_log_hazard"),
        ("calibration_slope", "pseudo_cloglog"),
    ):
        for one in evidence.find(metric=metric, estimator=estimator, **_whose(evidence, design)):
            when = "" if one.horizon_days is None else f" {one.horizon_days:g} d"
            rows.append((f"{metric}{when}", _holds(one), _number(one)))
    curve = [
        row
        for row in evidence.tables.get("decision_curve", ())
        if row["design"] == design and row["model"] == "chosen" and row["low"] is not None
    ]
    if curve:
        best = max(curve, key=lambda row: float(row["net_benefit"]) - max(float(row["treat_all"]), 0.0))
        default = max(float(best["treat_all"]), 0.0)
        shown = f"{best['net_benefit'] - default:+.4f} at best over the defaults, {len(curve)} thresholds"
        rows.append(("net benefit", best["low"] <= default, shown))
    return rows


def state_of(evidence: Evidence, code: str) -> str:
    """What the appraisal answered to one question."""
    return next(str(row["state"]) for row in evidence.tables["findings"] if row["code"] == code)


def _whose(evidence: Evidence, design: str) -> dict[str, Any]:
    return {"design": design, "model": "chosen", "population": "all", "cause": next(iter(evidence.facts["events"]))}


def _holds(one: Estimate) -> bool:
    """A constant prediction has no slope to be estimated, which is the right answer too."""
    if one.value is None:
        return one.metric == "calibration_slope" and one.reason.startswith("not estimable")
    if one.low is None or one.high is None:
        return False
    if one.metric == "ipa":
        return one.low <= 0
    return one.low <= (0.5 if one.metric == "harrell_c" else 0.0) <= one.high


def _number(one: Estimate) -> str:
    if one.value is None or one.low is None or one.high is None:
        return one.reason or f"{one.value}"
    return f"{one.value:+.3f} ({one.low:+.3f} to {one.high:+.3f})"
