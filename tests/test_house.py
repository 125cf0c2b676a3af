"""The house's own rules, held by a machine: names, sizes, inheritance, silence, ownership."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("features", "training", "experiments", "serving")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "base", "core", "manager", "types", "constants"}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_a_file_is_named_for_an_idea_and_fits_in_a_head(path: Path) -> None:
    assert path.stem not in DRAWERS
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 450


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_functions_fit_a_screen(path: Path) -> None:
    long = [
        f"{node.name} ({node.end_lineno - node.lineno + 1})"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > 60
    ]
    assert not long


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_public_names_say_what_they_are(path: Path) -> None:
    module = tree(path)
    silent = [
        node.name
        for node in module.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not silent
    assert ast.get_docstring(module), "a module says in its first lines what it is"


def test_no_class_inherits_from_one_of_our_concrete_classes() -> None:
    ours: dict[
        str, bool
    ] = {}  # class name → may be inherited from (a protocol, an exception, a private pydantic configuration)
    parents: list[tuple[str, str, str]] = []
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                bases = [ast.unparse(base).split("[")[0].split(".")[-1] for base in node.bases]
                ours[node.name] = (
                    node.name.startswith("_") or bool({"Protocol"} & set(bases)) or node.name.endswith("Error")
                )
                parents += [(named(path), node.name, base) for base in bases]
    wrong = [f"{where}: {child}({parent})" for where, child, parent in parents if parent in ours and not ours[parent]]
    assert not wrong


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_product_code_has_no_bare_assert_no_pickle_and_no_silence(path: Path) -> None:
    module = tree(path)
    text = path.read_text(encoding="utf-8")
    assert not [node.lineno for node in ast.walk(module) if isinstance(node, ast.Assert)], (
        "asserts vanish under python -O"
    )
    loaders = r"\b(import|from)\s+(pickle|joblib|cloudpickle|dill|skops)\b|read_pickle|allow_pickle=True"
    assert not re.findall(loaders + r"|\beval\(|yaml\.load\(", text)
    silenced = [node.lineno for node in ast.walk(module) if isinstance(node, ast.ExceptHandler) and node.type is None]
    assert not silenced, "a bare except hides what it cannot know"
    assert not re.findall(r"#\s*(noqa|type: ignore)\s*$", text, flags=re.MULTILINE), "an ignore names its rule"


def test_the_four_names_belong_to_this_repository() -> None:
    for room in ROOMS:
        assert Path(str(importlib.import_module(room).__file__)).is_relative_to(ROOT)
        owners = set(importlib.metadata.packages_distributions().get(room, ["spinecast"]))
        assert owners == {"spinecast"}, f"{room} has other owners: pip overwrites silently"


def test_every_room_has_a_door_plate() -> None:
    for room in ROOMS:
        plate = ast.get_docstring(tree(ROOT / room / "__init__.py")) or ""
        assert {"Comes in", "Goes out", "Read first"} <= set(re.findall(r"Comes in|Goes out|Read first", plate)), room


def test_no_committed_file_names_a_package_host_or_a_pickle() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split(
        "\n"
    )
    hosts = re.compile(r"--(extra-)?index-url|files\.pythonhosted|pypi\.org/simple")
    for name in filter(None, tracked):
        path = ROOT / name
        assert path.suffix not in {".pkl", ".joblib", ".pickle"}
        if (
            path.is_file()
            and path.suffix in {".lock", ".toml", ".txt", ".md", ".yml", ".cfg", ""}
            and name != "tests/test_house.py"
        ):
            assert not hosts.search(path.read_text(encoding="utf-8", errors="ignore")), name
