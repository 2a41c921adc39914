"""What several routes do alike: create a job, ring, wait a moment for it, and answer with what came of it or with 202."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from api.auth import Principal
from api.bundle import Bundle
from api.jobs import JobKind, JobRow, JobState
from api.problems import MEDIA_TYPE, ProblemError
from api.schemas import JobDocument
from api.service import Service
from provenance.asset import Asset

_RESPOND_ASYNC = re.compile(r"(?:^|[,\s])respond-async(?:$|[,;\s])", re.IGNORECASE)


async def submit(
    service: Service,
    kind: JobKind,
    principal: Principal,
    *,
    asset: Asset | Bundle | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> str:
    """Keep what is asked, ring, and return the job's id.

    Raises:
        StorageError: Nothing was kept.
        ProblemError: 503, too many jobs are waiting.
    """
    create = partial(
        service.jobs.create,
        kind,
        at=datetime.now(UTC),
        data=None if asset is None else asset.data,
        sha256=None if asset is None else asset.sha256,
        parameters=parameters,
        key_id=principal.key_id,
        max_pending=service.settings.max_pending_jobs,
        ring_again_after_s=service.settings.lease_s,
    )
    job_id = await run_in_threadpool(create)
    await run_in_threadpool(service.bell.ring, kind, job_id)
    return job_id


async def answer(request: Request, service: Service, job_id: str) -> Response:
    """The job's outcome if it is there soon enough, else 202 and where to look."""
    at_once = _RESPOND_ASYNC.search(request.headers.get("prefer", "")) is not None
    if not at_once:
        await service.completions.wait(job_id, timeout_s=service.settings.quick_answer_s)
    row = await run_in_threadpool(service.jobs.get, job_id)
    if row is None:
        raise ProblemError(404, "job.unknown", "there is no such job")
    if row.state == JobState.FAILED:
        return failure(row)
    if row.state == JobState.FINISHED and not at_once:
        return await run_in_threadpool(outcome, service, row)
    headers = {"Location": f"/v1/jobs/{job_id}", "Retry-After": "1"}
    if at_once:
        headers["Preference-Applied"] = "respond-async"
    return JSONResponse(JobDocument.from_row(row).model_dump(mode="json"), 202, headers=headers)


def outcome(service: Service, row: JobRow) -> Response:
    """The report, or the stamped image, of a job that has finished.

    Raises:
        ProblemError: 410 when the image is no longer kept.
        StorageError: It could not be read.
    """
    if row.kind == JobKind.CHECK:
        return report(service, row.id)
    if row.result_sha256 is None or row.result_media_type is None:
        raise ProblemError(410, "job.result_gone", "the image was fetched or its time is over; it is no longer kept")
    data = service.jobs.objects.get(row.result_sha256)
    service.jobs.note_fetched(row.id, at=datetime.now(UTC))
    headers = {"Content-Location": f"/v1/jobs/{row.id}/result", "ETag": f'"{row.result_sha256}"'}
    return Response(data, media_type=row.result_media_type, headers=headers)


def report(service: Service, report_id: str) -> Response:
    """A report, byte for byte as it was recorded, because it may be signed.

    Raises:
        ProblemError: 404 when there is none.
    """
    found = service.jobs.report(report_id)
    if found is None:
        raise ProblemError(404, "report.unknown", "there is no such report")
    return Response(found.document, media_type="application/json", headers={"Content-Location": f"/v1/reports/{report_id}"})


def failure(row: JobRow) -> Response:
    """The problem a job ended with."""
    assert row.problem is not None
    headers = {"Content-Location": f"/v1/jobs/{row.id}"}
    return JSONResponse(row.problem, int(row.problem["status"]), headers=headers, media_type=MEDIA_TYPE)
