"""How a model is made, and how it is judged.

Comes in:   `Cohort.frame` and `Outcome` from `features`.
Goes out:   `Model` (one door: `predict`), `Evidence` (every number with its estimator and interval), a bundle on disk.
Read first: `curves.py`, `families/family.py`, `families/cox.py`, `recipe.py`, `validation.py`.
May import: features. scikit-survival and xgboost only inside `families/*.fit`, Optuna only in `tuning.py`;
            prediction needs numpy and pandas alone.

`training/` is free of time units: it never converts, so rescaled follow-up gives the same model.
"""
