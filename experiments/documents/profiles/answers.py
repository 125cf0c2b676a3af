"""`Answer`: one fact with its state, and `Row`: one question of a reporting standard, answered by one or more facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

from experiments.documents.page import Cell

State = Literal["measured", "declared", "not applicable", "missing"]


@final
@dataclass(frozen=True)
class Answer:
    """One fact in words.

    where   the card's chapter that holds it in full; "" where the words are all there is.
    """

    state: State
    text: str
    where: str = ""

    @classmethod
    def measured(cls, text: str, where: str) -> Answer:
        """The run says it."""
        return cls("measured", text, where)

    @classmethod
    def missing(cls, reason: str) -> Answer:
        """Nobody says it, and why."""
        return cls("missing", reason)

    @classmethod
    def void(cls, reason: str) -> Answer:
        """The question has no answer here, and why."""
        return cls("not applicable", reason)

    @classmethod
    def declared(cls, cell: Cell) -> Answer:
        """What `Subject.declared` says."""
        if cell.state == "missing":
            return cls.missing(cell.text.removeprefix("MISSING: "))
        if cell.state == "not applicable":
            return cls.void(cell.text.removeprefix("not applicable: "))
        return cls("declared", cell.text, "Declared by people")

    @property
    def sentence(self) -> str:
        """The fact with its state where that is not plain."""
        words = {"missing": "MISSING: ", "not applicable": "not applicable: "}
        return words.get(self.state, "") + self.text + ("" if self.text.endswith((".", "”", "?")) else ".")


@final
@dataclass(frozen=True)
class Row:
    """One question of a standard.

    code     the standard's own number.      topic, asks   the question, paraphrased.
    filled   who can answer: "run", "both" (the run the fact, a person the reason) or "person".
    facts    names of the facts that answer it, of the run or declared.
    """

    code: str
    topic: str
    asks: str
    filled: Literal["run", "both", "person"]
    facts: tuple[str, ...]


def overall(answers: Sequence[Answer]) -> State:
    """A question is answered where all of it is: one missing part leaves it missing."""
    states = {answer.state for answer in answers}
    if "missing" in states:
        return "missing"
    if states == {"not applicable"}:
        return "not applicable"
    return "measured" if "measured" in states else "declared"
