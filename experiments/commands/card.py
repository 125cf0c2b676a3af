"""`spinecast card`."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.project import find_project
from experiments.terminal import say, then

_PROFILES = {"tripod": "tripod-ai", "hti1": "hti-1"}


@click.command(short_help="Print or write the model card of a released model or bundle.")
@click.argument("model", metavar="MODEL|BUNDLE")
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
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file instead of stdout."
)
@click.option("--open", "in_browser", is_flag=True, help="Open it in the browser; with --output.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def command(
    model: str,
    kind: str,
    report: bool,
    profile: str | None,
    output: Path | None,
    in_browser: bool,
    as_json: bool,
) -> None:
    """Print the model card of a released model (name, name@3) or of a bundle folder, exactly as it was released.

    Example: spinecast card survival --format html --output card.html --open
    """
    wanted = "json" if as_json else kind
    if report and profile:
        raise click.UsageError("--report and --profile are two documents. try: one of them")
    if in_browser and output is None:
        raise click.UsageError("--open needs --output FILE: a page is opened from a file.")
    from training.bundle import open_bundle
    from training.shelf import Shelf

    folder, expected = Path(model), None
    if not folder.is_dir():
        placed = Shelf(find_project().root / "bundles").resolve(model)
        folder, expected = placed.folder, placed.manifest_sha256
    bundle = open_bundle(folder, expected)
    name = _file(profile, report, wanted)
    if name not in bundle.documents:
        raise click.UsageError(f"The bundle has no {name}. It has: {', '.join(bundle.documents) or 'no documents'}.")
    if output is None:
        click.echo(bundle.documents[name], nl=False)
    else:
        output.write_bytes(bundle.documents[name])
        say(f"wrote {output}")
    if in_browser and output is not None:
        click.launch(output.resolve().as_uri())
    then(f"spinecast verify {model}")


def _file(profile: str | None, report: bool, form: str) -> str:
    if profile == "chai":
        return "profiles/chai.xml"
    if profile is not None:
        return f"profiles/{_PROFILES[profile]}.{form}"
    return f"{'calibration-report' if report else 'card'}.{form}"
