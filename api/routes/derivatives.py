"""`POST /v1/derivatives`: thumbnails and other sizes that keep their provenance."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.auth import Principal, Scope, require
from api.intake import MAX_JSON_BYTES, content_type, read_multipart
from api.jobs import JobKind
from api.problems import ProblemError, responses
from api.routes.answers import answer, submit
from api.routes.checks import PREFER, validated
from api.schemas import DerivationDocument, JobDocument
from api.service import service_of
from provenance.asset import Asset
from provenance.errors import AssetUnsupported, CredentialMissing

router = APIRouter(prefix="/v1")

_BODY: Final[dict[str, Any]] = {
    "parameters": [PREFER],
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "derivation"],
                    "additionalProperties": False,
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "The image, with its manifest if any."},
                        "derivation": DerivationDocument.model_json_schema(),
                    },
                },
                "encoding": {"derivation": {"contentType": "application/json"}},
            }
        },
    },
}


@router.post(
    "/derivatives",
    tags=["stamps"],
    summary="Make a derivative of one image",
    openapi_extra=_BODY,
    response_class=Response,
    responses={
        200: {
            "description": "The derivative.",
            "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
        },
        202: {"model": JobDocument, "description": "Not ready yet: look at `Location`."},
        **responses(400, 401, 403, 408, 413, 415, 422, 500, 503, 507),
    },
)
async def create_derivative(request: Request, principal: Annotated[Principal, Depends(require(Scope.STAMP))]) -> Response:
    """Resize, re-encode or thumbnail an image and sign the result with the image as its parent; its marks stay."""
    service = service_of(request)
    settings = service.settings
    if settings.signer_uri is None:
        raise CredentialMissing("no signer is configured; set signer_uri")
    if content_type(request) != "multipart/form-data":
        detail = "send multipart/form-data with the parts `file` and `derivation`"
        raise ProblemError(415, "request.unsupported_media_type", detail)
    async with service.uploads.turn():
        limits = {"file": settings.max_asset_bytes, "derivation": MAX_JSON_BYTES}
        parts = await read_multipart(request, limits, timeout_s=settings.upload_timeout_s)
        missing = [name for name in limits if name not in parts]
        if missing:
            raise ProblemError(422, "request.invalid", f"missing: {', '.join(missing)}")
        asked = validated(DerivationDocument, parts["derivation"])
        asked.to_derivation()  # refused here, not in a job
        asset = await run_in_threadpool(partial(Asset.from_bytes, parts["file"], max_bytes=settings.max_asset_bytes))
        if not asset.has_pixels:
            raise AssetUnsupported(f"{asset.media_type} is no still image: derivatives are made of still images only")
        parameters = asked.model_dump(mode="json", exclude_none=True)
        job_id = await submit(service, JobKind.DERIVE, principal, asset=asset, parameters=parameters)
        del parts, asset  # the answer may be long in coming
    return await answer(request, service, job_id)
