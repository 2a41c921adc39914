from __future__ import annotations

import hashlib
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api.jobs import JobKind, JobState, JobTable
from api.problems import Problem, ProblemError
from api.storage import LocalObjects
from provenance.errors import StorageError

T0 = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LEASE_S = 30.0


def later(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


@pytest.fixture
def jobs(database, tmp_path: Path) -> JobTable:
    return JobTable(database, LocalObjects.open(tmp_path / "objects"))


def create(jobs: JobTable, data: bytes | None = b"picture", kind: JobKind = JobKind.CHECK, **more) -> str:
    sha256 = None if data is None else hashlib.sha256(data).hexdigest()
    return jobs.create(kind, at=T0, data=data, sha256=sha256, ring_again_after_s=LEASE_S, **more)


def claim(jobs: JobTable, job_id: str, at: datetime = T0, max_attempts: int = 3):
    return jobs.claim(job_id, at=at, lease_s=LEASE_S, max_attempts=max_attempts)


def test_a_created_job_is_queued_and_its_object_kept(jobs):
    job_id = create(jobs, parameters={"a": 1}, key_id="k")
    row = jobs.get(job_id)
    assert (row.state, row.kind, row.parameters, row.key_id) == ("queued", "check", {"a": 1}, "k")
    assert jobs.objects.get(row.input_sha256) == b"picture"


def test_what_was_asked_is_forgotten_when_the_job_has_ended(jobs):
    made, failed, hopeless = (create(jobs, kind=JobKind.STAMP, parameters={"prompt": "a secret"}) for _ in range(3))
    image = b"stamped"
    jobs.finish_image(claim(jobs, made), data=image, sha256=hashlib.sha256(image).hexdigest(), media_type="image/png", at=T0)
    jobs.fail(claim(jobs, failed), Problem(422, "x.y", "no"), at=T0)
    assert claim(jobs, hopeless, max_attempts=0) is None
    assert [jobs.get(job_id).parameters for job_id in (made, failed, hopeless)] == [{}, {}, {}]


def test_of_two_workers_one_gets_the_job(jobs):
    job_id = create(jobs)
    taken = []
    threads = [threading.Thread(target=lambda: taken.append(claim(jobs, job_id))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([job for job in taken if job is not None]) == 1


def test_an_unknown_job_is_nobodys(jobs):
    assert claim(jobs, "0" * 32) is None


def test_a_job_whose_lease_ran_out_is_given_to_another_and_the_first_records_nothing(jobs):
    job_id = create(jobs)
    first = claim(jobs, job_id)
    assert claim(jobs, job_id, later(LEASE_S - 1)) is None
    second = claim(jobs, job_id, later(LEASE_S + 1))
    assert (second.attempt, first.attempt) == (2, 1)
    assert not jobs.finish_check(first, asset_sha256="a" * 64, document="first", at=later(40))
    assert jobs.report(job_id) is None
    assert jobs.finish_check(second, asset_sha256="a" * 64, document="second", at=later(41))
    assert jobs.report(job_id).document == "second"
    assert not jobs.finish_check(second, asset_sha256="a" * 64, document="again", at=later(42))


def test_a_renewed_lease_holds(jobs):
    job = claim(jobs, create(jobs))
    assert jobs.renew(job, at=later(20), lease_s=LEASE_S)
    assert claim(jobs, job.id, later(LEASE_S + 1)) is None


def test_a_job_put_back_is_taken_again_only_when_its_time_has_come(jobs):
    job = claim(jobs, create(jobs))
    assert jobs.put_back(job, at=T0, delay_s=8)
    assert claim(jobs, job.id, later(7)) is None
    assert claim(jobs, job.id, later(9)).attempt == 2


def test_a_job_begun_too_often_has_failed(jobs):
    job_id = create(jobs)
    for attempt in range(3):
        assert claim(jobs, job_id, later(attempt * 100)).attempt == attempt + 1
    assert claim(jobs, job_id, later(300)) is None
    row = jobs.get(job_id)
    assert (row.state, row.problem["code"]) == ("failed", "job.exhausted")


def test_a_failed_job_keeps_its_problem(jobs):
    job = claim(jobs, create(jobs))
    assert jobs.fail(job, Problem(422, "asset.unreadable", "torn"), at=later(1))
    row = jobs.get(job.id)
    assert (row.state, row.problem["code"], row.problem["status"], row.ended_at) == (
        "failed",
        "asset.unreadable",
        422,
        later(1),
    )


def test_every_queued_job_is_due_when_the_broker_has_just_started(jobs):
    first, second = create(jobs), create(jobs, kind=JobKind.STAMP)
    assert jobs.due(tuple(JobKind), at=T0, ring_again_after_s=LEASE_S) == []
    due = jobs.due(tuple(JobKind), at=T0, ring_again_after_s=LEASE_S, starting=True)
    assert sorted(due) == sorted([(first, JobKind.CHECK), (second, JobKind.STAMP)])


def test_a_lost_bell_rings_again_once_per_lease(jobs):
    job_id = create(jobs)
    assert jobs.due([JobKind.CHECK], at=later(31), ring_again_after_s=LEASE_S) == [(job_id, JobKind.CHECK)]
    assert jobs.due([JobKind.CHECK], at=later(32), ring_again_after_s=LEASE_S) == []
    assert jobs.due([JobKind.STAMP], at=later(99), ring_again_after_s=LEASE_S) == []


def test_a_dead_workers_job_is_due_when_its_lease_ran_out(jobs):
    job_id = create(jobs)
    claim(jobs, job_id)
    assert jobs.due([JobKind.CHECK], at=later(29), ring_again_after_s=LEASE_S) == []
    assert jobs.due([JobKind.CHECK], at=later(31), ring_again_after_s=LEASE_S) == [(job_id, JobKind.CHECK)]


def test_an_upload_is_deleted_once_no_live_job_needs_it(jobs):
    first, second = claim(jobs, create(jobs)), claim(jobs, create(jobs))
    jobs.finish_check(first, asset_sha256="a" * 64, document="{}", at=T0)
    assert jobs.delete_unneeded_objects(first.input_sha256) == 0
    assert second.input_sha256 in jobs.objects
    jobs.finish_check(second, asset_sha256="a" * 64, document="{}", at=T0)
    assert jobs.delete_unneeded_objects(second.input_sha256) == 1
    assert list(jobs.objects) == []


def test_a_stamped_image_stays_until_it_was_fetched_or_its_time_is_over(jobs):
    data = b"stamped"
    sha256 = hashlib.sha256(data).hexdigest()
    fetched, waiting = (claim(jobs, create(jobs, kind=JobKind.STAMP)) for _ in range(2))
    for job in (fetched, waiting):
        assert jobs.finish_image(job, data=data, sha256=sha256, media_type="image/png", at=T0)
    jobs.note_fetched(fetched.id, at=T0)
    assert jobs.drop_results(at=later(59), retention_s=3600, fetched_grace_s=60) == 0
    assert jobs.drop_results(at=later(61), retention_s=3600, fetched_grace_s=60) == 1
    jobs.delete_unneeded_objects()
    assert jobs.objects.get(jobs.get(waiting.id).result_sha256) == data
    assert jobs.drop_results(at=later(3601), retention_s=3600, fetched_grace_s=60) == 1
    jobs.delete_unneeded_objects()
    assert list(jobs.objects) == []
    assert jobs.get(waiting.id).state == JobState.FINISHED


def test_a_full_disk_leaves_no_job(jobs, monkeypatch):
    def full(_self: LocalObjects, _data: bytes) -> str:
        raise StorageError("No space left on device")

    monkeypatch.setattr(LocalObjects, "put", full)
    with pytest.raises(StorageError):
        create(jobs)
    assert jobs.counts() == {}
    assert jobs.delete_unneeded_objects() == 1  # the row that had announced the object


def test_more_than_the_limit_of_waiting_jobs_are_refused(jobs):
    create(jobs, max_pending=1)
    with pytest.raises(ProblemError) as caught:
        create(jobs, max_pending=1)
    assert (caught.value.problem.status, caught.value.problem.code) == (503, "service.busy")


def test_an_object_needed_again_while_it_is_deleted_is_still_there(jobs):
    """Many rounds of "ended, delete" against "uploaded again" over the same bytes: the queued job always has its object."""
    stop = threading.Event()
    missing = []

    def delete_on() -> None:
        while not stop.is_set():
            jobs.delete_unneeded_objects()

    thread = threading.Thread(target=delete_on)
    thread.start()
    try:
        for _ in range(40):
            job = claim(jobs, create(jobs))
            if job.input_sha256 not in jobs.objects:
                missing.append(job.id)
            jobs.finish_check(job, asset_sha256="a" * 64, document="{}", at=T0)
    finally:
        stop.set()
        thread.join()
    assert missing == []
