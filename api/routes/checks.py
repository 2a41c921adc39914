"""`POST /v1/checks` and `GET /v1/reports/{id}`."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.auth import Principal, Scope, require
from api.intake import content_type, read_json_bytes, read_multipart
from api.jobs import JobKind
from api.problems import ProblemError, responses
from api.report_document import ReportDocument
from api.reservations import fetch_asset
from api.routes.answers import answer, report, submit
from api.schemas import JobDocument, UrlCheckRequest
from api.service import Service, service_of
from provenance.asset import Asset
from provenance.metadata.tdmrep import Reservation

router = APIRouter(prefix="/v1", tags=["checks"])

Document = TypeVar("Document", bound=BaseModel)
Identifier = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
PREFER: Final[dict[str, Any]] = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "RFC 7240; `respond-async`: answer 202 at once.",
    "schema": {"type": "string"},
}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "One still image, sound or film."}
                    },
                }
            },
            "application/json": {"schema": UrlCheckRequest.model_json_schema()},
        },
    },
    "parameters": [PREFER],
}


@router.post(
    "/checks",
    summary="Check one image, sound or film",
    openapi_extra=_BODY,
    responses={
        200: {"model": ReportDocument, "description": "The report."},
        202: {"model": JobDocument, "description": "Not ready yet: look at `Location`."},
        **responses(400, 401, 403, 408, 413, 415, 422, 500, 502, 503, 504, 507),
    },
)
async def create_check(request: Request, principal: Annotated[Principal, Depends(require(Scope.CHECK))]) -> Response:
    """Say what an image declares, whether that holds, and whether its pixels look generated.

    Answers 200 with the report when it is ready soon, 202 with a job otherwise. The image is deleted once it has been judged;
    the report keeps its digest.
    """
    service = service_of(request)
    async with service.uploads.turn():
        data, reservation = await _bytes_to_check(request, service)
        asset = await run_in_threadpool(partial(Asset.from_bytes, data, max_bytes=service.settings.max_asset_bytes))
        parameters = None if reservation is None else {"reservation": asdict(reservation)}
        job_id = await submit(service, JobKind.CHECK, principal, asset=asset, parameters=parameters)
        del data, asset  # the answer may be long in coming
    return await answer(request, service, job_id)


@router.get(
    "/reports/{report_id}",
    summary="A report",
    response_model=ReportDocument,
    responses=responses(401, 403, 404, 422, 500, 507),
)
def get_report(
    request: Request, report_id: Identifier, principal: Annotated[Principal, Depends(require(Scope.CHECK))]
) -> Response:
    """The report of a check, byte for byte as it was recorded."""
    return report(service_of(request), report_id)


def validated(kind: type[Document], body: bytes) -> Document:
    """The body, as a document of this kind.

    Raises:
        ProblemError: 422, it is none.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as err:
        raise problem_in(err) from err


def problem_in(err: ValidationError) -> ProblemError:
    """What pydantic found wrong first: where and what, never the input itself."""
    found = err.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part)[:100] for part in found["loc"]) or "body"
    return ProblemError(422, "request.invalid", f"{where}: {found['msg']}")


async def _bytes_to_check(request: Request, service: Service) -> tuple[bytes, Reservation | None]:
    settings = service.settings
    match content_type(request):
        case "multipart/form-data":
            parts = await read_multipart(request, {"file": settings.max_asset_bytes}, timeout_s=settings.upload_timeout_s)
            if "file" not in parts:
                raise ProblemError(422, "request.invalid", "the part `file` is missing")
            return parts["file"], None
        case "application/json":
            body = await read_json_bytes(request, timeout_s=settings.upload_timeout_s)
            asked = validated(UrlCheckRequest, body)
            if not settings.url_checks_enabled:
                raise ProblemError(403, "fetch.disabled", "checks by URL are switched off here")
            fetched = await run_in_threadpool(fetch_asset, asked.url, settings)
            return fetched.data, fetched.reservation
        case _:
            raise ProblemError(415, "request.unsupported_media_type", "send multipart/form-data with a part `file`, or JSON")
