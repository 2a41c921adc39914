"""The job table: the truth about what was asked, what is being done and how it ended.

A job is `receiving` until its object is kept, then `queued`, `running` under a lease, and `finished` or `failed`. Every
change of state is one conditional UPDATE, so that of two workers with the same job one wins and the other learns it. A worker
that dies stops renewing its lease, and the job is given to another; its work may thus be done twice, its outcome is recorded
once.

What was asked, such as a prompt, is forgotten when the job has ended.

An object is needed as long as a live job names it as input or a job names it as result. The row of `objects` is the lock that
keeps "nobody needs it, delete" and "I need it too" apart: both touch it in their transaction, and the one who needs writes
the bytes after committing. Nothing here decodes, signs or scores.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import JSON, ColumnElement, CursorResult, Index, Update, and_, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from api.database import Base, Database, UtcDateTime
from api.problems import Problem, ProblemError
from api.storage import LocalObjects


class JobKind(StrEnum):
    """What is asked; also the name of the queue."""

    CHECK = "check"
    STAMP = "stamp"
    GENERATE = "generate"
    DERIVE = "derive"


class JobState(StrEnum):
    """How far a job is."""

    RECEIVING = "receiving"
    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


LIVE: Final = (JobState.RECEIVING, JobState.QUEUED, JobState.RUNNING)
ENDED: Final = (JobState.FINISHED, JobState.FAILED)


class ObjectRow(Base):
    """An object that is, or is about to be, in the object folder."""

    __tablename__ = "objects"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    touched_at: Mapped[datetime] = mapped_column(UtcDateTime)


class JobRow(Base):
    """One thing asked of the service."""

    __tablename__ = "jobs"
    __table_args__ = (Index("jobs_by_state", "state", "ring_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    state: Mapped[str]
    key_id: Mapped[str | None]
    """The API key that asked; none when checking is open."""
    input_sha256: Mapped[str | None] = mapped_column(index=True)
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ring_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """When the bell should ring again if nobody has come by then; a job put back is not taken before."""
    lease: Mapped[str | None]
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    problem: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    result_sha256: Mapped[str | None] = mapped_column(index=True)
    result_media_type: Mapped[str | None]
    result_fetched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ReportRow(Base):
    """The report of one check, under the id of its job; the uploaded pixels are not kept."""

    __tablename__ = "reports"

    id: Mapped[str] = mapped_column(primary_key=True)
    asset_sha256: Mapped[str] = mapped_column(index=True)
    document: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job that this worker holds until its lease ends; `attempt` counts from 1."""

    id: str
    kind: JobKind
    lease: str
    attempt: int
    input_sha256: str | None
    parameters: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class JobTable:
    """What can be done with jobs; every method is one or two short transactions. Times have zones."""

    database: Database
    objects: LocalObjects

    def create(  # the road of an upload: row, object, ready
        self,
        kind: JobKind,
        *,
        at: datetime,
        data: bytes | None = None,
        sha256: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        key_id: str | None = None,
        max_pending: int | None = None,
        ring_again_after_s: float,
    ) -> str:
        """Keep what was asked and return the job's id; the job is queued then, and nobody has been told.

        Args:
            kind: What is asked.
            at: Now.
            data: The uploaded bytes, and `sha256` their digest; none when nothing was uploaded.
            sha256: See `data`.
            parameters: What else the work needs; JSON.
            key_id: Who asked.
            max_pending: With this many live jobs, no more are taken.
            ring_again_after_s: When the sweep may assume that the bell was not heard.

        Raises:
            StorageError: Nothing was kept.
            ProblemError: 503, too many live jobs.
        """
        row = JobRow(
            id=secrets.token_hex(16),
            kind=kind,
            state=JobState.QUEUED if data is None else JobState.RECEIVING,
            key_id=key_id,
            input_sha256=sha256,
            parameters=dict(parameters or {}),
            created_at=at,
            ring_at=at + timedelta(seconds=ring_again_after_s),
            attempts=0,
        )
        with self.database.begin() as session:
            if max_pending is not None:
                pending = session.scalar(select(func.count()).select_from(JobRow).where(JobRow.state.in_(LIVE))) or 0
                if pending >= max_pending:
                    detail = f"{pending} jobs are waiting, no more are taken for now"
                    raise ProblemError(503, "service.busy", detail, {"Retry-After": "10"})
            if sha256 is not None:
                _touch_object(session, sha256, at)
            session.add(row)
        if data is not None:
            try:
                self.objects.put(data)
            except BaseException:
                self._forget(row.id)
                raise
            with self.database.begin() as session:
                _run(session, update(JobRow).where(JobRow.id == row.id).values(state=JobState.QUEUED))
        return row.id

    def get(self, job_id: str) -> JobRow | None:
        """The row, detached; None when there is no such job or it is still being received."""
        with self.database.read() as session:
            row = session.get(JobRow, job_id)
        return None if row is None or row.state == JobState.RECEIVING else row

    def state(self, job_id: str) -> JobState | None:
        """The state only."""
        with self.database.read() as session:
            found = session.scalar(select(JobRow.state).where(JobRow.id == job_id))
        return None if found is None else JobState(found)

    def report(self, report_id: str) -> ReportRow | None:
        """A report, detached."""
        with self.database.read() as session:
            return session.get(ReportRow, report_id)

    def claim(self, job_id: str, *, at: datetime, lease_s: float, max_attempts: int) -> ClaimedJob | None:
        """Take a job that is due; None when it is another's, over, unknown, put back until later, or was begun too often."""
        lease = secrets.token_hex(8)
        free = or_(
            and_(JobRow.state == JobState.QUEUED, or_(JobRow.attempts == 0, JobRow.ring_at <= at)),
            and_(JobRow.state == JobState.RUNNING, JobRow.lease_until < at),
        )
        with self.database.begin() as session:
            taken = _run(
                session,
                update(JobRow)
                .where(JobRow.id == job_id, free)
                .values(
                    state=JobState.RUNNING,
                    lease=lease,
                    lease_until=at + timedelta(seconds=lease_s),
                    attempts=JobRow.attempts + 1,
                ),
            )
            if not taken:
                return None
            row = session.get_one(JobRow, job_id)
            if row.attempts > max_attempts:
                row.state, row.ended_at, row.lease, row.parameters = JobState.FAILED, at, None, {}
                row.problem = Problem(
                    500, "job.exhausted", "the job was begun several times and never came to an end"
                ).document()
                return None
            parameters = dict(row.parameters)
            return ClaimedJob(row.id, JobKind(row.kind), lease, row.attempts, row.input_sha256, parameters, row.created_at)

    def renew(self, job: ClaimedJob, *, at: datetime, lease_s: float) -> bool:
        """Hold the job for longer; False when it is no longer held."""
        return self._change(job, lease_until=at + timedelta(seconds=lease_s))

    def put_back(self, job: ClaimedJob, *, at: datetime, delay_s: float, attempts: int | None = None) -> bool:
        """Queue the job again, not to be taken before `delay_s` have passed; False when it is no longer held.

        Args:
            job: The job.
            at: The time.
            delay_s: How long it rests.
            attempts: How many of its attempts count from now on, at least 1; none: all.
        """
        again = at + timedelta(seconds=delay_s)
        counted = job.attempt if attempts is None else attempts
        return self._change(job, state=JobState.QUEUED, lease=None, lease_until=None, ring_at=again, attempts=counted)

    def finish_check(self, job: ClaimedJob, *, asset_sha256: str, document: str, at: datetime) -> bool:
        """Record the report and end the job; False when it is no longer held, and then nothing is recorded."""
        with self.database.begin() as session:
            if not _run(session, _held(job).values(state=JobState.FINISHED, ended_at=at, lease=None)):
                return False
            session.add(ReportRow(id=job.id, asset_sha256=asset_sha256, document=document, created_at=at))
        return True

    def finish_image(self, job: ClaimedJob, *, data: bytes, sha256: str, media_type: str, at: datetime) -> bool:
        """Keep the stamped image and end the job; False when it is no longer held.

        Raises:
            StorageError: The image could not be kept; the job is still held.
        """
        with self.database.begin() as session:
            _touch_object(session, sha256, at)
            if not _run(session, _held(job).values(result_sha256=sha256, result_media_type=media_type)):
                return False
        self.objects.put(data)
        return self._change(job, state=JobState.FINISHED, ended_at=at, lease=None, parameters={})

    def fail(self, job: ClaimedJob, problem: Problem, *, at: datetime) -> bool:
        """End the job with a problem; False when it is no longer held."""
        ended = {"state": JobState.FAILED, "ended_at": at, "lease": None, "parameters": {}, "result_sha256": None}
        return self._change(job, problem=problem.document(), **ended)

    def note_fetched(self, job_id: str, *, at: datetime) -> None:
        """Remember that the result was sent."""
        with self.database.begin() as session:
            _run(session, update(JobRow).where(JobRow.id == job_id).values(result_fetched_at=at))

    def due(
        self, kinds: Sequence[JobKind], *, at: datetime, ring_again_after_s: float, starting: bool = False
    ) -> list[tuple[str, JobKind]]:
        """Jobs whose bell should ring now, oldest first; asking counts as ringing.

        Args:
            kinds: Only of these kinds.
            at: Now.
            ring_again_after_s: When they are due again if nobody comes.
            starting: Whether a broker without memory has just been started: every queued job is due then.
        """
        waiting = JobRow.state == JobState.QUEUED
        due = or_(
            waiting if starting else and_(waiting, JobRow.ring_at <= at),
            and_(JobRow.state == JobState.RUNNING, JobRow.lease_until < at),
        )
        with self.database.begin() as session:
            rows = session.scalars(
                select(JobRow)
                .where(JobRow.kind.in_(kinds), due)
                .order_by(JobRow.created_at)
                .limit(1000)
                .with_for_update(skip_locked=True)
            ).all()
            for row in rows:
                if row.attempts == 0:  # of one that was put back, `ring_at` says from when on it may be taken
                    row.ring_at = at + timedelta(seconds=ring_again_after_s)
            return [(row.id, JobKind(row.kind)) for row in rows]

    def counts(self) -> dict[tuple[JobKind, JobState], int]:
        """How many jobs of each kind are in each live state."""
        query = (
            select(JobRow.kind, JobRow.state, func.count()).where(JobRow.state.in_(LIVE)).group_by(JobRow.kind, JobRow.state)
        )
        with self.database.read() as session:
            return {(JobKind(kind), JobState(state)): count for kind, state, count in session.execute(query)}

    def drop_results(self, *, at: datetime, retention_s: float, fetched_grace_s: float) -> int:
        """Forget results that were fetched or whose time is over, and uploads that broke off; returns how many."""
        fetched = JobRow.result_fetched_at < at - timedelta(seconds=fetched_grace_s)
        old = and_(JobRow.state.in_(ENDED), JobRow.ended_at < at - timedelta(seconds=retention_s))
        broken_off = and_(JobRow.state == JobState.RECEIVING, JobRow.created_at < at - timedelta(minutes=10))
        with self.database.begin() as session:
            dropped = _run(
                session, update(JobRow).where(JobRow.result_sha256.is_not(None), or_(fetched, old)).values(result_sha256=None)
            )
            gone = {"state": JobState.FAILED, "ended_at": at}
            return dropped + _run(session, update(JobRow).where(broken_off).values(gone))

    def delete_unneeded_objects(self, sha256: str | None = None) -> int:
        """Delete the objects, or this one, that no live job needs and no result is; returns how many.

        Raises:
            StorageError: The file system refused.
        """
        deleted = 0
        candidates: Sequence[str] = [] if sha256 is None else [sha256]
        if sha256 is None:
            with self.database.read() as session:
                candidates = session.scalars(select(ObjectRow.sha256).where(~_needed()).limit(10_000)).all()
        for candidate in candidates:
            with self.database.begin() as session:
                row = session.scalar(select(ObjectRow).where(ObjectRow.sha256 == candidate).with_for_update())
                # Asked again under the lock: somebody may have come to need it meanwhile.
                if row is None or session.scalar(select(ObjectRow.sha256).where(ObjectRow.sha256 == candidate, _needed())):
                    continue
                self.objects.delete(candidate)
                session.delete(row)
                deleted += 1
        return deleted

    def _change(self, job: ClaimedJob, **values: object) -> bool:
        with self.database.begin() as session:
            return _run(session, _held(job).values(**values)) > 0

    def _forget(self, job_id: str) -> None:
        with self.database.begin() as session:
            row = session.get(JobRow, job_id)
            if row is not None:
                session.delete(row)


def _held(job: ClaimedJob) -> Update:
    return update(JobRow).where(JobRow.id == job.id, JobRow.state == JobState.RUNNING, JobRow.lease == job.lease)


def _needed() -> ColumnElement[bool]:
    as_input = and_(JobRow.input_sha256 == ObjectRow.sha256, JobRow.state.in_(LIVE))
    return exists().where(or_(as_input, JobRow.result_sha256 == ObjectRow.sha256))


def _run(session: Session, statement: Update) -> int:
    result = session.execute(statement.execution_options(synchronize_session=False))
    assert isinstance(result, CursorResult)
    return result.rowcount


def _touch_object(session: Session, sha256: str, at: datetime) -> None:
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = insert(ObjectRow).values(sha256=sha256, touched_at=at)
    session.execute(row.on_conflict_do_update(index_elements=["sha256"], set_={"touched_at": at}))
