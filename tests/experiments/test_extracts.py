from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from experiments.extracts import news


def cohort(rows: dict[str, str], withdrawn: list[str] | None = None) -> dict[str, Any]:
    return {"patients": [{"id": who, "row": row} for who, row in rows.items()], "withdrawn": withdrawn or []}


def test_each_patient_is_counted_once() -> None:
    found = news(
        cohort({"kept": "1", "corrected": "1", "gone": "1", "left": "1"}),
        cohort({"kept": "1", "corrected": "2", "new": "1"}, withdrawn=["left", "never_here"]),
    )
    assert found.to_json() == {"added": 1, "changed": 1, "unchanged": 1, "vanished": 1, "withdrawn": 1}
    assert found.sentence == "1 patients added, 1 changed, 1 unchanged, 1 vanished, 1 withdrawn"


names = st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.sampled_from(["1", "2"]))


@given(names, names)
def test_the_counts_add_up_to_both_cohorts(before: dict[str, str], after: dict[str, str]) -> None:
    found = news(cohort(before), cohort(after))
    assert found.added + found.changed + found.unchanged == len(after)
    assert found.changed + found.unchanged + found.vanished + found.withdrawn == len(before)


@given(names)
def test_an_extract_beside_itself_has_no_news(rows: dict[str, str]) -> None:
    assert news(cohort(rows), cohort(rows)).unchanged == len(rows)
