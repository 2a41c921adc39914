"""Wait for a job to end without asking the database all the time.

A worker in this process announces that a job has ended; a worker elsewhere cannot, so the state is read as well, less and
less often.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Final

from starlette.concurrency import run_in_threadpool

from api.jobs import ENDED, JobState

FIRST_LOOK_S: Final = 0.05
LONGEST_PAUSE_S: Final = 1.0


class Completions:
    """Who waits for which job. Announcing is safe from any thread."""

    def __init__(self, state: Callable[[str], JobState | None]) -> None:
        self._state = state
        self._waiting: dict[str, set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = defaultdict(set)
        self._lock = threading.Lock()

    def announce(self, job_id: str) -> None:
        """Wake whoever waits for this job."""
        with self._lock:
            waiting = self._waiting.pop(job_id, set())
        for loop, event in waiting:
            with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile
                loop.call_soon_threadsafe(event.set)

    async def wait(self, job_id: str, *, timeout_s: float) -> JobState | None:
        """The job's state when it has ended, or after `timeout_s`; None when there is no such job."""
        until = time.monotonic() + timeout_s
        pause_s = FIRST_LOOK_S
        while True:
            event = asyncio.Event()
            entry = (asyncio.get_running_loop(), event)
            with self._lock:
                self._waiting[job_id].add(entry)
            try:
                # Looked at after signing up, so that an end between the two is not missed.
                state = await run_in_threadpool(self._state, job_id)
                left_s = until - time.monotonic()
                if state is None or state in ENDED or left_s <= 0:
                    return state
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(event.wait(), min(pause_s, left_s))
            finally:
                with self._lock:
                    self._waiting[job_id].discard(entry)
                    if not self._waiting[job_id]:
                        del self._waiting[job_id]
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
