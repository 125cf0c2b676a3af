"""A run beside the released champion: recipe against recipe, model against model, and what is new in the extract.

The impure half of the gate: it reads tables, refits the champion's study and keeps what it found in the run folder.
`promotion.decide` judges the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from experiments.extracts import News, news
from experiments.follow_up import among, censoring_given_predictors
from experiments.identity import patient_hashes
from experiments.promotion import Challenge, PromotionRule
from experiments.results import RunError, RunFolder, list_runs
from experiments.run import Prepared, prepare, run_study
from experiments.study import BESIDE, Study, StudyError
from features.contract import ContractError
from features.extract import read_extract
from training.bundle import Bundle, open_bundle
from training.comparison import Comparison, compare
from training.conditional_censoring import ConditionalCensoring
from training.evaluation import Scored, evaluate
from training.evidence import Estimate, digest
from training.resampling import derive_seed, keyed_hashes
from training.shelf import Placed, Shelf, ShelfError
from training.validation import Progress

_DESIGN, _CHOSEN, _NEW = "nested_cross_validation", "chosen", "new_patients"
# What a study learns with. The rest (cohort, endpoint, folds) is the challenger's, so that every difference is paired.
_LEARNS = ("predictors", "recipes", "tuning")


@final
@dataclass(frozen=True)
class Compared:
    """A run beside the champion; with no champion, the challenge holds the run's own evidence alone."""

    challenge: Challenge
    news: News | None = None


def compare_with_champion(
    run: RunFolder,
    root: Path,
    rule: PromotionRule,
    *,
    tables: Path | None = None,
    progress: Progress | None = None,
    workers: int = 1,
) -> Compared:
    """Compare one finished run with the champion of its name, or return what an earlier call found.

    tables  of the run; remembered by `study` where not given. Raises `RunError` where they are needed and are not
    there, or are not those of the run.
    """
    if not run.finished:
        raise RunError(f"run {run.path.name} is not finished. try: spinecast study {run.study.name}, which resumes it")
    champion = _champion(root, run.study.name)
    if champion is None or champion.run == run.run:
        return Compared(_alone(run))
    key = digest({"champion": champion.manifest_sha256, "rule": rule.model_dump(mode="json")})
    if (run.path / "comparison.json").is_file():
        found = run.json("comparison")
        if found["key"] == key:
            return _from_json(run, champion, found)
    measured = _Measuring(run, root, rule, champion, tables).measure(progress, workers)
    value = {"key": key, "champion": champion.reference, **measured}
    run.write_json("comparison", value)
    return _from_json(run, champion, value)


