"""`POST /v1/stamps`, `POST /v1/generations` and `GET /v1/credentials`: what needs a signer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Final

from cryptography.hazmat.primitives import serialization
from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.auth import Principal, Scope, require
from api.bundle import Bundle
from api.intake import MAX_JSON_BYTES, content_type, read_json_bytes, read_multipart
from api.jobs import JobKind
from api.problems import ProblemError, responses
from api.routes.answers import answer, submit
from api.routes.checks import PREFER, validated
from api.schemas import CredentialDocument, GenerationDocument, JobDocument, RecordDocument, StampDocument
from api.service import service_of
from provenance.asset import Asset
from provenance.errors import CredentialMissing, ModelUnusable

router = APIRouter(prefix="/v1")

_UPLOADS: Final = ("file", "parent", "control")
_STAMPED: Final[dict[str, Any]] = {
    "description": "The stamped image, sound or film.",
    "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("image/*", "audio/*", "video/*")},
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
                        "file": {"type": "string", "format": "binary", "description": "What left the generator."},
                        "record": RecordDocument.model_json_schema(),
                        "parent": {
                            "type": "string",
                            "format": "binary",
                            "description": "What it was made from, if from an image; its manifest is kept.",
                        },
                        "control": {
                            "type": "string",
                            "format": "binary",
                            "description": "An image that only steered, such as a control map.",
                        },
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
    summary="Stamp one image, sound or film",
    openapi_extra=_STAMP_BODY,
    response_class=Response,
    responses={
        200: _STAMPED,
        202: {"model": JobDocument, "description": "Not ready yet: look at `Location`."},
        **responses(400, 401, 403, 408, 413, 415, 422, 500, 503, 507),
    },
)
async def create_stamp(request: Request, principal: Annotated[Principal, Depends(require(Scope.STAMP))]) -> Response:
    """Declare in an image, sound or film how it was made, in every layer, and sign it. What it shows or sounds like stays."""
    service = service_of(request)
    settings = service.settings
    if settings.signer_uri is None:
        raise CredentialMissing("no signer is configured; set signer_uri")
    if content_type(request) != "multipart/form-data":
        raise ProblemError(
            415, "request.unsupported_media_type", "send multipart/form-data with `file`, `record` and perhaps `parent`"
        )
    async with service.uploads.turn():
        limits = {"record": MAX_JSON_BYTES, **dict.fromkeys(_UPLOADS, settings.max_asset_bytes)}
        parts = await read_multipart(request, limits, timeout_s=settings.upload_timeout_s)
        missing = [name for name in ("file", "record") if name not in parts]
        if missing:
            raise ProblemError(422, "request.invalid", f"missing: {', '.join(missing)}")
        record = validated(RecordDocument, parts.pop("record"))
        assets = await run_in_threadpool(partial(_assets, parts, max_bytes=settings.max_asset_bytes))
        record.to_record(  # refused here, not in a job
            at=datetime.now(UTC),
            provider=settings.provider,
            media_type=assets["file"].media_type,
            parents=(assets["parent"],) if "parent" in assets else (),
        )
        bundle = Bundle.of(assets)
        parameters = StampDocument(record=record, sizes=dict(bundle.sizes)).model_dump(mode="json", exclude_none=True)
        job_id = await submit(service, JobKind.STAMP, principal, asset=bundle, parameters=parameters)
        del parts, assets, bundle  # the answer may be long in coming
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
    parameters = validated(GenerationDocument, body).model_dump(mode="json", exclude_none=True)
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


def _assets(parts: Mapping[str, bytes], *, max_bytes: int) -> dict[str, Asset]:
    return {name: Asset.from_bytes(parts[name], max_bytes=max_bytes) for name in _UPLOADS if name in parts}
