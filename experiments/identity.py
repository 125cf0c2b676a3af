"""What makes a run that run: study, contract, data, source, versions of numeric libraries. Nothing else may matter."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import experiments
import features
import training
from experiments.study import Study
from features.cohort import Cohort
from features.contract import Contract
from features.extract import Extract
from features.outcome import Outcome
from training.evidence import canonical_json, digest
from training.resampling import keyed_hashes

_NUMERIC = ("numpy", "pandas", "scipy", "scikit-learn", "scikit-survival", "xgboost-cpu", "xgboost", "optuna")


def identities(study: Study, contract: Contract, extract: Extract) -> dict[str, Any]:
    """The run's digest and the digests behind it, each table's own, and whether its patients are synthetic."""
    parts: dict[str, Any] = {
        "study": study.digest,
        "contract": contract.digest,
        "data": extract.digest,
        "source": source_digest(),
        "libraries": library_versions(),
    }
    tables = {name: table.sha256 for name, table in extract.tables.items()}
    return {"run": digest(parts), "name": study.name, "synthetic": extract.synthetic, **parts, "tables": tables}


def source_digest() -> str:
    """SHA-256 over the names and contents of all modules of `features/`, `training/` and `experiments/`."""
    content = hashlib.sha256()
    for room in (features, training, experiments):
        folder = Path(str(room.__file__)).parent
        for path in sorted(folder.rglob("*.py")):
            text = path.read_bytes().replace(b"\r\n", b"\n")
            content.update(f"{folder.name}/{path.relative_to(folder).as_posix()}\0{len(text)}\0".encode() + text)
    return content.hexdigest()


def library_versions() -> dict[str, str]:
    """Versions of the libraries that numbers pass through, as far as they are installed."""
    versions = {}
    for name in _NUMERIC:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def patient_hashes(cohort: Cohort, outcome: Outcome, withdrawn: Sequence[str], seed: int) -> dict[str, Any]:
    """Who was in the data, for a later extract to be compared with: keyed hashes of ids, and of all that a row says.

    withdrawn  ids of those who took their consent back.
    """
    frame = cohort.frame.reindex(columns=sorted(cohort.frame.columns)).astype(object)
    follow_up = np.column_stack([outcome.entry_days, outcome.left_days, outcome.right_days, outcome.event])
    said = [
        canonical_json([who, [str(value) for value in row], days])
        for who, row, days in zip(
            cohort.ids.tolist(), frame.itertuples(index=False, name=None), follow_up.tolist(), strict=True
        )
    ]
    pairs = zip(keyed_hashes(cohort.ids, seed), keyed_hashes(said, seed), strict=True)
    return {
        "patients": [{"id": who, "row": row} for who, row in pairs],
        "withdrawn": sorted(set(keyed_hashes(withdrawn, seed))),
    }
