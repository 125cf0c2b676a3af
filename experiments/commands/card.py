"""`spinecast card`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from experiments.project import find_project
from experiments.terminal import say, then

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.bundle import Bundle

_PROFILES = {"tripod": "tripod-ai", "hti1": "hti-1"}


@click.command(short_help="Print or write model card or calibration report of a released model, a bundle or a run.")
@click.argument("model", metavar="MODEL|BUNDLE|RUN", required=False)
@click.option(
    "--format", "kind", type=click.Choice(["md", "html", "json"]), default="md", show_default=True, help="Which form."
)
@click.option("--report", is_flag=True, help="The calibration report instead of the card (html or json).")
@click.option(
    "--profile",
    type=click.Choice(["tripod", "hti1", "chai"]),
    help="A reporting standard instead of the card: TRIPOD+AI, HTI-1 (md, html or json), or the CHAI card (XML).",
)
@click.option(
    "--diff",
    nargs=2,
    metavar="OLD NEW",
    help="What changed from one version to another (name@1 name@2, or bundle folders); ends with 1 if anything did.",
)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file instead of stdout."
)
@click.option("--open", "in_browser", is_flag=True, help="Open it in the browser; with --output.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def command(
    model: str | None,
    kind: str,
    report: bool,
    profile: str | None,
    diff: tuple[str, str] | None,
    output: Path | None,
    in_browser: bool,
    as_json: bool,
) -> int:
    """Print the model card of a released model (name, name@3) or of a bundle folder, exactly as it was released.

    Of a run that nobody released (its first digits, or the study's name) it is a draft, and says so.

    With --diff, print what changed between two versions instead: data, study, predictors, numbers, findings, facts.

    Example: spinecast card survival --format html --output card.html --open

    Example: spinecast card 9dbfc97e43599c54 --report --format html --output draft.html

    Example: spinecast card --diff survival@1 survival@2
    """
    _require_one(model, diff, report, profile)
    if profile == "chai" and (as_json or kind != "md"):
        raise click.UsageError("The CHAI card is XML alone. try: --profile chai without --json and --format")
    if diff is not None:
        return _print_diff(*diff, as_json=as_json or kind == "json", output=output)
    if in_browser and output is None:
        raise click.UsageError("--open needs --output FILE: a page is opened from a file.")
    documents, following = _documents(str(model))
    name = _file(profile, report, "json" if as_json else kind)
    if name not in documents:
        there = ", ".join(one for one in documents if not one.startswith("tables/"))
        raise click.UsageError(f"There is no {name}. There is: {there or 'no document'}. try: --format html")
    if output is None:
        click.echo(documents[name], nl=False)
    else:
        output.write_bytes(documents[name])
        say(f"wrote {output}")
    if in_browser and output is not None:
        click.launch(output.resolve().as_uri())
    then(following)
    return 0


def _require_one(model: str | None, diff: tuple[str, str] | None, report: bool, profile: str | None) -> None:
    if (model is None) == (diff is None):
        raise click.UsageError("One MODEL, or --diff OLD NEW.")
    if bool(report) + bool(profile) + bool(diff) > 1:
        raise click.UsageError("--report, --profile and --diff are different documents. try: one of them")


def _documents(reference: str) -> tuple[Mapping[str, bytes], str]:
    """Documents as released, or drafted of a run; and what comes next."""
    from experiments.release import draft
    from experiments.results import RunError, find_run
    from training.shelf import ShelfError

    try:
        return _opened(reference)[1].documents, f"spinecast verify {reference}"
    except ShelfError as error:
        root = find_project().root
        try:
            run = find_run(root, reference)
        except RunError:
            raise error from None
    say(f"a draft: run {run.path.name} of {run.study.name} is not released under that name")
    return draft(root, run), f"spinecast decide {run.path.name}"


def _opened(reference: str) -> tuple[str, Bundle]:
    """A bundle by its folder, or by a reference on the project's shelf; how it is called, and what it holds."""
    from training.bundle import open_bundle
    from training.shelf import Shelf

    folder = Path(reference)
    if folder.is_dir():
        bundle = open_bundle(folder)
        return f"{bundle.manifest.name}@{bundle.manifest.version}", bundle
    placed = Shelf(find_project().root / "bundles").resolve(reference)
    return placed.reference, open_bundle(placed.folder, placed.manifest_sha256)


def _print_diff(old: str, new: str, *, as_json: bool, output: Path | None) -> int:
    from experiments.documents.difference import as_text, differences
    from experiments.release import edition

    before, after = (edition(*_opened(one)) for one in (old, new))
    changes = differences(before, after)
    value = {"old": before.reference, "new": after.reference, "changes": [one.to_json() for one in changes]}
    text = json.dumps(value, indent=2, ensure_ascii=False) if as_json else as_text(before, after, changes)
    if output is None:
        click.echo(text)
    else:
        output.write_text(text + "\n", encoding="utf-8")
        say(f"wrote {output}")
    then(f"spinecast card {new}")
    return 1 if changes else 0


def _file(profile: str | None, report: bool, form: str) -> str:
    if profile == "chai":
        return "profiles/chai.xml"
    if profile is not None:
        return f"profiles/{_PROFILES[profile]}.{form}"
    return f"{'calibration-report' if report else 'card'}.{form}"
