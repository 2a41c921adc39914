"""The HTTP application, and `serve`, which runs it with everything embedded unless settings say otherwise.

Blocking work never runs on the event loop: handlers that touch the disk or the database are plain functions or hand over to a
thread. Every answer tells browsers not to guess types, frame it or keep it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems
from api.auth import Scope as KeyScope
from api.auth import ensure_local_key
from api.problems import ProblemDocument
from api.routes import checks, derivatives, health, jobs, page, stamps
from api.service import Service, open_service
from api.settings import Settings


def create_app(settings: Settings, started: Service | None = None) -> FastAPI:
    """The application; its service is closed when it stops.

    Args:
        settings: All of them.
        started: The service, started; none: it is started with the application.

    Raises (when it starts):
        StorageError, TrustStoreError, UsageInvalid: What it needs is not usable.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = await run_in_threadpool(start_service, settings) if started is None else started
        app.state.service = service
        try:
            yield
        finally:
            await run_in_threadpool(service.stop)

    app = FastAPI(
        title="Assay",
        version=version("assay"),
        summary="Strikes a hallmark on every generated image, and tests every image that arrives.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
    )
    problems.install(app)
    for router in (checks.router, jobs.router, stamps.router, derivatives.router, health.router, page.router):
        app.include_router(router)
    app.add_middleware(_Outermost)
    app.openapi = partial(_openapi, app)  # type: ignore[method-assign]  # how FastAPI documents extending it
    return app


def serve(settings: Settings) -> None:
    """Serve until a signal says stop.

    Raises:
        StorageError, TrustStoreError, UsageInvalid: What the service needs is not usable.
        SystemExit: The address cannot be bound; the reason is in the log.
    """
    # Started before the server, which would turn the reason into a traceback; stopped by the server, which ends on its signals.
    config = uvicorn.Config(
        create_app(settings, start_service(settings)),
        host=settings.host,
        port=settings.port,
        limit_concurrency=settings.max_connections,
        timeout_keep_alive=settings.keep_alive_s,
        log_level="info",
        access_log=False,
        server_header=False,
    )
    uvicorn.Server(config).run()


def _openapi(app: FastAPI) -> dict[str, Any]:
    """OpenAPI with the one schema that every problem follows."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        document.setdefault("components", {}).setdefault("schemas", {})["ProblemDocument"] = ProblemDocument.model_json_schema()
        document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        app.openapi_schema = document
    return app.openapi_schema


def start_service(settings: Settings) -> Service:
    """The service, open and started; the first one in a home prints its key.

    Raises:
        StorageError, TrustStoreError, UsageInvalid: What it needs is not usable; nothing of it is left open.
    """
    service = open_service(settings)
    try:
        service.start()
        key = ensure_local_key(service.database)
    except BaseException:
        service.stop()
        raise
    if key is not None:
        sys.stdout.write(f"The first API key ({', '.join(KeyScope)}), shown this once:\n\n    {key}\n\n")
        sys.stdout.flush()
    return service


class _Outermost:
    """Counts requests and sets headers that every answer carries."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["X-Frame-Options"] = "DENY"
                headers["Referrer-Policy"] = "no-referrer"
                headers.setdefault("Cache-Control", "no-store")
                headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            service: Service = scope["app"].state.service
            service.metrics.request_answered(scope["method"], route, status, time.perf_counter() - begun)


if __name__ == "__main__":
    serve(Settings())