@dataclass(frozen=True)
class _Measuring:
    """One comparison being made."""

    run: RunFolder
    root: Path
    rule: PromotionRule
    champion: Placed
    tables: Path | None

    def measure(self, progress: Progress | None, workers: int) -> dict[str, Any]:
        run, folder = self.run, self._tables()
        extract = read_extract(folder, run.contract)
        if extract.digest != run.json("run")["data"]:
            raise RunError(f"run {run.path.name}: the tables are not the run's own. try: --tables DIR with its extract")
        ready = prepare(run.study, run.contract, extract)
        bundle = open_bundle(self.champion.folder, self.champion.manifest_sha256)
        plain = {key: value for key, value in bundle.study.items() if key not in BESIDE}
        earlier = Study.from_json(plain, self.champion.reference)
        return {
            **self._recipes(earlier, ready, folder, progress, workers),
            **self._new_patients(bundle, earlier, ready),
        }

    def _tables(self) -> Path:
        if self.tables is not None:
            return self.tables
        if (self.run.path / "tables.json").is_file():
            remembered = Path(self.run.json("tables")["tables"])
            if remembered.exists():
                return remembered
        raise RunError(f"run {self.run.path.name}: its tables are not where they were. try: --tables DIR")

    def _choices(self, *purpose: str) -> dict[str, Any]:
        study = self.run.study
        return {
            "horizons": study.endpoint.horizons_days,
            "resamples": self.rule.resamples,
            "level": self.rule.level,
            "seed": derive_seed(study.seed, "compare", *purpose),
        }

    def _follow_up(self, ready: Prepared) -> ConditionalCensoring | None:
        return censoring_given_predictors(self.run.study, self.run.contract, ready.cohort, ready.judged)

    def _recipes(
        self, earlier: Study, ready: Prepared, tables: Path, progress: Progress | None, workers: int
    ) -> dict[str, Any]:
        """Develop what the champion's study learns with on the challenger's cohort, outcome and folds."""
        run = self.run
        again = run.study.model_copy(update={name: getattr(earlier, name) for name in _LEARNS})
        if again.digest == run.study.digest:
            return {"study_unchanged": True, "recipes": None, "no_recipes": ""}
        # Only this design is compared; a bootstrap of the champion's study would double the time for nothing.
        again = again.model_copy(update={"designs": tuple(one for one in again.designs if one.design == _DESIGN)})
        changed: dict[str, Any] = {"study_unchanged": False, "recipes": None, "no_recipes": ""}
        try:
            # Inside the run folder: resumable like any run, and never mistaken for one.
            kept = run.path / "comparison"
            bare = again.model_copy(update={"comparators": (), "subgroups": (), "require_sample_size": False})
            redone = run_study(bare, run.contract, tables, kept, progress=progress, workers=workers)
        except (StudyError, ContractError) as error:
            last = str(error).splitlines()[-1].strip().rstrip(".")
            return {**changed, "no_recipes": f"it cannot be developed on this table ({last})"}
        found = compare(
            ready.judged,
            redone.predictions(_DESIGN).scored(_CHOSEN),
            run.predictions(_DESIGN).scored(_CHOSEN),
            names=(self.champion.reference, "challenger"),
            strata=ready.cohort.sites,
            censoring=self._follow_up(ready),
            **self._choices("recipes"),
        )
        return {**changed, "recipes": found.to_json()}

    def _new_patients(self, bundle: Bundle, earlier: Study, ready: Prepared) -> dict[str, Any]:
        """The champion as released against the challenger out of fold, on patients whom the champion never saw."""
        empty: dict[str, Any] = {
            "news": None,
            "new_n": 0,
            "new_events": 0,
            "new_patients": None,
            "champion_on_new": [],
            "no_new_patients": "",
        }
        folder = next((one for one in list_runs(self.root) if one.run == self.champion.run), None)
        if folder is None:
            lost = f"the run folder of {self.champion.reference} is not here, so whom it saw is not known"
            return {**empty, "no_new_patients": lost}
        if bundle.model.causes != ready.observed.outcome.causes:
            return {**empty, "no_new_patients": f"{self.champion.reference} answers other causes"}
        seen = folder.json("patients")
        whole = patient_hashes(ready.cohort, ready.observed.outcome, ready.withdrawn, earlier.seed)
        known = {one["id"] for one in seen["patients"]}
        new = np.array([one not in known for one in keyed_hashes(ready.cohort.ids, earlier.seed)], dtype=bool)
        cause = ready.observed.outcome.causes.index(self.run.study.endpoint.primary_cause) + 1
        counts: dict[str, Any] = {
            "news": news(seen, whole).to_json(),
            "new_n": int(new.sum()),
            "new_events": int((ready.observed.outcome.event[new] == cause).sum()),
        }
        if counts["new_events"] < self.rule.model_against_model.least_events:
            return {**empty, **counts}
        return {**empty, **counts, **self._on_new(bundle, ready, new)}

    def _on_new(self, bundle: Bundle, ready: Prepared, new: NDArray[np.bool_]) -> dict[str, Any]:
        scored = self.run.predictions(_DESIGN).scored(_CHOSEN)
        rows = np.flatnonzero(new[scored.patients])
        challenger = Scored(scored.patients[rows], scored.groups[rows], scored.curves.take(rows))
        answers = bundle.model.predict(ready.cohort.frame, times=scored.curves.times).mean
        # The champion's answers stand in the challenger's groups, so that both are ranked within the same pairs.
        released = Scored(challenger.patients, challenger.groups, answers.take(challenger.patients))
        choices, name = self._choices("models"), self.champion.reference
        study, contract, cohort, outcome = self.run.study, self.run.contract, ready.cohort, ready.judged
        judged = np.unique(challenger.patients)
        choices["censoring"] = among(study, contract, cohort, outcome, judged, self._follow_up(ready))
        choices |= {"strata": cohort.sites, "thresholds": study.endpoint.thresholds}
        found = compare(ready.judged, released, challenger, names=(name, "challenger"), **choices)
        own = evaluate(ready.judged, released, design=_NEW, model=name, **choices)
        return {"new_patients": found.to_json(), "champion_on_new": [asdict(one) for one in own.estimates]}


def _champion(root: Path, name: str) -> Placed | None:
    try:
        return Shelf(root / "bundles").resolve(name)
    except ShelfError:
        return None


def _alone(run: RunFolder) -> Challenge:
    endpoint = run.study.endpoint
    return Challenge(run.evidence, endpoint.primary_cause, endpoint.primary_horizon_days)


def _from_json(run: RunFolder, champion: Placed, value: Mapping[str, Any]) -> Compared:
    alone = _alone(run)
    challenge = Challenge(
        alone.evidence,
        alone.cause,
        alone.horizon_days,
        champion=champion.reference,
        study_unchanged=value["study_unchanged"],
        recipes=_comparison(value["recipes"]),
        new_patients=_comparison(value["new_patients"]),
        new_n=value["new_n"],
        new_events=value["new_events"],
        champion_on_new=tuple(Estimate(**one) for one in value["champion_on_new"]),
        no_recipes=value["no_recipes"],
        no_new_patients=value["no_new_patients"],
    )
    return Compared(challenge, None if value["news"] is None else News(**value["news"]))


def _comparison(value: Mapping[str, Any] | None) -> Comparison | None:
    if value is None:
        return None
    return Comparison(**{**value, "estimates": tuple(Estimate(**one) for one in value["estimates"])})
