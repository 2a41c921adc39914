"""The service's parts, opened together and closed together; every request finds them at `request.app.state.service`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request

from api.completions import Completions
from api.composition import UnavailableExaminer
from api.database import Database, open_database
from api.intake import UploadTurns
from api.jobs import JobKind, JobTable
from api.leases import LeaseKeeper
from api.metrics import Metrics
from api.queue import Bell, EmbeddedWorker
from api.settings import Settings
from api.storage import LocalObjects
from api.sweep import Sweep
from api.work import Runner, Tools
from provenance.errors import SigningError, StorageError

logger = logging.getLogger("assay.service")


@dataclass(frozen=True, slots=True)
class Service:
    """What requests and workers share in one process; build with `open_service`."""

    settings: Settings
    database: Database
    jobs: JobTable
    completions: Completions
    metrics: Metrics
    tools: Tools
    bell: Bell
    leases: LeaseKeeper
    sweep: Sweep
    workers: Sequence[EmbeddedWorker]
    uploads: UploadTurns

    def start(self) -> None:
        """Build what every job needs, take jobs if this process works, and sweep.

        Raises:
            TrustStoreError: A trust list cannot be used.
            UsageInvalid: An examiner is asked for that does not exist.
            StorageError: Database or object folder failed.
        """
        if self.workers:
            self.prepare()
        for worker in self.workers:
            worker.start()
        self.sweep.start()

    def prepare(self) -> None:
        """Build examiners and stamper now, so that the first job does not wait and a bad trust list stops the start."""
        _ = self.tools.examiners, self.tools.versions
        if self.settings.signer_uri is not None:
            try:
                _ = self.tools.stamper
            except SigningError as err:
                # Checking goes on without it; stamping answers with this error until the credential is right.
                logger.error("the signer cannot be used: %s", err)

    def health(self) -> dict[str, str]:
        """What works, by name: "ok" or what is wrong, in a word."""
        found = {"database": "ok", "objects": "ok"}
        try:
            self.jobs.counts()
        except StorageError:
            found["database"] = "unavailable"
        try:
            self.jobs.objects.probe()
        except StorageError as err:
            logger.error("%s", err)
            found["objects"] = "unavailable"
        if self.workers:
            found["worker"] = "ok" if all(worker.alive for worker in self.workers) else "unavailable"
        return found

    def examiners(self) -> dict[str, str]:
        """Which examiners of this process can look, by name: "ok" or "unavailable" and why, as a code.

        One that cannot does not stop the service: every report says so. Empty where only other processes work.
        """
        if not self.workers:
            return {}
        found = {}
        for examiner in self.tools.examiners:
            state = f"unavailable: {examiner.code}" if isinstance(examiner, UnavailableExaminer) else "ok"
            found[examiner.name.partition(":")[0]] = state
        return found

    def stop(self) -> None:
        """Finish the jobs at hand and close."""
        self.sweep.stop()
        for worker in self.workers:
            worker.stop()
        self.leases.stop()
        self.database.close()


def open_service(settings: Settings, *, kinds: Sequence[JobKind] = tuple(JobKind), works: bool | None = None) -> Service:
    """Open database, objects and queue; nothing runs yet.

    Args:
        settings: All of them.
        kinds: Kinds of jobs this process works on, if it does.
        works: Whether this process works on jobs; none: as `settings.embedded_worker` says.

    Raises:
        StorageError: Database or object folder cannot be opened.
    """
    database = open_database(settings.database_url, home=settings.home)
    jobs = JobTable(database, LocalObjects.open(settings.home / "objects"))
    completions = Completions(jobs.state)
    metrics = Metrics(jobs)
    tools = Tools(settings)
    leases = LeaseKeeper(jobs, lease_s=settings.lease_s)
    bell = Bell(settings.broker_url)
    workers: list[EmbeddedWorker] = []
    if settings.embedded_worker if works is None else works:
        runner = Runner(settings, jobs, tools, leases=leases, metrics=metrics, announce=completions.announce)
        quick = [kind for kind in kinds if kind is not JobKind.GENERATE]
        if quick:
            workers.append(EmbeddedWorker(settings.broker_url, runner.run, queues=quick, threads=settings.worker_threads))
        if JobKind.GENERATE in kinds and settings.model_dir is not None:
            # Its own threads, so that checks do not wait for a picture: one generates while the other stamps.
            workers.append(EmbeddedWorker(settings.broker_url, runner.run, queues=[JobKind.GENERATE], threads=2))
    return Service(
        settings=settings,
        database=database,
        jobs=jobs,
        completions=completions,
        metrics=metrics,
        tools=tools,
        bell=bell,
        leases=leases,
        sweep=Sweep(settings, jobs, bell, kinds=kinds),
        workers=tuple(workers),
        uploads=UploadTurns(settings.max_concurrent_uploads, timeout_s=settings.upload_turn_timeout_s),
    )


def service_of(request: Request) -> Service:
    """The service behind this request."""
    service = request.app.state.service
    assert isinstance(service, Service)
    return service
