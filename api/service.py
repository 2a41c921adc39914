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
from provenance.errors import StorageError

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
            IsolationUnavailable: There is no process to parse in, or none that can be confined.
            UsageInvalid: An examiner is asked for that does not exist.
            StorageError: Database or object folder failed.
        """
        if self.workers:
            self.prepare()
        for worker in self.workers:
            worker.start()
        self.sweep.start()

    def prepare(self) -> None:
        """Build all tools now, so that the first job does not wait and what must not be missing stops the start."""
        self.tools.trust.look()
        self.tools.parsers.begin()  # they load their libraries while this process loads its own
        _ = self.tools.examiners, self.tools.versions
        self.tools.parsers.start()
        if self.settings.signer_uri is not None:
            # One that cannot be used is in the log. Checking goes on; stamping answers with why until it is right.
            self.tools.credential.start()

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
            if (trust := self.tools.trust.state).startswith("unavailable"):
                found["trust"] = trust
        return found

    def examiners(self) -> dict[str, str]:
        """Which examiners of this process can look, by name, with which trust lists and how confined: "ok" or why not.

        One that cannot does not stop the service: every report says so. Empty where only other processes work.
        """
        if not self.workers:
            return {}
        confinement = self.tools.parsers.confinement
        found = {
            "trust": self.tools.trust.state,
            "isolation": "ok" if confinement is not None and confinement.filtered else "unavailable: not confined",
        }
        for examiner in self.tools.examiners:
            state = f"unavailable: {examiner.code}" if isinstance(examiner, UnavailableExaminer) else "ok"
            found[examiner.name.partition(":")[0]] = state
        return found

    def signer(self) -> dict[str, str]:
        """How it stands with the signing credential of this process: "ok", "alarm: ..." or "unavailable: CODE".

        It stops no work but stamping. Empty where none is configured, or only other processes work.
        """
        if not self.workers or self.settings.signer_uri is None:
            return {}
        return {"signer": self.tools.credential.state().describe(self.settings.credential_alarm_days)}

    def stop(self) -> None:
        """Finish the jobs at hand and close."""
        self.sweep.stop()
        for worker in self.workers:
            worker.stop()
        self.tools.close()
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
    works_here = settings.embedded_worker if works is None else works
    database = open_database(settings.database_url, home=settings.home)
    jobs = JobTable(database, LocalObjects.open(settings.home / "objects"))
    completions = Completions(jobs.state)
    metrics = Metrics(jobs)
    tools = Tools(settings, on_omission=metrics.timestamp_omitted)
    if settings.signer_uri is not None and works_here:
        metrics.show_credential(tools.credential.state)
    leases = LeaseKeeper(jobs, lease_s=settings.lease_s)
    bell = Bell(settings.broker_url)
    workers: list[EmbeddedWorker] = []
    if works_here:
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
