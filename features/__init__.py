"""What is known before any model.

Comes in:   registry tables (CSV, Parquet), exactly as exported; a contract (`configs/registries/*.toml`).
Goes out:   `Cohort` (eligible patients at time zero; who left and why), `Outcome` (what happened, when), predictors.
Read first: `contract.py`, `outcome.py`, `cohort.py`; then the patient's way through
            `extract` → `inspection` → `registries` → `cohort` → `endpoints` and `predictors` → `encoding`.
May import: numpy, pandas, pydantic. No estimator, no tracker, no HTTP.

Files here touch patients' rows: what they raise and log says counts and rules, never a value (CONTRIBUTING.md).
"""
