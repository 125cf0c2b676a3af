"""`spinecast simulate`."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.terminal import json_option, result, say, then


@click.command(short_help="Draw synthetic patients and write them as a registry export.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--patients", type=click.IntRange(min=10), default=2400, show_default=True, help="How many patients.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="The same seed, the same patients."
)
@click.option(
    "--variant",
    type=click.Choice(["G1", "G2"]),
    default="G1",
    show_default=True,
    help="G1: proportional hazards; G2: effects that change over time.",
)
@click.option(
    "--later", is_flag=True, help="A second, later extract of the same registry: more patients, longer follow-up."
)
@json_option
def command(folder: Path, patients: int, seed: int, variant: str, later: bool, as_json: bool) -> None:
    """Draw synthetic patients and write them as a registry export, one CSV a table, into DIR.

    No patient is real, and no value of one was used. The same flags give the same files.

    Example: spinecast simulate registry/demo --patients 2400 --seed 1
    """
    say(f"drawing {patients} patients …")
    from features.registries.synthetic import SyntheticSettings, simulate, write_extract

    settings = SyntheticSettings(
        patients=patients, seed=seed, variant="G2" if variant == "G2" else "G1", extract=2 if later else 1
    )
    drawn = simulate(settings)
    write_extract(drawn, folder)
    rows = {name: len(table) for name, table in drawn.tables.items()}
    listed = ", ".join(f"{name} {count}" for name, count in rows.items())
    result({"folder": str(folder), "seed": seed, "rows": rows}, as_json=as_json, text=f"{folder}: rows of {listed}")
    then(f"spinecast inspect {folder} --contract spine")
