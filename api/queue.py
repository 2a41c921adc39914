"""The bell: Celery carries a job's id to a worker, and nothing else.

The job table is the truth. A message that is lost, delivered twice or delivered late costs time, never work: the sweep rings
again, and who comes second finds the job taken. So publishing never fails a request, and results are not kept by Celery.

With the default broker, `memory://`, the worker is a thread of this process. Kombu polls that broker once a second unless told
otherwise: 16 jobs a second were measured so, 660 with a polling interval of 10 ms.

Source: Celery 5.7, "Workers Guide" and "Configuration and defaults".
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from celery import Celery
from celery.exceptions import WorkerShutdown
from celery.worker import WorkController
from kombu.entity import Exchange, Queue

from api.jobs import JobKind

TASK: Final = "assay.work"
START_TIMEOUT_S: Final = 10.0
STOP_TIMEOUT_S: Final = 10.0
"""How long a worker without a job at hand may take to end; it may be waiting for its broker to come back."""

logger = logging.getLogger("assay.queue")


def create_celery(broker_url: str) -> Any:  # noqa: ANN401  # Celery has no types
    """A Celery application with one queue per kind of job, which touches no global state until it works."""
    # Kombu warns of a missing host, even where none is needed.
    broker = "memory://localhost" if broker_url == "memory://" else broker_url
    app = Celery("assay", broker=broker, set_as_current=False)
    exchange = Exchange("assay", type="direct")  # type: ignore[no-untyped-call]
    options: dict[str, object] = {}
    if broker_url.startswith("memory:"):
        options["polling_interval"] = 0.01
    elif broker_url.startswith(("redis:", "rediss:")):
        options.update(socket_timeout=5.0, socket_connect_timeout=2.0)
    app.conf.update(
        accept_content=["json"],
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=2.0,
        broker_transport_options=options,
        task_acks_late=True,
        task_create_missing_queues=False,
        task_default_queue=JobKind.CHECK.value,
        task_ignore_result=True,
        # A routing key each: left to the default, they would share one, and every bell would ring at every queue.
        task_queues=[Queue(kind.value, exchange, routing_key=kind.value) for kind in JobKind],  # type: ignore[no-untyped-call]
        task_reject_on_worker_lost=True,
        task_serializer="json",
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_pool_start_method="spawn",  # a forked child would share the SDK's and CUDA's threads and locks with its parent
        worker_prefetch_multiplier=1,
        worker_redirect_stdouts=False,
    )
    return app


class Bell:
    """Tells workers that there is a job."""

    def __init__(self, broker_url: str) -> None:
        self._app = create_celery(broker_url)

    def ring(self, kind: JobKind, job_id: str) -> None:
        """Tell whoever works on `kind`; what does not arrive is rung again by the sweep."""
        try:
            self._app.send_task(TASK, args=[job_id], queue=kind.value, retry=False, ignore_result=True)
        except Exception as err:  # every transport has its own, and none of them is worth the request
            logger.warning("the bell for job %s was not heard, the sweep will ring again: %s", job_id, err)


class EmbeddedWorker:
    """A Celery worker in a thread of this process: no signal handlers, no logging set up, no output redirected."""

    def __init__(self, broker_url: str, run: Callable[[str], None], *, queues: Sequence[JobKind], threads: int) -> None:
        app = create_celery(broker_url)  # its own: choosing queues for a worker changes its application
        self._ready = threading.Event()
        self._at_hand: set[str] = set()
        self._in_memory = broker_url.startswith("memory:")

        def work(job_id: str) -> None:
            self._at_hand.add(job_id)
            try:
                run(job_id)
            finally:
                self._at_hand.discard(job_id)

        app.task(work, name=TASK, acks_late=True, ignore_result=True, shared=False)
        # A pool's thread looks the task up in the default application, whoever's message it was. The workers of one process
        # share `run`, so it does not matter which of them is the default.
        app.set_default()
        self._controller = WorkController(
            app=app,
            hostname=f"embedded-{'-'.join(queues)}@localhost",
            pool="threads",
            concurrency=threads,
            queues=[queue.value for queue in queues],
            ready_callback=lambda _: self._ready.set(),
            loglevel=None,
            use_eventloop=False,  # Celery's event loop can be stopped from its own thread only
            without_gossip=True,
            without_heartbeat=True,
            without_mingle=True,
        )
        self._thread = threading.Thread(target=self._controller.start, name=f"assay-worker-{'-'.join(queues)}", daemon=True)

    def start(self) -> None:
        """Return when jobs are taken.

        Raises:
            RuntimeError: The worker did not come up within `START_TIMEOUT_S`.
        """
        self._thread.start()
        if not self._ready.wait(START_TIMEOUT_S):
            raise RuntimeError("the embedded worker did not start")

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Finish the jobs at hand and end; those not begun stay in the job table. One that never started has nothing to end."""
        if self._thread.ident is None:
            return
        if self._in_memory:
            self._controller.stop()
            # The pool has ended and the consumer is closed. The thread notices when its poll of the broker is over, up to 2 s
            # later, and has nothing left to do then.
            self._thread.join(timeout=0.05)
            return
        # A connection to a broker belongs to its thread: two that read from it wait for each other.
        self._controller.consumer.call_soon(_shut_down)
        self._thread.join(timeout=STOP_TIMEOUT_S)
        while self._thread.is_alive() and self._at_hand:
            self._thread.join(timeout=1.0)


def _shut_down() -> None:
    raise WorkerShutdown(0)
