"""What `mlflow.pyfunc.load_model` calls: opens the bundle that is the model's data. No pickle, no code of the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any, final

import pandas as pd

from serving.offline import score_rows
from serving.predictor import Served
from training.bundle import open_bundle


@final
class BundleModel:
    """One bundle behind MLflow's `predict`. The shelf rules what is champion; this only opens what it was given."""

    def __init__(self, folder: Path) -> None:
        self.served = Served.of(open_bundle(folder), "opened by MLflow")

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Probability of each state at each horizon, a column each, and "not_applicable" with the reason.

        Columns are fields of the contract in its canonical unit, or with the unit in `<name>_unit`.
        """
        rows = [{str(k): _text(v) for k, v in row.items()} for row in model_input.to_dict(orient="records")]
        scores = pd.DataFrame(score_rows(self.served, rows), index=model_input.index)
        for name in scores.columns.drop("not_applicable"):
            scores[name] = pd.to_numeric(scores[name])
        return scores


def _load_pyfunc(data_path: str) -> BundleModel:
    """The entry point's name is MLflow's. `data_path` is the bundle's folder, or holds nothing else."""
    folder = Path(data_path)
    inside = [path for path in folder.iterdir() if path.is_dir()]
    return BundleModel(folder if (folder / "manifest.json").exists() or len(inside) != 1 else inside[0])


def _text(value: Any) -> str:
    """A cell as a CSV would hold it; a float by its shortest exact text."""
    if value is None or (isinstance(value, float) and value != value) or value is pd.NA or value is pd.NaT:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(float(value)) if isinstance(value, float) else str(value)
