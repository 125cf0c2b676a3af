"""`answer`: one fact by its name, of the run or declared. Standards are views of these; none has facts of its own."""

from __future__ import annotations

from experiments.declared import FACTS
from experiments.documents.profiles.answers import Answer
from experiments.documents.profiles.of_data import DATA_FACTS
from experiments.documents.profiles.of_model import MODEL_FACTS
from experiments.documents.subject import Subject


def answer(subject: Subject, name: str) -> Answer:
    """The fact, from the evidence where a run can say it, else from the study's facts file."""
    if name in FACTS:
        return Answer.declared(subject.declared(name))
    ask = DATA_FACTS.get(name) or MODEL_FACTS[name]
    return ask(subject)
