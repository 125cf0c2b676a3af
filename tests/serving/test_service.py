"""The whole service in its own process: guard, BentoML, app; what it logs, what it counts, when it does not start."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from serving.desk import Desk
from training.shelf import Shelf

ROOT = Path(__file__).resolve().parents[2]
MARKER = "Zebra4711"
SERVE = (
    "import sys; from pathlib import Path; from serving.run_server import serve; "
    "serve(Path(sys.argv[1]), host='127.0.0.1', port=int(sys.argv[2]), workers=1, verified=list)"
)
BLOCKED = ("mlflow", "optuna", "sklearn", "sksurv", "xgboost", "scipy", "matplotlib", "experiments")


@dataclass(frozen=True)
class Running:
    address: str
    log: Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(bundles: Path, port: int, log: Path, cwd: Path = ROOT) -> subprocess.Popen[bytes]:
    home = log.parent / "bentoml-home"
    environment = {**os.environ, "BENTOML_HOME": str(home), "PYTHONPATH": str(cwd), "OMP_NUM_THREADS": "1"}
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-c", SERVE, str(bundles), str(port)], cwd=cwd, stdout=out, stderr=out, env=environment
        )


def wait_until_ready(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            pytest.fail(log.read_text())
        try:
            if httpx.get(f"{address}/readyz", timeout=1).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail("not ready within a minute")


@pytest.fixture(scope="module")
def running(shelf: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    log, port = tmp_path_factory.mktemp("service") / "log", free_port()
    process = start(shelf.root, port, log)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(process, address, log)
        yield Running(address, log)
    finally:
        process.terminate()
        process.wait(30)


def test_the_example_in_the_interface_is_answered_as_in_process(running: Running, desk: Desk) -> None:
    document = httpx.get(f"{running.address}/openapi.json").json()
    example = document["paths"]["/v1/predictions"]["post"]["requestBody"]["content"]["application/json"]["example"]
    response = httpx.post(f"{running.address}/v1/predictions", json=example)
    assert response.status_code == 200
    assert response.json()["patients"] == json.loads(json.dumps(desk.predict(json.dumps(example).encode()).patients))


def test_the_six_lines_of_the_front_page_get_an_answer(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    assert len([line for line in lines.splitlines() if line]) == 6
    exec(compile(lines.replace("http://127.0.0.1:3000", running.address), "README.md", "exec"), {})
    horizons = json.loads(capsys.readouterr().out)
    assert horizons
    assert {"days", "label", "per_100"} <= set(horizons[0])


def test_nothing_of_bentoml_is_reachable_but_probes_and_metrics(running: Running) -> None:
    statuses = {
        path: httpx.get(f"{running.address}{path}").status_code
        for path in (
            "/livez",
            "/readyz",
            "/metrics",
            "/docs.json",
            "/schema.json",
            "/static_content/index.css",
            "/healthz",
        )
    }
    assert statuses == {
        "/livez": 200,
        "/readyz": 200,
        "/metrics": 200,
        "/docs.json": 404,
        "/schema.json": 404,
        "/static_content/index.css": 404,
        "/healthz": 404,
    }
    assert "server" not in httpx.get(f"{running.address}/").headers


def test_what_a_caller_writes_reaches_no_log_and_no_metric(running: Running) -> None:
    for _ in range(3):
        httpx.get(f"{running.address}/{MARKER}")
        httpx.get(f"{running.address}/v1/models/{MARKER}/card?{MARKER}=1", headers={"x-request-id": MARKER})
        httpx.post(f"{running.address}/v1/predictions", json={"models": ["survival"], "patients": [{MARKER: MARKER}]})
        httpx.post(f"{running.address}/v1/predictions", content=MARKER.encode(), headers={"content-type": MARKER})
    metrics = httpx.get(f"{running.address}/metrics").text
    assert MARKER not in metrics
    assert len(metrics) < 200_000
    assert MARKER not in running.log.read_text()


def test_a_header_without_end_is_cut_off(running: Running) -> None:
    response = httpx.get(f"{running.address}/v1/models", headers={"x-long": "x" * 20_000})
    assert response.status_code == 431


def test_a_changed_byte_keeps_the_process_from_listening(shelf: Shelf, tmp_path: Path) -> None:
    copied = shutil.copytree(shelf.root, tmp_path / "bundles")
    target = copied / "recovery" / "1" / "evidence.json"
    target.write_bytes(target.read_bytes().replace(b"200", b"201", 1))
    process = start(copied, free_port(), tmp_path / "log")
    assert process.wait(60) != 0
    said = (tmp_path / "log").read_text()
    assert "IntegrityError: recovery@1: evidence.json: its SHA-256 is not that of the manifest." in said
    assert "Uvicorn running" not in said


def test_the_service_imports_and_answers_without_any_library_that_fits(shelf: Shelf) -> None:
    code = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BLOCKED!r}:
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
import serving.service, serving.mlflow_loader, json
from pathlib import Path
from serving.desk import Desk
desk = Desk.open(Path({str(shelf.root)!r}))
assert desk.predict(json.dumps(desk.example(desk.champions)).encode()).patients
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
