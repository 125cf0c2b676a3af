"""A data scientist's own table, by the same verbs as a registry: drafted, inspected, planned, studied, scored."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.cli import main
from experiments.results import RunFolder, list_runs

MONTH = 30.4375
QUICK = (
    'recipes=[{family="cox"}]',
    "tuning.trials=1",
    "tuning.folds=2",
    "designs=[{design='nested_cross_validation', folds=2, repeats=1}]",
    "intervals.resamples=20",
    "endpoint.horizons_days=[120, 365]",
    "endpoint.primary_horizon_days=365",
)


def patients(n: int = 160) -> pd.DataFrame:
    """Follow-up in whole days; `ended` 0 censored, 1 progression, 2 death."""
    rng = np.random.default_rng(11)
    age, albumin = rng.normal(62, 9, n).round(1), rng.normal(3.6, 0.5, n).clip(1.6, 5.4).round(1)
    risk = np.exp(0.05 * (age - 62) - 0.9 * (albumin - 3.6))
    progressed, died = (rng.exponential(scale / risk).clip(1).round() for scale in (500, 700))
    lost = rng.uniform(200, 1200, n).round()
    days = np.minimum(np.minimum(progressed, died), lost)
    return pd.DataFrame(
        {
            "pid": [f"{i:05d}" for i in range(n)],
            "age": age,
            "albumin": albumin,
            "sex": rng.choice(["f", "m"], n),
            "days": days,
            "ended": np.where(days == progressed, 1, np.where(days == died, 2, 0)),
            "died": (days < lost).astype(int),
        }
    )


def flags(overrides: Sequence[str]) -> list[str]:
    return [word for override in overrides for word in ("--set", override)]


@pytest.fixture
def spinecast(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """A verb run in a folder: (exit code, all that was said)."""

    def run(*words: object, at: Path) -> tuple[int, str]:
        monkeypatch.chdir(at)
        code = main([str(word) for word in words])
        said = capfd.readouterr()
        return code, said.out + said.err

    return run


def studied(spinecast: Callable[..., tuple[int, str]], folder: Path, table: pd.DataFrame, *words: str) -> RunFolder:
    folder.mkdir()
    table.to_csv(folder / "mine.csv", index=False)
    code, said = spinecast("init", "p", "--from", "mine.csv", *words, "--id", "pid", "--no-input", at=folder)
    assert code == 0, said
    asked = ("study", "mine", "--tables", folder / "mine.csv", "--no-tracking", "--workers", "1", *flags(QUICK))
    code, said = spinecast(*asked, at=folder / "p")
    assert code == 0, said
    (run,) = list_runs(folder / "p")
    return run


def numbers(run: RunFolder) -> dict[str, list[float]]:
    return {
        one.id: [np.nan if x is None else x for x in (one.value, one.low, one.high, one.n, one.events)]
        for one in run.evidence.estimates
    }


def same(one: RunFolder, other: RunFolder) -> bool:
    a, b = numbers(one), numbers(other)
    assert len(a) > 20
    return a.keys() == b.keys() and all(np.allclose(a[k], b[k], rtol=0, atol=1e-9, equal_nan=True) for k in a)


ONE = ("--time", "days", "--event", "died")
SEVERAL = ("--time", "days", "--event", "ended", "--causes", "1=progression,2=death")


@pytest.mark.parametrize("words", [ONE, SEVERAL], ids=["one cause", "causes in one column"])
def test_the_same_study_again_shuffled_or_in_months_finds_the_same_to_a_billionth(
    spinecast: Callable[..., tuple[int, str]], tmp_path: Path, words: tuple[str, ...]
) -> None:
    table = patients().drop(columns="ended" if words is ONE else "died")
    first = studied(spinecast, tmp_path / "first", table, *words)
    again = studied(spinecast, tmp_path / "again", table, *words)
    assert again.evidence == first.evidence
    shuffled = studied(spinecast, tmp_path / "shuffled", table.sample(frac=1, random_state=5), *words)
    assert same(shuffled, first)
    months = table.assign(days=[repr(day / MONTH) for day in table["days"]])
    assert same(studied(spinecast, tmp_path / "months", months, *words, "--time-unit", "mo"), first)


def test_a_competing_event_with_its_own_columns_says_what_one_column_of_causes_says(
    spinecast: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    table = patients().drop(columns="died")
    one = studied(spinecast, tmp_path / "one", table, *SEVERAL)
    own = table["ended"] == 1
    pair = table.drop(columns="ended").assign(
        days=table["days"].where(own), death_day=table["days"], death=(table["ended"] == 2).astype(int)
    )
    words = ("--time", "days", "--event", "days", "--causes", "1=progression", "--competing", "death_day,death")
    two = studied(spinecast, tmp_path / "two", pair, *words)
    assert two.evidence.facts["events"] == one.evidence.facts["events"]
    assert same(two, one)


FAULTS: dict[str, tuple[Callable[[pd.DataFrame], bytes], str]] = {
    "truncated": (lambda t: text(t)[:-9], "is truncated"),
    "latin-1": (lambda t: text(t).replace(b",f,", ",ä,".encode("latin-1")), "is not UTF-8 (latin-1 or Windows-1252?)"),
    "UTF-16": (lambda t: text(t).decode().encode("utf-16"), "is UTF-16, expected UTF-8"),
    "a patient twice": (lambda t: text(pd.concat([t, t[:1]])), "1 of 161 rows repeat the key of an earlier row"),
    "an end before time zero": (lambda t: text(t.assign(days=t["days"].where(t.index > 2, -7))), "3 of 160 rows below"),
    "an event coded 1/2": (lambda t: text(t.assign(died=t["died"] + 1)), "coded 1/2"),
    "an unknown level": (lambda t: text(t.assign(sex=t["sex"].where(t.index > 3, "SECRET"))), "an unknown level"),
    "albumin in g/L": (lambda t: text(t.assign(albumin=t["albumin"] * 10)), "g/L for g/dL?"),
    "semicolons": (lambda t: t.to_csv(index=False, sep=";").encode(), "separated by semicolons"),
    "no row": (lambda t: text(t[:0]), "a header and no row"),
}


def text(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False).encode()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_table_gets_its_own_sentence_and_leaves_nothing_behind(
    spinecast: Callable[..., tuple[int, str]], tmp_path: Path, fault: str
) -> None:
    table = patients().drop(columns="ended")
    (tmp_path / "mine.csv").write_bytes(text(table))
    assert spinecast("init", ".", "--from", "mine.csv", *ONE, "--id", "pid", at=tmp_path)[0] == 0
    spoil, sentence = FAULTS[fault]
    (tmp_path / "mine.csv").write_bytes(spoil(table))
    before = sorted(tmp_path.rglob("*"))
    for words in (
        ("inspect", "mine.csv", "--contract", "mine"),
        ("study", "mine", "--tables", "mine.csv", "--no-tracking", "--workers", "1", *flags(QUICK)),
    ):
        code, said = spinecast(*words, at=tmp_path)
        assert (code, sentence in said) == (3, True), said
        assert "SECRET" not in said
    assert sorted(tmp_path.rglob("*")) == before


def test_columns_with_odd_names_and_levels_are_studied_released_and_shown_without_running_anything(
    spinecast: Callable[..., tuple[int, str]], tmp_path: Path, migrated: Path
) -> None:
    table = patients().drop(columns="ended")
    table["=HYPERLINK(1)"] = table["albumin"]
    table['o\'neill "q"; <b>ü</b>'] = table["age"]
    table["sex"] = table["sex"].map({"f": "<script>alert(1)</script>", "m": "=1+1"})
    table["constant"], table["empty"], table["leading"] = 3, "", "NA"
    table["comma"] = [f"{age:.1f}".replace(".", ",") for age in table["age"]]
    (tmp_path / "my table.csv").write_bytes(text(table.drop(columns=["age", "albumin"])))
    code, said = spinecast("init", "p", "--from", "my table.csv", *ONE, "--id", "pid", "--json", at=tmp_path)
    assert code == 0
    drafted = json.loads(said[said.index("{") : said.rindex("}") + 1])
    reasons = {one["field"]: one["reason"] for one in drafted["left_out"]}
    assert set(reasons) == {"constant", "empty", "leading", "comma"}
    assert "decimal comma" in reasons["comma"]
    assert f"--tables '{tmp_path / 'my table.csv'}'" in said
    project = tmp_path / "p"
    shutil.copy(migrated, project / "mlflow.db")
    tables = ("--tables", tmp_path / "my table.csv", "--workers", "1", *flags(QUICK))
    assert spinecast("study", "my_table", "--no-tracking", *tables, at=project)[0] == 0
    signed = ("--by", "=cmd|x", "--reason", "<script>alert(1)</script>", "--as", "challenger")
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    code, said = spinecast("release", "my_table", *signed, at=project)
    assert code == 0, said
    documents = project / "bundles" / "my_table" / "1" / "documents"
    for page in (*documents.glob("*.html"), *documents.glob("*.md")):
        assert "<script" not in page.read_text(encoding="utf-8")
    for sheet in documents.rglob("*.csv"):
        frame = pd.read_csv(sheet, dtype=str, keep_default_na=False)
        assert not [cell for cell in [*frame.columns, *frame.to_numpy().ravel()] if cell.startswith(("=", "@"))]


def test_one_site_drafts_no_validation_by_site(spinecast: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    for sites, drafted in ((1, False), (3, True)):
        folder = tmp_path / str(sites)
        folder.mkdir()
        table = patients().drop(columns="ended")
        table["centre"] = [f"S{i % sites}" for i in range(len(table))]
        (folder / "mine.csv").write_bytes(text(table))
        words = ("--id", "pid", "--site", "centre")
        assert spinecast("init", "p", "--from", "mine.csv", *ONE, *words, at=folder)[0] == 0
        study = (folder / "p" / "configs" / "studies" / "mine.toml").read_text(encoding="utf-8")
        assert ("leave_one_site_out" in study) is drafted


def test_a_time_column_that_is_the_event_too_needs_somebody_with_the_event(
    spinecast: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    (tmp_path / "mine.csv").write_bytes(text(patients().assign(died=0)))
    code, said = spinecast("init", "p", "--from", "mine.csv", *ONE, at=tmp_path)
    assert (code, "nobody has the event" in said) == (3, True)
    assert "try: check --event and --causes" in said
    assert not (tmp_path / "p").exists()


def test_a_table_with_a_year_of_time_zero_is_judged_on_its_later_patients(
    spinecast: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    folder, table = tmp_path / "years", patients().drop(columns="ended")
    folder.mkdir()
    table.assign(year=2012 + np.arange(len(table)) % 10).to_csv(folder / "mine.csv", index=False)
    roles = ("--id", "pid", "--date", "year", "--no-input")
    code, said = spinecast("init", "p", "--from", "mine.csv", *ONE, *roles, at=folder)
    assert code == 0, said
    quick = [one for one in QUICK if not one.startswith("designs")] + ["designs=[{design='temporal', share=0.7}]"]
    asked = ("study", "mine", "--tables", folder / "mine.csv", "--no-tracking", "--workers", "1", *flags(quick))
    code, said = spinecast(*asked, at=folder / "p")
    assert code == 0, said
    (run,) = list_runs(folder / "p")
    assert run.predictions("temporal").labels == ("time zero from 2019-01-01 on",)
    assert {one.n for one in run.evidence.find(metric="observed_risk", design="temporal")} == {48}
    assert "year" not in run.study.predictors
