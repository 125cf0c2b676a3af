from __future__ import annotations

import importlib
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from experiments import cli
from features.contract import ContractError

HEAVY = ("numpy", "pandas", "pydantic", "mlflow", "bentoml", "rich", "sksurv", "optuna", "matplotlib")
PRESENT = sorted(path.stem for path in Path(cli.__file__).parent.glob("commands/*.py") if path.stem != "__init__")


def spinecast(*arguments: str, at: Path | None = None, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "experiments.cli", *arguments],
        cwd=at or root,
        env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin", "HOME": str(at or root)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_help_lists_every_verb_and_imports_nothing_heavy(root: Path) -> None:
    code = (
        "import sys\nfrom experiments.cli import main\nmain(['--help'])\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], [m for m in sys.modules if '.commands' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[] []")
    assert all(f"  {verb} " in done.stdout for verb in cli.VERBS)


def test_help_is_there_at_once(root: Path) -> None:
    # Processor time, and the best of some: a busy machine must not decide whether the start is light.
    def seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        spinecast("--help", root=root)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(seconds() for _ in range(5)) < 0.3


def test_every_verb_of_the_list_has_a_file_and_every_file_is_listed() -> None:
    assert sorted(cli.VERBS) == PRESENT


@pytest.mark.parametrize("verb", PRESENT)
def test_a_verb_says_what_the_list_says_and_shows_an_example(verb: str) -> None:
    command = importlib.import_module(f"experiments.commands.{verb}").command
    assert command.short_help == cli.VERBS[verb]
    assert f"spinecast {verb}" in command.help
    assert "Example" in command.help


@pytest.mark.parametrize("verb", PRESENT)
def test_the_help_of_a_verb_imports_nothing_heavy(verb: str, root: Path) -> None:
    code = f"import sys, experiments.commands.{verb}\nprint([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_misspelt_verb_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["relaese"]) == 2
    assert capsys.readouterr().err == (
        'error: No verb "relaese". Did you mean "release"?\n  try: spinecast --help\n  code: 2\n'
    )


def test_the_version_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("spinecast ")


def test_a_wrong_flag_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["verify"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: Missing argument")
    assert "try: spinecast verify --help" in said


def test_no_project_is_said_with_the_way_to_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["verify", "survival"]) == 2
    assert capsys.readouterr().err == (
        "error: No project here: no folder at or above the working folder holds configs/.\n"
        "  try: spinecast init DIR --registry table --from TABLE --time COL --event COL, then work in DIR\n"
        "  code: 2\n"
    )


@pytest.mark.parametrize(
    ("module", "name", "code"),
    [
        ("experiments.project", "ProjectError", 2),
        ("experiments.study", "StudyError", 2),
        ("experiments.results", "RunError", 2),
        ("experiments.promotion", "PromotionError", 2),
        ("experiments.release", "ReleaseError", 2),
        ("experiments.release", "RefusedError", 1),
        ("experiments.model_registry", "TrackerError", 5),
        ("training.bundle", "IntegrityError", 4),
        ("training.shelf", "ShelfError", 2),
        ("training.resampling", "ResamplingError", 2),
        ("features.contract", "ContractError", 3),
        ("builtins", "OSError", 5),
        ("builtins", "PermissionError", 5),
        ("builtins", "FileNotFoundError", 2),
    ],
)
def test_each_class_of_error_has_its_exit_code(module: str, name: str, code: int) -> None:
    cls = getattr(importlib.import_module(module), name)
    assert cli.exit_code(cls(["x: a fault."] if name == "IntegrityError" else "a fault")) == code


def test_an_heir_has_the_code_of_its_nearest_known_parent_and_our_own_faults_have_none() -> None:
    class ExtractError(ContractError):
        pass

    assert cli.exit_code(ExtractError("a fault")) == 3
    assert cli.exit_code(RuntimeError("ours")) is None


def test_a_fault_of_our_own_says_where_and_quotes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("S03-0042 albumin 3.7")

    monkeypatch.delenv("SPINECAST_TRACEBACK", raising=False)
    monkeypatch.setattr(cli.spinecast, "main", broken)
    assert cli.main(["study", "survival"]) == 70
    said = capsys.readouterr().err
    assert "KeyError" in said
    assert "in broken" in said
    assert "S03" not in said


def test_a_contract_with_faults_is_wrong_configuration_and_every_fault_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "wrong.toml").write_text('name = "wrong"\nregistri = "table"\n', encoding="utf-8")
    assert cli.main(["inspect", str(tmp_path), "--contract", str(tmp_path / "wrong.toml")]) == 2
    said = capsys.readouterr().err
    assert "faults in the contract" in said
    assert "registri: Extra inputs are not permitted" in said


def test_an_interrupted_verb_says_how_to_resume(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.spinecast, "main", interrupted)
    assert cli.main(["study", "survival"]) == 130
    assert "try: run the same line again to resume" in capsys.readouterr().err


def test_with_json_an_error_is_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["relaese", "--json"]) == 2
    said = json.loads(capsys.readouterr().err)
    assert said["exit"] == 2
    assert said["try"] == ["spinecast --help"]
    assert "release" in said["error"]


def test_a_bundle_that_was_changed_ends_with_4_and_the_file_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "manifest.json").write_text("{}", encoding="utf-8")
    assert cli.main(["verify", str(tmp_path)]) == 4
    assert "manifest" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("message", "lines"),
    [
        ("one thing is wrong. try: this.", ["error: one thing is wrong.", "  try: this", "  code: 3"]),
        ("2 faults:\na: is. try: x.\nb: is.", ["error: 2 faults:", "  a: is. try: x.", "  b: is.", "  code: 3"]),
        ("one.\ntry: that", ["error: one.", "  try: that", "  code: 3"]),
    ],
)
def test_an_error_shows_its_own_advice_and_no_other(
    message: str, lines: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ContractError(message)

    monkeypatch.setattr(cli.spinecast, "main", broken)
    assert cli.main(["study", "x"]) == 3
    assert capsys.readouterr().err.splitlines() == lines
