"""`spinecast compare`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from experiments.project import find_project
from experiments.terminal import json_option, result, say, table, then

if TYPE_CHECKING:
    from experiments.compare import Compared
    from training.evidence import Estimate


@click.command(short_help="Compare a run with the released champion, and its extract with the champion's.")
@click.argument("run", metavar="RUN|STUDY")
@click.option("--tables", type=click.Path(path_type=Path, exists=True), help="The run's extract, if it moved.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Refits side by side.")
@json_option
def command(run: str, tables: Path | None, workers: int, as_json: bool) -> None:
    """Compare a run (or the latest of a study) with the released champion, and its extract with the champion's.

    The champion's study is developed again on the run's table and folds where the two studies differ, and the champion
    as released is held against the run on patients whom it never saw. What was found is kept in the run folder.

    Example: spinecast compare survival
    """
    project = find_project()
    say(f"comparing {run} with the champion …")
    from experiments.compare import compare_with_champion
    from experiments.progress import shown_progress
    from experiments.promotion import PromotionRule
    from experiments.results import find_run

    found = find_run(project.root, run)
    rule = PromotionRule.from_toml(project.rule)
    with shown_progress() as progress:
        compared = compare_with_champion(found, project.root, rule, tables=tables, progress=progress, workers=workers)
    against = compared.challenge.champion or "no other champion: none has been released, or this run is it"
    lines = [f"run {found.path.name} of {found.study.name} against {against}", *_lines(compared)]
    result({"run": found.run, **_value(compared)}, as_json=as_json, text="\n".join(lines))
    then(f"spinecast decide {found.path.name}")


def _value(compared: Compared) -> dict[str, Any]:
    challenge = compared.challenge
    return {
        "champion": challenge.champion,
        "news": None if compared.news is None else compared.news.to_json(),
        "study_unchanged": challenge.study_unchanged,
        "recipes": None if challenge.recipes is None else challenge.recipes.to_json(),
        "new_n": challenge.new_n,
        "new_events": challenge.new_events,
        "new_patients": None if challenge.new_patients is None else challenge.new_patients.to_json(),
        "champion_on_new": [asdict(one) for one in challenge.champion_on_new],
        "not_compared": [why for why in (challenge.no_recipes, challenge.no_new_patients) if why],
    }


def _lines(compared: Compared) -> list[str]:
    challenge, lines = compared.challenge, []
    if compared.news is not None:
        lines.append(f"extract: {compared.news.sentence}")
    if challenge.study_unchanged:
        lines.append("recipe against recipe: predictors, recipes and tuning are the champion's own; no difference")
    for title, part in (("recipe against recipe", challenge.recipes), ("model against model", challenge.new_patients)):
        if part is not None:
            lines += [f"{title}: {part.a} → {part.b}, n {part.n}, {part.events} events", _table(part.estimates)]
    own = [e for e in challenge.champion_on_new if e.metric in ("ipa", "harrell_c", "oe_ratio")]
    if own:
        seen = f"{challenge.new_n} patients whom it never saw, {challenge.new_events} events of {challenge.cause}"
        lines += [f"{challenge.champion} as released, on {seen}", _table(own)]
    lines += [f"not compared: {why}" for why in (challenge.no_recipes, challenge.no_new_patients) if why]
    return lines


def _table(estimates: Sequence[Estimate]) -> str:
    rows = [
        (
            f"  {e.metric}",
            e.cause,
            "" if e.horizon_days is None else f"{e.horizon_days:g} d",
            *("–" if number is None else f"{number:.4f}" for number in (e.value, e.low, e.high)),
        )
        for e in estimates
    ]
    return table(("  estimate", "cause", "by", "value", "low", "high"), rows)
