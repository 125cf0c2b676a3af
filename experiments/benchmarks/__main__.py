"""`python -m experiments.benchmarks [NAME …]`: print what each benchmark finds; all but the longest without a name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import click

NAMES = (
    "gate",
    "recovery",
    "oracle",
    "truth",
    "development",
    "speed",
    "growth",
    "null",
    "learners",
    "missing",
    "coverage",
)
_LONG = ("coverage",)
"""An hour and more: only by name."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
@click.option("--workers", default=2, show_default=True, help="Processes that refit side by side.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/benchmarks"),
    show_default=True,
    help="Where comparisons of learners keep what was run, and go on from.",
)
@click.option(
    "--peers",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Finished rows of the usual learners, seeds 11 to 20: not run again.",
)
@click.option("--share", type=(int, int), default=(1, 1), help="Of coverage: 1 2 and 2 2 divide it over two processes.")
def main(names: tuple[str, ...], workers: int, folder: Path, peers: Path | None, share: tuple[int, int]) -> None:
    """Measure again what is claimed. Example: python -m experiments.benchmarks oracle."""
    from experiments.benchmarks import (
        coverage,
        development,
        gate,
        growth,
        learners,
        missing,
        null,
        oracle,
        recovery,
        speed,
        truth,
    )

    measures: dict[str, Callable[[], Iterator[str]]] = {
        "gate": partial(gate.measure, workers=workers),
        "recovery": partial(recovery.measure, workers=workers),
        "oracle": partial(oracle.measure, workers=workers),
        "truth": truth.measure,
        "development": partial(development.measure, workers=workers),
        "speed": speed.measure,
        "growth": growth.measure,
        "null": partial(null.measure, workers=workers),
        "learners": partial(learners.measure, folder=folder, peers=peers),
        "missing": partial(missing.measure, folder=folder),
        "coverage": partial(coverage.measure, share=share),
    }
    for name in names or [one for one in NAMES if one not in _LONG]:
        for line in measures[name]():
            click.echo(line)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
