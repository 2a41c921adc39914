"""`GET /v1/jobs/{id}`, its events as they happen, and the image it made."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from api.auth import Principal, Scope, identify
from api.jobs import ENDED, JobKind, JobRow, JobState
from api.problems import ProblemError, responses
from api.routes.answers import failure, outcome
from api.routes.checks import Identifier
from api.schemas import JobDocument
from api.service import Service, service_of
from provenance.errors import AccessForbidden, AccessUnauthenticated

router = APIRouter(prefix="/v1", tags=["jobs"])

LONGEST_STREAM_S: Final = 600.0
PULSE_S: Final = 15.0
"""A comment goes out at least this often, so that nobody on the way takes the stream for dead."""

Caller = Annotated[Principal, Depends(identify)]
_EVENT: Final = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"const": "job"},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": "#/components/schemas/JobDocument"},
        },
    },
}
_PROBLEMS: Final = responses(401, 403, 404, 422, 500, 507)


def visible_job(service: Service, principal: Principal, job_id: str) -> JobRow:
    """The job, if the caller may see it: checks by whoever may check, all else by the key that asked and by administrators.

    Raises:
        AccessUnauthenticated, AccessForbidden: The caller may see no job at all.
        ProblemError: 404, there is none of this id, or it is another's.
    """
    if not principal.scopes:
        raise AccessUnauthenticated("this needs an API key")
    row = service.jobs.get(job_id)
    if row is None:
        raise ProblemError(404, "job.unknown", "there is no such job")
    if row.kind == JobKind.CHECK:
        if not principal.may(Scope.CHECK):
            raise AccessForbidden(f"this needs the scope {Scope.CHECK.value!r}")
    elif not principal.may(Scope.ADMIN) and (principal.key_id is None or principal.key_id != row.key_id):
        raise ProblemError(404, "job.unknown", "there is no such job")  # nor does anyone learn that another has one
    return row


@router.get("/jobs/{job_id}", summary="A job", response_model=JobDocument, responses=_PROBLEMS)
def get_job(request: Request, job_id: Identifier, principal: Caller) -> JobDocument:
    """How far a job is, and where its report or image is once it has finished."""
    return JobDocument.from_row(visible_job(service_of(request), principal, job_id))


@router.get(
    "/jobs/{job_id}/result",
    summary="The image a job made",
    response_class=Response,
    responses={
        200: {
            "description": "The stamped image, sound or film, or the derivative.",
            "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in ("image/*", "audio/*", "video/*")},
        },
        **responses(401, 403, 404, 409, 410, 413, 415, 422, 500, 503, 507),
    },
)
def get_result(request: Request, job_id: Identifier, principal: Caller) -> Response:
    """The stamped image of a finished job. It is kept for a while only; a failed job answers with its problem."""
    service = service_of(request)
    row = visible_job(service, principal, job_id)
    if row.kind == JobKind.CHECK:
        raise ProblemError(404, "job.no_image", "a check makes no image; its report is at /v1/reports")
    if row.state == JobState.FAILED:
        return failure(row)
    if row.state != JobState.FINISHED:
        raise ProblemError(409, "job.unfinished", "the job has not finished", {"Retry-After": "1"})
    return outcome(service, row)


@router.get(
    "/jobs/{job_id}/events",
    summary="A job's states as they come",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events named `job`.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **_PROBLEMS,
    },
)
async def get_events(request: Request, job_id: Identifier, principal: Caller) -> StreamingResponse:
    """Server-sent events: one `job` event with the job's document now and at every change, until it has ended."""
    service = service_of(request)
    row = await run_in_threadpool(visible_job, service, principal, job_id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_events(service, row), media_type="text/event-stream", headers=headers)


async def _events(service: Service, row: JobRow | None) -> AsyncIterator[bytes]:
    sent: JobDocument | None = None
    until, pulse = time.monotonic() + LONGEST_STREAM_S, time.monotonic() + PULSE_S
    while row is not None:
        document = JobDocument.from_row(row)
        if document != sent:
            sent = document
            yield f"event: job\ndata: {document.model_dump_json()}\n\n".encode()
        if row.state in ENDED or time.monotonic() > until:
            return
        if time.monotonic() > pulse:
            pulse = time.monotonic() + PULSE_S
            yield b": still here\n\n"
        await service.completions.wait(row.id, timeout_s=0.5)
        row = await run_in_threadpool(service.jobs.get, row.id)
