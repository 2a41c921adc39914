"""The sweep: ring for jobs whose bell was lost or whose worker died, and delete what is no longer needed.

Runs at start-up and then at an interval, in every process that serves or works. Two sweeps at once do no harm.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from api.jobs import JobKind, JobTable
from api.queue import Bell
from api.settings import Settings
from provenance.errors import StorageError

FETCHED_GRACE_S: Final = 60.0
"""A result is kept for so long after it was fetched, for a client whose connection broke."""
UNFINISHED_GRACE_S: Final = 3600.0

logger = logging.getLogger("assay.sweep")


class Sweep:
    """Does its round every `settings.sweep_interval_s`."""

    def __init__(self, settings: Settings, jobs: JobTable, bell: Bell, *, kinds: Sequence[JobKind] = tuple(JobKind)) -> None:
        self._settings = settings
        self._jobs = jobs
        self._bell = bell
        self._kinds = kinds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sweep_on, name="assay-sweep", daemon=True)

    def start(self) -> None:
        """Sweep once, with every queued job due if the broker has no memory, and go on in a thread."""
        self.once(starting=self._settings.broker_url.startswith("memory:"))
        self._thread.start()

    def stop(self) -> None:
        """Finish the round at hand and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def once(self, *, starting: bool = False) -> None:
        """One round.

        Raises:
            StorageError: Database or file system failed.
        """
        at, settings = datetime.now(UTC), self._settings
        for job_id, kind in self._jobs.due(self._kinds, at=at, ring_again_after_s=settings.lease_s, starting=starting):
            self._bell.ring(kind, job_id)
        self._jobs.drop_results(at=at, retention_s=settings.result_retention_s, fetched_grace_s=FETCHED_GRACE_S)
        self._jobs.delete_unneeded_objects()
        self._jobs.objects.delete_unfinished(before=time.time() - UNFINISHED_GRACE_S)

    def _sweep_on(self) -> None:
        while not self._stop.wait(self._settings.sweep_interval_s):
            try:
                self.once()
            except StorageError as err:
                logger.warning("a sweep failed and will be repeated: %s", err)
            except Exception:
                logger.exception("a sweep failed")
