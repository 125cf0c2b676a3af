"""`Project`: the folder that holds `configs/`, and where runs, bundles and the tracker's database lie in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import final


class ProjectError(ValueError):
    """A thing that the project does not hold, or no project at all."""


@final
@dataclass(frozen=True)
class Project:
    """Paths of one project; none is created by looking."""

    root: Path

    @property
    def runs(self) -> Path:
        """Run folders: the record of truth."""
        return self.root / "runs"

    @property
    def rule(self) -> Path:
        """The gate's margins."""
        return self.root / "configs" / "promotion.toml"

    def contract_path(self, named: str | None) -> Path:
        """The file of a contract given by path or by name; None is the only one there is."""
        if named is None:
            known = sorted((self.root / "configs" / "registries").glob("*.toml"))
            if len(known) != 1:
                names = ", ".join(path.stem for path in known) or "none"
                raise ProjectError(f"Which contract? This project has {len(known)}: {names}.\ntry: add --contract NAME")
            return known[0]
        return self._config(named, "registries", "contract")

    def study_path(self, named: str) -> Path:
        """The file of a study given by path or by name."""
        return self._config(named, "studies", "study")

    def _config(self, named: str, folder: str, what: str) -> Path:
        given = Path(named)
        if given.is_file():
            return given
        path = self.root / "configs" / folder / f"{named}.toml"
        if path.is_file():
            return path
        known = sorted(file.stem for file in path.parent.glob("*.toml") if not file.name.endswith(".facts.toml"))
        raise ProjectError(
            f'No {what} "{named}": neither a file nor a name in configs/{folder}/. Known: {", ".join(known) or "none"}.'
        )


def find_project(start: Path | None = None) -> Project:
    """The nearest folder at or above `start` (the working folder by default) that holds `configs/`."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "configs").is_dir():
            return Project(folder)
    raise ProjectError(
        "No project here: no folder at or above the working folder holds configs/.\n"
        "try: spinecast init DIR --registry table --from TABLE --time COL --event COL, then work in DIR"
    )
