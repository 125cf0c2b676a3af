"""`Declared`: what people say about a study and no computation gives, from `configs/studies/<name>.facts.toml`."""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self, final

from experiments.suggestions import did_you_mean

# Group → fact → its question: what reporting standards ask of people (TRIPOD+AI, TRIPOD-Cluster, HTI-1, CHAI).
QUESTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "Use": {
        "intended_use": "Which decision, for whom and when, may the prediction inform?",
        "not_for": "Which decisions, patients and settings must not rest on it?",
        "users": "Who reads the prediction, with what training?",
        "care_pathway": "Where in the pathway of care is it asked, and what happens with the answer?",
        "decision_role": "What is its part in the decision: does it inform, support or drive it?",
        "user_interaction": "What must users do, know and check when they use it?",
        "risk_level": "How much harm can a wrong answer do, and who classified it?",
    },
    "Background": {
        "background": "Why is a model needed here, and which exist?",
        "inequalities": "Which differences in health or care between groups of people are known?",
        "publications": "Where has the model been published and reviewed?",
    },
    "Data and outcome": {
        "data_source": "Why this registry, and how far does it represent the patients asked about?",
        "setting": "In which care setting, countries and kinds of hospital were patients treated?",
        "site_selection": "How were hospitals found and admitted, and who stayed away?",
        "harmonisation": "How were the codes and definitions of sites made alike, and sources linked?",
        "site_differences": "Which definitions still differ between sites?",
        "site_bias": "How high is the risk of bias at each site, and who judged it?",
        "treatments": "Which treatments did patients receive, and how do they enter the model?",
        "outcome_assessment": "How, when and from what source was the outcome ascertained; alike in all groups?",
        "outcome_assessors": "Who assessed an outcome that needs judgement?",
        "outcome_blinding": "Did they know the predictors?",
        "predictor_measurement": "How and when were the predictors measured, and did whoever did it know the outcome?",
        "predictor_assessors": "Who assessed predictors that need judgement?",
    },
    "Choices": {
        "horizons": "Why these horizons?",
        "predictor_choice": "How were the candidate predictors chosen?",
        "model_choice": "Why these families of models and this search?",
        "thresholds": "Which risk thresholds matter to a decision, and who set them?",
        "limits": "Which limits must performance keep, and who set them before it was seen?",
        "fairness": "What does fair mean here, and what was done for it?",
        "bias_management": "How are biases of data and model found and reduced?",
        "known_biases": "Which biases and ethical concerns are known?",
    },
    "Governance": {
        "owner": "Who developed the model and answers for it?",
        "contact": "Who answers questions?",
        "funding": "Who paid, and what was their part?",
        "conflicts": "Which interests do the developers have?",
        "ethics": "Which body approved the study, under which number?",
        "consent": "Did patients consent, or who waived it?",
        "protocol": "Where is the protocol?",
        "registration": "Where was the study registered?",
        "data_availability": "Who may have the data, and how?",
        "licence": "Under which terms may the model be used?",
        "public_involvement": "How were patients and the public involved?",
        "stakeholders": "Who else was asked?",
        "third_parties": "What was taken from others: data, models, software with terms of its own?",
        "release_stage": "Research, trial or routine use?",
        "availability": "Where may it be used?",
        "regulatory_status": "Which approval does it have or need?",
        "external_validation": "Who outside the developers has judged it, on which patients, and how?",
        "outcome_references": "Where is it reported what its use did for patients?",
    },
    "After release": {
        "monitoring": "Who watches performance after release, how often, with which alarm limits?",
        "fairness_monitoring": "How is fairness watched after release?",
        "updating": "How and how often is the model updated?",
        "correction": "How soon is it corrected or withdrawn when a risk is found?",
        "next_review": "When is it reviewed next?",
    },
    "Judgement": {
        "interpretation": "What do the results mean, also for groups that fare worse?",
        "limitations": "Which limits of the study matter, and in which direction?",
        "next_steps": "What must happen before it can be used more widely?",
    },
}
FACTS: Final[Mapping[str, str]] = {name: asks for group in QUESTIONS.values() for name, asks in group.items()}
_REVIEW = ("reviewed_by", "reviewed_on")
_HEAD = """\
# What people declare about "{name}", and no computation gives. `spinecast release` reads this file; card, report and
# reporting profiles print it as declared. What is left out is printed as MISSING, with its question.
# Answer by a text, or where a question has no answer by the reason: consent = {{ not_applicable = "public data" }}
# A changed file is a new version of the documents at the next release; the study does not have to run again.

# Who has read every line of this file, and when.
# reviewed_by = ""
# reviewed_on = 2026-01-31
"""


