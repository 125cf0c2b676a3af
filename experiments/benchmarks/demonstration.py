"""Studies on synthetic registries whose truth is known: what the other benchmarks stand on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import final

from experiments.run import Prepared, prepare
from experiments.study import Study
from features.contract import Contract
from features.extract import read_extract
from features.registries.synthetic import Simulated, SyntheticSettings, simulate, write_extract
from features.registries.synthetic_truth import Variant

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


@final
@dataclass(frozen=True)
class Demonstration:
    """A study as it meets a synthetic registry, and the truth beside it."""

    study: Study
    contract: Contract
    prepared: Prepared
    simulated: Simulated


@contextmanager
def registry(patients: int, seed: int, variant: Variant = "G1") -> Iterator[tuple[Path, Simulated]]:
    """A synthetic export in a folder of its own, gone afterwards."""
    with TemporaryDirectory(prefix="spinecast-") as folder:
        simulated = simulate(SyntheticSettings(patients=patients, seed=seed, variant=variant))
        write_extract(simulated, Path(folder))
        yield Path(folder), simulated


def demonstrate(
    name: str, patients: int, seed: int, overrides: tuple[str, ...] = (), variant: Variant = "G1"
) -> Demonstration:
    """Prepare a study of this repository on synthetic patients."""
    study = Study.from_toml(CONFIGS / "studies" / f"{name}.toml", overrides)
    contract = Contract.from_toml(CONFIGS / "registries" / f"{study.contract}.toml")
    with registry(patients, seed, variant) as (folder, simulated):
        prepared = prepare(study, contract, read_extract(folder, contract))
    return Demonstration(study, contract, prepared, simulated)
