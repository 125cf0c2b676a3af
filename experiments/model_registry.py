"""MLflow's registered versions and aliases: a copy of the shelf, written by the act that writes the shelf.

The service never reads this copy; it exists so that `mlflow.pyfunc.load_model("models:/<study>@champion")` works for
anybody who has the wheel. A version holds the bundle as it was released, byte for byte.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast, final

if TYPE_CHECKING:
    from mlflow import MlflowClient

# What opening a bundle needs. A constant: MLflow's own inference imports the model and takes 8 s.
_REQUIREMENTS: Final = ("spinecast", "numpy>=2.2", "pandas>=3.0", "pydantic>=2.11")
_ADDRESSES: Final = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")
_LOADER: Final = "serving.mlflow_loader"
_VERSION_TAG, _MANIFEST_TAG = "spinecast_version", "spinecast_manifest_sha256"


class TrackerError(RuntimeError):
    """MLflow cannot be reached or does not answer as it should."""


@final
@dataclass(frozen=True)
class Tracker:
    """Where the copy lies: an address, and the folder for artefacts where the address is a local database.

    `MLFLOW_TRACKING_URI` rules; without it, a SQLite file in the project root.
    """

    uri: str
    artifacts: Path | None

    @classmethod
    def of(cls, root: Path) -> Tracker:
        """The tracker of a project."""
        given = os.environ.get("MLFLOW_TRACKING_URI", "")
        uri = given or f"sqlite:///{root / 'mlflow.db'}"
        return cls(uri, root / "mlartifacts" if uri.startswith("sqlite:") else None)

    def client(self) -> MlflowClient:
        """A client for this address."""
        mlflow = _mlflow()
        before = {name: os.environ.get(name) for name in _ADDRESSES}
        try:
            with _quiet():
                mlflow.set_tracking_uri(self.uri)
                mlflow.set_registry_uri(self.uri)
                return cast("MlflowClient", mlflow.MlflowClient(tracking_uri=self.uri, registry_uri=self.uri))
        finally:
            # MLflow writes the address into the environment too, where the next project of this process would read it;
            # also where the address cannot be opened.
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

    def experiment(self, client: MlflowClient, name: str) -> str:
        """The id of the MLflow experiment of a study, made where it is missing."""
        found = client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        location = None if self.artifacts is None else (self.artifacts / name).as_uri()
        return str(client.create_experiment(name, artifact_location=location))


@final
@dataclass(frozen=True)
class Registered:
    """One registered version as MLflow tells it."""

    mlflow_version: str
    version: int
    manifest_sha256: str


def register(tracker: Tracker, *, name: str, version: int, bundle: Path, manifest_sha256: str) -> Registered:
    """Copy a released bundle into MLflow as a registered version; a second call for it changes nothing."""
    with _outside(tracker):
        client = tracker.client()
        present = registered(tracker, name).get(version)
        if present is not None and present.manifest_sha256 == manifest_sha256:
            return present
        if present is not None:
            client.delete_model_version(name, present.mlflow_version)
        mlflow = _mlflow()
        _require_model(client, name)
        mlflow.set_experiment(experiment_id=tracker.experiment(client, name))
        with _quiet():
            logged = mlflow.pyfunc.log_model(
                name=f"{name}-{version}",
                loader_module=_LOADER,
                data_path=str(bundle),
                pip_requirements=list(_REQUIREMENTS),
            )
        tags = {_VERSION_TAG: str(version), _MANIFEST_TAG: manifest_sha256}
        made = client.create_model_version(name, logged.model_uri, tags=tags, model_id=logged.model_id)
        return Registered(str(made.version), version, manifest_sha256)


def point(tracker: Tracker, *, name: str, alias: str, version: int | None) -> None:
    """Let MLflow's alias name the copy of a version; None takes the alias away."""
    with _outside(tracker):
        client = tracker.client()
        if version is None:
            client.delete_registered_model_alias(name, alias)
            return
        present = registered(tracker, name).get(version)
        if present is None:
            raise TrackerError(
                f"MLflow has no copy of {name}@{version}.\ntry: spinecast release --version {version} --study {name}"
            )
        client.set_registered_model_alias(name, alias, present.mlflow_version)


def registered(tracker: Tracker, name: str) -> dict[int, Registered]:
    """Our versions of a model that MLflow holds, by our number."""
    with _outside(tracker):
        found = tracker.client().search_model_versions(f"name = '{name}'")
        ours = [v for v in found if v.tags.get(_VERSION_TAG, "").isdigit()]
        # Should one number stand twice (two machines released at once), the later copy counts.
        ours.sort(key=lambda v: int(v.version))
        return {
            int(v.tags[_VERSION_TAG]): Registered(
                str(v.version), int(v.tags[_VERSION_TAG]), v.tags.get(_MANIFEST_TAG, "")
            )
            for v in ours
        }


def aliases(tracker: Tracker, name: str) -> dict[str, int]:
    """MLflow's aliases of a model, as our version numbers; empty where it does not know the model."""
    with _outside(tracker):
        client = tracker.client()
        models = client.search_registered_models(f"name = '{name}'")
        if not models:
            return {}
        number = {held.mlflow_version: held.version for held in registered(tracker, name).values()}
        pointed = client.get_registered_model(name).aliases
        return {alias: number[str(v)] for alias, v in sorted(pointed.items()) if str(v) in number}


def _mlflow() -> Any:
    """MLflow, imported when it is needed (4 to 6 s), with its telemetry off before that."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    with _quiet():
        import mlflow.pyfunc

    # Alembic tells every migration of a new database, MLflow every version; neither is a message for a person.
    # After the import, which sets its own levels.
    for name in ("alembic", "mlflow", "mlflow.store.db.utils", "mlflow.tracking._model_registry.fluent"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return mlflow


@contextmanager
def _quiet() -> Iterator[None]:
    """MLflow 3.17 warns of its own SQLAlchemy mapping and type hints (2026-11): nothing that a caller could mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _require_model(client: MlflowClient, name: str) -> None:
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(
            name, description="Bundles released by spinecast; the shelf is the truth, this its copy."
        )


@final
class _outside:  # noqa: N801 - reads as a word in `with _outside(tracker):`
    """MLflow's and its database driver's errors as ours; the address is named without credentials."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: Any) -> None:
        if error is None or isinstance(error, TrackerError) or not isinstance(error, Exception):
            return
        origin = type(error).__module__.split(".")[0]
        if origin in ("mlflow", "sqlalchemy", "requests", "urllib3", "sqlite3") or isinstance(error, OSError):
            scheme, _, rest = self._tracker.uri.partition("://")
            place = f"{scheme}://{rest.rpartition('@')[2]}"
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise TrackerError(f"MLflow at {place} failed: {first[:300]}") from error
