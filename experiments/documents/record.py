"""How the model came to stand here: decision, provenance, what was not checked, what auditors ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.documents import groups, hospitals, rivals
from experiments.documents.page import Block, Cell, Grid, Prose
from experiments.documents.subject import Subject
from experiments.documents.words import count, fact, plain, said

_CHECKS = {
    "recipe_vs_recipe": "Recipe against recipe (the champion's study developed again on the same patients and folds)",
    "model_vs_model": "Model against model (patients whom the champion never saw)",
    "against_null": "Against the null model",
}
_OUTCOMES = {True: "passed", False: "failed", None: "not applicable"}
# Question, what must hold for it to be answered, where the answer stands, what to say otherwise.
_QUESTIONS = (
    (
        "Which exact artefact is this, and who approved it?",
        "artefact",
        "Provenance; Decision",
        "the bundle is not yet written",
    ),
    ("Who may use it, for whom, and what must not rest on it?", "use", "Page one", "not wholly declared"),
    ("What is predicted, from which time zero; what of those who die first?", "always", "Page one; Outcome", ""),
    ("Where do the patients come from; who was excluded?", "table_one", "Cohort", "Table 1 is not in the evidence"),
    (
        "How many events per parameter; would a sample-size rule allow it?",
        "sample_size",
        "Sample size",
        "the sample size was not computed in this run",
    ),
    ("How many values were missing; what is done?", "table_one", "Missing data", "Table 1 is not in the evidence"),
    (
        "Is a number apparent, internal or external? On data that tuning never saw?",
        "split_proofs",
        "Each number names its design; Provenance, split proofs",
        "no split proofs are in the evidence; each number names its design",
    ),
    ("Calibration curve at the horizon used; the worst site?", "sites", "Calibration; Sites", "sites were not judged"),
    (
        "How does it do for women, the elderly, each primary tumour?",
        "groups",
        "Subgroups",
        "no subgroup was named in the study",
    ),
    (
        "What should a hospital expect that you have not seen?",
        "next_site",
        "Sites",
        "sites were not pooled, or too few have a number",
    ),
    ("Is it better than the score we use now?", "comparators", "Comparators", "no comparator was named in the study"),
    (
        "How sure is the estimate for one patient; how much would it move?",
        "stability",
        "Stability",
        "the development was not refitted in a bootstrap",
    ),
    ("What changed since the last version?", "change", "Page one", "no earlier version was compared"),
    ("How do you notice decay?", "monitoring", "Declared by people", "monitoring is not declared"),
    (
        "Which statements are measured, declared, missing? Can one figure be run again?",
        "always",
        "Where each number comes from; MISSING in words; spinecast reproduce",
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


def signature(subject: Subject) -> Grid:
    """Who released it, why and when."""
    rows = (
        (Cell("Signed by"), fact(released_by(subject), missing="nobody has signed")),
        (Cell("Why"), fact(released_why(subject), missing="no reason was given")),
        (Cell("Date"), fact(subject.decision.get("date"), missing="not yet released")),
    )
    return Grid("Signature", ("", ""), rows, kind="pairs")


def questions(subject: Subject) -> Grid:
    """What auditors ask when they open a card: where it is answered, or that it is not."""
    declared = {name: subject.declared(name).state != "missing" for name in ("intended_use", "not_for", "monitoring")}
    answered = {
        "artefact": bool(subject.identity.get("model_digest")),
        "use": declared["intended_use"] and declared["not_for"],
        "sites": hospitals.judged(subject),
        "groups": bool(groups.subgroups_of(subject)),
        "next_site": any(e.value is not None for e in subject.evidence.find(population=hospitals.NEXT)),
        "comparators": bool(rivals.comparators_of(subject)),
        "change": bool(subject.identity.get("change")) or subject.identity.get("version") in (None, 1),
        "monitoring": declared["monitoring"],
        "always": True,
        **{name: bool(subject.table(name)) for name in ("table_one", "sample_size", "split_proofs", "stability")},
    }
    rows = tuple(
        (Cell(str(k)), Cell(question), fact(where if answered[condition] else None, missing=gap))
        for k, (question, condition, where, gap) in enumerate(_QUESTIONS, 1)
    )
    return Grid("Questions auditors ask", ("", "question", "answered"), rows)


def splits(subject: Subject) -> tuple[Block, ...]:
    """Digests of who taught and who was judged in each resample, and how many were on both sides."""
    rows = subject.table("split_proofs")
    if not rows:
        return (Prose((Cell("MISSING: split proofs: not in the evidence of this run", state="missing"),)),)
    lines = []
    for name in dict.fromkeys(str(row["design"]) for row in rows):
        own = [row for row in rows if str(row["design"]) == name]
        both = max(int(row["overlap"]) for row in own)
        sizes = [[int(row[side]) for row in own if row[side] is not None] for side in ("n_train", "n_test")]
        lines.append(
            (
                Cell(said("design", name)),
                Cell(count(len(own))),
                *(Cell(_reach(each)) for each in sizes),
                Cell("judges its own teachers by design" if name == "bootstrap" else count(both)),
            )
        )
    columns = ("design", "resamples", "taught by", "judged on", "patients on both sides")
    note = "SHA-256 of both sets of patients in every resample: tables/split_proofs.csv, made from keyed hashes of ids."
    return (Grid("Split proofs", columns, tuple(lines), note=note),)


def _reach(numbers: Sequence[int]) -> str:
    low, high = min(numbers, default=None), max(numbers, default=None)
    return count(low) if low == high else f"{count(low)} to {count(high)}"


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
