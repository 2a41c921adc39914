"""Errors as RFC 9457 problem responses: the tree of `provenance.errors` is mapped to HTTP here, once.

A problem's `type` is a path of this service that describes it, its `code` the stable code of the error. What is not in the
tree and not foreseen becomes a 500 that says nothing of the inside; the log has the rest.

Source: RFC 9457, Problem Details for HTTP APIs.
"""

from __future__ import annotations

import http
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from provenance.errors import AssayError

MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 30
"""What `Retry-After` says where the cause is expected to pass."""
MAX_DETAIL_CHARACTERS: Final = 1000

logger = logging.getLogger("assay.http")

STATUS_OF_CODE: Final[Mapping[str, int]] = {
    "asset.failed": 422,
    "asset.missing": 404,
    "asset.empty": 422,
    "asset.unsupported": 415,
    "asset.animated": 415,
    "asset.too_large": 413,
    "asset.too_many_pixels": 422,
    "asset.unreadable": 422,
    "manifest.unwritable": 422,
    "manifest.not_trusted": 422,
    "amendment.refused": 422,
    "record.invalid": 422,
    "derivation.invalid": 422,
    "report.invalid": 422,
    "pipeline.refused": 422,
    "pipeline.request_invalid": 422,
    "pipeline.model_unusable": 503,
    "pipeline.failed": 500,
    "signing.failed": 500,
    "signing.unavailable": 503,
    "signing.credential_invalid": 503,
    "signing.credential_missing": 503,
    "signing.credential_expired": 503,
    "signing.credential_not_yet_valid": 503,
    "signing.credential_mismatch": 503,
    "signing.credential_chain": 503,
    "signing.credential_usage": 503,
    "signing.credential_key": 503,
    "signing.credential_refused": 503,
    "signing.credential_unproven": 503,
    "signing.unsupported": 503,
    "signing.credential_revoked": 503,
    "signing.timestamp_unavailable": 503,
    "signing.timestamp_missing": 503,
    "signing.timestamp_invalid": 503,
    "signing.status_unavailable": 503,
    "signing.status_invalid": 503,
    "stamp.unverified": 500,
    "trust.unusable": 503,
    "trust.stale": 503,
    "trust.update_refused": 422,
    "examiner.failed": 500,
    "examiner.crashed": 422,
    "examiner.timeout": 422,
    "examiner.memory": 422,
    "isolation.unavailable": 503,
    "detector.failed": 503,
    "detector.weights_unreadable": 503,
    "detector.weights_mismatch": 503,
    "storage.failed": 507,
    "storage.output_exists": 409,
    "fetch.failed": 502,
    "fetch.refused": 422,
    "fetch.too_large": 413,
    "fetch.timeout": 504,
    "access.failed": 403,
    "access.unauthenticated": 401,
    "access.forbidden": 403,
    "usage.invalid": 422,
}
"""HTTP status of every code of the tree; a code that is missing here answers 500."""

HTTP_ONLY: Final[Mapping[str, tuple[int, str]]] = {
    "fetch.disabled": (403, "Checks by URL are switched off."),
    "internal": (500, "The service failed in a way that was not foreseen."),
    "job.exhausted": (500, "The job was begun several times and never came to an end."),
    "job.no_image": (404, "The job makes no image."),
    "job.result_gone": (410, "The image was fetched or its time is over."),
    "job.unfinished": (409, "The job has not finished."),
    "job.unknown": (404, "There is no such job, or it is another's."),
    "report.unknown": (404, "There is no such report."),
    "request.invalid": (422, "A field, parameter or part is missing or not as described."),
    "request.malformed": (400, "The body is not what its media type says."),
    "request.method_not_allowed": (405, "The path does not take this method."),
    "request.not_found": (404, "There is nothing at this path."),
    "request.timeout": (408, "The body did not arrive in time."),
    "request.too_large": (413, "A JSON body has too many bytes."),
    "request.unsupported_media_type": (415, "The body is of a media type that is not taken here."),
    "service.busy": (503, "Too many jobs are waiting, or too many bodies are arriving."),
}
"""Status and description of the codes that exist in HTTP and not in the tree."""

