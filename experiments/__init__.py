"""Questions asked, records kept, decisions taken.

Comes in:   a study (`configs/studies/*.toml`) and registry tables.
Goes out:   a run folder (the record of truth), its projection into MLflow, a decision with reasons, a released bundle
            with its card and calibration report.
Read first: `study.py`, then `run.py` beside it: the whole project is these two; then `promotion.py`.
May import: training, features. mlflow only in `tracking.py` and `model_registry.py`. Only `commands/` may see serving.
"""
