"""Every way of getting dirty is found by the inspection with its own sentence, or says why it cannot be."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from features.contract import Contract
from features.extract import read_extract
from features.inspection import inspect
from features.registries.synthetic import Simulated, SyntheticSettings, simulate, write_extract
from features.registries.synthetic_faults import FAULTS, inject

# What the inspection must say of each; None: each row is plausible by itself, and only a model or a screen could tell.
SAID = {
    "albumin_g_per_l": "labs.albumin",
    "crp_mg_per_dl_swap": "labs.crp",
    "bilsky_as_number": "imaging.escc_grade",
    "swapped_dates": "patient.treatment_start_date",
    "visit_after_death": "follow_up.visit_date",
    "sins_total_differs": "imaging.sins_total",
    "ecog_as_kps": "baseline.ecog",
    "duplicate_enrolment": "patient.patient_id",
    "enrolled_in_both_registries": None,
    "death_before_time_zero": "outcome.death_date",
    "unknown_level": "tumour.primary_site",
    "labs_after_time_zero": None,
    "spoilt_labels": None,
}


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    return simulate(SyntheticSettings(patients=400, seed=2))


@pytest.fixture(scope="module")
def spine(root: Path) -> Contract:
    return Contract.from_toml(root / "configs" / "registries" / "spine.toml")


def sentences(simulated: Simulated, tables: dict[str, pd.DataFrame], spine: Contract, folder: Path) -> list[str]:
    write_extract(Simulated(tables, simulated.truth), folder)
    return [violation.sentence for violation in inspect(spine, read_extract(folder, spine)).violations]


@pytest.mark.parametrize("extract", [1, 2])
def test_what_the_generator_writes_meets_the_contract(extract: int, spine: Contract, tmp_path: Path) -> None:
    clean = simulate(SyntheticSettings(patients=500, seed=30 + extract, extract=extract))
    assert sentences(clean, clean.tables, spine, tmp_path / "extract") == []


@pytest.mark.parametrize("fault", SAID)
def test_each_fault_is_said(fault: str, simulated: Simulated, spine: Contract, tmp_path: Path) -> None:
    before = {name: table.copy() for name, table in simulated.tables.items()}
    said = sentences(simulated, inject(simulated.tables, fault, seed=1), spine, tmp_path / "extract")
    where = SAID[fault]
    if where is not None:
        assert any(sentence.startswith(where) for sentence in said)
    elif fault == "spoilt_labels":
        assert said == []
    assert all(simulated.tables[name].equals(table) for name, table in before.items())


def test_every_fault_has_its_test() -> None:
    assert set(SAID) == set(FAULTS)


def test_an_unknown_fault_is_named_with_the_known_ones(simulated: Simulated) -> None:
    with pytest.raises(KeyError, match="albumin_g_per_l"):
        inject(simulated.tables, "albumin", seed=1)


def test_spoilt_labels_keep_how_many_die_and_lose_who(simulated: Simulated) -> None:
    spoilt = inject(simulated.tables, "spoilt_labels", seed=1)
    old, new = simulated.tables["outcome"], spoilt["outcome"]
    assert (new["death_date"] != "").sum() == (old["death_date"] != "").sum()
    assert (new["death_date"] != old["death_date"]).mean() > 0.5
