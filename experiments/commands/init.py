"""`spinecast init`."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import click

from experiments.terminal import json_option, result, say, then

if TYPE_CHECKING:
    from features.drafting import Draft

_IGNORED = "runs/\nbundles/\nmlflow.db\nmlartifacts/\n"


@click.command(short_help="Draft a project (contract and study) for a table of your own.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--registry", type=click.Choice(["table"]), default="table", show_default=True, help="What is exported.")
@click.option(
    "--from",
    "source",
    required=True,
    metavar="TABLE",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="CSV or Parquet, one row per patient.",
)
@click.option(
    "--time", required=True, metavar="COL", help="Follow-up: from time zero to the event or the last contact."
)
@click.option(
    "--event",
    required=True,
    metavar="COL",
    help="What ended it: 0 and 1, words, or several causes. The column of --time again: being recorded is the event.",
)
@click.option("--competing", metavar="TIME,EVENT", help="The competing event's own pair of columns.")
@click.option(
    "--causes", metavar="CODE=NAME,…", help="Names of the codes in --event: 1=progression,2=death,9=censored."
)
@click.option("--id", "identity", metavar="COL", help="The patient's id; rows are numbered without it.")
@click.option("--site", metavar="COL", help="The site, for leave-one-site-out.")
@click.option("--date", metavar="COL", help="The day of time zero, or its year, for the temporal design.")
@click.option(
    "--time-unit", type=click.Choice(["d", "wk", "mo", "a"]), default="d", show_default=True, help="Of --time."
)
@click.option("--no-input", is_flag=True, help="Ask nothing; nothing is asked today, and scripts can rely on it.")
@json_option
def command(
    folder: Path,
    registry: str,
    source: Path,
    time: str,
    event: str,
    competing: str | None,
    causes: str | None,
    identity: str | None,
    site: str | None,
    date: str | None,
    time_unit: str,
    no_input: bool,
    as_json: bool,
) -> None:
    """Draft a project in DIR for a table of your own: a contract, a study, the gate's margins.

    Columns that seem to be known only after time zero are listed, marked `undeclared`, and left out of the study until
    a person says when they are known.

    Example: spinecast init mine --from patients.csv --time days --event died --no-input
    """
    del registry, no_input  # one choice today, and nothing to ask
    say(f"reading {source} …")
    from features.drafting import draft

    drafted = draft(
        source,
        time=time,
        event=event,
        competing=_pair(competing),
        causes=_names(causes),
        id=identity,
        site=site,
        date=date,
        time_unit=time_unit,
    )
    written = _write(folder, drafted)
    value = {
        "folder": str(folder),
        "written": [str(path) for path in written],
        "left_out": [{"field": field, "reason": reason} for field, reason in drafted.left_out],
        "suspicions": [{"field": one.field, "by": one.by, "sentence": one.sentence} for one in drafted.suspicions],
    }
    lines = [f"wrote {', '.join(str(path) for path in written)}"]
    if drafted.suspicions:
        lines.append(f"suspected to be known only after time zero, left out of the study: {len(drafted.suspicions)}")
        lines += [f"  {one.sentence}" for one in drafted.suspicions]
    if drafted.left_out:
        lines.append(f"left out of the study for other reasons: {len(drafted.left_out)}")
        lines += [f"  {field}: {reason}." for field, reason in drafted.left_out]
    result(value, as_json=as_json, text="\n".join(lines))
    then(f"cd {quote(str(folder))} && spinecast plan {drafted.name} --tables {quote(str(source.resolve()))}")


def _write(folder: Path, drafted: Draft) -> list[Path]:
    from experiments.declared import facts_draft

    margins = files("experiments").joinpath("templates", "promotion.toml").read_text(encoding="utf-8")
    texts = {
        Path("configs") / "registries" / f"{drafted.name}.toml": drafted.contract_toml,
        Path("configs") / "studies" / f"{drafted.name}.toml": drafted.study_toml,
        Path("configs") / "studies" / f"{drafted.name}.facts.toml": facts_draft(drafted.name),
        Path("configs") / "promotion.toml": margins,
        Path(".gitignore"): _IGNORED,
    }
    present = [str(path) for path in texts if path.name != ".gitignore" and (folder / path).exists()]
    if present:
        raise FileExistsError(f"{folder} holds {', '.join(present)} already; nothing was written.\ntry: another DIR")
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return [folder / path for path in texts]


def _pair(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 2 or not all(parts):
        raise click.BadParameter("expected two columns, as in --competing txtime,death", param_hint="--competing")
    return parts[0], parts[1]


def _names(text: str | None) -> dict[str, str]:
    if text is None:
        return {}
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(code.strip() and equals and name.strip() for code, equals, name in pairs):
        raise click.BadParameter(
            "expected codes and names, as in --causes 1=progression,2=death", param_hint="--causes"
        )
    return {code.strip(): name.strip() for code, _, name in pairs}
