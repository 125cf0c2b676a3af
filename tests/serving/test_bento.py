"""The Bento holds three packages and the champions, and the service answers from a copy that holds nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from serving.bento import ROOMS, collect, pinned
from serving.desk import Desk
from training.shelf import Shelf, ShelfError

ROOT = Path(__file__).resolve().parents[2]
BUILD = """
import sys
from pathlib import Path
from serving.bento import build
print(build(Path(sys.argv[1]), Path(sys.argv[2])).path)
"""
ANSWER = """
import json, sys
from starlette.types import ASGIApp
import asyncio, httpx
from serving.service import create_app
import serving, training, features
assert all(m.__file__.startswith(sys.argv[1]) for m in (serving, training, features))
async def ask():
    app = create_app()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bento") as client:
        document = (await client.get("/openapi.json")).json()
        content = document["paths"]["/v1/predictions"]["post"]["requestBody"]["content"]["application/json"]
        response = await client.post("/v1/predictions", json=content["example"])
        assert response.status_code == 200, response.text
        return response.json()["patients"]
print(json.dumps(asyncio.run(ask())))
"""


def run(code: str, *arguments: str, cwd: Path, home: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k != "SPINECAST_BUNDLES"}
    environment |= {"BENTOML_HOME": str(home), "PYTHONPATH": str(cwd), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_what_is_collected_is_source_and_champions_with_their_aliases(shelf: Shelf, tmp_path: Path) -> None:
    collect(shelf.root, ROOT, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*ROOMS, "bundles"}
    packed = Shelf(tmp_path / "bundles")
    assert packed.aliases() == {"recovery": {"champion": 1}, "survival": {"champion": 3}}
    assert [placed.version for placed in packed.models()["survival"]] == [3]
    assert {path.suffix for room in ROOMS for path in (tmp_path / room).rglob("*") if path.is_file()} == {
        ".py",
        ".typed",
    }


def test_without_a_champion_there_is_nothing_to_pack(tmp_path: Path) -> None:
    with pytest.raises(ShelfError, match="nothing to pack"):
        collect(tmp_path / "bundles", ROOT, tmp_path / "context")


def test_libraries_are_pinned_as_they_are_here_and_none_that_fits_is_among_them() -> None:
    assert all("==" in line for line in pinned())
    assert not {line.split("==")[0] for line in pinned()} & {"mlflow", "optuna", "scikit-survival", "xgboost-cpu"}


@pytest.mark.slow
def test_the_service_answers_from_a_copy_of_the_built_bento(shelf: Shelf, desk: Desk, tmp_path: Path) -> None:
    home = tmp_path / "bentoml-home"
    built = Path(run(BUILD, str(shelf.root), str(ROOT), cwd=ROOT, home=home))
    copied = tmp_path / "elsewhere"
    shutil.copytree(built / "src", copied)
    assert {path.name for path in copied.iterdir() if path.is_dir()} == {*ROOMS, "bundles"}
    answered = json.loads(run(ANSWER, str(copied), cwd=copied, home=home))
    expected = desk.predict(json.dumps(desk.example(desk.champions)).encode()).patients
    assert answered == json.loads(json.dumps(expected))