_HEADERS: Final[Mapping[str, Mapping[str, str]]] = {
    "signing.unavailable": {"Retry-After": str(RETRY_AFTER_S)},
    "signing.timestamp_unavailable": {"Retry-After": str(RETRY_AFTER_S)},
    "signing.status_unavailable": {"Retry-After": str(RETRY_AFTER_S)},
    "access.unauthenticated": {"WWW-Authenticate": "Bearer"},
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem, ready to be stored with a job or sent."""

    status: int
    code: str
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The status in words."""
        return http.HTTPStatus(self.status).phrase

    def document(self) -> dict[str, Any]:
        """The body of the response, as in RFC 9457."""
        return {
            "type": f"/problems/{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail[:MAX_DETAIL_CHARACTERS],
            "code": self.code,
        }

    def response(self) -> JSONResponse:
        """The response itself."""
        return JSONResponse(self.document(), self.status, headers=dict(self.headers), media_type=MEDIA_TYPE)


class ProblemError(Exception):
    """A failure that exists only in HTTP, such as a missing key or an unknown path."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.problem = Problem(status, code, detail, dict(headers or {}))


class ProblemDocument(BaseModel):
    """A failure, as in RFC 9457; `code` is stable, `detail` is for people."""

    model_config = ConfigDict(extra="forbid")

    type: str
    title: str
    status: int
    detail: str
    code: str


def problem_of(err: BaseException) -> Problem:
    """The problem that says `err` to a client; an error that was not foreseen says nothing but that."""
    if isinstance(err, ProblemError):
        return err.problem
    if isinstance(err, AssayError):
        status = STATUS_OF_CODE.get(err.code, 500)
        headers = _HEADERS.get(err.code, {})
        # Whoever runs the service reads the log; a client learns what failed inside, not the paths and hosts it failed on.
        return Problem(status, err.code, str(err) if status < 500 else err.description(), headers)
    return Problem(500, "internal", "the service failed; the reason is in its log")


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI `responses` that declare these statuses as problems."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
    return {status: {"description": http.HTTPStatus(status).phrase, "content": content} for status in statuses}


def install(app: FastAPI) -> None:
    """Let every failure of `app` leave as a problem."""
    app.add_exception_handler(AssayError, _expected)
    app.add_exception_handler(ProblemError, _expected)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def descriptions() -> Iterator[tuple[str, int, str]]:
    """Code, status and one line on every problem there is: the tree first, then what exists in HTTP only."""
    classes = [AssayError]
    for cls in classes:
        classes.extend(cls.__subclasses__())
    for cls in sorted(classes, key=lambda cls: cls.code):
        yield cls.code, STATUS_OF_CODE.get(cls.code, 500), cls.description()
    for code, (status, text) in HTTP_ONLY.items():
        yield code, status, text


async def _expected(_: Request, err: Exception) -> Response:
    problem = problem_of(err)
    if problem.status >= 500:
        logger.error("%s: %s", problem.code, err)
    return problem.response()


async def _invalid(_: Request, err: Exception) -> Response:
    assert isinstance(err, RequestValidationError)
    # Only where and what: the input itself may be hostile, or secret.
    found = "; ".join(f"{'.'.join(str(part) for part in e['loc'])[:200]}: {e['msg'][:200]}" for e in err.errors()[:5])
    return Problem(422, "request.invalid", found).response()


async def _http(_: Request, err: Exception) -> Response:
    assert isinstance(err, HTTPException)
    code = {404: "request.not_found", 405: "request.method_not_allowed", 413: "asset.too_large"}.get(
        err.status_code, "request.invalid" if err.status_code < 500 else "internal"
    )
    return Problem(err.status_code, code, str(err.detail), dict(err.headers or {})).response()


async def _unexpected(_: Request, err: Exception) -> Response:
    return problem_of(err).response()  # Starlette's error middleware raises it again, so that the server logs it
