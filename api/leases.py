"""Keep the leases of jobs that are being worked on, from one thread per process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from api.jobs import ClaimedJob, JobTable
from provenance.errors import StorageError

logger = logging.getLogger("assay.leases")


class LeaseKeeper:
    """Renews every held lease three times within its length; the thread lives while a lease is held."""

    def __init__(self, jobs: JobTable, *, lease_s: float) -> None:
        self._jobs = jobs
        self._lease_s = lease_s
        self._held: dict[str, ClaimedJob] = {}
        self._changed = threading.Condition()
        self._stopped = False
        self._thread: threading.Thread | None = None

    @contextmanager
    def held(self, job: ClaimedJob) -> Iterator[None]:
        """Keep this job's lease within the block."""
        with self._changed:
            self._held[job.lease] = job
            if self._thread is None:
                self._thread = threading.Thread(target=self._renew_all, name="assay-leases", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._changed:
                del self._held[job.lease]

    def stop(self) -> None:
        """End the thread."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _renew_all(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopped, timeout=self._lease_s / 3)
                if self._stopped:
                    return
                held = list(self._held.values())
            for job in held:
                try:
                    self._jobs.renew(job, at=datetime.now(UTC), lease_s=self._lease_s)
                except StorageError as err:
                    logger.warning("could not renew the lease of job %s: %s", job.id, err)
