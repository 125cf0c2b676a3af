"""The generator's check values (clinical reference §7.3, §7.4), its truth, and the files it writes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.predictors import derive
from features.registries.synthetic import SyntheticSettings, simulate, simulate_truth, write_extract
from features.registries.synthetic_course import MISSING, VISIT_DAYS, WINDOWS, treat
from features.registries.synthetic_patients import draw_patients
from features.registries.synthetic_truth import Truth, cumulative_hazard, draw_deaths, rates

VISITS = [42, 84, 182, 364, 728]


@pytest.fixture(scope="module")
def truth() -> Truth:
    return simulate_truth(SyntheticSettings(patients=100_000, seed=11))


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return simulate(SyntheticSettings(patients=3_000, seed=5)).tables


def concordance(time: np.ndarray, risk: np.ndarray) -> float:
    """Harrell's C of uncensored times by counting pairs."""
    pairs = time[:, None] < time[None, :]
    return float((pairs & (risk[:, None] > risk[None, :])).sum() / pairs.sum())


def test_pooled_survival_of_g1_is_that_of_the_reference(truth: Truth) -> None:
    mean = truth.survival(truth.ids, VISITS).mean(axis=0)
    assert mean == pytest.approx([0.921, 0.852, 0.724, 0.561, 0.374], abs=0.006)


def test_g2_meets_its_published_points_for_few_and_many_metastases() -> None:
    rng = np.random.default_rng(4)
    patients = draw_patients(rng, 100_000, 10, eposo_share=0.2)
    early, late = rates(patients, "G2")
    alive = np.exp(-cumulative_hazard(early[:, None], late[:, None], np.array([[91.0, 182.0]])))
    poly = patients["poly"].to_numpy(bool)
    assert alive[~poly].mean(axis=0) == pytest.approx([0.880, 0.783], abs=0.006)
    assert alive[poly].mean(axis=0) == pytest.approx([0.752, 0.669], abs=0.006)
    assert alive.mean(axis=0) == pytest.approx([0.822, 0.732], abs=0.006)


def test_the_oracle_discriminates_as_the_reference_says(truth: Truth) -> None:
    rows = np.arange(4_000)
    assert concordance(truth.death_days[rows], truth.early[rows]) == pytest.approx(0.726, abs=0.012)


def test_nutrition_and_function_split_and_kill_as_in_the_reference() -> None:
    rng = np.random.default_rng(8)
    patients = draw_patients(rng, 100_000, 10, eposo_share=0.2)
    early, late = rates(patients, "G1")
    death = draw_deaths(rng, early, late, np.full(len(patients), np.inf), 1.0)
    shares = patients["pgsga"].value_counts(normalize=True).sort_index().to_numpy()
    assert shares == pytest.approx([0.62, 0.24, 0.14], abs=0.01)
    for column, medians in (("pgsga", (655, 354, 150)), ("ecog", (872, 607, 383, 223, 119))):
        seen = [np.median(death[patients[column] == level]) for level in range(len(medians))]
        assert seen == pytest.approx(medians, rel=0.05)
    assert (death <= 90).mean() == pytest.approx(0.157, abs=0.005)
    assert (patients["albumin"] < 3.5).mean() == pytest.approx(0.28, abs=0.01)


def test_most_are_operated_and_the_operated_are_the_sicker_spines() -> None:
    rng = np.random.default_rng(9)
    patients = draw_patients(rng, 50_000, 10, eposo_share=0.2)
    treat(rng, patients, "G1")
    surgery = patients["surgery"].to_numpy(bool)
    assert surgery.mean() == pytest.approx(0.71, abs=0.02)
    stable = (patients["sins_total"] <= 6).to_numpy()
    assert stable[surgery].mean() == pytest.approx(0.103, abs=0.08)
    assert stable[~surgery].mean() == pytest.approx(0.414, abs=0.08)


def test_recovery_with_death_competing_has_the_incidence_of_the_reference() -> None:
    truth = simulate_truth(SyntheticSettings(patients=40_000, seed=3, variant="G2"))
    days = [42, 84, 182, 364]
    assert truth.marginal(days, cause="recovered") == pytest.approx([0.46, 0.58, 0.64, 0.65], abs=0.012)
    assert truth.marginal(days, cause="died_without_recovery") == pytest.approx([0.07, 0.10, 0.14, 0.18], abs=0.012)


