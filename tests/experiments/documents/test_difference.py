"""What changed between two versions: nothing for the same one, each kind of change once, told as old → new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from experiments.declared import Declared
from experiments.documents.difference import Change, Edition, as_text, differences, summary
from training.evidence import Evidence


def edition(parts: Any, reference: str = "survival@1", **changed: Any) -> Edition:
    made = Edition(
        reference=reference,
        model_digest="ab" * 32,
        run="3f9c2b17",
        study=parts.study,
        evidence=parts.evidence,
        decision=parts.decision,
        declared=parts.declared,
    )
    return replace(made, **changed)


def with_number(parts: Any, value: float) -> Evidence:
    key = {"metric": "auc", "design": "nested_cross_validation", "model": "chosen", "horizon_days": 90.0}
    old = parts.evidence.one(**key)
    estimates = tuple(replace(e, value=value) if e is old else e for e in parts.evidence.estimates)
    return Evidence(estimates, parts.evidence.tables, parts.evidence.facts)


def with_fact(parts: Any, **facts: Any) -> Evidence:
    return replace(parts.evidence, facts={**parts.evidence.facts, **facts})


def finding(state: str) -> dict[str, Any]:
    return {"code": "PM001", "title": "few events", "state": state, "sentence": "s", "threshold": "t", "source": "x"}


def with_finding(parts: Any, state: str) -> Evidence:
    return replace(parts.evidence, tables={**parts.evidence.tables, "findings": [finding(state)]})


def test_a_version_does_not_differ_from_itself(either: Any) -> None:
    assert differences(edition(either), edition(either, "survival@2")) == ()
    assert summary(edition(either), ()) == "Nothing against survival@1."


CHANGES: list[tuple[Callable[[Any], dict[str, Any]], Change]] = [
    (lambda p: {"model_digest": "cd" * 32}, Change("identity", "model digest", "ab" * 32, "cd" * 32)),
    (lambda p: {"evidence": with_fact(p, n=1200)}, Change("data", "patients", "1\u202f000", "1\u202f200")),
    (
        lambda p: {"evidence": with_fact(p, chosen="boosted_cox")},
        Change("identity", "chosen recipe", "cox", "boosted cox"),
    ),
    (lambda p: {"study": {**p.study, "seed": 7}}, Change("study", "seed", "20261124", "7")),
    (
        lambda p: {"study": {**p.study, "tuning": {"trials": 40, "folds": 3}}},
        Change("study", "tuning.trials", "20", "40"),
    ),
    (
        lambda p: {"study": {**p.study, "predictors": ["age", "ecog", "primary"]}},
        Change("predictors", "albumin", "read", "not read"),
    ),
    (lambda p: {"evidence": with_finding(p, "found")}, Change("findings", "PM001 few events", "–", "found")),
    (
        lambda p: {"declared": Declared({**p.declared.said, "funding": "a grant"}, p.declared.not_applicable)},
        Change("declared", "funding", "missing", "a grant"),
    ),
]


@pytest.mark.parametrize(("change", "told"), CHANGES)
def test_each_kind_of_change_is_told_as_old_and_new(survival: Any, change: Any, told: Change) -> None:
    old, new = edition(survival), edition(survival, "survival@2", **change(survival))
    changes = differences(old, new)
    assert told in changes
    assert {one.group for one in changes} == {told.group}
    back = [(one.what, one.new, one.old) for one in differences(new, old)]
    assert [(one.what, one.old, one.new) for one in changes] == back
    assert f"{told.what}: {told.old} → {told.new}" in as_text(old, new, changes)


def test_a_number_is_told_with_its_interval_its_shift_and_its_estimate(survival: Any) -> None:
    old, new = edition(survival), edition(survival, "survival@2", evidence=with_number(survival, 0.75))
    (one,) = differences(old, new)
    assert one.group == "numbers"
    assert one.what == "AUC, died, 90 days"
    assert one.old.startswith("0.721 (")
    assert one.new.startswith("0.750 (")
    assert one.shift == pytest.approx(0.75 - 0.721)
    assert one.estimate == "auc/ipcw_cumulative_dynamic/died/90/all/nested_cross_validation/chosen"
    assert "not paired" in as_text(old, new, (one,))
    assert "(+0.029)" in as_text(old, new, (one,))
    assert summary(old, (one,)).startswith("Against survival@1, the same model: AUC, died, 90 days 0.721")


def test_a_number_that_is_gone_is_told_as_gone(survival: Any) -> None:
    kept = tuple(e for e in survival.evidence.estimates if e.metric != "ipa")
    poorer = replace(survival.evidence, estimates=kept)
    changes = differences(edition(survival), edition(survival, "survival@2", evidence=poorer))
    assert {one.what.partition(",")[0] for one in changes} == {"IPA"}
    assert all(one.new == "–" and one.shift is None for one in changes)
