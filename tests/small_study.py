"""The smallest study of the synthetic registry that still walks the whole road, for tests that need a finished run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from experiments.results import RunFolder
from experiments.study import Study
from features.contract import Contract
from features.registries.synthetic import SyntheticSettings, simulate, write_extract
from training.bundle import write_bundle

CONFIGS = Path(__file__).resolve().parents[1] / "configs"
SMALL = (
    'recipes=[{family="cox"}]',
    'predictors=["age_at_treatment", "ecog", "albumin"]',
    'designs=[{design="nested_cross_validation",folds=2,repeats=1}]',
    "tuning.trials=1",
    "tuning.folds=2",
    "intervals.resamples=20",
    "comparators=[]",
    "subgroups=[]",
)


def small_study(*more: str) -> Study:
    """The survival study, cut short; `more` overrides what is cut."""
    return Study.from_toml(CONFIGS / "studies" / "survival.toml", (*SMALL, *more))


def spine() -> Contract:
    """The contract of the spine registry."""
    return Contract.from_toml(CONFIGS / "registries" / "spine.toml")


def extract(folder: Path, *, patients: int, seed: int = 1, **more: Any) -> Path:
    """Tables of a synthetic registry, written to `folder`."""
    write_extract(simulate(SyntheticSettings(patients=patients, seed=seed, **more)), folder)
    return folder


def bundled(run: RunFolder, folder: Path, **changed: Any) -> Path:
    """The bundle of a run, parts of it changed, every digest whole."""
    parts = {"model": run.model(), "study": run.json("study"), "contract": run.contract, "evidence": run.evidence}
    rest = {"name": "survival", "version": 1, "run": run.run, "documents": {}, "decision": {"verdict": "promoted"}}
    write_bundle(folder, **{**rest, **parts, **changed})
    return folder
