"""`POST /v1/stamps`, `POST /v1/generations` and `GET /v1/credentials`: what needs a signer."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Final

from cryptography.hazmat.primitives import serialization
from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.auth import Principal, Scope, require
from api.intake import MAX_JSON_BYTES, content_type, read_json_bytes, read_multipart
from api.jobs import JobKind
from api.problems import ProblemError, responses
from api.routes.answers import answer, submit
from api.routes.checks import PREFER, problem_in
from api.schemas import CredentialDocument, GenerationDocument, JobDocument, RecordDocument
from api.service import service_of
from provenance.asset import Asset
from provenance.errors import CredentialMissing, ModelUnusable

router = APIRouter(prefix="/v1")

_STAMPED: Final[dict[str, Any]] = {
    "description": "The stamped image.",
    "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
}
_STAMP_BODY: Final[dict[str, Any]] = {
    "parameters": [PREFER],
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "record"],
                    "additionalProperties": False,
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "The image as it left the generator."},
                        "record": RecordDocument.model_json_schema(),
                    },
                },
                "encoding": {"record": {"contentType": "application/json"}},
            }
        },
    },
}

_GENERATION_BODY: Final[dict[str, Any]] = {
    "parameters": [PREFER],
    "requestBody": {"required": True, "content": {"application/json": {"schema": GenerationDocument.model_json_schema()}}},
}


@router.post(
    "/stamps",
    tags=["stamps"],
    summary="Stamp one image",
    openapi_extra=_STAMP_BODY,
    response_class=Response,
    responses={
        200: _STAMPED,
        202: {"model": JobDocument, "description": "Not ready yet: look at `Location`."},
        **responses(400, 401, 403, 408, 413, 415, 422, 500, 503, 507),
    },
)
async def create_stamp(request: Request, principal: Annotated[Principal, Depends(require(Scope.STAMP))]) -> Response:
    """Declare in an image how it was made, in every layer, and sign it. The pixels stay as they are."""
    service = service_of(request)
    settings = service.settings
    if settings.signer_uri is None:
        raise CredentialMissing("no signer is configured; set signer_uri")
    if content_type(request) != "multipart/form-data":
        raise ProblemError(415, "request.unsupported_media_type", "send multipart/form-data with the parts `file` and `record`")
    async with service.uploads.turn():
        limits = {"file": settings.max_asset_bytes, "record": MAX_JSON_BYTES}
        parts = await read_multipart(request, limits, timeout_s=settings.upload_timeout_s)
        missing = [name for name in limits if name not in parts]
        if missing:
            raise ProblemError(422, "request.invalid", f"missing: {', '.join(missing)}")
        try:
            record = RecordDocument.model_validate_json(parts["record"])
        except ValidationError as err:
            raise problem_in(err) from err
        record.to_record(at=datetime.now(UTC), provider=settings.provider)  # refused here, not in a job
        asset = await run_in_threadpool(partial(Asset.from_bytes, parts["file"], max_bytes=settings.max_asset_bytes))
        parameters = record.model_dump(mode="json", exclude_none=True)
        job_id = await submit(service, JobKind.STAMP, principal, asset=asset, parameters=parameters)
        del parts, asset  # the answer may be long in coming
    return await answer(request, service, job_id)


@router.post(
    "/generations",
    tags=["generations"],
    summary="Generate one image",
    response_class=Response,
    openapi_extra=_GENERATION_BODY,
    responses={
        200: _STAMPED,
        202: {"model": JobDocument, "description": "Not ready yet: look at `Location`."},
        **responses(400, 401, 403, 408, 413, 415, 422, 500, 503, 507),
    },
)
async def create_generation(request: Request, principal: Annotated[Principal, Depends(require(Scope.GENERATE))]) -> Response:
    """Generate an image; the worker lets only the stamped one out. Answers 202 unless it is ready soon."""
    service = service_of(request)
    if service.settings.model_dir is None:
        raise ModelUnusable("no model is configured; set model_dir")
    if service.settings.signer_uri is None:
        raise CredentialMissing("no signer is configured; set signer_uri")
    if content_type(request) != "application/json":
        raise ProblemError(415, "request.unsupported_media_type", "send JSON")
    async with service.uploads.turn():
        body = await read_json_bytes(request, timeout_s=service.settings.upload_timeout_s)
    try:
        asked = GenerationDocument.model_validate_json(body)
    except ValidationError as err:
        raise problem_in(err) from err
    parameters = asked.model_dump(mode="json", exclude_none=True)
    return await answer(request, service, await submit(service, JobKind.GENERATE, principal, parameters=parameters))


@router.get("/credentials", tags=["stamps"], summary="The signing credential", responses=responses(500, 503))
def get_credential(request: Request) -> CredentialDocument:
    """The certificate chain that stamps are signed with, for whoever wants to trust it. Public, as every stamped image is."""
    credential = service_of(request).tools.stamper.signer.credential
    return CredentialDocument(
        subject=credential.subject,
        algorithm=credential.algorithm.value,
        not_before=credential.not_before,
        not_after=credential.not_after,
        expired=not credential.not_before <= datetime.now(UTC) <= credential.not_after,
        development=credential.development,
        certificates=tuple(c.public_bytes(serialization.Encoding.PEM).decode("ascii") for c in credential.certificates),
    )
