"""Do the job behind an id: what every worker runs, however the bell reached it.

Safe to run twice: who does not get the lease leaves, and only the holder of the lease records an outcome. What examines,
stamps and generates is built once per process, on first use and never before a fork. An upload's bytes are deleted once its
job has ended.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from api.bundle import Bundle
from api.composition import (
    build_deriver,
    build_examiners,
    build_generator,
    build_parsers,
    build_setup,
    check,
    policy,
    remote_fetcher,
    versions,
)
from api.credential_watch import CredentialWatch
from api.jobs import ClaimedJob, JobKind, JobTable
from api.leases import LeaseKeeper
from api.metrics import Metrics
from api.problems import problem_of
from api.report_document import ReportDocument
from api.report_signature import sign_report
from api.schemas import DerivationDocument, GenerationDocument, StampDocument
from api.settings import Settings
from api.trust_watch import TrustWatch
from provenance.asset import Asset
from provenance.errors import SignerUnavailable, SigningError, StorageError
from provenance.evidence import Examiner
from provenance.isolation.parsers import Parsers
from provenance.metadata.tdmrep import Reservation
from provenance.stamp import Stamper

if TYPE_CHECKING:
    from provenance.pipelines.diffusers import StampedPipeline

TRANSIENT: Final = (SignerUnavailable, StorageError)
"""Failures worth another attempt."""
_SHORTEST_WAIT_S: Final = 2.0
_LONGEST_WAIT_S: Final = 300.0
"""Bounds of the wait for a signer, or a time-stamping authority, that is away."""

T = TypeVar("T")

logger = logging.getLogger("assay.work")


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class Once(Generic[T]):
    """What is built on first use, once, whichever thread comes first; a build that raised is tried again."""

    def __init__(self, build: Callable[[], T]) -> None:
        self._build = build
        self._lock = threading.Lock()
        self._built: tuple[T] | None = None

    @property
    def built(self) -> bool:
        """Whether it is there."""
        return self._built is not None

    def get(self) -> T:
        """The one built."""
        with self._lock:
            if self._built is None:
                self._built = (self._build(),)
            return self._built[0]


class Tools:
    """Examiners, stamper and generator of this process, each built on first use."""

    def __init__(self, settings: Settings, *, on_omission: Callable[[SigningError], None] | None = None) -> None:
        """Nothing is built yet; `on_omission` is told of each stamp that goes without a time-stamp."""
        self.settings = settings
        self.trust = TrustWatch(settings, self._trust_changed)
        self._parsers = Once(lambda: build_parsers(settings))
        self._examiners = Once(lambda: build_examiners(settings, self.parsers, settings.examiners))
        self._versions = Once(lambda: versions(settings))
        self.credential = CredentialWatch(settings, on_omission=on_omission)
        self._generator = Once(lambda: build_generator(settings, self.credential))

    @property
    def parsers(self) -> Parsers:
        """Who parses untrusted bytes, for whoever else is here."""
        return self._parsers.get()

    @property
    def examiners(self) -> Sequence[Examiner]:
        """Who checks."""
        return self._examiners.get()

    @property
    def versions(self) -> Mapping[str, str]:
        """What takes part beside the examiners, as the parsers have it."""
        return self._versions.get()

    @property
    def stamper(self) -> Stamper:
        """Who stamps now; another may the next time, so it is asked for once for every stamp.

        Raises:
            SigningError: No signer is configured, or it cannot be used.
        """
        return self.credential.stamper

    @property
    def generator(self) -> StampedPipeline:
        """What generates; the model is loaded by the first job.

        Raises:
            SigningError: What it generates could not be stamped.
            PipelineError: No model is configured, or it cannot be loaded.
        """
        _ = self.stamper  # minutes of work would come to nothing
        return self._generator.get()

    def _trust_changed(self) -> None:
        if not self._parsers.built:
            return
        self._parsers.get().renew(build_setup(self.settings))
        self._versions = Once(lambda: versions(self.settings))

    def close(self) -> None:
        """End the watch over the credential, and the parsers, if there are any."""
        self.credential.stop()
        if self._parsers.built:
            self.parsers.close()


class Runner:
    """Works on jobs, one call each, from any number of threads."""

    def __init__(
        self,
        settings: Settings,
        jobs: JobTable,
        tools: Tools,
        *,
        leases: LeaseKeeper,
        metrics: Metrics,
        announce: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._jobs = jobs
        self._tools = tools
        self._leases = leases
        self._metrics = metrics
        self._announce = announce

    def run(self, job_id: str) -> None:
        """Do this job if it is still to be done.

        Raises:
            StorageError: The outcome could not be recorded; the lease runs out and the job is given to a worker again.
        """
        settings = self._settings
        job = self._jobs.claim(job_id, at=now(), lease_s=settings.lease_s, max_attempts=settings.max_attempts)
        if job is None:
            return
        begun = time.perf_counter()
        with self._leases.held(job):
            outcome = self._work(job)
        self._metrics.job_ended(job.kind, outcome, time.perf_counter() - begun)
        if job.input_sha256 is not None:  # before anyone is told: whoever has the answer may rely on the pixels being gone
            try:
                self._jobs.delete_unneeded_objects(job.input_sha256)
            except StorageError as err:
                logger.warning("an upload could not be deleted, the sweep will try again: %s", err)
        self._announce(job.id)

    def _work(self, job: ClaimedJob) -> str:
        try:
            match job.kind:
                case JobKind.CHECK:
                    self._check(job)
                case JobKind.STAMP:
                    self._stamp(job)
                case JobKind.GENERATE:
                    self._generate(job)
                case JobKind.DERIVE:
                    self._derive(job)
        except Exception as err:
            if isinstance(err, SignerUnavailable) and self._wait_for_signer(job):
                logger.warning("job %s waits for who signs: %s", job.id, err)
                return "put_back"
            if isinstance(err, TRANSIENT) and job.attempt < self._settings.max_attempts:
                logger.warning("job %s goes back to the queue: %s", job.id, err)
                self._jobs.put_back(job, at=now(), delay_s=float(2**job.attempt))
                return "put_back"
            problem = problem_of(err)
            if problem.status >= 500:
                logger.error("job %s failed: %s", job.id, err, exc_info=err if problem.code == "internal" else None)
            self._jobs.fail(job, problem, at=now())
            return "failed"
        return "finished"

    def _wait_for_signer(self, job: ClaimedJob) -> bool:
        """Put the job back without counting the attempt, which killed nobody; False when its patience is over."""
        waited_s = (now() - job.created_at).total_seconds()
        if self._settings.max_attempts == 1 or waited_s >= self._settings.signer_patience_s:
            return False
        delay_s = min(max(_SHORTEST_WAIT_S, waited_s / 2), _LONGEST_WAIT_S)
        self._jobs.put_back(job, at=now(), delay_s=delay_s, attempts=1)
        return True

    def _check(self, job: ClaimedJob) -> None:
        self._tools.trust.look()
        asset = self._input(job)
        reservation = job.parameters.get("reservation")
        report = check(
            asset,
            self._tools.examiners,
            policy(),
            parsers=self._tools.parsers,
            at=now(),
            max_pixels=self._settings.max_asset_pixels,
            versions=self._tools.versions,
            remote=remote_fetcher(self._settings),
            reservation=None if reservation is None else Reservation(**reservation),
        )
        document = self._signed(ReportDocument.from_report(report))
        self._jobs.finish_check(job, asset_sha256=asset.sha256, document=document.to_json(), at=now())

    def _signed(self, document: ReportDocument) -> ReportDocument:
        if self._settings.signer_uri is None:
            return document
        try:
            return sign_report(document, self._tools.stamper.signer, at=now())
        except SigningError as err:
            # What was found does not depend on the key, and a report without a signature does not pretend to have one.
            logger.error("a report stays unsigned: %s", err)
            return document

    def _stamp(self, job: ClaimedJob) -> None:
        asked = StampDocument.model_validate(job.parameters)
        parts = Bundle(self._object(job), asked.sizes).assets(max_bytes=self._settings.max_asset_bytes)
        # Nobody vouches for half a picture; and the key's own process reads these bytes only after every parser got through.
        for part in parts.values():
            self._tools.parsers.vet(part, max_pixels=self._settings.max_asset_pixels)
        asset = parts["file"]
        record = asked.record.to_record(
            at=now(),
            provider=self._settings.provider,
            media_type=asset.media_type,
            parents=tuple(part for name, part in parts.items() if name == "parent"),
            inputs=tuple(part for name, part in parts.items() if name == "control"),
        )
        self._finish_image(job, self._tools.stamper.stamp_asset(asset, record))

    def _generate(self, job: ClaimedJob) -> None:
        from provenance.pipelines.generation import generate

        request = GenerationDocument.model_validate(job.parameters).to_request()
        # The pipeline generates one batch at a time and stamps outside its lock: two threads overlap the two.
        self._finish_image(job, generate(self._tools.generator, request).assets[0])

    def _derive(self, job: ClaimedJob) -> None:
        derivation = DerivationDocument.model_validate(job.parameters).to_derivation()
        asset = self._input(job)
        self._tools.parsers.vet(asset, max_pixels=self._settings.max_asset_pixels)
        deriver = build_deriver(self._settings, self._tools.stamper)
        self._finish_image(job, deriver.derive(asset, derivation))

    def _finish_image(self, job: ClaimedJob, stamped: Asset) -> None:
        self._jobs.finish_image(job, data=stamped.data, sha256=stamped.sha256, media_type=stamped.media_type, at=now())

    def _input(self, job: ClaimedJob) -> Asset:
        return Asset.from_bytes(self._object(job), max_bytes=self._settings.max_asset_bytes)

    def _object(self, job: ClaimedJob) -> bytes:
        if job.input_sha256 is None:
            raise ValueError(f"a {job.kind} job without an object")
        return self._jobs.objects.get(job.input_sha256)
