"""Whether the service is up, what it measured, the report's schema, and what its problems mean."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import JSONResponse, Response

from api.metrics import MEDIA_TYPE
from api.problems import ProblemError, descriptions, responses
from api.report_document import report_schema
from api.schemas import HealthDocument, ProblemDescription
from api.service import service_of

router = APIRouter(tags=["service"])


@router.get("/healthz", summary="Whether the process answers", responses=responses(500))
async def get_health() -> HealthDocument:
    """Always "ok" while the process answers; touches nothing."""
    return HealthDocument(status="ok")


@router.get(
    "/readyz",
    summary="Whether work can be taken",
    response_model=HealthDocument,
    responses={503: {"model": HealthDocument, "description": "Not ready."}, **responses(500)},
)
def get_readiness(request: Request) -> Response:
    """Whether the database answers, objects can be kept and the embedded worker runs.

    Also which examiners can look, and how it stands with the signing credential: neither stops the service.
    """
    service = service_of(request)
    checks = service.health()
    ready = all(state == "ok" for state in checks.values())
    document = {"status": "ok" if ready else "unavailable", "checks": {**checks, **service.examiners(), **service.signer()}}
    return JSONResponse(document, 200 if ready else 503)


@router.get(
    "/metrics",
    summary="Measurements for Prometheus",
    response_class=Response,
    responses={
        200: {"description": "Text format.", "content": {MEDIA_TYPE: {"schema": {"type": "string"}}}},
        **responses(500, 507),
    },
)
def get_metrics(request: Request) -> Response:
    """Requests, jobs and times; names no image and no caller."""
    return Response(service_of(request).metrics.exposition(), media_type=MEDIA_TYPE)


@router.get("/v1/schemas/report.json", summary="JSON Schema of reports", responses=responses(500))
def get_report_schema() -> dict[str, Any]:
    """The schema that every report follows."""
    return report_schema()


@router.get("/problems/{code}", summary="What a problem means", responses=responses(404, 422, 500))
def get_problem(code: Annotated[str, Path(pattern=r"^[a-z_.]{1,64}$")]) -> ProblemDescription:
    """The description behind a problem's `type`."""
    for known, status, text in descriptions():
        if known == code:
            return ProblemDescription(code=known, status=status, description=text)
    raise ProblemError(404, "request.not_found", "there is no such problem")