class DeclaredError(ValueError):
    """A facts file that cannot be read as meant: every fault at once. Exit code 2."""


@final
@dataclass(frozen=True)
class Declared:
    """Facts that people declare, each a text or the reason why it has none.

    said            fact → text.
    not_applicable  fact → why the question has no answer.
    reviewed_by, reviewed_on   who has read all of it, and when (ISO 8601); "" where nobody has said so.
    """

    said: Mapping[str, str] = field(default_factory=dict)
    not_applicable: Mapping[str, str] = field(default_factory=dict)
    reviewed_by: str = ""
    reviewed_on: str = ""

    @classmethod
    def from_toml(cls, path: Path) -> Self:
        """Read a facts file; one that is not there declares nothing. Raises `DeclaredError` with every fault."""
        if not path.is_file():
            return cls()
        try:
            value = tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise DeclaredError(f"{path.name}: no TOML: {error}.") from error
        return cls.from_json(value, source=path.name)

    @classmethod
    def from_json(cls, value: Mapping[str, Any], source: str = "declared facts") -> Self:
        """From plain values, as a file or `to_json` gives them. Raises `DeclaredError` with every fault."""
        said, reasons, faults = {}, {}, []
        for name, answer in value.items():
            if name not in FACTS and name not in _REVIEW:
                faults.append(f"{name}: unknown fact.{did_you_mean(name, [*FACTS, *_REVIEW])}")
            elif isinstance(answer, str):
                said[name] = " ".join(answer.split())
            elif name == "reviewed_on" and type(answer) is datetime.date:
                said[name] = answer.isoformat()
            elif name in FACTS and _reason(answer):
                reasons[name] = _reason(answer)
            else:
                faults.append(f'{name}: expected a text, or {{ not_applicable = "reason" }}.')
        said = {name: text for name, text in said.items() if text}
        faults += _review_faults(said)
        if faults:
            count = f"{len(faults)} fault" + ("s" if len(faults) > 1 else "")
            raise DeclaredError("\n  ".join([f"{source}: {count}.", *faults]))
        by, on = (said.pop(name, "") for name in _REVIEW)
        return cls(said, reasons, by, on)

    def to_json(self) -> dict[str, Any]:
        """As plain values; `from_json` gives them back."""
        review = {name: text for name in _REVIEW if (text := getattr(self, name))}
        return review | dict(self.said) | {name: {"not_applicable": text} for name, text in self.not_applicable.items()}

    @property
    def missing(self) -> tuple[str, ...]:
        """Facts that nobody has declared."""
        return tuple(name for name in FACTS if name not in self.said and name not in self.not_applicable)


def facts_path(root: Path, study: str) -> Path:
    """Where the facts of a study of this name stand in a project."""
    return root / "configs" / "studies" / f"{study}.facts.toml"


def facts_draft(name: str) -> str:
    """A facts file to fill in: every question as a comment above its key, nothing answered."""
    lines = [_HEAD.format(name=name)]
    for group, questions in QUESTIONS.items():
        lines.append(f"# --- {group}")
        lines += [f'# {asks}\n# {fact} = ""\n' for fact, asks in questions.items()]
    return "\n".join(lines)


def _reason(answer: Any) -> str:
    if isinstance(answer, Mapping) and set(answer) == {"not_applicable"} and isinstance(answer["not_applicable"], str):
        return " ".join(answer["not_applicable"].split())
    return ""


def _review_faults(said: Mapping[str, str]) -> list[str]:
    given = [name for name in _REVIEW if name in said]
    if len(given) == 1:
        return [f"{given[0]}: a review has a name and a date. try: reviewed_by and reviewed_on together"]
    if "reviewed_on" in said:
        try:
            datetime.date.fromisoformat(said["reviewed_on"])
        except ValueError:
            return ["reviewed_on: expected a date. try: reviewed_on = 2026-01-31"]
    return []
