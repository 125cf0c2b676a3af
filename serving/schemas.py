"""`Form`: the questions of one model about one patient; derived from the contract, never written down twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, final

from features.contract import NOT_APPLICABLE, Contract
from features.endpoints.endpoint import Population
from serving.questions import Cell, Question, Reply
from serving.refusals import Fault

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@final
@dataclass(frozen=True)
class Patient:
    """One patient's replies to one form, checked: each alone, and against each other."""

    replies: Mapping[str, Reply]

    @property
    def cells(self) -> dict[str, Cell]:
        """Field → number in the canonical unit, level, or NaN/None/"not_applicable"."""
        return {name: reply.cell for name, reply in self.replies.items()}

    @property
    def unknown(self) -> tuple[str, ...]:
        """Fields that were asked and are not known."""
        return tuple(name for name, reply in self.replies.items() if reply.state == "unknown")


@final
@dataclass(frozen=True)
class Form:
    """Every question of a model, and what its population hangs on."""

    model: str
    questions: Mapping[str, Question]
    missing: tuple[str, ...] = ("",)
    population: Population | None = None

    @classmethod
    def of(cls, model: str, contract: Contract, population: Population | None) -> Form:
        """The form behind a bundle's contract."""
        asked = {field.name: Question(field) for field in contract.fields if field.ask}
        return cls(model, asked, contract.missing, population)

    def read(self, values: Mapping[str, Any], pointer: str) -> Patient | list[Fault]:
        """A patient from JSON values, or every fault. Keys that this form does not know are another check's matter."""
        replies: dict[str, Reply | Fault] = {}
        for name, question in self.questions.items():
            at = f"{pointer}/{name}"
            replies[name] = question.read(values[name], at) if name in values else self._left_out(question, at)
        return self._checked(replies, pointer)

    def read_row(self, row: Mapping[str, str], pointer: str) -> Patient | list[Fault]:
        """A patient from a row of a table; an empty cell is unknown, or not applicable where it cannot apply."""
        replies: dict[str, Reply | Fault] = {}
        for name, question in self.questions.items():
            unit = row.get(f"{name}_unit", "").strip() or None
            replies[name] = question.read_text(row[name], unit, self.missing, f"{pointer}/{name}")
        for name, question in self.questions.items():
            reply = replies[name]
            if _silent(reply) and self._applies(question, replies) is False:
                replies[name] = question.nothing("not_applicable")
        return self._checked(replies, pointer)

    def strangers(self, values: Iterable[str]) -> list[str]:
        """Keys that no question of this form has."""
        return [name for name in values if name not in self.questions]

    def _left_out(self, question: Question, pointer: str) -> Fault:
        return Fault(
            pointer, "SC201", f'Left out. {self.model} asks for it: send a value, or "unknown" if it is not known.'
        )

    def _checked(self, replies: Mapping[str, Reply | Fault], pointer: str) -> Patient | list[Fault]:
        faults = [reply for reply in replies.values() if isinstance(reply, Fault)]
        for name, question in self.questions.items():
            reply = replies[name]
            if isinstance(reply, Reply):
                faults += self._structure_fault(question, reply, replies, f"{pointer}/{name}")
        faults += self._population_fault(replies, pointer)
        if faults:
            return faults
        return Patient({name: reply for name, reply in replies.items() if isinstance(reply, Reply)})

    def _structure_fault(
        self, question: Question, reply: Reply, replies: Mapping[str, Reply | Fault], pointer: str
    ) -> list[Fault]:
        applies = self._applies(question, replies)
        where = " and ".join(
            f"{parent} is {', '.join(levels[:-1])}{' or ' if levels[:-1] else ''}{levels[-1]}"
            for parent, levels in question.field.applies_when.items()
        )
        if applies is True and reply.state == "not_applicable":
            return [Fault(pointer, "SC209", f'Applies where {where}. Send a value, or "unknown".')]
        if applies is False and reply.state != "not_applicable":
            return [Fault(pointer, "SC210", f'Has a meaning only where {where}. Send "not_applicable".')]
        return []

    def _applies(self, question: Question, replies: Mapping[str, Reply | Fault]) -> bool | None:
        """Whether the field has a meaning for this patient; None where what it hangs on is not known."""
        verdicts: list[bool | None] = []
        for parent, levels in question.field.applies_when.items():
            reply = replies.get(parent)
            if not isinstance(reply, Reply) or reply.state == "unknown":
                verdicts.append(None)
            else:
                verdicts.append(reply.state == "value" and _text(reply.cell) in levels)
        if False in verdicts:
            return False
        return None if None in verdicts else bool(verdicts) or None

    def _population_fault(self, replies: Mapping[str, Reply | Fault], pointer: str) -> list[Fault]:
        if self.population is None:
            return []
        reply = replies.get(self.population.field)
        if isinstance(reply, Reply) and reply.state == "unknown":
            sentence = f"Must be known: it decides whether {self.model} is for this patient."
            return [Fault(f"{pointer}/{self.population.field}", "SC230", sentence)]
        return []

    def outside(self, patient: Patient) -> str | None:
        """Why the model is not for this patient ("no deficit (AIS E)"), or None."""
        if self.population is None:
            return None
        inside = _text(patient.cells[self.population.field]) in self.population.levels
        return None if inside else self.population.otherwise


