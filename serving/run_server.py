"""The process that listens: uvicorn with its own supervisor, the guard outermost, no access log."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import uvicorn

from serving.desk import ADDRESS, ONLY, Desk

# uvicorn's access log would hold every address that was asked for, and with it whatever a caller wrote there.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        "uvicorn": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "uvicorn.access": {"handlers": [], "level": "CRITICAL", "propagate": False},
        "spinecast": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
    },
}


def serve(
    bundles: Path, *, host: str, port: int, workers: int, only: Sequence[str] = (), verified: Callable[[], None]
) -> None:
    """Verify the bundles (of the models named in `only`, or all), call `verified`, then listen until stopped.

    Raises `IntegrityError` (a byte of a bundle changed) or `ShelfError` (nothing to answer with) before a port opens.
    """
    Desk.open(bundles, only=only)
    verified()
    os.environ[ADDRESS], os.environ[ONLY] = str(bundles.resolve()), ",".join(only)
    with tempfile.TemporaryDirectory(prefix="spinecast-metrics-") as counters:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = counters  # each worker counts for itself; /metrics adds up
        uvicorn.run(
            "serving.service:create_app",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            # h11 refuses endless headers before they are in memory; httptools does not.
            http="h11",
            h11_max_incomplete_event_size=32_768,
            limit_concurrency=256,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=20,
            backlog=256,
            server_header=False,
            access_log=False,
            proxy_headers=False,
            log_config=LOGGING,
        )
