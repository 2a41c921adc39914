"""What a worker does with a job, without a queue in between."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from api.jobs import JobKind, JobRow, JobState, JobTable
from api.leases import LeaseKeeper
from api.metrics import Metrics
from api.settings import Settings
from api.storage import LocalObjects
from api.work import Runner, Tools
from provenance.asset import Asset
from provenance.errors import SignerUnavailable, StorageError, TimestampUnavailable
from provenance.evidence import Evidence, Outcome, StatusEvidence
from provenance.status_codes import MANIFEST_ABSENT


class CountingExaminer:
    """Finds no manifest; counts how often it looked, does something first when told to."""

    name = "c2pa"

    def __init__(self) -> None:
        self.looked = 0
        self.first = lambda: None

    def examine(self, asset: Asset) -> Sequence[Evidence]:
        self.looked += 1
        self.first()
        return [StatusEvidence(self.name, MANIFEST_ABSENT, Outcome.INFORMATIONAL)]


class GivenTools(Tools):
    """Tools whose examiners and stamper are handed in."""

    def __init__(self, settings: Settings, examiner: CountingExaminer, error: Exception | None = None) -> None:
        super().__init__(settings)
        self._given = [examiner]
        self._error = error

    @property
    def examiners(self):
        return self._given

    @property
    def stamper(self):
        raise self._error or AssertionError("nobody stamps here")


class Bench:
    """A runner on a job table, and what it announced."""

    def __init__(self, database, root: Path, home: Path, *, error: Exception | None = None, **settings: object) -> None:
        self.settings = Settings(home=home, **settings)
        self.jobs = JobTable(database, LocalObjects.open(root / "objects"))
        self.examiner = CountingExaminer()
        self.announced: list[str] = []
        self.leases = LeaseKeeper(self.jobs, lease_s=self.settings.lease_s)
        tools = GivenTools(self.settings, self.examiner, error)
        metrics = Metrics(self.jobs)
        self.runner = Runner(
            self.settings, self.jobs, tools, leases=self.leases, metrics=metrics, announce=self.announced.append
        )

    def create(self, data: bytes, kind: JobKind = JobKind.CHECK, **parameters: object) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        now = datetime.now(UTC)
        return self.jobs.create(kind, at=now, data=data, sha256=sha256, parameters=parameters, ring_again_after_s=30)


@pytest.fixture
def bench(database, tmp_path, home):
    built = Bench(database, tmp_path, home)
    yield built
    built.leases.stop()


def test_a_check_leaves_a_report_and_no_pixels(bench, png):
    job_id = bench.create(png)
    bench.runner.run(job_id)
    assert bench.jobs.get(job_id).state == JobState.FINISHED
    assert '"inconclusive"' in bench.jobs.report(job_id).document
    assert list(bench.jobs.objects) == []
    assert bench.announced == [job_id]


def test_a_job_done_twice_is_recorded_once(bench, png):
    job_id = bench.create(png)
    for _ in range(3):
        bench.runner.run(job_id)
    assert bench.examiner.looked == 1
    assert bench.announced == [job_id]


def test_two_workers_with_one_job_do_it_once(bench, png):
    job_id = bench.create(png)
    bench.examiner.first = lambda: time.sleep(0.1)
    threads = [threading.Thread(target=bench.runner.run, args=[job_id]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bench.examiner.looked == 1


def test_a_lease_is_kept_while_the_work_takes_longer(database, tmp_path, home, png):
    bench = Bench(database, tmp_path, home, lease_s=0.6)
    job_id = bench.create(png)

    def outlast() -> None:
        time.sleep(1.5)
        assert bench.jobs.claim(job_id, at=datetime.now(UTC), lease_s=1, max_attempts=3) is None

    bench.examiner.first = outlast
    bench.runner.run(job_id)
    bench.leases.stop()
    assert bench.jobs.get(job_id).state == JobState.FINISHED


def test_bytes_that_are_no_image_fail_for_good(bench):
    job_id = bench.create(b"no image")
    bench.runner.run(job_id)
    row = bench.jobs.get(job_id)
    assert (row.state, row.problem["code"], row.attempts) == (JobState.FAILED, "asset.unsupported", 1)
    assert list(bench.jobs.objects) == []


def test_a_signer_out_of_reach_is_tried_again_and_then_given_up(database, tmp_path, home, png):
    away = SignerUnavailable("kms.internal does not answer")
    bench = Bench(database, tmp_path, home, error=away, max_attempts=2, signer_patience_s=1)
    job_id = bench.create(png, JobKind.STAMP, record={"model": "m"}, sizes={"file": len(png)})
    bench.runner.run(job_id)
    row = bench.jobs.get(job_id)
    assert (row.state, row.attempts) == (JobState.QUEUED, 1)
    assert row.ring_at > datetime.now(UTC)
    assert len(list(bench.jobs.objects)) == 1
    time.sleep(2.1)
    bench.runner.run(job_id)
    row = bench.jobs.get(job_id)
    assert (row.state, row.problem["code"], row.problem["status"]) == (JobState.FAILED, "signing.unavailable", 503)
    assert "kms.internal" not in row.problem["detail"]
    assert list(bench.jobs.objects) == []


def test_waiting_for_a_signer_counts_as_no_attempt(database, tmp_path, home, png):
    bench = Bench(database, tmp_path, home, error=TimestampUnavailable("tsa.internal does not answer"), max_attempts=2)
    job_id = bench.create(png, JobKind.STAMP, record={"model": "m"}, sizes={"file": len(png)})
    for seconds_ago in (0, 60, 3000):
        past = datetime.now(UTC) - timedelta(seconds=seconds_ago)
        with database.begin() as session:
            session.execute(update(JobRow).where(JobRow.id == job_id).values(created_at=past, ring_at=past))
        bench.runner.run(job_id)
        row = bench.jobs.get(job_id)
        assert (row.state, row.attempts) == (JobState.QUEUED, 1)
        rest_s = (row.ring_at - datetime.now(UTC)).total_seconds()
        assert rest_s <= {0: 2, 60: 31, 3000: 300}[seconds_ago]
        assert rest_s > {0: 0, 60: 25, 3000: 290}[seconds_ago]
    past = datetime.now(UTC) - timedelta(seconds=3601)
    with database.begin() as session:
        session.execute(update(JobRow).where(JobRow.id == job_id).values(created_at=past, ring_at=past))
    bench.runner.run(job_id)
    row = bench.jobs.get(job_id)
    assert (row.state, row.problem["code"]) == (JobState.FAILED, "signing.timestamp_unavailable")


def test_a_defect_fails_the_job_and_says_nothing_of_the_inside(database, tmp_path, home, png, caplog):
    bench = Bench(database, tmp_path, home, error=RuntimeError("secret"))
    job_id = bench.create(png, JobKind.STAMP, record={"model": "m"}, sizes={"file": len(png)})
    bench.runner.run(job_id)
    row = bench.jobs.get(job_id)
    assert (row.state, row.problem["code"], row.problem["status"]) == (JobState.FAILED, "internal", 500)
    assert "secret" not in str(row.problem)
    assert "secret" in caplog.text


def test_a_lost_object_is_tried_again_and_then_given_up(database, tmp_path, home, png):
    bench = Bench(database, tmp_path, home, max_attempts=1)
    job_id = bench.create(png)
    bench.jobs.objects.delete(hashlib.sha256(png).hexdigest())
    bench.runner.run(job_id)
    assert bench.jobs.get(job_id).problem["code"] == "storage.failed"


def test_an_outcome_that_cannot_be_recorded_leaves_the_job_to_its_lease(bench, png, monkeypatch):
    job_id = bench.create(png)

    def full(*_: object, **__: object) -> bool:
        raise StorageError("disk full")

    monkeypatch.setattr(JobTable, "_change", full)
    monkeypatch.setattr(JobTable, "finish_check", full)
    with pytest.raises(StorageError):
        bench.runner.run(job_id)
    assert bench.jobs.get(job_id).state == JobState.RUNNING
    assert bench.announced == []
