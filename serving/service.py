"""The BentoML service: it carries our own app and adds nothing to it. Opened from verified bundles, or not at all."""

from __future__ import annotations

import atexit
import functools
import logging
import os
import shutil
import tempfile
from typing import Any

# Before the import: BentoML reads the switch once.
os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")

import bentoml
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.desk import Desk, asked_models, bundles_folder
from serving.guard import Guard
from serving.settings import Settings
from serving.web import Web


@functools.cache
def _web() -> Web:
    """The models and what is said of them, opened once per process."""
    folder = bundles_folder()
    limits = folder.resolve().parent / "configs" / "serving.toml"
    settings = Settings.from_toml(limits) if limits.is_file() else Settings()
    return Web(Desk.open(folder, settings, asked_models()))


@functools.cache
def _app() -> ASGIApp:
    return _web().app()


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    """The app, opened when the first worker needs it and not when this module is imported."""
    await _app()(scope, receive, send)


def _guarded(app: ASGIApp) -> Guard:
    return Guard(app, routes=_web().routes(), settings=_web().desk.settings)


@bentoml.asgi_app(_answer, path="/")
@bentoml.service(
    name="spinecast",
    # A timer per request lives as long as the timeout; work is bounded by the guard, so five seconds are enough.
    traffic={"timeout": 5},
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*"},
)
class SpinecastService:
    """Carries the app; ready once every model has answered the example of its own contract."""

    def __init__(self) -> None:
        self.models = len(_web().desk.models)

    def __is_ready__(self) -> bool:
        """Whether models are open. BentoML asks this for /readyz."""
        return self.models > 0


# Under `bentoml serve` the guard can stand inside only; `create_app` puts it outermost, where it belongs.
_bento: Any = SpinecastService  # the decorator makes a `bentoml.Service` of the class, which no type says
_bento.add_asgi_middleware(_guarded)


def create_app() -> ASGIApp:
    """The whole service for uvicorn: guard, BentoML, app. Raises `IntegrityError` before it answers anything."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:  # BentoML counts into files and has no other way
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="spinecast-metrics-")
        atexit.register(shutil.rmtree, os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
    app = _guarded(_bento.to_asgi(is_main=True))
    # BentoML's own handlers print tracebacks, whose last line may quote a patient.
    logging.getLogger("bentoml").setLevel(logging.CRITICAL)
    return app
