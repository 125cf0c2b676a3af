"""`spinecast appraise`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.project import find_project
from experiments.terminal import json_option, result, table, then

if TYPE_CHECKING:
    from collections.abc import Mapping

    from experiments.results import RunFolder
    from experiments.study import EndpointChoice
    from training.appraisal import Check, Finding
    from training.evidence import Evidence


@click.command(short_help="Say what is wrong with a run or a released model, in coded findings.")
@click.argument("which", metavar="[RUN|MODEL]", required=False)
@click.option("--explain", "code", metavar="CODE", help="Say what one finding means, and what to do (PM014).")
@click.option(
    "--mute", metavar="CODE", help="Mute one finding of a run; it stays found, and is printed with the reason."
)
@click.option("--reason", metavar="TEXT", help="Why it is muted.")
@json_option
def command(which: str | None, code: str | None, mute: str | None, reason: str | None, as_json: bool) -> int:
    """Say what is wrong with a run (or the latest of a study), a released model (name@3) or a bundle (a folder).

    Each question is passed, found, or not applicable with the reason; each has its threshold and where that comes
    from. What the evidence says is printed; evidence made before there were findings is asked now. Ends with 1 where
    something was found that is not muted. A mute holds for one run; it stands in the card with its reason, and the gate
    does not read it.

    Examples: spinecast appraise survival

    spinecast appraise survival --mute PM016 --reason "refits take a day; repeats are planned for the next run"

    spinecast appraise --explain PM014
    """
    if (which is None) == (code is None):
        raise click.UsageError("Give a RUN or MODEL, or --explain CODE; not both.")
    if (mute is None) != (reason is None) or (mute is not None and which is None):
        raise click.UsageError("--mute CODE, --reason TEXT and the RUN go together.")
    from training.appraisal import CHECKS, Finding, appraise

    if code is not None:
        return _explained(code, as_json)
    if mute is not None:
        _run(str(which)).mute(_check(mute).code, str(reason))
    name, evidence, endpoint, muted = _found(str(which))
    rows = evidence.tables.get("findings")
    findings = (
        [Finding(**row) for row in rows]
        if rows
        else list(appraise(evidence, cause=endpoint.primary_cause, horizon_days=endpoint.primary_horizon_days))
    )
    wrong = [one for one in findings if one.state == "found" and one.code not in muted]
    rows = [asdict(one) | ({"muted": muted[one.code]} if one.code in muted else {}) for one in findings]
    value = {"of": name, "found": len(wrong), "muted": len(muted), "findings": rows}
    result(value, as_json=as_json, text=_text(name, findings, muted))
    then(f"spinecast appraise --explain {(wrong or findings)[0].code}" if findings else f"{len(CHECKS)} questions")
    return 1 if wrong else 0


def _run(which: str) -> RunFolder:
    """The run to mute in: what is released does not change."""
    from experiments.results import find_run

    if "@" in which or (Path(which) / "manifest.json").is_file():
        raise click.UsageError("What is released does not change. try: --mute in its run, and release that again")
    return find_run(find_project().root, which)


def _found(which: str) -> tuple[str, Evidence, EndpointChoice, Mapping[str, str]]:
    """Evidence and mutes of a bundle folder, of a version on the shelf, of a run, or of the champion of that name."""
    from experiments.results import RunError, find_run
    from experiments.study import Study
    from training.bundle import open_bundle
    from training.shelf import Shelf, ShelfError

    folder, expected = Path(which), None
    if not (folder / "manifest.json").is_file():
        project = find_project()
        try:
            if "@" not in which:
                run = find_run(project.root, which)
                return f"run {run.path.name} of {run.study.name}", run.evidence, run.study.endpoint, run.mutes
        except RunError as error:
            try:
                Shelf(project.root / "bundles").resolve(which)
            except ShelfError:
                raise error from None
        placed = Shelf(project.root / "bundles").resolve(which)
        folder, expected = placed.folder, placed.manifest_sha256
    bundle = open_bundle(folder, expected)
    name = f"{bundle.manifest.name}@{bundle.manifest.version}"
    plain = {key: value for key, value in bundle.study.items() if key != "endpoint_description"}
    return name, bundle.evidence, Study.from_json(plain, name).endpoint, bundle.decision.get("muted") or {}


def _text(name: str, findings: list[Finding], muted: Mapping[str, str]) -> str:
    lines = []
    titles = {"found": "found", "muted": "muted", "not applicable": "could not be asked", "passed": "passed"}
    for state, title in titles.items():
        own = [one for one in findings if ("muted" if one.code in muted else one.state) == state]
        if state == "muted" and not own:
            continue
        why = {one.code: f"; muted: {muted[one.code]}" if one.code in muted else "" for one in own}
        rows = [(f"  {one.code}", one.title, one.sentence + why[one.code]) for one in own]
        lines += [
            f"{title}: {len(own)} of {len(findings)}",
            *([table(("  code", "title", "what the evidence says"), rows)] if rows else []),
        ]
    return "\n".join([name, *lines])


def _explained(code: str, as_json: bool) -> int:
    check = _check(code)
    value = {name: getattr(check, name) for name in ("code", "title", "threshold", "source", "why", "act")}
    text = f"{check.code}  {check.title}\nfound where  {check.threshold}\nsource       {check.source}"
    result(value, as_json=as_json, text=f"{text}\nwhy          {check.why}\nwhat to do   {check.act}")
    then("spinecast appraise STUDY")
    return 0


def _check(code: str) -> Check:
    from training.appraisal import CHECKS

    if code.upper() not in CHECKS:
        raise click.UsageError(f'No finding "{code}". Known: {min(CHECKS)} to {max(CHECKS)}.')
    return CHECKS[code.upper()]
