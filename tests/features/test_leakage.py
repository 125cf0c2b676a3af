"""Columns that know the future are named; columns that only predict it well are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.contract import Contract, Field, Table
from features.leakage import Suspicion, refuse_late, screen
from features.leakage.lifetimes import Lifetimes, concordance
from features.outcome import Outcome

N = 900


def field(name: str, known_at: str, **more: Any) -> Field:
    return Field(name=name, table="t", kind="number", label=name, known_at=known_at, **more)


def contract(*fields: Field) -> Contract:
    return Contract(name="t", version="1", registry="table", tables=(Table(name="t", key=()),), fields=fields)


def names(suspicions: tuple[Suspicion, ...], by: str | None = None) -> set[str]:
    return {suspicion.field for suspicion in suspicions if by in (None, suspicion.by)}


def typed(frame: pd.DataFrame) -> pd.DataFrame:
    """As an inspection gives it: "missing" is a code for not known."""
    columns = {}
    for name in frame:
        column = frame[name]
        if not pd.api.types.is_numeric_dtype(column):
            column = column.astype(object).where(column.notna() & (column != "missing"), None)
        columns[str(name)] = column
    return pd.DataFrame(columns)


def survival(seed: int, *, shape: float = 1.0, censored: bool = True) -> tuple[pd.DataFrame, Outcome]:
    """Strong honest predictors: hazard ratios of 12 between groups, 6 across a marker, a gap that tells a little."""
    rng = np.random.default_rng(seed)
    group = rng.choice(3, N, p=[0.5, 0.35, 0.15])
    marker = rng.normal(size=N)
    asked = rng.random(N) < 0.6
    hazard = np.exp(np.array([0.0, 1.2, 2.5])[group] + 0.9 * marker + 0.5 * asked)
    time = 400 * (rng.exponential(size=N) / hazard) ** (1 / shape)
    year = rng.integers(0, 8, N)
    end = np.minimum((8 - year) * 180.0, 1200.0) * rng.uniform(0.8, 1, N) if censored else np.full(N, np.inf)
    days = np.ceil(np.minimum(time, end))
    frame = pd.DataFrame(
        {
            "group": np.array(["low", "mid", "high"], dtype=object)[group],
            "marker": marker,
            "gap": np.where(asked, np.nan, rng.normal(size=N)),
            "year": 2000.0 + year,
            "noise": rng.normal(50, 10, N),
        }
    )
    return frame, Outcome.right_censored(np.maximum(days, 1), time <= end)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", [0.7, 1.0, 2.0])
def test_strong_predictors_and_staggered_entry_raise_no_alarm(seed: int, shape: float) -> None:
    frame, outcome = survival(seed, shape=shape)
    assert screen(frame, outcome) == ()


def test_an_effect_that_wanes_raises_no_alarm() -> None:
    rng = np.random.default_rng(2)
    poly = rng.random(N) < 0.5
    early = rng.exponential(np.where(poly, 250.0, 1500.0))
    late = 91 + rng.exponential(600.0, N)
    time = np.ceil(np.where(early < 91, early, late))
    outcome = Outcome.right_censored(time, np.ones(N))
    assert screen(pd.DataFrame({"poly": poly.astype(float)}), outcome) == ()


@pytest.mark.parametrize("seed", range(3))
def test_a_level_that_means_death_before_a_visit_is_found(seed: int) -> None:
    frame, outcome = survival(seed)
    early = (outcome.time_days < 60) & (outcome.event == 1)
    rng = np.random.default_rng(seed)
    frame["function"] = np.where(early, "none", np.where(rng.random(N) < 0.5, "walks", "bed")).astype(object)
    assert names(screen(frame, outcome)) == {"function"}


@pytest.mark.parametrize("seed", range(3))
def test_a_value_measured_at_a_later_visit_is_found(seed: int) -> None:
    frame, outcome = survival(seed)
    rng = np.random.default_rng(seed)
    frame["albumin_6w"] = np.where(outcome.time_days > 42, rng.normal(size=N), np.nan)
    assert names(screen(frame, outcome)) == {"albumin_6w"}


@pytest.mark.parametrize("seed", range(3))
def test_the_number_of_visits_is_found_by_the_data_whatever_its_name(seed: int) -> None:
    frame, outcome = survival(seed)
    frame["k"] = np.searchsorted([42, 84, 182, 364], outcome.time_days).astype(float)
    assert names(screen(frame, outcome), "data") == {"k"}


def test_a_date_within_the_follow_up_is_found() -> None:
    frame, outcome = survival(1)
    rng = np.random.default_rng(1)
    at = rng.exponential(300, N)
    frame["chemo"] = np.where(at < outcome.time_days, np.ceil(at), np.nan)
    assert names(screen(frame, outcome)) == {"chemo"}


def test_a_column_that_ranks_survival_implausibly_well_is_found() -> None:
    frame, outcome = survival(1)
    frame["score"] = -np.log(outcome.time_days) + np.random.default_rng(1).normal(0, 0.4, N)
    assert names(screen(frame, outcome)) == {"score"}


def test_a_cause_that_is_recorded_for_the_dead_only_is_found() -> None:
    frame, outcome = survival(3)
    rng = np.random.default_rng(3)
    frame["chapter"] = np.where(outcome.event == 1, rng.choice(["heart", "cancer"], N), None).astype(object)
    assert "chapter" in names(screen(frame, outcome), "data")


def test_fewer_than_twenty_patients_are_no_evidence() -> None:
    frame, outcome = survival(1)
    few = np.argsort(outcome.time_days)[:19]
    frame["function"] = "walks"
    frame.loc[few, "function"] = "dead"
    assert screen(frame, outcome) == ()


def test_a_name_that_speaks_of_the_future_is_said_once_and_only_by_name() -> None:
    frame, outcome = survival(1)
    for name in ("surv2m", "dnr", "dischargeStatus", "n_visits", "last_visit_label", "vital_status", "relapse"):
        frame[name] = np.random.default_rng(7).normal(size=N)
    for name in ("survey", "prior_recurrence", "family_death", "deadlift", "losartan", "performance_status"):
        frame[name] = np.random.default_rng(8).normal(size=N)
    found = screen(frame, outcome)
    assert names(found, "name") == {
        "surv2m",
        "dnr",
        "dischargeStatus",
        "n_visits",
        "last_visit_label",
        "vital_status",
        "relapse",
    }
    assert names(found, "data") == set()


def test_levels_that_speak_of_the_future_are_said() -> None:
    frame, outcome = survival(1)
    frame["code"] = np.random.default_rng(1).choice(["none", "order after admission"], N).astype(object)
    (suspicion,) = screen(frame, outcome)
    assert suspicion == Suspicion("code", "name", "code: 1 of its 2 levels speak of what comes after time zero.")


def test_what_a_person_has_declared_late_is_not_screened_and_a_reasoned_name_is_believed() -> None:
    frame, outcome = survival(1)
    frame["k"] = np.searchsorted([42, 84, 182, 364], outcome.time_days).astype(float)
    frame["surv2m"] = np.random.default_rng(7).normal(size=N)
    assert names(screen(frame, outcome, contract(field("k", "T0"), field("surv2m", "T0")))) == {"k", "surv2m"}
    reasoned = contract(field("k", "AFTER"), field("surv2m", "T0", source="the model's forecast on admission"))
    assert screen(frame, outcome, reasoned) == ()


def test_no_sentence_holds_a_level_or_a_day() -> None:
    frame, outcome = survival(0)
    early = (outcome.time_days < 60) & (outcome.event == 1)
    frame["function"] = np.where(early, "MARKER", "walks").astype(object)
    (suspicion,) = screen(frame, outcome)
    last = int(outcome.time_days[early].max())
    assert "MARKER" not in suspicion.sentence
    assert str(last) not in suspicion.sentence.replace(str(int(early.sum())), "")


def test_the_order_of_rows_means_nothing() -> None:
    frame, outcome = survival(0)
    frame["k"] = np.searchsorted([42, 84, 182, 364], outcome.time_days).astype(float)
    order = np.random.default_rng(0).permutation(N)
    assert screen(frame.iloc[order].reset_index(drop=True), outcome.take(order)) == screen(frame, outcome)


def test_concordance_counts_pairs_and_gives_ties_half() -> None:
    lives = Lifetimes.of(np.arange(1.0, 41.0), np.ones(40, dtype=bool))
    estimate = concordance(lives, -np.arange(40.0))
    assert estimate is not None
    assert estimate.c == 1.0
    flat = concordance(lives, np.r_[np.zeros(39), 1.0])
    assert flat is not None
    assert flat.c == pytest.approx(0.5 + 0.5 * 39 / (39 * 40 / 2))


# --- real tables


def real(shared: Path, name: str, time: str, event: str, drop: tuple[str, ...] = ()) -> tuple[Suspicion, ...]:
    frame = pd.read_csv(shared / "real" / f"{name}.csv")
    outcome = Outcome.right_censored(np.maximum(frame[time], 0.5), frame[event])
    return screen(typed(frame.drop(columns=[time, event, *drop])), outcome)


def test_on_support_the_leaks_are_named_and_nothing_else(shared: Path) -> None:
    found = real(shared, "support2_metastatic", "time", "event", ("pid",))
    assert names(found, "data") == {"sfdm2"}
    assert names(found, "name") == {"surv2m", "surv6m", "dnr"}


def test_on_myeloid_the_later_dates_are_named(shared: Path) -> None:
    found = real(shared, "myeloid", "futime", "death", ("rownames", "id"))
    assert names(found, "data") == names(found) == {"txtime", "crtime", "rltime"}


def test_on_mgus2_the_other_end_points_are_named_where_they_stand_as_predictors(shared: Path) -> None:
    assert "ptime" in names(real(shared, "mgus2", "futime", "death", ("rownames", "id")), "data")
    found = real(shared, "mgus2", "ptime", "pstat", ("rownames", "id"))
    assert names(found) == {"futime", "death"}


# What the screen names in twelve tables that others have cleaned: two lengths of stay and one time to progression, each
# known only after time zero.
LATER = {"grace": {"num_los"}, "whas500": {"num_los"}, "mgus": {"num_pctime"}}


@pytest.mark.parametrize(
    "name",
    [
        "GBSG2",
        "dataDIVAT2",
        "flchain",
        "follic",
        "grace",
        "mgus",
        "ova",
        "support2",
        "uis",
        "veteran",
        "vlbw",
        "whas500",
    ],
)
def test_ordinary_predictors_of_cleaned_tables_raise_no_alarm(shared: Path, name: str) -> None:
    frame = pd.read_parquet(shared / "bench" / "data" / f"{name}.parquet")
    outcome = Outcome.right_censored(np.maximum(frame["time"], 0.5), frame["event"])
    assert names(screen(typed(frame.drop(columns=["time", "event"])), outcome)) == LATER.get(name, set())


# --- the study's moment


STAMPED = contract(
    field("age", "T0"),
    field("blood_loss", "TX"),
    field("ais_v", "V6w"),
    field("ecog_v", "V26w"),
    field("los", "AFTER"),
    field("death_cause", "END"),
    field("mystery", "undeclared"),
)


def late(landmark: float, conditional: bool) -> set[str]:
    return {sentence.split(":")[0] for sentence in refuse_late(STAMPED, STAMPED.names, landmark, conditional)}


def test_a_study_at_time_zero_uses_what_is_known_at_time_zero() -> None:
    assert late(0, False) == {"blood_loss", "ais_v", "ecog_v", "los", "death_cause", "mystery"}


def test_a_treatment_conditional_study_also_uses_what_treatment_fixes() -> None:
    assert late(0, True) == {"ais_v", "ecog_v", "los", "death_cause", "mystery"}


def test_a_visit_is_known_when_its_window_has_closed() -> None:
    assert "ais_v" in late(42, True)
    assert late(62, True) == {"ecog_v", "los", "death_cause", "mystery"}
    assert late(10_000, True) == {"los", "death_cause", "mystery"}


def test_refusals_say_what_to_do() -> None:
    sentences = refuse_late(STAMPED, ["mystery", "blood_loss", "age"], 0, False)
    assert len(sentences) == 2
    assert "try: set known_at in the contract" in sentences[0]
    assert "try: treatment_conditional = true" in sentences[1]


def test_the_published_leaks_of_the_spine_registry_are_refused_at_time_zero(root: Path) -> None:
    spine = Contract.from_toml(root / "configs" / "registries" / "spine.toml")
    leaks = [
        "op_minutes",
        "blood_loss_ml",
        "los_days",
        "discharge_destination",
        "postop_systemic_therapy",
        "rt_dose_gy",
        "ecog_v",
        "ais_v",
        "sosgoq_total_v",
        "satisfaction",
        "death_cause",
        "ae_term",
    ]
    assert len(refuse_late(spine, leaks, 0, False)) == len(leaks)
    assert refuse_late(spine, ["albumin", "ecog", "sins_total", "pni", "primary_site"], 0, False) == []


def test_what_is_missing_at_follow_up_is_found_when_it_stands_among_baseline_fields() -> None:
    frame, outcome = survival(5)
    visits = np.searchsorted([42, 84, 182, 364, 728], outcome.time_days)
    frame["forms_missing"] = 5.0 - visits
    frame["last_label"] = np.array(["none", "6w", "12w", "26w", "52w", "104w"], dtype=object)[visits]
    assert names(screen(frame, outcome), "data") == {"forms_missing", "last_label"}
