"""How the model came to stand here: decision, provenance, what was not checked, what auditors ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.documents.page import Block, Cell, Grid
from experiments.documents.subject import Subject
from experiments.documents.words import fact, plain

_CHECKS = {
    "recipe_vs_recipe": "Recipe against recipe (the champion's study developed again on the same patients and folds)",
    "model_vs_model": "Model against model (patients whom the champion never saw)",
    "against_null": "Against the null model",
}
_OUTCOMES = {True: "passed", False: "failed", None: "not applicable"}
# What this release of the documents cannot show, with the reason. A point leaves the list when its evidence exists.
NOT_CHECKED = (
    ("External cohort", "no cohort from outside the registry was given to this run"),
    ("Temporal validation", "the design is not yet made"),
    ("Optimism-corrected bootstrap", "the design is not yet made; nested cross-validation refits every step instead"),
    ("Prediction interval for the next hospital", "pooling over sites is not yet made; sites stand one by one"),
    ("Subgroups (sex, age, primary tumour, ECOG, region, period)", "not yet made; only sites are judged apart"),
    ("Stability of each patient's prediction over refits", "not yet made"),
    ("Decision curve and net benefit", "no threshold with a named owner is declared, and the estimate is not yet made"),
    ("Comparator scores in the same patients", "not yet made"),
    ("Sample size before fitting (Riley)", "not yet made"),
    ("Complete-case contrast", "not yet made"),
    ("Sensitivity to the censoring assumption", "not yet made"),
    ("Monitoring after release", "not yet made"),
)

# Question, what must hold for it to be answered, where the answer stands, what to say otherwise.
_QUESTIONS = (
    (
        "Which exact artefact is this, and who approved it?",
        "artefact",
        "Provenance; Decision",
        "the bundle is not yet written",
    ),
    ("Who may use it, for whom, and what must not rest on it?", "use", "Page one", "not wholly declared in the study"),
    ("What is predicted, from which time zero; what of those who die first?", "always", "Page one; Outcome", ""),
    ("Where do the patients come from; who was excluded?", "table_one", "Cohort", "Table 1 is not in the evidence"),
    ("How many events per parameter; would a sample-size rule allow it?", "never", "", "not yet computed"),
    ("How many values were missing; what is done?", "table_one", "Missing data", "Table 1 is not in the evidence"),
    ("Is a number apparent, internal or external?", "always", "Each number names its design", ""),
    ("Calibration curve at the horizon used; the worst site?", "sites", "Calibration; Sites", "sites were not judged"),
    ("How does it do for women, the elderly, each primary tumour?", "never", "", "subgroups are not yet judged"),
    ("What should a hospital expect that you have not seen?", "never", "", "the prediction interval is not yet made"),
    ("Is it better than the score we use now?", "never", "", "comparator scores are not yet computed"),
    ("How sure is the estimate for one patient?", "never", "", "intervals for one patient are not yet made"),
    ("What changed since the last version?", "change", "Page one", "no earlier version was compared"),
    ("How do you notice decay?", "monitoring", "Declared by people", "monitoring is not declared in the study"),
    (
        "Which statements are measured, declared, missing?",
        "always",
        "Where each number comes from; MISSING in words",
        "",
    ),
)


def decision(subject: Subject) -> tuple[Block, ...]:
    """Verdict, who acted on it and why, and each comparison with its reason."""
    verdict = subject.decision.get("verdict")
    rows: list[tuple[Cell, ...]] = [
        (Cell("Verdict"), fact(verdict, missing="no decision was given to this rendering")),
        (Cell("Released as"), fact(subject.decision.get("as"), missing="not released")),
        (Cell("Released by"), fact(released_by(subject), missing="nobody has signed")),
        (Cell("Why"), fact(released_why(subject), missing="no reason was given")),
    ]
    blocks: list[Block] = [Grid("Decision", ("", ""), tuple(rows), kind="pairs")]
    reasons: Sequence[Mapping[str, Any]] = subject.decision.get("reasons") or ()
    lines = tuple(
        (
            Cell(_CHECKS.get(str(reason.get("check")), plain(reason.get("check", "")))),
            Cell(_OUTCOMES.get(reason.get("passed"), "not applicable")),
            fact(reason.get("sentence"), missing="no sentence"),
        )
        for reason in reasons
    )
    if lines:
        blocks.append(Grid("Reasons", ("check", "outcome", "in words"), lines))
    return tuple(blocks)


def released_by(subject: Subject) -> Any:
    """Who signed, from the decision or the identity."""
    return subject.decision.get("by") or subject.identity.get("released_by")


def released_why(subject: Subject) -> Any:
    """Why, in the words of who signed."""
    return subject.decision.get("reason") or subject.identity.get("reason")


def provenance(subject: Subject) -> Grid:
    """Digests of everything that went in, so that an auditor can ask for exactly this."""
    digests = subject.facts("digests") or {}
    rows = [
        (Cell("Model digest"), fact(subject.identity.get("model_digest"), missing="the bundle is not yet written")),
        (Cell("Run"), fact(subject.identity.get("run"), missing="no run was named")),
        (Cell("Evidence digest"), Cell(subject.evidence_digest)),
        *(
            (Cell(f"Digest: {plain(name)}"), fact(value, missing="not in the evidence"))
            for name, value in digests.items()
        ),
        (
            Cell("Seed"),
            fact(str(subject.study["seed"]) if "seed" in subject.study else None, missing="not in the study"),
        ),
        (Cell("Intervals"), fact(subject.study.get("intervals"), missing="not in the study")),
        (Cell("Designs"), fact(_designs(subject), missing="not in the study")),
    ]
    if not digests:
        rows.append((Cell("Digests of study, contract and data"), fact(None, missing="not in the evidence")))
    return Grid("Provenance", ("", ""), tuple(rows), kind="pairs")


def unchecked() -> Grid:
    """What was not checked, each with its reason. A check that did not run is not a check that passed."""
    rows = tuple((Cell(name), Cell(reason)) for name, reason in NOT_CHECKED)
    return Grid("Not checked", ("what", "why not"), rows)


def questions(subject: Subject) -> Grid:
    """What auditors ask when they open a card: where it is answered, or that it is not."""
    undeclared = [plain(name) for name in ("intended_use", "not_for") if subject.declared(name).state == "missing"]
    answered = {
        "artefact": bool(subject.identity.get("model_digest")),
        "use": not undeclared,
        "table_one": bool(subject.table("table_one")),
        "sites": bool(subject.populations("leave_one_site_out")),
        "change": bool(subject.identity.get("change")),
        "monitoring": subject.declared("monitoring").state != "missing",
        "always": True,
        "never": False,
    }
    rows = tuple(
        (Cell(str(k)), Cell(question), fact(where if answered[condition] else None, missing=gap))
        for k, (question, condition, where, gap) in enumerate(_QUESTIONS, 1)
    )
    return Grid("Questions auditors ask", ("", "question", "answered"), rows)


def _designs(subject: Subject) -> str:
    designs: Sequence[Mapping[str, Any]] = subject.study.get("designs") or ()
    said = []
    for design in designs:
        size = [
            f"{design['folds']} folds" if design.get("folds") else "",
            f"{design['repeats']} repeats" if design.get("repeats") else "",
        ]
        said.append(" ".join([plain(design.get("design", "")), *filter(None, size)]))
    return "; ".join(said)
