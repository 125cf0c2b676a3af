"""What the model is: how it works, its predictors and units, coefficients with baseline or importance, tuning."""

from __future__ import annotations

from typing import Any

from experiments.documents import forests
from experiments.documents.cohort import rows_of
from experiments.documents.page import Block, Cell, Grid, Prose
from experiments.documents.subject import Subject
from experiments.documents.words import days, fact, plain

_FAMILIES = {
    "kaplan_meier": "the Kaplan–Meier curve of all patients; it reads no predictor",
    "aalen_johansen": "the Aalen–Johansen curves of all patients; it reads no predictor",
    "cox": "a Cox proportional-hazards model with ridge penalty and Efron ties",
    "coxnet": "a Cox proportional-hazards model with elastic-net penalty",
    "boosted_cox": "boosted trees on the Cox partial likelihood with Efron ties",
    "pseudo_value_forest": "a random forest on pseudo-values of the cumulative incidences",
    "spline_cox": "a Cox proportional-hazards model with restricted cubic splines, ridge penalty and Efron ties",
    "spline_coxnet": "a Cox proportional-hazards model with restricted cubic splines and elastic-net penalty",
    "pooled_logistic": "pooled logistic regression in discrete time, whose effects may change over time",
    "boosted_pooled": "gradient-boosted trees on the hazards of a few intervals, whose effects may change over time",
    "super_learner": "a blend of several families, weighed by how well each predicts patients it has not seen",
}


def mechanism(subject: Subject) -> str:
    """The chosen family in words."""
    chosen = subject.facts("chosen", "chosen_recipe")
    recipes = {str(r.get("name") or r.get("family")): str(r.get("family")) for r in subject.study.get("recipes") or ()}
    if not chosen:
        return "MISSING: the evidence does not name the chosen recipe"
    family = recipes.get(str(chosen), str(chosen))
    words = _FAMILIES.get(family, plain(family))
    several = (
        ", one for each cause, composed to probabilities that sum to one"
        if len(subject.causes) > 1 and family not in ("aalen_johansen", "pseudo_value_forest")
        else ""
    )
    elected = f", elected among {len(recipes)} recipes inside every resample" if len(recipes) > 1 else ""
    return f"{words}{several}{elected}"


def predictors(subject: Subject) -> Grid:
    """Each predictor as the contract promises it: unit, range or levels, when known, whether it may be unknown."""
    rows = []
    for field in subject.predictors:
        applies = "; ".join(
            f"only where {plain(name)} is {', '.join(levels)}" for name, levels in field.applies_when.items()
        )
        rows.append(
            (
                Cell(field.label),
                Cell(field.name),
                Cell(plain(field.kind)),
                Cell(_unit(field)),
                Cell(_domain(field)),
                Cell(field.known_at),
                Cell("may be unknown" if field.unknown_allowed else "must be known"),
                Cell(applies or "–"),
            )
        )
    columns = ("predictor", "name", "kind", "unit", "range or levels", "known at", "unknown", "applies")
    return Grid("Predictors", columns, tuple(rows), name="predictors")


def inside(subject: Subject) -> tuple[Block, ...]:
    """Coefficients with intervals and the baseline where the family has them, importance otherwise."""
    blocks: list[Block] = []
    for cause in subject.causes:
        figure = forests.coefficients(subject, cause)
        if figure is not None:
            blocks.append(figure)
        base = subject.table("baseline", cause=cause)
        if base:
            blocks.append(_baseline(subject, cause, base))
        weights = forests.importance(subject, cause)
        if weights is not None:
            blocks.append(weights)
        if figure is None and weights is None:
            words = f"{subject.label(cause)}: neither coefficients nor importance are in the evidence of this run"
            blocks.append(Prose((Cell(f"MISSING: {words}", state="missing"),)))
    if any(subject.table("coefficients", cause=cause) for cause in subject.causes) is False:
        blocks.append(Prose.of("Coefficients and S₀(t): not applicable, the chosen family has none.", tone="note"))
    conventions = subject.facts("coefficient_conventions", "conventions")
    if conventions:
        blocks.append(Prose.of(Cell("Conventions: "), fact(conventions, missing="not stated"), tone="note"))
    return tuple(blocks)


def tuning(subject: Subject) -> tuple[Block, ...]:
    """How settings were searched, and what came out."""
    settings = subject.study.get("tuning")
    blocks: list[Block] = [Prose.of(Cell("Search: "), fact(settings, missing="the study has no tuning settings"))]
    table = rows_of(subject.table("tuning"), "Settings tried in the final fit", "tuning", folded=True)
    blocks.append(
        table
        if table is not None
        else Prose((Cell("MISSING: the trials are not in the evidence of this run", state="missing"),))
    )
    refits = rows_of(
        subject.table("refits"), "Every refit: its patients, and the recipe elected in it", "refits", folded=True
    )
    return (*blocks, refits) if refits is not None else tuple(blocks)


def sentence(subject: Subject) -> str:
    """The prediction in one sentence."""
    title = str(
        subject.description.get("title") or subject.study.get("title") or subject.study.get("name") or "an event"
    )
    cause = subject.label(subject.causes[0])
    by = ", ".join(days(h).removesuffix(" days") for h in subject.horizons)
    zero = str(subject.description.get("time_zero") or "time zero")
    others = [subject.label(c) for c in subject.causes[1:]]
    competing = f", with {', '.join(others)} competing" if others else ""
    return f"{title}: the probability of “{cause}” within {by} days of {zero}{competing}."


def _baseline(subject: Subject, cause: str, rows: Any) -> Grid:
    """The baseline at the horizons in full; the whole step function is in its CSV."""
    steps = sorted(rows, key=lambda row: float(row["time_days"]))
    shown = []
    for horizon in subject.horizons:
        before = [row for row in steps if float(row["time_days"]) <= horizon]
        shown += [before[-1]] if before else []
    few = steps if len(steps) <= 12 else shown
    several = len(subject.causes) > 1
    title = (
        f"Baseline, {subject.label(cause)}"
        + (" (cause-specific)" if several else ": S₀(t)")
        + ("" if few is steps else f"; at the horizons, all {len(steps)} steps in tables/baseline.csv")
    )
    grid = rows_of(few, title, f"baseline-{cause}")
    return grid if grid is not None else Grid(title, (), ())


def _unit(field: Any) -> str:
    others = [_in_words(unit) for unit in field.units if unit != field.unit]
    others = [unit for unit in others if unit != _in_words(field.unit)]
    return (_in_words(field.unit) if field.unit else "–") + (f" (also {', '.join(others)})" if others else "")


def _in_words(unit: str) -> str:
    """Units of time are codes ("a", "mo") that a reader takes for something else."""
    return {"a": "years", "y": "years", "mo": "months", "wk": "weeks", "d": "days"}.get(unit, unit)


def _domain(field: Any) -> str:
    if field.levels:
        return (" < " if field.kind == "ordinal" else ", ").join(map(plain, field.levels))
    if field.minimum is None and field.maximum is None:
        return "no, yes" if field.kind == "boolean" else "–"
    ends = ("…" if edge is None else f"{edge:g}".replace("-", "\u2212") for edge in (field.minimum, field.maximum))
    return " to ".join(ends)
