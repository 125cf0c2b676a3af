"""What would change had unknown values or leaving the registry been treated otherwise."""

from __future__ import annotations

from typing import Any, Final

from experiments.documents.page import Block, Cell, Grid, Prose
from experiments.documents.subject import Subject
from experiments.documents.words import days, decimal, number, said
from training.metrics.metric import CORRECTED, GIVEN_PREDICTORS

_COMPLETE: Final = "complete cases"


def complete_cases(subject: Subject, cause: str, horizon: float) -> tuple[Block, ...]:
    """All patients beside those of whom every predictor is known, on the same predictions."""
    metrics = ("oe_ratio", "calibration_slope", "harrell_c", "auc", "ipa")
    rows = []
    for metric in metrics:
        by = None if metric == "harrell_c" else horizon
        key: dict[str, Any] = {"cause": cause, "horizon_days": by}
        rows.append(
            (
                Cell(f"{said('metric', metric)}, {days(by)}"),
                number(subject.find(metric, **key)),
                number(subject.find(metric, population=_COMPLETE, **key)),
            )
        )
    if not subject.evidence.find(population=_COMPLETE, model=subject.model):
        words = (
            "not applicable: no contrast; every predictor is known of everybody, or the run did not judge them apart"
        )
        return (Prose((Cell(words, state="not applicable"),)),)
    return (
        Grid(
            f"All patients and complete cases, {subject.label(cause)}",
            ("measure", "all patients", "complete cases"),
            tuple(rows),
            note="Complete cases are other patients: a difference says that unknown values are not a matter of chance.",
            name=f"complete_cases-{cause}-{horizon:g}",
        ),
    )


def censoring(subject: Subject, cause: str) -> tuple[Block, ...]:
    """Whether leaving the registry depends on the predictors, and every number under both kinds of weights."""
    telling = next(iter(subject.evidence.find(metric="censoring_c")), None)
    if telling is None:
        words = "MISSING: whether leaving depends on the predictors was not asked in this run"
        return (Prose((Cell(words, state="missing"),)),)
    front = "given the predictors" if subject.given_predictors else "marginal"
    said_so = Prose.of(
        "A model for the time of leaving, out of sample, has C ",
        number(telling),
        f"; from 0.7 on the predictors tell who leaves, and weights given them stand in front. Here: {front}.",
    )
    pairs = [
        (e, subject.evidence.find(**{**_key(e), "estimator": _given(e.estimator)}))
        for e in subject.evidence.find(cause=cause, design=subject.design, model=subject.model, population="all")
        if not e.estimator.removesuffix(CORRECTED).endswith(GIVEN_PREDICTORS)
    ]
    rows = tuple(
        (Cell(said("metric", e.metric)), Cell(days(e.horizon_days)), number(e), number(other[0]), _shift(e, other[0]))
        for e, other in pairs
        if other
    )
    if not rows:
        return (said_so,)
    columns = ("measure", "horizon", "marginal weights", "weights given the predictors", "difference")
    return (
        said_so,
        Grid(f"Sensitivity to censoring, {subject.label(cause)}", columns, rows, name=f"censoring-{cause}"),
    )


def _given(estimator: str) -> str:
    """The same number with the other weights; a correction for optimism is said last."""
    weighed = estimator.removesuffix(CORRECTED)
    return weighed + GIVEN_PREDICTORS + estimator.removeprefix(weighed)


def _key(e: Any) -> dict[str, Any]:
    names = ("metric", "cause", "horizon_days", "population", "design", "model")
    return {name: getattr(e, name) for name in names}


def _shift(one: Any, other: Any) -> Cell:
    if one.value is None or other.value is None:
        return Cell("–")
    shift = other.value - one.value
    return Cell(decimal(shift, 3), value=shift, numeric=True)
