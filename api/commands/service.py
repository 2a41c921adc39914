"""`assay serve` and `assay worker`: the HTTP service and the processes that work for it."""

from __future__ import annotations

from typing import Annotated

import typer

from api.commands.environment import DEVELOPMENT_SIGNER, load_settings
from api.commands.outcome import tell


def serve(
    host: Annotated[str | None, typer.Option(help="Address to bind to.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="TCP port; 0 lets the system choose.")] = None,
    development_signer: Annotated[
        bool, typer.Option("--development-signer", help="Stamp with the development credential, made if it is missing.")
    ] = False,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Take jobs and leave the work to `assay worker`.")] = False,
) -> None:
    """Serve checks, stamps and generations over HTTP. The first start prints an API key, once."""
    uri = DEVELOPMENT_SIGNER if development_signer else None
    settings = load_settings(host=host, port=port, signer_uri=uri, embedded_worker=False if no_worker else None)
    if development_signer:
        _ensure_development_credential()
    from api.main import serve as run

    run(settings)


def worker(
    queues: Annotated[
        str | None, typer.Option(help="Some of check, stamp and generate, separated by commas; all by default.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, max=64, help="Jobs at a time.")] = None,
) -> None:
    """Work on the jobs of a service that shares this database and broker, until told to stop."""
    settings = load_settings(worker_threads=threads)
    from api.worker import run_worker

    if queues is None:
        run_worker(settings)
    else:
        run_worker(settings, tuple(dict.fromkeys(name.strip() for name in queues.split(",") if name.strip())))


def _ensure_development_credential() -> None:
    from datetime import UTC, datetime

    from provenance.keys import create_development_credential, development_directory

    home = load_settings().home
    if not development_directory(home).is_dir():
        create_development_credential(home, now=datetime.now(UTC))
        tell(f"made a development credential in {development_directory(home)}")
