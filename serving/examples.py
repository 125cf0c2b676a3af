"""A complete example patient for one or several models, from contract and evidence: nobody's data, and answered 200."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from serving.questions import Question, Reply
from serving.schemas import Form
from training.evidence import Evidence


def example_patient(forms: Sequence[Form], evidence: Sequence[Evidence]) -> dict[str, Any]:
    """The most common levels and medians of Table 1 where the evidence has them, else the middle of each range.

    A field whose level decides who the model is for takes one that is inside the population.
    """
    questions = {name: question for form in forms for name, question in form.questions.items()}
    usual = {name: value for found in evidence for name, value in _usual(found).items()}
    inside = {form.population.field: form.population.levels for form in forms if form.population}
    replies: dict[str, Reply] = {}
    for name in _parents_first(questions):
        question = questions[name]
        replies[name] = (
            _typical(question, usual.get(name), inside.get(name, ()))
            if _applies(question, replies)
            else question.nothing("not_applicable")
        )
    return {name: questions[name].to_json(replies[name]) for name in questions}


def _usual(evidence: Evidence) -> dict[str, Any]:
    """From Table 1: the level that most patients have, the median of a number."""
    most: dict[str, tuple[float, Any]] = {}
    for row in evidence.tables.get("table_one", ()):
        if row.get("site") not in (None, "all"):
            continue
        name, value = str(row.get("field", "")), row.get("value")
        if row.get("statistic") == "median" and value is not None:
            most[name] = (float("inf"), value)
        elif row.get("statistic") == "count" and float(value or 0) > most.get(name, (0.0, None))[0]:
            most[name] = (float(value or 0), row["level"])
    return {name: value for name, (_, value) in most.items()}


def _typical(question: Question, usual: Any, inside: Sequence[str]) -> Reply:
    field = question.field
    if field.levels:
        levels = [level for level in field.levels if not inside or level in inside]
        return Reply(usual if usual in levels else levels[len(levels) // 2] if field.kind == "ordinal" else levels[0])
    if field.kind == "boolean":
        return Reply(0.0)
    low = field.minimum if field.minimum is not None else 0.0
    high = field.maximum if field.maximum is not None else low + 1.0
    # A range over orders of magnitude is that of a skewed quantity: its geometric middle is the likelier patient.
    middle = (low * high) ** 0.5 if low > 0 and high > 20 * low else (low + high) / 2
    middle = float(usual) if isinstance(usual, int | float) and low <= usual <= high else middle
    rounded = float(round(middle)) if field.kind == "integer" else float(f"{middle:.3g}")
    return Reply(min(max(rounded, low), high))


def _parents_first(questions: Mapping[str, Question]) -> list[str]:
    order: list[str] = []

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in order or name in above:
            return
        for parent in questions[name].field.applies_when:
            if parent in questions:
                visit(parent, (*above, name))
        order.append(name)

    for name in questions:
        visit(name, ())
    return order


def _applies(question: Question, replies: Mapping[str, Reply]) -> bool:
    return all(
        parent not in replies or replies[parent].cell in levels
        for parent, levels in question.field.applies_when.items()
    )
