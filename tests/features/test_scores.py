"""Published scores: every row of every points table, what is missing, and the published survival of every group."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.contract import NOT_APPLICABLE, Contract
from features.extract import read_extract
from features.inspection import require
from features.registries import REGISTRIES
from features.registries.synthetic import SyntheticSettings, simulate, write_extract
from features.scores import SCORES
from features.scores.score import DAYS_PER_MONTH, Score

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = {
    "kps",
    "n_spinal_mets",
    "visceral_removable",
    "brain_mets",
    "platelets",
    "calcium",
    "bilirubin_total",
    "crp",
    "ldh",
    "albumin",
    "prior_chemotherapy",
    "interval_dx_to_spine",
}
FIELDS = {field for score in SCORES.values() for field in score.inputs}
NORMAL = {"platelets": 100, "calcium": 10.2, "bilirubin_total": 1.3, "crp": 0.3, "ldh": 249, "albumin": 3.7}
HEALTHY_LIVER = {"visceral_mets": "none", "brain_mets": 0}


def patient(**cells: object) -> pd.DataFrame:
    """One patient of whom only these fields are known."""
    assert set(cells) <= FIELDS
    return pd.DataFrame(
        {
            name: pd.Series([cells.get(name, np.nan)], dtype=float)
            if name in NUMBERS
            else pd.Series([cells.get(name)], dtype=object)
            for name in FIELDS
        }
    )


def sites(row: tuple[str, int, str], *names: str, **more: object) -> list[tuple[str, str, dict, int]]:
    """One case for each primary of a row."""
    score, points, item = row[0], row[1], row[2]
    return [(score, item, {"primary_site": name, **more}, points) for name in names]


def karnofsky(score: str) -> list[tuple[str, str, dict, int]]:
    """The same cut points in Tokuhashi's and van der Linden's tables; ECOG stands in where nothing is recorded."""
    item = "Karnofsky status"
    recorded = [(10, 0), (20, 0), (40, 0), (50, 1), (70, 1), (80, 2), (100, 2)]
    by_ecog = [("0", 2), ("1", 2), ("2", 1), ("3", 0), ("4", 0)]
    return [
        *((score, item, {"kps": kps}, points) for kps, points in recorded),
        *((score, item, {"kps": kps, "ecog": "4"}, points) for kps, points in recorded),
        *((score, item, {"ecog": ecog}, points) for ecog, points in by_ecog),
    ]


T, M, B, K, V, N, S, R = (
    "tokuhashi_revised",
    "tomita",
    "bauer_modified",
    "katagiri_revised",
    "van_der_linden",
    "nesms",
    "sins",
    "rades_two_month",
)
PRIMARY, GROWTH, LABS = "Primary tumour", "Growth of the primary", "Laboratory data"
SLOW_OTHERS = ("thyroid", "myeloma", "lymphoma")
MODERATE = ("kidney", "uterus_cervix_ovary", "sarcoma", "carcinoid_net", "other")
RAPID = ("lung_sclc", "colorectal", "stomach", "pancreas", "head_neck", "esophagus")
RAPID_TOO = ("bladder_urothelial", "melanoma", "liver_hpb", "unknown")
EVERY = ("breast", "lung_nsclc", "prostate", *SLOW_OTHERS, *MODERATE, *RAPID, *RAPID_TOO)


def every_but(*names: str) -> tuple[str, ...]:
    return tuple(name for name in EVERY if name not in names)


SOLITARY = {"n_spinal_mets": 1, "n_extraspinal_bone": "0"}
SEVERAL = ({"n_spinal_mets": 2}, {"n_extraspinal_bone": "1-2"}, {"n_spinal_mets": 1, "n_extraspinal_bone": ">=3"})

CASES: list[tuple[str, str, dict, int]] = [
    # Revised Tokuhashi
    *karnofsky(T),
    (T, "Extraspinal bone metastases", {"n_extraspinal_bone": ">=3"}, 0),
    (T, "Extraspinal bone metastases", {"n_extraspinal_bone": "1-2"}, 1),
    (T, "Extraspinal bone metastases", {"n_extraspinal_bone": "0"}, 2),
    (T, "Vertebral metastases", {"n_spinal_mets": 3}, 0),
    (T, "Vertebral metastases", {"n_spinal_mets": 24}, 0),
    (T, "Vertebral metastases", {"n_spinal_mets": 2}, 1),
    (T, "Vertebral metastases", {"n_spinal_mets": 1}, 2),
    (T, "Metastases to major organs", {"visceral_mets": "nodular", "visceral_removable": 0}, 0),
    (T, "Metastases to major organs", {"visceral_mets": "disseminated"}, 0),
    (T, "Metastases to major organs", {"visceral_mets": "nodular", "visceral_removable": 1}, 1),
    (T, "Metastases to major organs", {"visceral_mets": "none"}, 2),
    *sites((T, 0, PRIMARY), "lung_nsclc", "lung_sclc", "stomach", "bladder_urothelial", "esophagus", "pancreas"),
    *sites((T, 1, PRIMARY), "liver_hpb", "unknown"),
    *sites((T, 2, PRIMARY), "melanoma", "colorectal", "head_neck", "sarcoma", "myeloma", "lymphoma", "other"),
    *sites((T, 3, PRIMARY), "kidney", "uterus_cervix_ovary"),
    *sites((T, 5, PRIMARY), "thyroid", "breast", "prostate", "carcinoid_net"),
    *((T, "Palsy", {"ais_grade": grade}, points) for grade, points in zip("ABCDE", (0, 0, 1, 1, 2), strict=True)),
    # Tomita
    *sites((M, 1, GROWTH), "breast", "thyroid", "prostate"),
    *sites((M, 2, GROWTH), "kidney", "uterus_cervix_ovary"),
    *sites((M, 4, GROWTH), *every_but("breast", "thyroid", "prostate", "kidney", "uterus_cervix_ovary")),
    (M, "Visceral metastases", {"visceral_mets": "none"}, 0),
    (M, "Visceral metastases", {"visceral_mets": "nodular", "visceral_removable": 1}, 2),
    (M, "Visceral metastases", {"visceral_mets": "nodular", "visceral_removable": 0}, 4),
    (M, "Visceral metastases", {"visceral_mets": "disseminated"}, 4),
    (M, "Bone metastases", SOLITARY, 1),
    *((M, "Bone metastases", cells, 2) for cells in SEVERAL),
    # Modified Bauer
    (B, "Visceral metastases", {"visceral_mets": "none"}, 1),
    (B, "Visceral metastases", {"visceral_mets": "nodular"}, 0),
    (B, "Visceral metastases", {"visceral_mets": "disseminated"}, 0),
    *sites((B, 0, "Lung cancer"), "lung_nsclc", "lung_sclc"),
    *sites((B, 1, "Lung cancer"), *every_but("lung_nsclc", "lung_sclc")),
    *sites((B, 1, "Favourable primary"), "breast", "kidney", "lymphoma", "myeloma"),
    *sites((B, 0, "Favourable primary"), *every_but("breast", "kidney", "lymphoma", "myeloma")),
    (B, "Skeletal metastases", SOLITARY, 1),
    *((B, "Skeletal metastases", cells, 0) for cells in SEVERAL),
    # Revised Katagiri
    *sites((K, 0, GROWTH), "breast", "prostate", hormone_dependence="dependent"),
    *sites((K, 2, GROWTH), "breast", "prostate", hormone_dependence="independent"),
    *sites((K, 0, GROWTH), *SLOW_OTHERS, hormone_dependence=NOT_APPLICABLE, molecular_target=NOT_APPLICABLE),
    *(
        case
        for target in ("EGFR", "ALK", "other_targetable")
        for case in sites((K, 2, GROWTH), "lung_nsclc", molecular_target=target)
    ),
    *sites((K, 3, GROWTH), "lung_nsclc", molecular_target="none", hormone_dependence=NOT_APPLICABLE),
    *sites((K, 2, GROWTH), *MODERATE),
    *sites((K, 3, GROWTH), *RAPID, *RAPID_TOO, molecular_target=NOT_APPLICABLE),
    (K, "Visceral or cerebral metastases", HEALTHY_LIVER, 0),
    (K, "Visceral or cerebral metastases", {"visceral_mets": "nodular"}, 1),
    (K, "Visceral or cerebral metastases", {"visceral_mets": "none", "brain_mets": 1}, 1),
    (K, "Visceral or cerebral metastases", {"visceral_mets": "disseminated"}, 2),
    (K, "Visceral or cerebral metastases", {"visceral_mets": "disseminated", "brain_mets": 1}, 2),
    (K, LABS, NORMAL, 0),
    (K, LABS, {**NORMAL, "crp": 0.4}, 1),
    (K, LABS, {**NORMAL, "ldh": 250}, 1),
    (K, LABS, {**NORMAL, "albumin": 3.6}, 1),
    (K, LABS, {"platelets": 99}, 2),
    (K, LABS, {**NORMAL, "calcium": 10.3}, 2),
    (K, LABS, {**NORMAL, "bilirubin_total": 1.4, "crp": 5}, 2),
    *((K, "ECOG status", {"ecog": ecog}, int(ecog >= "3")) for ecog in "01234"),
    (K, "Previous chemotherapy", {"prior_chemotherapy": 0}, 0),
    (K, "Previous chemotherapy", {"prior_chemotherapy": 1}, 1),
    (K, "Skeletal metastases", SOLITARY, 0),
    *((K, "Skeletal metastases", cells, 1) for cells in SEVERAL),
    # Van der Linden
    *karnofsky(V),
    *sites((V, 3, PRIMARY), "breast"),
    *sites((V, 2, PRIMARY), "prostate"),
    *sites((V, 1, PRIMARY), "lung_nsclc", "lung_sclc"),
    *sites((V, 0, PRIMARY), *every_but("breast", "prostate", "lung_nsclc", "lung_sclc")),
    (V, "Visceral metastases", {"visceral_mets": "none"}, 1),
    (V, "Visceral metastases", {"visceral_mets": "nodular"}, 0),
    (V, "Visceral metastases", {"visceral_mets": "disseminated"}, 0),
    # NESMS
    (N, "Modified Bauer score", {"visceral_mets": "none", "primary_site": "breast"}, 2),
    (N, "Modified Bauer score", {"primary_site": "kidney", **SOLITARY}, 2),
    (N, "Modified Bauer score", {"primary_site": "lung_nsclc"}, 0),
    (N, "Modified Bauer score", {"visceral_mets": "nodular", "primary_site": "prostate"}, 0),
    (N, "Ambulation", {"ambulatory_status": "independent"}, 1),
    (N, "Ambulation", {"ambulatory_status": "with_aid"}, 0),
    (N, "Ambulation", {"ambulatory_status": "non_ambulatory"}, 0),
    (N, "Albumin", {"albumin": 3.5}, 1),
    (N, "Albumin", {"albumin": 3.4}, 0),
    # SINS: the registry's code of a component is its points
    *(
        (S, item, {field: str(points)}, points)
        for item, field, codes in (
            ("Location", "sins_location", (0, 1, 2, 3)),
            ("Pain", "sins_pain", (0, 1, 3)),
            ("Bone lesion", "sins_lesion", (0, 1, 2)),
            ("Alignment", "sins_alignment", (0, 2, 4)),
            ("Vertebral collapse", "sins_collapse", (0, 1, 2, 3)),
            ("Posterolateral elements", "sins_posterolateral", (0, 1, 3)),
        )
        for points in codes
    ),
    # Rades, two months
    (R, "ECOG status", {"ecog": "2"}, 0),
    (R, "ECOG status", {"ecog": "3"}, 4),
    (R, "ECOG status", {"ecog": "4"}, 4),
    *sites((R, 1, PRIMARY), "breast", "myeloma", "lymphoma"),
    *sites((R, 2, PRIMARY), "prostate"),
    *sites((R, 3, PRIMARY), *every_but("breast", "myeloma", "lymphoma", "prostate")),
    (R, "Other bone metastases", {"n_extraspinal_bone": "0"}, 1),
    (R, "Other bone metastases", {"n_extraspinal_bone": "1-2"}, 3),
    (R, "Other bone metastases", {"n_extraspinal_bone": ">=3"}, 3),
    (R, "Visceral metastases", {"visceral_mets": "none"}, 1),
    (R, "Visceral metastases", {"visceral_mets": "nodular"}, 4),
    (R, "Visceral metastases", {"visceral_mets": "disseminated"}, 4),
    (R, "Interval from diagnosis", {"interval_dx_to_spine": 15}, 3),
    (R, "Interval from diagnosis", {"interval_dx_to_spine": 15.1}, 1),
    (R, "Ambulation", {"ambulatory_status": "independent"}, 1),
    (R, "Ambulation", {"ambulatory_status": "with_aid"}, 1),
    (R, "Ambulation", {"ambulatory_status": "non_ambulatory"}, 4),
    (R, "Motor deficit developed in", {"deficit_development_days": "1-7"}, 4),
    (R, "Motor deficit developed in", {"deficit_development_days": "8-14"}, 1),
    (R, "Motor deficit developed in", {"deficit_development_days": ">14"}, 1),
]


@pytest.mark.parametrize(("name", "item", "cells", "points"), CASES)
def test_each_row_of_a_points_table_gives_its_points(name: str, item: str, cells: dict, points: int) -> None:
    found = SCORES[name].item(item)
    possible = found.possible(patient(**cells))[0]
    assert [row.points for row, can in zip(found.rows, possible, strict=True) if can] == [points]


def test_no_row_of_any_table_is_left_out_of_these_tests() -> None:
    tested = {(name, item, points) for name, item, _, points in CASES}
    assert tested == {
        (s.name, item.label, row.points) for s in SCORES.values() for item in s.items for row in item.rows
    }


def test_every_level_of_every_field_has_its_row(root: Path) -> None:
    contract = Contract.from_toml(root / "configs" / "registries" / "spine.toml")
    assert set(contract.field("primary_site").levels) == set(EVERY)
    for name in FIELDS:
        contract.field(name)


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
def test_the_items_span_the_published_range(score: Score) -> None:
    worth = [[row.points for row in item.rows] for item in score.items]
    assert sum(map(min, worth)) == score.lowest
    assert min(sum(map(max, worth)), score.highest) == score.highest
    assert score.groups[0].from_points == score.lowest
    nothing = score.points(patient(ecog="2", ais_grade="A") if score.made_for else patient())
    assert nothing.high[0] == score.highest or score.made_for
    assert nothing.low[0] == score.lowest


def test_the_new_england_score_is_cut_at_three() -> None:
    best = patient(visceral_mets="none", primary_site="breast", ambulatory_status="independent", albumin=4.0)
    assert SCORES[N].points(best).low[0] == SCORES[N].points(best).high[0] == 3
    weaker = patient(visceral_mets="none", primary_site="breast", ambulatory_status="independent", albumin=3.0)
    assert SCORES[N].points(weaker).low[0] == 3


def test_a_missing_laboratory_value_leaves_the_points_that_it_could_make() -> None:
    known = {name: value for name, value in NORMAL.items() if name != "ldh"}
    growth = {"primary_site": "kidney", **HEALTHY_LIVER, "ecog": "1", "prior_chemotherapy": 0, **SOLITARY}
    points = SCORES[K].points(patient(**growth, **known))
    assert (points.low[0], points.high[0], points.middle[0]) == (2, 3, 2.5)
    both = SCORES[K].points(patient(**{**growth, "primary_site": "breast"}, **NORMAL))
    assert (both.low[0], both.high[0]) == (0, 2)


def test_a_score_is_not_given_to_patients_for_whom_it_was_not_made() -> None:
    for cells in ({"ecog": "1", "ais_grade": "C"}, {"ecog": "3", "ais_grade": "E"}, {"ais_grade": "C"}):
        found = SCORES[R].points(patient(**cells))
        assert np.isnan(found.low).all()
        assert np.isnan(found.middle).all()
    assert not np.isnan(SCORES[R].points(patient(ecog="3", ais_grade="C")).low).any()


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> pd.DataFrame:
    contract = Contract.from_toml(ROOT / "configs" / "registries" / "spine.toml")
    folder = tmp_path_factory.mktemp("extract")
    write_extract(simulate(SyntheticSettings(patients=300, seed=3, sites=3)), folder)
    return REGISTRIES["spine"].conform(require(contract, read_extract(folder, contract)), contract).frame


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
def test_what_is_missing_never_leads_outside_the_range(cohort: pd.DataFrame, score: Score) -> None:
    """Fields of complete patients are hidden one after the other: the range only grows, and holds what is true."""
    full = cohort[list(score.inputs)].copy()
    known = score.points(full)
    rows = np.flatnonzero((known.low == known.high) & ~np.isnan(known.low))
    assert len(rows), "the synthetic registry has complete patients"
    full = full.iloc[rows].reset_index(drop=True)
    truth, rng = known.low[rows], np.random.default_rng(7)
    # What has a stand-in where it is not recorded makes no range; who the score was made for is no item.
    kept = {"kps", "visceral_removable", *(() if score.made_for is None else score.made_for.inputs)}
    before = score.points(full)
    for field in rng.permutation([name for name in score.inputs if name not in kept]):
        hidden = rng.random(len(full)) < 0.7
        full[field] = full[field].mask(hidden, np.nan if full[field].dtype == float else None)
        now = score.points(full)
        assert ((now.low <= before.low) & (before.high <= now.high)).all()
        assert ((now.low <= truth) & (truth <= now.high)).all()
        before = now


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
def test_a_patient_alone_has_the_points_of_the_cohort(cohort: pd.DataFrame, score: Score) -> None:
    together = score.points(cohort)
    for row in range(0, len(cohort), 37):
        alone = score.points(cohort.iloc[[row]].reset_index(drop=True))
        assert np.array_equal([alone.low[0], alone.high[0]], [together.low[row], together.high[row]], equal_nan=True)


def test_sins_is_the_total_that_the_contract_derives(cohort: pd.DataFrame) -> None:
    from features.predictors import derive

    total = derive(cohort, ["sins_total"])["sins_total"].to_numpy()
    points = SCORES[S].points(cohort)
    complete = ~np.isnan(total)
    assert np.array_equal(points.low[complete], total[complete])
    assert (points.low[~complete] < points.high[~complete]).all()


# Share alive (months) as printed, by the points of a group: registry reference §4.
PUBLISHED = [
    (K, points, months, alive)
    for points, alive_at in {
        (0, 1, 2, 3): {6: 0.981, 12: 0.914, 24: 0.778},
        (4, 5, 6): {6: 0.740, 12: 0.493, 24: 0.276},
        (7, 8, 9, 10): {6: 0.269, 12: 0.060, 24: 0.021},
    }.items()
    for points in points
    for months, alive in alive_at.items()
] + [
    (name, points, months, alive)
    for name, groups in {
        B: {(0, 1): (4.8, 0.5), (2,): (18.2, 0.5), (3, 4): (28.4, 0.5)},
        M: {
            (2, 3): (49.9, np.exp(-1)),
            (4, 5): (23.5, np.exp(-1)),
            (6, 7): (15.0, np.exp(-1)),
            (8, 9, 10): (5.9, np.exp(-1)),
        },
        V: {(0, 1, 2, 3): (24, 0.04), (4, 5): (24, 0.22), (6,): (24, 0.37)},
        R: {tuple(range(6, 19)): (2, 0.95), tuple(range(19, 26)): (2, 0.46)},
    }.items()
    for points, (months, alive) in groups.items()
    for points in points
]


@pytest.mark.parametrize(("name", "points", "months", "alive"), PUBLISHED)
def test_each_group_has_its_published_survival(name: str, points: int, months: float, alive: float) -> None:
    risk = SCORES[name].published_risk(np.array([float(points)]), [months * DAYS_PER_MONTH])
    assert risk[0, 0] == pytest.approx(1 - alive, abs=1e-12)


def test_medians_of_van_der_linden_are_half() -> None:
    for points, months in ((3, 3.0), (5, 9.0), (6, 18.7)):
        assert SCORES[V].published_risk(np.array([points]), [months * DAYS_PER_MONTH])[0, 0] == pytest.approx(0.5)


def test_rades_predictive_values_follow_from_what_was_printed() -> None:
    sensitivity, specificity, negative = 0.81, 0.84, 0.95
    # NPV = spec (1 − p) / (spec (1 − p) + (1 − sens) p), solved for the share p that died.
    died = specificity * (1 - negative) / (specificity * (1 - negative) + negative * (1 - sensitivity))
    positive = sensitivity * died / (sensitivity * died + (1 - specificity) * (1 - died))
    assert SCORES[R].published_risk(np.array([19.0]), [2 * DAYS_PER_MONTH])[0, 0] == pytest.approx(positive, abs=0.005)


@pytest.mark.parametrize("name", [T, N, S])
def test_a_paper_without_survival_gives_no_risk(name: str) -> None:
    assert SCORES[name].published_until == 0
    with pytest.raises(ValueError, match="no survival by group"):
        SCORES[name].published_risk(np.array([3.0]), [90.0])


def test_the_published_hazard_is_constant_between_published_times_and_starts_with_everybody_alive() -> None:
    days = np.array([0.0, 3, 6, 9, 12, 36]) * DAYS_PER_MONTH
    alive = 1 - SCORES[K].published_risk(np.array([5.0]), days)[0]
    assert alive[0] == 1
    assert alive[1] == pytest.approx(np.sqrt(0.740))
    assert alive[3] == pytest.approx(np.sqrt(0.740 * 0.493))
    assert alive[5] == pytest.approx(0.276 * 0.276 / 0.493)
    assert SCORES[K].published_until == pytest.approx(24 * DAYS_PER_MONTH)
    assert SCORES[M].published_until == pytest.approx(5.9 * DAYS_PER_MONTH)


def test_half_a_point_stays_below_the_next_group() -> None:
    assert SCORES[K].group_of(np.array([0, 3, 3.5, 4, 6.5, 7, 10])).tolist() == [0, 0, 0, 1, 1, 2, 2]


_SAME = [("0", (2, 2)), ("2", (1, 1)), ("3", (0, 0))]
KPS_70 = "ECOG 1 as a Karnofsky status of 70 instead of 80"
COLON = "colorectal as rectum (4) instead of others (2)"
BONE = "sarcoma as osteosarcoma (0) instead of others (2)"
ORGANS = "metastases to organs removable where not recorded"
CERVIX = "endometrium, ovary and cervix as cervix: rapid (3) instead of moderate (2)"
OTHERWISE = [
    *((score, KPS_70, "Karnofsky status", {"ecog": "1"}, 2, 1) for score in (T, V)),
    *((score, KPS_70, "Karnofsky status", {"ecog": ecog}, *same) for score in (T, V) for ecog, same in _SAME),
    *((score, KPS_70, "Karnofsky status", {"ecog": "1", "kps": 80}, 2, 2) for score in (T, V)),
    (T, COLON, "Primary tumour", {"primary_site": "colorectal"}, 2, 4),
    (T, COLON, "Primary tumour", {"primary_site": "sarcoma"}, 2, 2),
    (T, BONE, "Primary tumour", {"primary_site": "sarcoma"}, 2, 0),
    (T, BONE, "Primary tumour", {"primary_site": "colorectal"}, 2, 2),
    (T, ORGANS, "Metastases to major organs", {"visceral_mets": "nodular"}, 0, 1),
    (T, ORGANS, "Metastases to major organs", {"visceral_mets": "nodular", "visceral_removable": 0}, 0, 0),
    (T, ORGANS, "Metastases to major organs", {"visceral_mets": "none"}, 2, 2),
    (M, "visceral metastases treatable where not recorded", "Visceral metastases", {"visceral_mets": "nodular"}, 4, 2),
    (K, CERVIX, "Growth of the primary", {"primary_site": "uterus_cervix_ovary"}, 2, 3),
    (K, CERVIX, "Growth of the primary", {"primary_site": "kidney"}, 2, 2),
    (N, "walking with an aid counts as independent", "Ambulation", {"ambulatory_status": "with_aid"}, 0, 1),
    (N, "walking with an aid counts as independent", "Ambulation", {"ambulatory_status": "non_ambulatory"}, 0, 0),
]


@pytest.mark.parametrize(("name", "reading", "item", "cells", "judged", "otherwise"), OTHERWISE)
def test_each_other_reading_changes_what_it_names_and_nothing_else(
    name: str, reading: str, item: str, cells: dict, judged: int, otherwise: int
) -> None:
    frame = patient(**cells)
    for score, points in ((SCORES[name], judged), (SCORES[name].read_as(reading), otherwise)):
        rows = score.item(item).rows
        assert [rows[k].points for k in np.flatnonzero(score.item(item).possible(frame)[0])] == [points]


def test_every_other_reading_has_its_rows_in_these_tests_and_leaves_the_other_items() -> None:
    there = {(score.name, one.label) for score in SCORES.values() for one in score.readings}
    assert there == {(name, reading) for name, reading, *_ in OTHERWISE}
    for score in SCORES.values():
        for one in score.readings:
            other = score.read_as(one.label)
            changed = [a.label for a, b in zip(score.items, other.items, strict=True) if a is not b]
            assert changed == [one.item.label]
