"""Every dirty-data injector of the synthetic registry is caught, or is rightly no violation."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from features.contract import Contract
from features.extract import read_extract
from features.inspection import inspect
from features.registries.synthetic import SyntheticSettings, simulate
from features.registries.synthetic_faults import FAULTS, inject

SAID = {
    "albumin_g_per_l": "above 6.0 g/dL; were they recorded in g/L?",
    "crp_mg_per_dl_swap": "were they recorded in mg/L?",
    "bilsky_as_number": "was the Bilsky grade kept as a number?",
    "swapped_dates": "before enrol_date",
    "visit_after_death": "follow_up.visit_date",
    "sins_total_differs": "differ from the sum of their components",
    "ecog_as_kps": "were they recorded as Karnofsky (10 to 100)?",
    "duplicate_enrolment": "is a patient enrolled twice? keep one enrolment.",
    "enrolled_in_both_registries": "is the same patient in EPOSO and MTRON? keep one enrolment.",
    "death_before_time_zero": "outcome.death_date: ",
    "unknown_level": "with an unknown level",
}
# A sample after time zero is not used, and an outcome that is merely false is the gate's matter.
NO_VIOLATION = {"labs_after_time_zero", "spoilt_labels"}


@pytest.fixture(scope="module")
def contract(root: Path) -> Contract:
    return Contract.from_toml(root / "configs" / "registries" / "spine.toml")


@pytest.fixture(scope="module")
def sound() -> dict[str, pd.DataFrame]:
    return simulate(SyntheticSettings(patients=300, seed=1)).tables


@pytest.mark.parametrize("fault", FAULTS)
def test_each_injected_fault_is_said_in_its_own_words(
    contract: Contract, sound: dict[str, pd.DataFrame], tmp_path: Path, fault: str
) -> None:
    for name, frame in inject(sound, fault, 1).items():
        frame.to_csv(tmp_path / f"{name}.csv", index=False, lineterminator="\n")
    said = [violation.sentence for violation in inspect(contract, read_extract(tmp_path, contract)).violations]
    if fault in NO_VIOLATION:
        assert said == []
    else:
        assert any(SAID[fault] in sentence for sentence in said), said
