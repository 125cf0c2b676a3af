"""`Check`: one question with its threshold and where that comes from; `Finding`: what evidence answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, final

from training.appraisal.reading import Reading

State = Literal["passed", "found", "not applicable"]
Answer = tuple[State, str]


@final
@dataclass(frozen=True)
class Finding:
    """An answer as it stands in evidence and in documents. A question that could not be asked has not passed."""

    code: str
    title: str
    state: State
    sentence: str
    threshold: str
    source: str


@final
@dataclass(frozen=True)
class Check:
    """A question to evidence.

    title      what is found where it is found.
    threshold  from where on it counts as found, in words with the number.
    source     who set the threshold; "house limit" where no publication gives one.
    why, act   for who asks: what harm it does, and what to do.
    ask        the answer with its numbers in a sentence.
    """

    code: str
    title: str
    threshold: str
    source: str
    why: str
    act: str
    ask: Callable[[Reading], Answer]

    def finding(self, reading: Reading) -> Finding:
        """The question asked."""
        state, sentence = self.ask(reading)
        return Finding(self.code, self.title, state, sentence, self.threshold, self.source)


def answer(is_found: bool, sentence: str) -> Answer:
    """Found or passed, with the same numbers in either case."""
    return ("found" if is_found else "passed", sentence)


def not_applicable(reason: str) -> Answer:
    """The question could not be asked."""
    return ("not applicable", reason)


def listed(names: list[str], most: int = 5) -> str:
    """A few names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
