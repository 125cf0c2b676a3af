"""Does the demonstration pass its own gate by luck? Ten seeds, none chosen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from experiments.benchmarks.demonstration import CONFIGS, registry
from experiments.promotion import Challenge, PromotionRule, decide
from experiments.run import run_study
from experiments.study import Study
from features.contract import Contract


def measure(*, patients: int = 2500, seeds: tuple[int, ...] = tuple(range(1, 11)), workers: int = 2) -> Iterator[str]:
    """Both questions of `make study` on ten registries, judged by the gate as a first champion would be.

    Leave-one-site-out is left out here: the gate does not read it, and it doubles the time.
    """
    yield f"the gate on {len(seeds)} synthetic registries of {patients} patients; IPA at the primary horizon"
    passed = {"survival": 0, "recovery": 0}
    for seed in seeds:
        with registry(patients, seed) as (tables, _), TemporaryDirectory(prefix="spinecast-") as root:
            for name in passed:
                promoted, sentence = _ask(name, tables, Path(root), workers)
                passed[name] += promoted
                yield f"  seed {seed:>2}  {name:<9} {'passes' if promoted else 'REFUSED'}  {sentence}"
    yield "  " + ", ".join(f"{name}: {count} of {len(seeds)} pass" for name, count in passed.items())


def _ask(name: str, tables: Path, root: Path, workers: int) -> tuple[bool, str]:
    study = Study.from_toml(CONFIGS / "studies" / f"{name}.toml")
    nested = tuple(one for one in study.designs if one.design == "nested_cross_validation")
    study = study.model_copy(update={"designs": nested})
    contract = Contract.from_toml(CONFIGS / "registries" / f"{study.contract}.toml")
    evidence = run_study(study, contract, tables, root, workers=workers).evidence
    asked = Challenge(evidence, study.endpoint.primary_cause, study.endpoint.primary_horizon_days)
    decision = decide(asked, PromotionRule.from_toml(CONFIGS / "promotion.toml"))
    return decision.promoted, " ".join(reason.sentence for reason in decision.reasons)
