"""Run folders projected into MLflow's records. Write-only: delete MLflow and make it again from the folders."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from experiments.model_registry import Tracker

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from experiments.results import RunFolder
    from training.evidence import Estimate

_RUN_TAG, _RECIPE_TAG = "spinecast_run", "spinecast_recipe"
_PARAMS_A_BATCH, _METRICS_A_BATCH, _PARAM_LENGTH = 100, 1000, 6000  # MLflow's own limits
# Documents of a run folder that hold no patient's row and no prediction for one.
_DOCUMENTS: Final = (
    "study.json",
    "contract.json",
    "run.json",
    "evidence.json",
    "clock.json",
    "decision.json",
    "comparison.json",
)


def track(run: RunFolder, tracker: Tracker) -> list[str]:
    """Write one MLflow run per recipe of a finished run folder; returns their ids.

    Again for the same folder changes nothing: what is finished is found by its tags, what was torn is made anew.
    """
    client = tracker.client()
    study = run.study.to_json()
    name = str(study["name"])
    experiment = tracker.experiment(client, name)
    evidence = run.evidence
    beside = {"", *evidence.facts.get("comparators", ())}  # a published score is no recipe of the study
    models = sorted({estimate.model for estimate in evidence.estimates} - beside)
    run_id = run.run
    written = []
    for model in models:
        found = client.search_runs([experiment], f"tags.{_RUN_TAG} = '{run_id}' and tags.{_RECIPE_TAG} = '{model}'")
        done = [one for one in found if one.info.status == "FINISHED"]
        if done:
            written.append(str(done[0].info.run_id))
            continue
        for torn in found:
            client.delete_run(torn.info.run_id)
        tags = {_RUN_TAG: run_id, _RECIPE_TAG: model, "mlflow.runName": f"{model} {run_id[:8]}"}
        made = str(client.create_run(experiment, tags=tags).info.run_id)
        _log(client, made, study, [e for e in evidence.estimates if e.model == model], run.path)
        client.set_terminated(made, "FINISHED")
        written.append(made)
    return written


def _log(
    client: MlflowClient, made: str, study: Mapping[str, Any], estimates: Sequence[Estimate], folder: Path
) -> None:
    from mlflow.entities import Metric, Param

    params = [Param(key, value[:_PARAM_LENGTH]) for key, value in _flat("", study)]
    for start in range(0, len(params), _PARAMS_A_BATCH):
        client.log_batch(made, params=params[start : start + _PARAMS_A_BATCH])
    # Time stamp 0 and step 0: evidence holds no clock.
    metrics = [Metric(key, value, 0, 0) for key, value in _numbers(estimates)]
    for start in range(0, len(metrics), _METRICS_A_BATCH):
        client.log_batch(made, metrics=metrics[start : start + _METRICS_A_BATCH])
    for document in _DOCUMENTS:
        if (folder / document).is_file():
            client.log_artifact(made, str(folder / document))


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    """A resolved study as flat parameters: `tuning.trials`, `recipes.0.family`."""
    if isinstance(value, Mapping):
        for key in sorted(value):
            yield from _flat(f"{prefix}.{key}" if prefix else str(key), value[key])
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping | list | tuple) for item in value):
        for place, item in enumerate(value):
            yield from _flat(f"{prefix}.{place}", item)
    else:
        yield _word(prefix), value if isinstance(value, str) else json.dumps(value)


def _numbers(estimates: Sequence[Estimate]) -> Iterator[tuple[str, float]]:
    """Estimates as `design/metric/estimator/cause/horizon/population`, with `_low` and `_high` beside the value."""
    for e in estimates:
        horizon = "" if e.horizon_days is None else f"{e.horizon_days:g}d"
        key = _word(
            "/".join(part for part in (e.design, e.metric, e.estimator, e.cause, horizon, e.population) if part)
        )
        for suffix, value in (("", e.value), ("_low", e.low), ("_high", e.high)):
            if value is not None:
                yield key + suffix, value


def _word(text: str) -> str:
    """MLflow's alphabet for names."""
    return re.sub(r"[^\w\-. /]", "-", text)
