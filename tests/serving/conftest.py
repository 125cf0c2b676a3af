"""A shelf with two small models, learned from simulated patients and released, for every test of this room."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.contract import Contract, Field, Table
from features.outcome import Outcome
from serving.desk import Desk
from serving.predictor import Served
from training.bundle import write_bundle
from training.evidence import Evidence
from training.families import family_named
from training.recipe import Model, Recipe
from training.shelf import Shelf

PREDICTORS = ("age_at_treatment", "sex", "albumin", "ecog", "deficit_duration", "opioid_use", "crp")
DEFICIT = ("A", "B", "C", "D")
DESCRIPTIONS: dict[str, dict[str, Any]] = {
    "survival": {
        "name": "overall_survival",
        "title": "Death from any cause",
        "time_zero": "start of index treatment",
        "causes": ["died"],
        "free_state": "alive",
        "labels": {"died": "died", "alive": "alive"},
        "population": None,
        "reading": "Of 100 patients like this, so many die by then.",
    },
    "recovery": {
        "name": "ais_improvement",
        "title": "Recovery of at least one AIS grade",
        "time_zero": "start of index treatment",
        "causes": ["recovered", "died_without_recovery"],
        "free_state": "alive_not_recovered",
        "labels": {},
        "population": {"field": "ais_grade", "levels": list(DEFICIT), "otherwise": "no deficit (AIS E)"},
        "reading": "Recovered means reached at least once by then.",
    },
}


def field(name: str, **more: Any) -> Field:
    fixed = {"name": name, "table": "baseline", "label": name.replace("_", " "), "known_at": "T0"}
    return Field(**{**fixed, **more})


CONTRACT = Contract(
    name="small",
    version="1",
    registry="spine",
    tables=(Table(name="baseline", key=("patient_id",)),),
    fields=(
        field("patient_id", kind="identifier"),
        field("age_at_treatment", kind="number", unit="a", units={"y": 1.0}, minimum=18.0, maximum=100.0),
        field("sex", kind="category", levels=("female", "male"), unknown_allowed=False),
        field("albumin", kind="number", unit="g/dL", units={"g/L": 0.1}, minimum=1.0, maximum=6.0),
        field("ecog", kind="ordinal", levels=("0", "1", "2", "3", "4")),
        field("ais_grade", kind="ordinal", levels=("A", "B", "C", "D", "E")),
        field(
            "deficit_duration", kind="number", unit="d", minimum=0.0, maximum=365.0, applies_when={"ais_grade": DEFICIT}
        ),
        field("opioid_use", kind="boolean"),
        field("crp", kind="number", unit="mg/dL", units={"mg/L": 0.1}, minimum=0.0, maximum=60.0),
    ),
)


def simulated(causes: tuple[str, ...], patients: int = 200) -> tuple[pd.DataFrame, Outcome]:
    """Patients whose hazard albumin and ECOG move; nobody's data."""
    draw = np.random.default_rng(7)
    grade = draw.choice(list("ABCDE"), patients).astype(object)
    frame = pd.DataFrame(
        {
            "age_at_treatment": draw.uniform(30, 90, patients),
            "sex": draw.choice(["female", "male"], patients).astype(object),
            "albumin": draw.normal(3.6, 0.6, patients),
            "ecog": draw.choice(list("01234"), patients).astype(object),
            "ais_grade": grade,
            "deficit_duration": np.where(grade == "E", np.nan, draw.uniform(0, 30, patients)),
            "opioid_use": draw.integers(0, 2, patients).astype(float),
            "crp": draw.gamma(2, 2, patients),
        }
    )
    hazard = 0.003 * np.exp(0.5 * (3.6 - frame["albumin"]) + 0.3 * frame["ecog"].astype(float))
    time = np.ceil(draw.exponential(1 / hazard))
    censored = np.ceil(draw.uniform(100, 800, patients))
    event = np.where(time <= censored, draw.integers(1, len(causes) + 1, patients), 0)
    frame.loc[draw.random(patients) < 0.2, "crp"] = np.nan
    frame.loc[draw.random(patients) < 0.1, "albumin"] = np.nan
    seen = np.minimum(time, censored)
    return frame, Outcome(np.zeros(patients), seen, seen, event, causes)


def fitted(name: str) -> Model:
    frame, outcome = simulated(tuple(DESCRIPTIONS[name]["causes"]))
    recipe = Recipe(family_named("cox")(), PREDICTORS)
    return recipe.fit(frame, outcome, CONTRACT, times=np.arange(5.0, 731.0, 5.0), seed=1)


def write(folder: Path, name: str, version: int, model: Model) -> Path:
    document = f"<!doctype html><title>{name}@{version}</title>".encode()
    write_bundle(
        folder / f"{name}-{version}",
        name=name,
        version=version,
        run=f"{version:064}",
        model=model,
        study={
            "name": name,
            "seed": version,
            "endpoint": {"horizons_days": [42.0, 90.0, 365.0]},
            "endpoint_description": DESCRIPTIONS[name],
        },
        contract=CONTRACT,
        evidence=Evidence(facts={"n": 200, "sites": ["S01", "S02"]}),
        documents={
            "card.html": document,
            "card.md": b"# card\n",
            "card.json": b"{}",
            "calibration-report.html": document,
            "calibration-report.json": b"{}",
        },
        decision={"verdict": "promoted"},
    )
    return folder / f"{name}-{version}"


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """survival: 1 withdrawn, 2 challenger, 3 champion. recovery: 1 champion."""
    folder = tmp_path_factory.mktemp("project")
    shelf = Shelf(folder / "bundles")
    for name, versions in {"survival": (1, 2, 3), "recovery": (1,)}.items():
        model = fitted(name)
        for version in versions:
            shelf.put(name, write(folder / "made", name, version, model))
    shelf.withdraw("survival", 1, "Ada", "wrong unit in the source")
    shelf.point("survival", "champion", 3, "Ada", "best")
    shelf.point("survival", "challenger", 2, "Ada", "watched")
    shelf.point("recovery", "champion", 1, "Ada", "first")
    return shelf


@pytest.fixture(scope="session")
def desk(shelf: Shelf) -> Desk:
    """What serving has open."""
    return Desk.open(shelf.root)


@pytest.fixture(scope="session")
def survival(desk: Desk) -> Served:
    """The champion for survival."""
    return desk.find("survival")


@pytest.fixture(scope="session")
def recovery(desk: Desk) -> Served:
    """The champion for recovery."""
    return desk.find("recovery")


@pytest.fixture
def patient() -> dict[str, Any]:
    """A patient as a caller sends one."""
    return {
        "age_at_treatment": {"value": 63, "unit": "a"},
        "sex": "female",
        "albumin": {"value": 32, "unit": "g/L"},
        "ecog": 2,
        "ais_grade": "C",
        "deficit_duration": {"value": 3, "unit": "d"},
        "opioid_use": True,
        "crp": "unknown",
    }
