"""What predictors become: laws first, then small tables."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.contract import ContractError, Field
from features.encoding import Encoding
from features.imputation import normal_probability


def field(name: str, kind: Any, **more: Any) -> Field:
    return Field(name=name, table="t", kind=kind, label=name.title(), known_at="T0", **more)


FIELDS = (
    field("age", "number", unit="a"),
    field("crp", "number", unit="mg/dL"),
    field("female", "boolean"),
    field("ecog", "ordinal", levels=("0", "1", "2", "3", "4")),
    field("grade", "ordinal", levels=("A", "B", "C", "D", "E")),
    field("primary", "category", levels=("lung", "breast", "kidney", "rare", "never_seen")),
    field("duration", "number", unit="d", applies_when={"grade": ("A", "B", "C", "D")}),
    field("target", "category", levels=("none", "egfr"), applies_when={"primary": ("lung",)}),
)


def registry(n: int = 400, seed: int = 5, missing: float = 0.2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frail = rng.normal(size=n)
    text = lambda values: pd.Series(values, dtype=object)  # noqa: E731  # a name for one line
    ecog = np.clip(np.round(1.5 + frail + rng.normal(0, 0.5, n)), 0, 4).astype(int).astype(str)
    primary = rng.choice(["lung", "breast", "kidney", "rare"], n, p=[0.4, 0.35, 0.24, 0.01])
    grade = rng.choice(list("ABCDE"), n, p=[0.1, 0.1, 0.2, 0.2, 0.4])
    frame = pd.DataFrame(
        {
            "age": 60 + 8 * frail + rng.normal(0, 4, n),
            "crp": np.exp(rng.normal(1 + frail, 0.6)),
            "female": rng.integers(0, 2, n).astype(float),
            "ecog": text(ecog),
            "grade": text(grade),
            "primary": text(primary),
            "duration": np.where(grade == "E", np.nan, rng.exponential(10, n)),
            "target": text(
                np.where(primary == "lung", rng.choice(["none", "egfr"], n, p=[0.8, 0.2]), "not_applicable")
            ),
        }
    )
    for name in frame.columns:
        gone = (rng.random(n) < missing) & (frame[name] != "not_applicable")
        frame.loc[gone, name] = np.nan if frame[name].dtype == float else None
    return frame


def fitted(frame: pd.DataFrame | None = None, road: Any = "imputed", **more: Any) -> Encoding:
    return Encoding.fit(registry() if frame is None else frame, FIELDS, road, **more)


def test_every_column_is_known_on_the_imputed_road_and_named_once() -> None:
    encoding = fitted()
    X = encoding.transform(registry())
    assert X.shape == (400, len(encoding.columns))
    assert len(set(encoding.columns)) == len(encoding.columns)
    assert np.isfinite(X).all()
    assert len(encoding.readings) == len(encoding.columns)
    assert [r.column for r in encoding.readings] == list(encoding.columns)


@pytest.mark.parametrize("road", ["imputed", "native"])
def test_one_row_at_a_time_equals_the_batch_to_the_last_bit(road: str) -> None:
    encoding, frame = fitted(road=road), registry(60, seed=9, missing=0.4)
    for draw in (None, 0, 7):
        batch = encoding.transform(frame, draw)
        single = np.concatenate([encoding.transform(frame.iloc[i : i + 1], draw) for i in range(60)])
        assert np.array_equal(batch, single, equal_nan=True)
        order = np.random.default_rng(1).permutation(60)
        assert np.array_equal(encoding.transform(frame.iloc[order], draw), batch[order], equal_nan=True)


@pytest.mark.parametrize("road", ["imputed", "native"])
def test_the_order_of_training_rows_is_irrelevant(road: str) -> None:
    frame = registry()
    shuffled = frame.iloc[np.random.default_rng(2).permutation(len(frame))].reset_index(drop=True)
    a, b = fitted(frame, road), fitted(shuffled, road)
    assert a.columns == b.columns
    for draw in (None, 3):
        assert np.nanmax(np.abs(a.transform(frame, draw) - b.transform(frame, draw))) < 1e-9


@pytest.mark.parametrize("road", ["imputed", "native", "none"])
def test_state_comes_back_through_json_to_the_last_bit(road: str) -> None:
    encoding, frame = fitted(road=road), registry(50, seed=8)
    plain, arrays = encoding.state()
    again = Encoding.from_state(json.loads(json.dumps(plain, allow_nan=False)), arrays)
    assert again.columns == encoding.columns
    for draw in (None, 2):
        assert np.array_equal(encoding.transform(frame, draw), again.transform(frame, draw), equal_nan=True)


def test_draws_are_whole_levels_and_leave_known_values_alone() -> None:
    encoding, frame = fitted(), registry(200, seed=6, missing=0.3)
    at = {name: j for j, name in enumerate(encoding.columns)}
    mean = encoding.transform(frame)
    for draw in range(encoding.n_draws):
        X = encoding.transform(frame, draw)
        assert set(np.unique(X[:, at["female"]])) <= {0.0, 1.0}
        levels = X[:, [j for name, j in at.items() if name.startswith("primary=")]]
        assert set(np.unique(levels)) <= {0.0, 1.0}
        assert levels.sum(axis=1).max() <= 1
        known = frame["age"].notna().to_numpy()
        assert np.array_equal(X[known, at["age"]], mean[known, at["age"]])
        assert not np.array_equal(X[~known, at["age"]], mean[~known, at["age"]])


def test_draws_average_to_the_conditional_mean_and_spread_around_it() -> None:
    """Known relations are kept: who has a high CRP and a bad ECOG is drawn old, with the spread that remains."""
    encoding, full = fitted(registry(1500, missing=0.1)), registry(400, seed=12, missing=0.0)
    hidden = full.assign(age=np.nan)
    j = encoding.columns.index("age")
    truth, mean = encoding.transform(full)[:, j], encoding.transform(hidden)[:, j]
    assert np.corrcoef(truth, mean)[0, 1] > 0.75
    draws = np.stack([encoding.transform(hidden, d)[:, j] for d in range(encoding.n_draws)])
    assert np.abs(draws.mean(axis=0) - mean).mean() < 0.12
    assert abs(draws.std(axis=0).mean() / np.std(truth - mean) - 1) < 0.25


def test_categories_are_drawn_as_often_as_they_occur() -> None:
    encoding = fitted(registry(1500, missing=0.1))
    hidden = registry(300, seed=4, missing=0.0).assign(primary=None, female=np.nan)
    hidden["primary"] = hidden["primary"].astype(object)
    X = np.stack([encoding.transform(hidden, d) for d in range(encoding.n_draws)])
    at = {name: j for j, name in enumerate(encoding.columns)}
    assert abs(X[:, :, at["female"]].mean() - 0.5) < 0.06
    assert abs(X[:, :, at["primary=breast"]].mean() - 0.35) < 0.06
    assert abs(X[:, :, at["primary=kidney"]].mean() - 0.24) < 0.06


def test_what_does_not_apply_is_zero_and_not_unknown() -> None:
    encoding = fitted()
    frame = registry(300, seed=7, missing=0.0)
    j, applies = encoding.columns.index("duration"), encoding.columns.index("grade in A|B|C|D")
    never = (frame["grade"] == "E").to_numpy()
    for draw in (None, 4):
        X = encoding.transform(frame, draw)
        assert (X[never, j] == 0).all()
        assert (X[never, applies] == 0).all()
        assert (X[~never, applies] == 1).all()
        assert np.ptp(X[~never, j]) > 0
    assert not encoding.unknown(frame).any()


def test_where_the_parent_is_unknown_the_question_itself_is_drawn() -> None:
    encoding = fitted()
    frame = registry(100, seed=7, missing=0.0).assign(duration=np.nan, grade=None)
    frame["grade"] = frame["grade"].astype(object)
    j, applies = encoding.columns.index("duration"), encoding.columns.index("grade in A|B|C|D")
    X = np.concatenate([encoding.transform(frame, d) for d in range(encoding.n_draws)])
    assert 0.4 < X[:, applies].mean() < 0.8
    assert (X[X[:, applies] == 0, j] == 0).all()
    assert encoding.unknown(frame)[:, encoding.fields.index("duration")].all()


def test_a_condition_that_is_a_level_already_has_no_second_column() -> None:
    frame = registry(300, missing=0.1)
    frame["primary"] = frame["primary"].replace({"lung": "breast", "breast": "lung"})
    frame["target"] = (
        frame["target"].where(frame["primary"] == "lung", "not_applicable").replace("not_applicable", None)
    )
    frame.loc[frame["primary"] == "lung", "target"] = "egfr"
    frame.loc[(frame["primary"] == "lung") & (np.arange(300) % 2 == 0), "target"] = "none"
    encoding = fitted(frame)
    assert "primary=lung" in encoding.columns
    assert "primary in lung" not in encoding.columns
    target = next(j for j, name in enumerate(encoding.columns) if name.startswith("target="))
    lung = encoding.columns.index("primary=lung")
    unknown = frame.assign(primary=pd.Series([None] * 300, dtype=object), target=pd.Series([None] * 300, dtype=object))
    X = np.concatenate([encoding.transform(unknown, d) for d in range(encoding.n_draws)])
    assert (X[X[:, lung] == 0, target] == 0).all()
    assert X[X[:, lung] == 1, target].max() == 1


def test_unknown_names_the_predictors_that_are_asked_for_and_not_known() -> None:
    frame = registry(3, missing=0.0)
    frame.loc[0, "age"] = np.nan
    frame.loc[1, "ecog"] = None
    unknown = fitted().unknown(frame)
    assert unknown.sum() == 2
    assert unknown[0, fitted().fields.index("age")]
    assert unknown[1, fitted().fields.index("ecog")]


def test_rare_levels_share_a_column_or_are_averaged_over_and_so_is_a_level_never_met() -> None:
    frame = registry(1000, missing=0.0)
    few = Encoding.fit(frame, FIELDS[5:6], "imputed")
    assert few.columns == ("primary=breast", "primary=kidney")
    odd = frame.head(2).assign(primary=["rare", "never_seen"])
    assert few.encode(odd).open.all()
    assert not few.unknown(odd).any()
    number = np.arange(1000)
    split = frame["primary"].replace("rare", "lung").mask(number % 60 == 0, "rare").mask(number % 60 == 1, "never_seen")
    more = Encoding.fit(frame.assign(primary=split), FIELDS[5:6], "imputed")
    assert more.columns[-1] == "primary=other levels"
    assert (more.transform(odd)[:, -1] == 1).all()


def test_being_unknown_is_a_column_where_it_is_common_and_only_once() -> None:
    frame = registry(500, missing=0.0)
    gone = np.arange(500) % 10 == 0
    frame.loc[gone, ["age", "crp"]] = np.nan
    frame.loc[np.arange(500) % 50 == 1, "female"] = np.nan
    columns = fitted(frame).columns
    assert [name for name in columns if name.endswith(":unknown")] == ["age:unknown"]


def test_constant_and_unknown_columns_are_left_out_with_the_reason() -> None:
    frame = registry(200).assign(female=1.0, crp=np.nan)
    encoding = fitted(frame)
    assert "same in every row" in encoding.dropped["female"]
    assert encoding.dropped["crp"] == "known in 0 of 200 rows"
    assert not {"female", "crp"} & set(encoding.columns)
    assert np.isfinite(encoding.transform(registry(20))).all()


def test_a_skewed_positive_scale_is_read_in_doublings() -> None:
    readings = {r.column: r for r in fitted().readings}
    assert readings["crp"].per == "doubling"
    assert readings["age"].per == "10 a"
    encoding, frame = fitted(), registry(2, missing=0.0)
    j = encoding.columns.index("crp")
    X = encoding.transform(pd.concat([frame.head(1).assign(crp=2.0), frame.head(1).assign(crp=4.0)]))
    assert abs(X[1, j] - X[0, j] - readings["crp"].scale) < 1e-12


def test_a_value_beyond_what_ten_patients_reached_counts_as_the_end_of_the_scale() -> None:
    encoding, frame = fitted(), registry(2, missing=0.0)
    j = encoding.columns.index("age")
    far = encoding.transform(frame.assign(age=[150.0, 1500.0]))
    assert far[0, j] == far[1, j]


def test_the_native_road_keeps_numbers_and_gaps() -> None:
    encoding, frame = fitted(road="native"), registry(100, seed=3)
    X = encoding.transform(frame)
    assert np.array_equal(X[:, encoding.columns.index("age")], frame["age"].to_numpy(), equal_nan=True)
    breast = X[:, encoding.columns.index("primary=breast")]
    assert np.array_equal(np.isnan(breast), frame["primary"].isna().to_numpy())
    assert encoding.n_draws == 0


def test_a_table_without_a_predictor_is_refused_with_its_name() -> None:
    with pytest.raises(ContractError, match="1 of 8 predictors are not in the table: crp"):
        fitted().transform(registry(5).drop(columns="crp"))


def test_an_infinite_value_is_refused_by_count() -> None:
    with pytest.raises(ContractError, match="age: 1 of 5 values are infinite"):
        fitted().transform(registry(5).assign(age=[1.0, np.inf, 3.0, 4.0, 5.0]))


def test_the_normal_probability_is_right_to_seven_digits() -> None:
    z = np.array([-3.0, -1.0, 0.0, 0.5, 1.959963984540054])
    assert np.abs(normal_probability(z) - [0.0013498980, 0.1586552539, 0.5, 0.6914624613, 0.975]).max() < 1e-7
