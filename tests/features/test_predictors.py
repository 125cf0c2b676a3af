"""Derived predictors: published formulas on hand-worked patients, and laws for all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.contract import KNOWN_AT, Contract, ContractError
from features.extract import read_extract
from features.inspection import require
from features.predictors import DERIVED, derive, field_of, inputs_of
from features.registries import REGISTRIES
from features.registries.synthetic import SyntheticSettings, simulate, write_extract


@pytest.fixture(scope="module")
def contract(root: Path) -> Contract:
    return Contract.from_toml(root / "configs" / "registries" / "spine.toml")


@pytest.fixture(scope="module")
def frame(contract: Contract, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("export")
    write_extract(simulate(SyntheticSettings(patients=150, seed=3)), folder)
    return REGISTRIES["spine"].conform(require(contract, read_extract(folder, contract)), contract).frame


def of(name: str, **cells: Any) -> Any:
    """One derived value for one patient; what is not given is not known."""
    inputs = DERIVED[name].inputs
    row = {
        field: pd.Series([cells.get(field)], dtype=object if isinstance(cells.get(field), str) else float)
        if cells.get(field) is not None
        else pd.Series([np.nan])
        for field in inputs
    }
    value = derive(pd.DataFrame(row), [name])[name].iloc[0]
    return None if value is None or pd.isna(value) else value


@pytest.mark.parametrize(
    ("name", "cells", "value"),
    [
        ("pni", {"albumin": 3.8, "lymphocytes_abs": 1.2}, 44.0),
        ("pni", {"albumin": 3.8}, None),
        ("pni_low", {"albumin": 3.2, "lymphocytes_abs": 1.2}, 1.0),
        ("nlr", {"neutrophils_abs": 6.0, "lymphocytes_abs": 1.5}, 4.0),
        ("nlr", {"neutrophils_abs": 6.0, "lymphocytes_abs": 0.0}, None),
        ("plr", {"platelets": 300.0, "lymphocytes_abs": 1.5}, 200.0),
        ("car", {"crp": 2.0, "albumin": 4.0}, 0.5),
        ("katagiri_growth", {"primary_site": "breast", "hormone_dependence": "dependent"}, "slow"),
        ("katagiri_growth", {"primary_site": "prostate", "hormone_dependence": "independent"}, "moderate"),
        ("katagiri_growth", {"primary_site": "breast"}, None),
        ("katagiri_growth", {"primary_site": "lung_nsclc", "molecular_target": "EGFR"}, "moderate"),
        ("katagiri_growth", {"primary_site": "lung_nsclc", "molecular_target": "none"}, "rapid"),
        ("katagiri_growth", {"primary_site": "lung_nsclc"}, None),
        ("katagiri_growth", {"primary_site": "lung_sclc", "molecular_target": "not_applicable"}, "rapid"),
        ("katagiri_growth", {"primary_site": "kidney"}, "moderate"),
        ("katagiri_growth", {"primary_site": "unknown"}, "rapid"),
        ("tomita_growth", {"primary_site": "thyroid"}, "slow"),
        ("tomita_growth", {"primary_site": "kidney"}, "moderate"),
        ("tomita_growth", {"primary_site": "colorectal"}, "rapid"),
        ("tomita_growth", {}, None),
        ("katagiri_lab_tier", {"platelets": 99.0}, "critical"),
        ("katagiri_lab_tier", {"platelets": 200.0, "calcium": 9.0, "bilirubin_total": 0.5, "crp": 0.4}, "abnormal"),
        ("katagiri_lab_tier", {"platelets": 200.0, "calcium": 9.0, "crp": 0.4}, None),
        (
            "katagiri_lab_tier",
            {"platelets": 200.0, "calcium": 9.0, "bilirubin_total": 0.5, "crp": 0.3, "ldh": 249.0, "albumin": 3.7},
            "normal",
        ),
        ("katagiri_lab_tier", {"platelets": 200.0, "calcium": 9.0, "bilirubin_total": 0.5, "crp": 0.3}, None),
        ("escc_high", {"escc_grade": "2"}, 1.0),
        ("escc_high", {"escc_grade": "1c"}, 0.0),
        ("escc_high", {"escc_grade": "not_applicable"}, 0.0),
        ("escc_high", {}, None),
        ("deficit_present", {"ais_grade": "D"}, 1.0),
        ("deficit_present", {"ais_grade": "E"}, 0.0),
        ("deficit_present", {"asia_motor_score": 97.0}, 1.0),
        ("deficit_present", {"asia_motor_score": 100.0}, None),
        ("deficit_within_48h", {"deficit_duration": 2.0}, 1.0),
        ("deficit_within_48h", {"deficit_duration": 3.0}, 0.0),
        ("deficit_over_14d", {"deficit_duration": 14.0}, 0.0),
        ("oligometastatic", {"n_mets_total": 5.0}, 1.0),
        ("oligometastatic", {"n_mets_total": 6.0}, 0.0),
        ("presentation", {"interval_dx_to_spine": 0.0}, "synchronous"),
        ("presentation", {"interval_dx_to_spine": 12.0}, "metachronous"),
        ("spine_region", {"index_level": "T11"}, "thoracic"),
        ("index_junctional", {"index_level": "T11"}, 1.0),
        ("non_ambulatory", {"ambulatory_status": "with_aid"}, 0.0),
        ("nrs_axial", {"nrs_neck": 3.0, "nrs_back": 7.0}, 7.0),
        ("nrs_axial", {"nrs_back": 7.0}, None),
        ("nrs_axial", {"nrs_back": 10.0}, 10.0),
        ("pain_radicular", {"pain_type": "both"}, 1.0),
        ("pain_radicular", {"pain_type": "axial", "nrs_arm": 4.0, "nrs_leg": 0.0}, 0.0),
        ("pain_radicular", {"nrs_arm": 4.0, "nrs_leg": 0.0}, 1.0),
        ("sphincter_dysfunction", {"bladder_dysfunction": 1.0}, 1.0),
        ("sphincter_dysfunction", {"bladder_dysfunction": 0.0}, None),
        ("surgery", {"treatment_arm": "surgery_rt"}, 1.0),
    ],
)
def test_a_hand_worked_patient(name: str, cells: dict[str, Any], value: object) -> None:
    got = of(name, **cells)
    assert got == (pytest.approx(value) if isinstance(value, float) else value)


_SINS = ("location", "pain", "lesion", "alignment", "collapse", "posterolateral")


@pytest.mark.parametrize(
    ("points", "total", "band"),
    [
        ("330433", None, None),
        ("332433", 18.0, "unstable"),
        ("312010", 7.0, "potentially_unstable"),
        ("310020", 6.0, "stable"),
        ("332032", None, None),
        ("332220", 12.0, "potentially_unstable"),
        ("332230", 13.0, "unstable"),
    ],
)
def test_sins_is_the_sum_of_six_components_or_nothing(points: str, total: float | None, band: str | None) -> None:
    cells = {f"sins_{part}": point for part, point in zip(_SINS, points, strict=True)}
    if total is None:
        del cells["sins_lesion"]
    assert of("sins_total", **cells) == total
    assert of("sins_band", **cells) == band


def test_sosgoq_runs_from_0_to_100_and_needs_half_of_a_domain() -> None:
    best = {f"sosgoq_q{item:02d}": 1.0 for item in range(1, 21)}
    worst = dict.fromkeys(best, 5.0)
    assert of("sosgoq_total", **best) == 100.0
    assert of("sosgoq_total", **worst) == 0.0
    half = {name: value for name, value in best.items() if name not in ("sosgoq_q01", "sosgoq_q02", "sosgoq_q03")}
    assert of("sosgoq_pf", **half) == 100.0
    del half["sosgoq_q04"]
    assert of("sosgoq_pf", **half) is None
    assert of("sosgoq_total", **half) is None


@pytest.mark.parametrize("name", DERIVED)
def test_one_patient_alone_gets_what_the_cohort_gets(frame: pd.DataFrame, name: str) -> None:
    together = derive(frame, [name])[name]
    for row in range(0, len(frame), 29):
        alone = derive(frame.iloc[[row]].reset_index(drop=True), [name])[name]
        pd.testing.assert_series_equal(alone, together.iloc[[row]].reset_index(drop=True))


@pytest.mark.parametrize("name", DERIVED)
def test_a_derived_predictor_keeps_its_promise(contract: Contract, frame: pd.DataFrame, name: str) -> None:
    field, values = DERIVED[name].field, derive(frame, [name])[name]
    if field.kind in ("category", "ordinal"):
        assert values.dtype == object
        assert set(values.dropna()) <= set(field.levels)
    else:
        assert values.dtype == float
    if field.kind == "boolean":
        assert set(values.dropna()) <= {0.0, 1.0}
    latest = max(KNOWN_AT.index(contract.field(name).known_at) for name in DERIVED[name].inputs)
    assert KNOWN_AT.index(field.known_at) == latest
    assert set(DERIVED[name].inputs) <= set(frame.columns)
    assert set(field.applies_when) <= set(contract.names)
    assert field.unit is not None or field.kind not in ("number", "integer")


@pytest.mark.parametrize("name", DERIVED)
def test_nothing_known_gives_nothing_known(frame: pd.DataFrame, name: str) -> None:
    empty = frame.head(3).copy()
    for column in empty:
        empty[column] = pd.Series([None] * 3, dtype=object) if empty[column].dtype == object else np.nan
    assert derive(empty, [name])[name].isna().all()


def test_a_caller_is_asked_for_the_fields_behind_the_predictors_once_each(contract: Contract) -> None:
    assert inputs_of(["age_at_treatment", "pni", "car"]) == ("age_at_treatment", "albumin", "lymphocytes_abs", "crp")
    assert "sins_lesion" in inputs_of(["sins_total"], contract)
    own = contract.model_copy(update={"fields": (contract.field("albumin").model_copy(update={"name": "pni"}),)})
    assert inputs_of(["pni"], own) == ("pni",)


def test_names_that_nobody_knows_are_refused(contract: Contract, frame: pd.DataFrame) -> None:
    assert field_of(contract, "pni").source
    assert field_of(contract, "albumin").unit == "g/dL"
    with pytest.raises(ContractError, match="neither the contract"):
        field_of(contract, "albumine")
    with pytest.raises(ContractError, match="neither a column"):
        derive(frame, ["albumine"])
    with pytest.raises(ContractError, match='"pni" is derived from lymphocytes_abs'):
        derive(frame[["albumin"]], ["pni"])
