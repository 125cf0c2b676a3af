"""`spinecast serve`."""

from __future__ import annotations

from functools import partial
from ipaddress import ip_address
from pathlib import Path

import click

from experiments.project import find_project
from experiments.terminal import say, then


@click.command(short_help="Answer over HTTP with the champions of a shelf.")
@click.argument("models", nargs=-1)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Port to listen on.")
@click.option(
    "--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Processes; one that dies is replaced."
)
@click.option(
    "--shelf", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Another folder of bundles."
)
@click.option(
    "--expose-without-access-control",
    "exposed",
    is_flag=True,
    help="Listen on an address that others reach, though anybody who reaches it is answered.",
)
def command(models: tuple[str, ...], host: str, port: int, workers: int, shelf: Path | None, exposed: bool) -> None:
    """Answer over HTTP with the released models of the project's shelf: those named in MODELS, or all.

    Every file of every bundle is verified first; one that differs and the service does not start (4). There is no
    access control yet, so it listens on this machine alone unless told otherwise by the long switch.

    Example: spinecast serve survival --port 3000
    """
    if not _loopback(host) and not exposed:
        raise click.UsageError(
            f"{host} can be reached by others, and there is no access control yet.\n"
            "try: --host 127.0.0.1, or --expose-without-access-control behind something that decides who may ask"
        )
    bundles = shelf or find_project().root / "bundles"
    say(f"verifying the bundles in {bundles} …")
    from serving.run_server import serve

    verified = partial(then, f"curl http://{host}:{port}/v1/models")
    serve(bundles, host=host, port=port, workers=workers, only=models, verified=verified)


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
