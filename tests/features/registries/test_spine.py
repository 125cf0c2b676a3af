"""Ten tables become one row per patient, and nothing from after time zero gets into it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.cohort import select_cohort
from features.contract import KNOWN_AT, Contract
from features.endpoints import ENDPOINTS
from features.extract import read_extract
from features.inspection import require
from features.registries import REGISTRIES, Conformed
from features.registries.synthetic import SyntheticSettings, simulate
from features.registries.synthetic_faults import inject

Tables = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def contract(root: Path) -> Contract:
    return Contract.from_toml(root / "configs" / "registries" / "spine.toml")


@pytest.fixture(scope="module")
def raw() -> Tables:
    return simulate(SyntheticSettings(patients=150, seed=8)).tables


def conform(contract: Contract, tables: Tables, folder: Path) -> Conformed:
    for name, frame in tables.items():
        frame.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")
    return REGISTRIES["spine"].conform(require(contract, read_extract(folder, contract)), contract)


@pytest.fixture(scope="module")
def conformed(contract: Contract, raw: Tables, tmp_path_factory: pytest.TempPathFactory) -> Conformed:
    return conform(contract, raw, tmp_path_factory.mktemp("export"))


def test_a_row_holds_what_is_known_by_the_end_of_the_index_treatment_and_no_more(
    contract: Contract, conformed: Conformed
) -> None:
    fields = [contract.field(str(name)) for name in conformed.frame.columns]
    assert {field.known_at for field in fields} == {"T0", "TX"}
    wanted = [f.name for f in contract.fields if KNOWN_AT.index(f.known_at) <= KNOWN_AT.index("TX") and f.ask]
    assert set(wanted) - set(conformed.frame.columns) == {"level", "is_index", "sins_total"}
    assert len(conformed.frame.columns) > 100


def test_types_are_those_a_cohort_promises(contract: Contract, conformed: Conformed) -> None:
    for name, column in conformed.frame.items():
        field = contract.field(str(name))
        if field.kind in ("category", "ordinal"):
            assert column.dtype == object, name
            assert set(column.dropna()) <= {*field.levels, "not_applicable"}, name
        else:
            assert column.dtype == float, name


def test_the_order_of_the_files_rows_means_nothing(
    contract: Contract, raw: Tables, conformed: Conformed, tmp_path: Path
) -> None:
    shuffled = {name: frame.sample(frac=1, random_state=1) for name, frame in raw.items()}
    again = conform(contract, shuffled, tmp_path)
    assert again.ids.tolist() == conformed.ids.tolist()
    pd.testing.assert_frame_equal(again.frame, conformed.frame)


def test_a_sample_from_after_time_zero_is_not_used(contract: Contract, raw: Tables, tmp_path: Path) -> None:
    late = conform(contract, inject(raw, "labs_after_time_zero", 1), tmp_path)
    assert late.frame["albumin"].isna().all()
    assert late.frame["hemoglobin"].notna().any()


def test_the_baseline_value_is_the_last_within_fourteen_days_in_the_canonical_unit(
    contract: Contract, raw: Tables, tmp_path: Path
) -> None:
    who = raw["patient"]["patient_id"].iloc[0]
    zero = pd.Timestamp(raw["patient"]["treatment_start_date"].iloc[0])
    samples = [(-20, "1.5", "g/dL"), (-14, "30", "g/L"), (-3, "35", "g/L"), (1, "5.9", "g/dL")]
    rows = pd.DataFrame(
        {
            "patient_id": who,
            "analyte": "albumin",
            "value": [value for _, value, _ in samples],
            "unit": [unit for *_, unit in samples],
            "sample_date": [str((zero + pd.Timedelta(days=day)).date()) for day, *_ in samples],
        }
    )
    others = raw["labs"][~((raw["labs"]["patient_id"] == who) & (raw["labs"]["analyte"] == "albumin"))]

    def albumin(kept: pd.DataFrame) -> float:
        result = conform(contract, {**raw, "labs": pd.concat([others, kept])}, tmp_path)
        return float(result.frame["albumin"].iloc[result.ids.tolist().index(who)])

    assert albumin(rows) == pytest.approx(3.5)
    assert albumin(rows.iloc[[0, 1, 3]]) == pytest.approx(3.0)
    assert np.isnan(albumin(rows.iloc[[0, 3]]))


def test_intervals_are_counted_from_dates(contract: Contract, raw: Tables, conformed: Conformed) -> None:
    zero = pd.to_datetime(raw["patient"].set_index("patient_id")["treatment_start_date"])
    for table, date, field, seconds in (
        ("neuro", "deficit_onset_date", "deficit_duration", 86_400),
        ("neuro", "ambulation_loss_date", "nonamb_duration", 3_600),
        ("tumour", "primary_dx_date", "interval_dx_to_spine", 30.4375 * 86_400),
    ):
        dates = pd.to_datetime(raw[table].set_index("patient_id")[date], errors="coerce")
        expected = ((zero - dates).dt.total_seconds() / seconds).reindex(conformed.ids)
        np.testing.assert_allclose(conformed.frame[field], expected)
        assert expected.notna().sum() > 5


def test_structural_missingness_is_marked(conformed: Conformed) -> None:
    frame = conformed.frame
    eposo = frame["registry_source"] == "EPOSO"
    assert (frame.loc[eposo, "pgsga_category"] == "not_applicable").all()
    assert frame.loc[eposo, "nrs_arm"].isna().all()
    assert frame.loc[~eposo, "sf36_pcs"].isna().all()
    assert (frame.loc[frame["ais_grade"] == "E", "deficit_development_days"] == "not_applicable").all()
    assert (
        frame.loc[~frame["primary_site"].isin(["breast", "prostate"]), "hormone_dependence"] == "not_applicable"
    ).all()


def test_imaging_is_that_of_the_index_level(raw: Tables, conformed: Conformed) -> None:
    index = raw["imaging"][raw["imaging"]["is_index"] == "1"].set_index("patient_id")["level"]
    assert conformed.frame["index_level"].tolist() == index.reindex(conformed.ids).tolist()
    assert len(raw["imaging"]) > len(index)


def test_withdrawn_consent_leaves_with_all_rows_and_the_flow_says_so(
    contract: Contract, raw: Tables, tmp_path: Path
) -> None:
    tables = {name: frame.copy() for name, frame in raw.items()}
    tables["patient"]["consent_status"] = "active"
    gone = tables["patient"]["patient_id"].iloc[[2, 5]].tolist()
    tables["patient"].loc[[2, 5], "consent_status"] = "withdrawn"
    tables["patient"].loc[7, "treatment_start_date"] = ""
    result = conform(contract, tables, tmp_path)
    assert [(step.reason, step.left) for step in result.flow.steps] == [
        ("consent withdrawn", 2),
        ("no start of index treatment, so no time zero", 1),
    ]
    assert result.flow.remaining == len(result.ids) == 147
    assert sorted(result.withdrawn) == sorted(gone)
    for frame in result.tables.values():
        assert not frame["patient_id"].isin(gone).any()


def test_an_export_without_events_visits_or_optional_tables_is_whole(
    contract: Contract, raw: Tables, tmp_path: Path
) -> None:
    few = {name: frame for name, frame in raw.items() if name != "adverse_event"}
    few["follow_up"] = few["follow_up"].iloc[:0]
    few["labs"] = few["labs"].iloc[:0]
    result = conform(contract, few, tmp_path)
    assert result.frame["albumin"].isna().all()
    cohort = select_cohort(result, {})
    observed = ENDPOINTS["overall_survival"].observe(cohort, result.tables, {})
    assert observed.outcome.n == cohort.n
    deficits = ENDPOINTS["ais_improvement"].eligible(cohort, result.tables, {})
    assert ENDPOINTS["ais_improvement"].observe(deficits, result.tables, {}).facts["never_assessed_after_time_zero"] > 5
