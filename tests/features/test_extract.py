"""Files are read whole and as text, or refused with the line."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest

from features.contract import Contract, Field, Table
from features.extract import ExtractError, read_extract

CONTRACT = Contract(
    name="small",
    version="1",
    registry="table",
    tables=(Table(name="people", key=("id",)),),
    fields=(
        Field(name="id", table="people", kind="identifier", label="Id", known_at="T0"),
        Field(name="country", table="people", kind="text", label="Country", known_at="T0"),
        Field(name="age", table="people", kind="number", label="Age", known_at="T0"),
    ),
)
GOOD = "id,country,age\n007,NA,61\n008,None,62\n009,null,24\n"


def read(folder: Path, content: bytes | str, name: str = "people.csv") -> pd.DataFrame:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_extract(folder, CONTRACT).tables["people"].frame


def refusal(folder: Path, content: bytes | str) -> str:
    with pytest.raises(ExtractError) as error:
        read(folder, content)
    return str(error.value)


def test_every_cell_stays_the_text_that_was_found(tmp_path: Path) -> None:
    frame = read(tmp_path, GOOD)
    assert frame["id"].tolist() == ["007", "008", "009"]
    assert frame["country"].tolist() == ["NA", "None", "null"]
    assert frame["age"].tolist() == ["61", "62", "24"]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.replace("\n", "\r\n"),
        'id,country,age\n007,"NA",61\n008,"No""ne",62\n',
        'id,country,age\r\n007,"two\nlines",61\r\n',
        "id,country,age\n123456789012345678901234,x,61\n",
        "id,country,age\n",
    ],
    ids=["byte-order mark", "Windows line ends", "quotes", "line break in quotes", "long id", "no rows"],
)
def test_unusual_but_whole_files_are_read(tmp_path: Path, content: bytes | str) -> None:
    assert list(read(tmp_path, content).columns) == ["id", "country", "age"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (GOOD[:-2], "people.csv: line 4: is truncated: the file does not end with a line break"),
        (GOOD[:-4], "people.csv: line 4: is truncated"),
        (GOOD.replace(",24", "") + "", "people.csv: line 4: too few fields, expected 3; 1 of 3 rows."),
        (GOOD.replace("61", "61,5"), "people.csv: line 2: too many fields, expected 3; 1 of 3 rows."),
        (GOOD.replace("None", "Perú").encode("latin-1"), "people.csv: line 3: is not UTF-8 (latin-1 or Windows-1252?)"),
        (GOOD.replace("NA", "Perú").encode() + "010,Perú,5\n".encode("cp1252"), "people.csv: line 5: is not UTF-8"),
        (GOOD.encode("utf-16"), "people.csv: is UTF-16, expected UTF-8"),
        (GOOD.encode("utf-16-le"), "people.csv: line 1: holds NUL bytes"),
        (GOOD.replace("None", "No\0ne"), "people.csv: line 3: holds NUL bytes (1 in all)"),
        (GOOD.replace("None", "No\ufffdne"), "people.csv: line 3: holds replacement characters"),
        (GOOD.replace("country", "age"), "people.csv: line 1: 1 column name more than once: age."),
        (GOOD.replace("country", ""), "people.csv: line 1: 1 column of 3 without a name."),
        (GOOD.replace("None", '"None'), "people.csv: line 3: an unclosed quote"),
        (GOOD.replace("None", '"No"ne'), "people.csv: line 3: a quote inside a field"),
        (GOOD.replace("62\n", "62\r\n"), "people.csv: mixes line endings"),
        ("", "people.csv: is empty"),
    ],
)
def test_a_damaged_file_is_refused_in_its_own_words(tmp_path: Path, content: bytes | str, sentence: str) -> None:
    assert sentence in refusal(tmp_path, content)


def test_no_refusal_quotes_a_cell(tmp_path: Path) -> None:
    marked = GOOD.replace("NA", "MARKER")
    for content in (marked[:-2], marked.replace("62", "6,2"), marked.replace("007", '"007').replace("61", "é")):
        assert "MARKER" not in refusal(tmp_path, content)


def test_a_byte_cut_anywhere_in_the_last_line_is_noticed(tmp_path: Path) -> None:
    start = GOOD.rindex("009")
    for cut in range(start + 1, len(GOOD)):
        assert "line 4" in refusal(tmp_path, GOOD[:cut])


def _manifest(folder: Path, content: str) -> None:
    entry = {"sha256": hashlib.sha256(content.encode()).hexdigest(), "bytes": len(content), "rows": 3}
    (folder / "manifest.json").write_text(json.dumps({"people.csv": entry}), encoding="utf-8")


def test_with_a_manifest_a_file_cut_at_a_line_end_is_noticed(tmp_path: Path) -> None:
    _manifest(tmp_path, GOOD)
    assert len(read(tmp_path, GOOD)) == 3
    cut = GOOD[: GOOD.rindex("009")]
    assert f"people.csv: is truncated: {len(cut)} bytes, the manifest says {len(GOOD)}." in refusal(tmp_path, cut)
    assert "people.csv: differs from the manifest's sha256." in refusal(tmp_path, GOOD.replace("62", "26"))


def test_faults_of_all_files_are_said_at_once(tmp_path: Path) -> None:
    both = CONTRACT.model_copy(update={"tables": (*CONTRACT.tables, Table(name="visits", key=("id",)))})
    (tmp_path / "people.csv").write_text(GOOD[:-1].replace("61", "6,1"), encoding="utf-8")
    (tmp_path / "others.csv").write_text(GOOD, encoding="utf-8")
    with pytest.raises(ExtractError) as error:
        read_extract(tmp_path, both)
    said = str(error.value)
    assert said.startswith("4 faults in the files of ")
    assert "visits: no file visits.csv or visits.parquet." in said
    assert "others.csv: is no table of the contract" in said
    assert "too many fields" in said
    assert "is truncated" in said


def test_one_file_stands_for_the_one_table_of_its_contract(tmp_path: Path) -> None:
    file = tmp_path / "export-of-today.csv"
    file.write_text(GOOD, encoding="utf-8")
    extract = read_extract(file, CONTRACT)
    assert extract.tables["people"].rows == 3
    assert extract.tables["people"].sha256 == hashlib.sha256(GOOD.encode()).hexdigest()


def test_parquet_says_the_same_as_text_that_csv_says(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"id": ["007", "008"], "country": ["NA", None], "age": [0.1 + 0.2, float("nan")], "n": [3.0, None]}
    )
    file = tmp_path / "people.parquet"
    frame.to_parquet(file)
    text = read_extract(file, CONTRACT).tables["people"].frame
    assert text.to_dict("list") == {
        "id": ["007", "008"],
        "country": ["NA", ""],
        "age": ["0.30000000000000004", ""],
        "n": ["3", ""],
    }


def test_half_a_parquet_file_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"id": ["1"], "country": ["x"], "age": [1.0]}).to_parquet(tmp_path / "people.parquet")
    content = (tmp_path / "people.parquet").read_bytes()
    (tmp_path / "people.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(ExtractError, match="is not a whole Parquet file"):
        read_extract(tmp_path, CONTRACT)


def test_the_digest_follows_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(GOOD, encoding="utf-8")
    first = read_extract(tmp_path, CONTRACT).digest
    (tmp_path / "people.csv").write_text(GOOD.replace("62", "63"), encoding="utf-8")
    assert read_extract(tmp_path, CONTRACT).digest != first


def test_a_manifest_can_say_that_no_patient_is_real(tmp_path: Path) -> None:
    read(tmp_path, GOOD)
    assert not read_extract(tmp_path, CONTRACT).synthetic
    (tmp_path / "manifest.json").write_text(json.dumps({"people.csv": {"synthetic": True}}), encoding="utf-8")
    assert read_extract(tmp_path, CONTRACT).synthetic
