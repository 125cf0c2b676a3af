"""The gate as verbs use it: compare, decide, keep the decision in the run folder. A refusal is kept too."""

from __future__ import annotations

from pathlib import Path

from experiments.compare import Compared, compare_with_champion
from experiments.progress import shown_progress
from experiments.project import Project
from experiments.promotion import Decision, PromotionRule, decide
from experiments.results import RunFolder


def ask_gate(project: Project, run: RunFolder, tables: Path | None, workers: int) -> tuple[Compared, Decision]:
    """Compare a run with the champion and judge it by `configs/promotion.toml`."""
    rule = PromotionRule.from_toml(project.rule)
    with shown_progress() as progress:
        compared = compare_with_champion(run, project.root, rule, tables=tables, progress=progress, workers=workers)
    decision = decide(compared.challenge, rule)
    run.write_json("decision", decision.to_json())
    return compared, decision


def verdict_text(run: RunFolder, decision: Decision) -> str:
    """Verdict and reasons, one a line."""
    marks = {True: "holds", False: "FAILS", None: "not judged"}
    head = f"run {run.path.name} of {run.study.name}: {'may' if decision.promoted else 'may not'} become champion"
    rows = [f"  {one.check:<17} {marks[one.passed]:<10} {one.sentence}" for one in decision.reasons]
    return "\n".join([head, *rows])
