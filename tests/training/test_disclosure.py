"""No count of one to nine is told, and none can be reckoned from what is."""

from __future__ import annotations

import numpy as np
import pytest

from training.disclosure import LEAST, Sum, shown_counts, told_facts, withheld


def test_a_small_count_is_not_found_by_subtraction() -> None:
    assert shown_counts({"yes": 30, "no": 5}) == {"yes": None, "no": None}
    assert shown_counts({"a": 30, "b": 5, "c": 12, "d": 0}) == {"a": 30, "b": None, "c": None, "d": 0}
    assert shown_counts({"a": 30, "b": 10}) == {"a": 30, "b": 10}
    assert shown_counts({"a": 30, "b": 0}) == {"a": 30, "b": 0}


def test_several_small_counts_are_not_found_together() -> None:
    assert shown_counts({"a": 30, "b": 5, "c": 4, "d": 11}) == {"a": 30, "b": None, "c": None, "d": None}
    assert shown_counts({"a": 30, "b": 5, "c": 5}) == {"a": 30, "b": None, "c": None}


def test_facts_of_few_say_that_they_are_few() -> None:
    facts = {"a": 3, "b": 10, "c": 0, "rule": "censored", "flag": True}
    assert told_facts({"a": 3, "b": 10, "c": 0, "rule": "censored"}) == {
        "a": "fewer than 10", "b": 10, "c": 0, "rule": "censored"
    }  # fmt: skip
    assert told_facts(facts)["flag"] is True


@pytest.mark.parametrize("seed", range(12))
def test_nothing_small_follows_from_a_table_with_its_margins(seed: int) -> None:
    """The attack: solve all sums for what is not told. No small cell is determined, and no small remainder."""
    rng = np.random.default_rng(seed)
    table = rng.poisson(rng.gamma(1, 12, (6, 1)) * rng.gamma(2, 0.7, (1, 4)))
    whole = [*range(4), "all"]
    counts = {(i, j): int(table[i].sum() if j == "all" else table[i, j]) for i in range(6) for j in whole}
    counts |= {("all", j): int(table.sum() if j == "all" else table[:, j].sum()) for j in whole}
    sums = [Sum((i, "all"), tuple((i, j) for j in range(4))) for i in [*range(6), "all"]]
    sums += [Sum(("all", j), tuple((i, j) for i in range(6))) for j in whole]
    hidden = withheld(counts, sums, fixed=[("all", "all")])
    assert {cell for cell, count in counts.items() if 0 < count < LEAST} <= hidden | {("all", "all")}
    cells = sorted(hidden, key=str)
    matrix = np.array([[(cell in one.parts) - float(cell == one.total) for cell in cells] for one in sums])
    for place, cell in enumerate(cells):
        unit = np.eye(len(cells))[place]
        solved = np.linalg.lstsq(matrix.T, unit, rcond=None)[0]
        follows = np.allclose(matrix.T @ solved, unit)
        assert not (follows and 0 < counts[cell] < LEAST), cell
    for one in sums:
        left = sum(counts[part] for part in one.parts if part in hidden)
        assert one.total in hidden or not 0 < left < LEAST


def test_what_is_printed_nowhere_hides_nobody_for_nothing() -> None:
    counts = {"n": 40, "event": 25, "rest": 15}
    assert withheld(counts, [Sum("n", ("event", "rest"))], silent=["rest"], fixed=["n"]) == {"rest"}
    few = {"n": 40, "event": 33, "rest": 7}
    assert withheld(few, [Sum("n", ("event", "rest"))], silent=["rest"], fixed=["n"]) == {"rest", "event"}