@pytest.mark.parametrize(
    ("site_sd", "hazard_ratio"), [(0.0, 1.0), (0.0, 0.5), (0.4, 1.0)], ids=["plain", "recovery helps", "sites differ"]
)
def test_what_was_drawn_agrees_with_the_truth_within_three_monte_carlo_errors(
    site_sd: float, hazard_ratio: float
) -> None:
    settings = SyntheticSettings(20_000, 6, site_sd=site_sd, recovery_hazard_ratio=hazard_ratio, sites=99)
    truth = simulate_truth(settings)
    deficit = truth.deficit
    death, recovery = truth.death_days[deficit], truth.recovery_days[deficit]
    for day in (42, 182, 728):
        expected = truth.survival(truth.ids, [day]).mean()
        # Sites are few, so their own draw adds to the error of a proportion.
        error = np.sqrt(expected * (1 - expected) / 20_000 + (0.37 * site_sd) ** 2 / 99)
        assert abs((truth.death_days > day).mean() - expected) < 3 * error
        recovered = truth.marginal([day], cause="recovered")[0]
        seen = ((recovery <= day) & (recovery < death)).mean()
        assert abs(seen - recovered) < 3 * np.sqrt(
            recovered * (1 - recovered) / deficit.sum() + (0.1 * site_sd) ** 2 / 99
        )


def test_three_states_of_recovery_sum_to_one_with_those_still_waiting(truth: Truth) -> None:
    ids = truth.ids[truth.deficit][:200]
    recovered, died = truth.recovery(ids, [1, 42, 3000]), truth.death_without_recovery(ids, [1, 42, 3000])
    assert np.all(np.diff(recovered, axis=1) >= 0)
    assert np.all(np.diff(died, axis=1) >= 0)
    assert np.all(recovered + died <= 1 + 1e-9)
    assert (recovered + died)[:, 2].mean() > 0.97


def test_follow_up_is_as_long_as_promised(tables: dict[str, pd.DataFrame]) -> None:
    outcome = tables["outcome"].merge(tables["patient"], on="patient_id")
    assert (outcome["death_date"] != "").mean() == pytest.approx(0.62, abs=0.03)
    zero = pd.to_datetime(outcome["treatment_start_date"])
    administrative = outcome["censor_reason"] == "admin"
    days = (pd.to_datetime(outcome["last_contact_date"]) - zero).dt.days[administrative]
    assert days.between(600, 1100).all()
    assert days.min() < 620
    assert days.max() > 1080


def test_a_death_known_by_its_month_is_never_before_the_patient_was_known_alive(
    tables: dict[str, pd.DataFrame],
) -> None:
    outcome = tables["outcome"].merge(tables["patient"], on="patient_id")
    dead = outcome[outcome["death_date"] != ""]
    death = pd.to_datetime(dead["death_date"])
    by_month = dead["death_date_precision"] == "month"
    assert by_month.mean() == pytest.approx(0.10, abs=0.025)
    assert (death >= pd.to_datetime(dead["last_contact_date"])).all()
    assert (death >= pd.to_datetime(dead["treatment_start_date"])).all()
    assert (death[by_month].dt.day == 15).mean() > 0.9
    last_visit = tables["follow_up"].groupby("patient_id")["visit_date"].max()
    seen = dead["patient_id"].map(last_visit).dropna()
    assert (death[seen.index] >= pd.to_datetime(seen)).all()


def test_visits_lie_in_the_windows_of_their_labels(tables: dict[str, pd.DataFrame]) -> None:
    visits = tables["follow_up"].merge(tables["patient"], on="patient_id")
    days = (pd.to_datetime(visits["visit_date"]) - pd.to_datetime(visits["treatment_start_date"])).dt.days
    for label, (first, last) in zip(("6w", "12w", "26w", "52w", "104w"), WINDOWS, strict=True):
        assert days[visits["visit_label"] == label].between(first, last).all()


def test_forms_are_missing_among_the_living_as_often_as_the_dictionary_says() -> None:
    # Many sites, so that the draw of their habits (SD 0.5 on the logit) averages out.
    simulated = simulate(SyntheticSettings(patients=3_000, seed=12, sites=99))
    tables, truth = simulated.tables, simulated.truth
    visits = tables["follow_up"]
    end = pd.to_datetime(tables["outcome"]["last_contact_date"]) - pd.to_datetime(
        tables["patient"]["treatment_start_date"]
    )
    # Whoever is under observation through the end of a window could have been seen in it.
    followed = np.where(tables["outcome"]["death_date"] != "", truth.death_days, end.dt.days)
    for domain, column in (("function", "ecog_v"), ("neurology", "ais_v"), ("reported", "sosgoq_total_v")):
        for visit, label in enumerate(("6w", "12w", "26w")):
            alive = followed > WINDOWS[visit, 1]
            known = visits[(visits["visit_label"] == label) & (visits[column] != "")]["patient_id"]
            missing = 1 - pd.Index(truth.ids[alive]).isin(list(known)).mean()
            assert missing == pytest.approx(MISSING[domain][visit], abs=0.05)