def suggest(strangers: Sequence[str], known: Iterable[str]) -> str:
    """A hint that names fields of the contract only, never what the caller wrote."""
    known = sorted(known)
    near = list(dict.fromkeys(match for name in strangers for match in get_close_matches(name.lower(), known, 1, 0.75)))
    return f" Did you mean {', '.join(near)}?" if near else ""


def patient_schema(forms: Sequence[Form], title: str) -> dict[str, Any]:
    """JSON Schema 2020-12 of one patient for all these models at once."""
    questions = {name: question for form in forms for name, question in form.questions.items()}
    return {
        "title": title,
        "type": "object",
        "properties": {
            "client_reference": {
                "type": "string",
                "title": "Your own reference, given back with the answer; nothing that identifies a person",
                "pattern": "^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$",
            },
            **{name: question.schema() for name, question in questions.items()},
        },
        "required": list(questions),
        "additionalProperties": False,
        "allOf": [rule for question in questions.values() for rule in _structure_schema(question, questions)],
    }


def _structure_schema(question: Question, questions: Mapping[str, Question]) -> list[dict[str, Any]]:
    """`applies_when` as if/then: "not_applicable" exactly where the field cannot apply."""
    name, rules = question.field.name, []
    parents = {parent: levels for parent, levels in question.field.applies_when.items() if parent in questions}
    for parent, levels in parents.items():
        others = [level for level in questions[parent].field.levels if level not in levels]
        others += [NOT_APPLICABLE] if questions[parent].field.applies_when else []
        if others:
            rules.append(_rule({parent: others}, {name: {"const": NOT_APPLICABLE}}))
    if parents:
        rules.append(_rule(parents, {name: {"not": {"const": NOT_APPLICABLE}}}))
    return rules


def _rule(where: Mapping[str, Sequence[str]], then: Mapping[str, Any]) -> dict[str, Any]:
    conditions = {
        parent: {"enum": [*levels, *(int(level) for level in levels if level.isdigit())]}
        for parent, levels in where.items()
    }
    return {"if": {"properties": conditions, "required": list(conditions)}, "then": {"properties": dict(then)}}


def _silent(reply: Reply | Fault) -> bool:
    return reply.state == "unknown" if isinstance(reply, Reply) else reply.code == "SC208"


def _text(cell: Cell) -> str:
    return {1.0: "true", 0.0: "false"}.get(cell, "") if isinstance(cell, float) else str(cell)
