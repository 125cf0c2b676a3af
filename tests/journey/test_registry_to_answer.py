"""The main job in one thread: registry tables → study → gate → release → one answer by HTTP, offline and MLflow."""

from __future__ import annotations

import asyncio
import csv
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from experiments.cli import main
from experiments.promotion import Challenge, PromotionRule, decide
from experiments.release import release_run
from experiments.results import find_run
from serving.desk import Desk
from serving.guard import Guard
from serving.web import Web
from training.evidence import Estimate, Evidence
from training.shelf import Shelf

QUICK = (
    'recipes=[{family="cox"}]',
    "tuning.trials=1",
    "tuning.folds=2",
    "designs=[{design='nested_cross_validation', folds=2, repeats=1}]",
    "intervals.resamples=20",
    "comparators=[]",
    "subgroups=['sex']",
)
PREDICTORS = {
    "survival": '["age_at_treatment", "ecog", "albumin", "primary_site", "ais_grade"]',
    "recovery": '["ais_grade", "deficit_duration", "ecog", "bladder_dysfunction"]',
}
PLACE = {"survival": ("died", 365.0), "recovery": ("recovered", 84.0)}


@pytest.fixture(scope="module")
def project(root: Path, migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Both questions studied and released on 350 synthetic patients, by the verbs."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(root / "configs", folder / "configs")
    shutil.copy(migrated, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(folder)
        assert main(["simulate", "registry", "--patients", "350", "--seed", "1"]) == 0
        for name in PREDICTORS:
            flags = [word for one in (*QUICK, f"predictors={PREDICTORS[name]}") for word in ("--set", one)]
            study = ["study", name, "--tables", "registry", "--no-tracking", "--workers", "1", *flags]
            assert main(study) == 0
            _champion(folder, name)
        yield folder


def _champion(folder: Path, name: str) -> None:
    """By the gate where it promotes; 350 patients may be too few for recovery, and then it must refuse the verb."""
    signed = ["--by", "A. Surgeon", "--reason", "first model"]
    verdict = main(["decide", name])
    assert main(["release", name, *signed]) == verdict
    if verdict == 0:
        return
    cause, horizon = PLACE[name]
    place = {"cause": cause, "horizon_days": horizon, "design": "nested_cross_validation", "model": "chosen"}
    good = Estimate("ipa", "ipcw_null_of_scored_data", **place, value=0.1, low=0.05, high=0.15, n=350, events=99)
    rule = PromotionRule.from_toml(folder / "configs" / "promotion.toml")
    allowed = decide(Challenge(Evidence((good,)), cause, horizon), rule)
    release_run(folder, find_run(folder, name), allowed, alias="champion", by="A. Surgeon", reason="a test")


def over_http(desk: Desk, method: str, path: str, **more: Any) -> httpx.Response:
    web = Web(desk)
    app = Guard(web.app(), routes=web.routes(), settings=desk.settings)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            return await client.request(method, path, **more)

    return asyncio.run(ask())


def as_row(patient: dict[str, Any]) -> dict[str, str]:
    """The patient of a request as a row of a CSV: quantities with their unit beside them."""
    row: dict[str, str] = {}
    for name, value in patient.items():
        if isinstance(value, dict):
            row |= {name: repr(float(value["value"])), f"{name}_unit": value["unit"]}
        else:
            row[name] = str(int(value)) if isinstance(value, bool) else str(value)
    return row


def test_the_example_of_the_interface_gets_the_same_answer_by_http_offline_and_mlflow(project: Path) -> None:
    import mlflow

    desk = Desk.open(project / "bundles")
    content = over_http(desk, "GET", "/openapi.json").json()["paths"]["/v1/predictions"]["post"]["requestBody"]
    example = content["content"]["application/json"]["example"]
    answered = over_http(desk, "POST", "/v1/predictions", json=example)
    assert answered.status_code == 200
    results = {one["model"]["name"]: one for one in answered.json()["patients"][0]["results"]}
    assert set(results) == {"survival", "recovery"}

    row = as_row(example["patients"][0])
    with (project / "in.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerow(row)
    assert main(["predict", "survival", "recovery", "-i", "in.csv", "-o", "out.csv"]) == 0
    (offline,) = pd.read_csv(project / "out.csv").to_dict(orient="records")

    mlflow.set_tracking_uri(f"sqlite:///{project / 'mlflow.db'}")
    mlflow.set_registry_uri(f"sqlite:///{project / 'mlflow.db'}")
    for name, result in results.items():
        loaded = mlflow.pyfunc.load_model(f"models:/{name}@champion")
        (scored,) = loaded.predict(pd.DataFrame([row])).to_dict(orient="records")
        assert len(result["horizons"]) == 3
        for horizon in result["horizons"]:
            states = horizon.get("probability") or {"died": horizon["risk"], "alive": 1 - horizon["risk"]}
            assert sum(states.values()) == pytest.approx(1, abs=1e-9)
            assert sum(horizon["per_100"].values()) == 100
            for state, probability in states.items():
                column = f"{state}_{horizon['days']:g}d"
                assert offline[f"{name}.{column}"] == pytest.approx(probability, abs=1e-9)
                assert scored[column] == pytest.approx(probability, abs=1e-9)


def test_the_three_states_of_recovery_are_told_apart(project: Path) -> None:
    desk = Desk.open(project / "bundles")
    example = desk.example([desk.find("recovery")])
    (result,) = over_http(desk, "POST", "/v1/predictions", json=example).json()["patients"][0]["results"]
    expected = {"recovered", "alive_not_recovered", "died_without_recovery"}
    assert set(result["states"]) == expected
    assert all(set(horizon["probability"]) == expected for horizon in result["horizons"])


def test_one_byte_of_any_file_changed_and_no_verb_trusts_the_bundle(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(project / "bundles", tmp_path / "bundles")
    (tmp_path / "configs").mkdir()
    (tmp_path / "in.csv").write_text("ecog\n1\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    bundle = Shelf(tmp_path / "bundles").resolve("survival").folder
    assert main(["verify", "survival"]) == 0
    files = sorted(path for path in bundle.rglob("*") if path.is_file())
    assert len(files) > 12
    for path in files:
        whole = path.read_bytes()
        middle = len(whole) // 2
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
        capsys.readouterr()
        assert main(["verify", "survival"]) == 4
        said = capsys.readouterr()
        assert path.relative_to(bundle).as_posix() in said.out + said.err
        assert main(["predict", "survival", "-i", "in.csv", "-o", "out.csv"]) == 4
        assert main(["serve", "--port", "39999"]) == 4
        assert not (tmp_path / "out.csv").exists()
        path.write_bytes(whole)
    assert main(["verify", "survival"]) == 0
