"""A worker process: takes jobs from the queues it is given until a signal says stop.

Its pool are threads: examining and stamping release the interpreter's lock, and a forked child would share the SDK's and CUDA's
locks with its parent. For more processes, start it more than once. With the default broker it hears no bell of another
process and finds jobs by sweeping, at every `sweep_interval_s`.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Sequence
from types import FrameType

from api.jobs import JobKind
from api.service import open_service
from api.settings import Settings
from provenance.errors import UsageInvalid


def run_worker(settings: Settings, queues: Sequence[str] = tuple(JobKind)) -> None:
    """Work until SIGTERM or SIGINT, finish the jobs at hand, and return.

    Args:
        settings: All of them; `worker_threads` jobs are worked on at a time.
        queues: Some of "check", "stamp", "generate".

    Raises:
        UsageInvalid: There is no such queue.
        StorageError, TrustStoreError: What it needs is not usable.
    """
    unknown = sorted(set(queues) - set(JobKind))
    if unknown or not queues:
        raise UsageInvalid(f"no queue of this name: {', '.join(unknown) or 'none at all'}; there are {', '.join(JobKind)}")
    service = open_service(settings, kinds=[JobKind(queue) for queue in queues], works=True)
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        service.start()
        stop.wait()
    finally:
        service.stop()
        for number, handler in before.items():
            signal.signal(number, handler)
