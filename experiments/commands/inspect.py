"""`spinecast inspect`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from shlex import quote

import click

from experiments.project import find_project
from experiments.terminal import json_option, result, say, then


@click.command(short_help="Check tables against a contract; counts only, never a value.")
@click.argument("tables", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--contract",
    "named",
    metavar="NAME|PATH",
    help="A name in configs/registries/, or a file; not needed where the project has one contract only.",
)
@json_option
def command(tables: Path, named: str | None, as_json: bool) -> int:
    """Check TABLES (a folder, or one file) against a contract, and look for columns that give the outcome away.

    Everything that is wrong is said at once: table, column, rule, number of rows; never a value. Ends with 3 where the
    contract is broken, with 1 where a column is suspected to be known only after the fact, with 0 otherwise.

    Example: spinecast inspect registry/demo --contract spine
    """
    path = Path(named) if named and Path(named).is_file() else find_project().contract_path(named)
    say(f"inspecting {tables} …")
    from features.contract import Contract

    contract = Contract.from_toml(path)
    from experiments.suspects import suspects
    from features.extract import read_extract
    from features.inspection import inspect

    extract = read_extract(tables, contract)
    found = inspect(contract, extract)
    suspected = () if found.violations else suspects(contract, found.tables)
    rows = {name: one.rows for name, one in extract.tables.items()}
    value = {
        "contract": contract.name,
        "digest": extract.digest,
        "rows": rows,
        "violations": [asdict(one) for one in found.violations],
        "suspicions": [asdict(one) for one in suspected],
    }
    lines = [f"{', '.join(f'{name} {count} rows' for name, count in rows.items())} · sha256 {extract.digest[:16]}"]
    lines += [f"violations: {len(found.violations)}"] if found.violations else [f'the tables keep "{contract.name}"']
    lines += [f"  {one.sentence}" for one in found.violations]
    lines += [f"suspected to be known only after the fact: {len(suspected)}"] if suspected else []
    lines += [f"  {one.sentence}" for one in suspected]
    result(value, as_json=as_json, text="\n".join(lines))
    if found.violations:
        say(f"try: correct the export, or the promise in {path}")
        return 3
    if suspected:
        say(f"try: write in {path} when each is known (known_at), or leave it out")
        return 1
    then(f"spinecast plan STUDY --tables {quote(str(tables))}")
    return 0