def test_registries_differ_in_their_instruments(tables: dict[str, pd.DataFrame]) -> None:
    baseline = tables["baseline"].merge(tables["patient"][["patient_id", "registry_source"]], on="patient_id")
    eposo = baseline[baseline["registry_source"] == "EPOSO"]
    mtron = baseline[baseline["registry_source"] == "MTRON"]
    assert (eposo[["pgsga_category", "nrs_neck", "nrs_arm", "nrs_back", "nrs_leg"]] == "").all(axis=None)
    assert (mtron[["sf36_pcs", "sf36_mcs"]] == "").all(axis=None)
    assert (mtron["pgsga_category"] == "").mean() == pytest.approx(0.5, abs=0.04)
    assert (eposo["sf36_pcs"] == "").mean() == pytest.approx(0.14, abs=0.05)


def test_grade_e_has_full_motor_scores_and_no_deficit(tables: dict[str, pd.DataFrame]) -> None:
    neuro = tables["neuro"]
    normal = neuro[neuro["ais_grade"] == "E"]
    for name, full in (("asia_motor_score", "100"), ("lems", "50"), ("hip_flexor_grade", "5"), ("knee_ext_grade", "5")):
        assert set(normal[name]) <= {"", full}, name
    motor = pd.to_numeric(normal["asia_motor_score"])
    graded = normal.assign(asia_motor_score=motor)
    assert (derive(graded, ["deficit_present"])["deficit_present"] == 0).all()


def test_no_table_holds_what_only_the_generator_knows(tables: dict[str, pd.DataFrame]) -> None:
    columns = {column for table in tables.values() for column in table}
    assert not columns & {"frailty", "early", "late", "susceptible", "mean_days", "recovery_days", "death_days", "_day"}
    assert all(isinstance(cell, str) for table in tables.values() for cell in table.iloc[0])


def test_the_same_seed_gives_the_same_tables_and_another_seed_others() -> None:
    first, again, other = (simulate(SyntheticSettings(120, seed)).tables for seed in (1, 1, 2))
    assert all(first[name].equals(again[name]) for name in first)
    assert not first["baseline"].equals(other["baseline"])


def test_a_later_extract_holds_the_same_patients_followed_longer_and_new_ones() -> None:
    first = simulate(SyntheticSettings(800, 21))
    later = simulate(SyntheticSettings(800, 21, extract=2))
    old, new = first.tables, later.tables
    assert set(old["patient"]["patient_id"]) < set(new["patient"]["patient_id"])
    assert len(new["patient"]) == 800 + SyntheticSettings(800, 21).newcomers
    kept = new["outcome"][new["outcome"]["patient_id"].isin(old["outcome"]["patient_id"])]
    assert (kept["death_date"] != "").sum() > (old["outcome"]["death_date"] != "").sum()
    died = old["outcome"]["death_date"] != ""
    assert kept["death_date"].to_numpy()[died].tolist() == old["outcome"]["death_date"][died].tolist()
    same = new["tumour"].head(800)
    assert same.equals(old["tumour"])
    corrected = (new["baseline"].head(800) != old["baseline"]).any(axis=1).sum()
    assert 0 < corrected < 30
    withdrawn = [(table["patient"]["consent_status"].head(800) == "withdrawn").sum() for table in (old, new)]
    assert withdrawn[0] < withdrawn[1] < 20
    assert np.array_equal(later.truth.death_days[:800], first.truth.death_days)


def test_an_extract_is_written_whole_with_its_digests(tmp_path: Path) -> None:
    simulated = simulate(SyntheticSettings(60, 1))
    write_extract(simulated, tmp_path / "extract")
    write_extract(simulated, tmp_path / "extract")
    manifest = json.loads((tmp_path / "extract" / "manifest.json").read_text())
    assert set(manifest) == {f"{name}.csv" for name in simulated.tables}
    for file, facts in manifest.items():
        content = (tmp_path / "extract" / file).read_bytes()
        assert hashlib.sha256(content).hexdigest() == facts["sha256"]
        assert len(content) == facts["bytes"]
        assert len(pd.read_csv(tmp_path / "extract" / file, dtype=str)) == facts["rows"]
    assert [path.name for path in tmp_path.iterdir()] == ["extract"]


def test_a_folder_of_something_else_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="no extract"):
        write_extract(simulate(SyntheticSettings(20, 1)), tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_one_patient_can_be_simulated() -> None:
    assert len(simulate(SyntheticSettings(1, 1)).tables["patient"]) == 1


def test_a_simulation_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one patient"):
        SyntheticSettings(0, 1)
    with pytest.raises(ValueError, match="hazard_ratio above 0"):
        SyntheticSettings(10, 1, recovery_hazard_ratio=0.0)


def test_visit_days_are_the_middles_of_their_weeks() -> None:
    assert VISIT_DAYS.tolist() == [week * 7 for week in (6, 12, 26, 52, 104)]
