"""Offline, MLflow and HTTP say the same; a table is scored whole or not at all."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.contract import ContractError
from serving.desk import Desk
from serving.mlflow_loader import _load_pyfunc
from serving.offline import columns_of, score_file, score_rows
from serving.predictor import Served
from training.shelf import Shelf

ROW = {
    "patient_id": "=cmd()",
    "age_at_treatment": "63",
    "sex": "female",
    "albumin": "32",
    "albumin_unit": "g/L",
    "ecog": "2",
    "ais_grade": "C",
    "deficit_duration": "3",
    "opioid_use": "true",
    "crp": "",
}


def table(path: Path, *rows: dict[str, str]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_http_offline_and_mlflow_give_the_same_numbers_to_the_last_bit(
    desk: Desk, shelf: Shelf, patient: dict[str, Any]
) -> None:
    body = json.dumps({"models": ["survival", "recovery"], "patients": [patient]}).encode()
    survival, recovery = (result["horizons"] for result in desk.predict(body).patients[0]["results"])
    row = {**ROW, "crp": "unknown"}
    (offline,) = score_rows(desk.find("survival"), [row])
    assert [offline[f"died_{h['days']}d"] for h in survival] == [h["risk"] for h in survival]
    (offline,) = score_rows(desk.find("recovery"), [row])
    for horizon in recovery:
        for state, probability in horizon["probability"].items():
            assert offline[f"{state}_{horizon['days']}d"] == probability
    frame = pd.DataFrame(
        [{**ROW, "age_at_treatment": 63.0, "albumin": 32.0, "deficit_duration": 3.0, "opioid_use": True, "crp": np.nan}]
    )
    scored = _load_pyfunc(str(shelf.resolve("survival").folder)).predict(frame)
    assert [scored[f"died_{h['days']}d"][0] for h in survival] == [h["risk"] for h in survival]


def test_a_row_in_a_table_is_scored_as_it_is_alone(survival: Served) -> None:
    rows = [{**ROW, "ecog": str(i % 5), "albumin": str(20 + i)} for i in range(12)]
    assert score_rows(survival, rows) == [score_rows(survival, [row])[0] for row in rows]


def test_a_file_is_scored_with_the_version_beside_each_number_and_no_formula(desk: Desk, tmp_path: Path) -> None:
    outside = {**ROW, "patient_id": "p2", "ais_grade": "E", "deficit_duration": ""}
    source = table(tmp_path / "in.csv", ROW, outside)
    assert score_file(desk.champions, source, tmp_path / "out.csv") == 2
    with (tmp_path / "out.csv").open() as file:
        first, second = list(csv.DictReader(file))
    assert first["patient_id"] == "'=cmd()"
    assert first["survival.model"] == f"survival@3 sha-256:{desk.find('survival').bundle.model_digest}"
    assert second["recovery.not_applicable"] == "no deficit (AIS E)"
    assert second["recovery.recovered_42d"] == ""
    (scores,) = score_rows(desk.find("survival"), [ROW])
    assert [float(first[f"survival.{name}"]) for name in columns_of(desk.find("survival"))] == [
        scores[name] for name in columns_of(desk.find("survival"))
    ]


def test_every_fault_of_every_row_is_said_and_nothing_is_written(desk: Desk, tmp_path: Path) -> None:
    wrong = [{**ROW, "albumin_unit": ""}, {**ROW, "sex": "Zebra"}, {**ROW, "sex": ""}]
    with pytest.raises(ContractError) as raised:
        score_file(desk.champions, table(tmp_path / "in.csv", *wrong), tmp_path / "out.csv")
    text = str(raised.value)
    assert text.startswith("3 places need attention in 3 rows; nothing was scored.")
    assert "row 2, column albumin: Above the possible range for the unit given. Allowed: 1.0 to 6.0 g/dL." in text
    assert "row 3, column sex: Not one of female, male." in text
    assert "row 4, column sex: Must be known" in text
    assert "Zebra" not in text
    assert not (tmp_path / "out.csv").exists()


def test_a_column_that_is_missing_is_named_with_the_one_that_was_meant(survival: Served) -> None:
    row = {("Albumine" if name == "albumin" else name): value for name, value in ROW.items()}
    with pytest.raises(ContractError, match=r"column albumin: Missing\. Did you mean albumin\?"):
        score_rows(survival, [row])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a,b\n1,2", "may have been cut off"),
        (b"a,b\n1\n", "1 of 1 rows have another number of cells"),
        (b"a,a\n1,2\n", "1 columns stand twice"),
        (b'a,b\n"1,2\n', "quotation mark"),
        ("a,b\né,2\n".encode("latin-1"), "not UTF-8"),
    ],
)
def test_a_damaged_file_is_refused(desk: Desk, tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "in.csv").write_bytes(content)
    with pytest.raises(ContractError, match=sentence):
        score_file(desk.champions, tmp_path / "in.csv", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
