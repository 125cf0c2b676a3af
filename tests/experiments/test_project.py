from __future__ import annotations

from pathlib import Path

import pytest

from experiments.project import ProjectError, find_project


def test_the_project_is_the_nearest_folder_with_configs(tmp_path: Path) -> None:
    (tmp_path / "outer" / "configs").mkdir(parents=True)
    (tmp_path / "outer" / "inner" / "configs").mkdir(parents=True)
    (tmp_path / "outer" / "inner" / "deep" / "er").mkdir(parents=True)
    assert find_project(tmp_path / "outer" / "inner" / "deep" / "er").root == tmp_path / "outer" / "inner"
    assert find_project(tmp_path / "outer").root == tmp_path / "outer"


def test_a_config_is_found_by_name_or_by_path_and_otherwise_what_is_known_is_said(tmp_path: Path) -> None:
    studies = tmp_path / "configs" / "studies"
    studies.mkdir(parents=True)
    (studies / "survival.toml").touch()
    project = find_project(tmp_path)
    assert project.study_path("survival") == studies / "survival.toml"
    assert project.study_path(str(studies / "survival.toml")) == studies / "survival.toml"
    with pytest.raises(ProjectError, match=r'No study "recovery": .*Known: survival\.'):
        project.study_path("recovery")


def test_the_only_contract_needs_no_name_and_several_are_listed(tmp_path: Path) -> None:
    folder = tmp_path / "configs" / "registries"
    folder.mkdir(parents=True)
    project = find_project(tmp_path)
    with pytest.raises(ProjectError, match="has 0: none"):
        project.contract_path(None)
    (folder / "mine.toml").touch()
    assert project.contract_path(None) == folder.resolve() / "mine.toml"
    (folder / "yours.toml").touch()
    with pytest.raises(ProjectError, match="has 2: mine, yours"):
        project.contract_path(None)
