from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from api.jobs import JobKind
from api.queue import Bell, EmbeddedWorker, create_celery
from tests.api.serving import ROOT, Server
from tests.api.test_survival import wait_for_end

REDIS_URL = os.environ.get("ASSAY_TEST_REDIS_URL", "redis://127.0.0.1:6379/13")
AMQP_URL = os.environ.get("ASSAY_TEST_AMQP_URL", "amqp://guest:guest@127.0.0.1:5672//")


class Heard:
    """Notes what it is told, and lets others wait for it."""

    def __init__(self) -> None:
        self.jobs: list[str] = []
        self._changed = threading.Condition()

    def __call__(self, job_id: str) -> None:
        with self._changed:
            self.jobs.append(job_id)
            self._changed.notify_all()

    def wait_for(self, count: int) -> list[str]:
        with self._changed:
            self._changed.wait_for(lambda: len(self.jobs) >= count, timeout=10)
        return self.jobs


@pytest.mark.parametrize("round_", range(2), ids=["first in this process", "second in this process"])
def test_every_bell_is_heard_once_by_the_workers_of_a_process(round_):
    heard = Heard()
    workers = [
        EmbeddedWorker("memory://", heard, queues=queues, threads=2)
        for queues in ([JobKind.CHECK, JobKind.STAMP], [JobKind.GENERATE, JobKind.DERIVE])
    ]
    for worker in workers:
        worker.start()
    bell = Bell("memory://")
    try:
        for kind in JobKind:
            bell.ring(kind, f"{round_}-{kind}")
        assert sorted(heard.wait_for(len(JobKind))) == sorted(f"{round_}-{kind}" for kind in JobKind)
        time.sleep(0.1)
        assert len(heard.jobs) == len(JobKind)
    finally:
        for worker in workers:
            worker.stop()


def test_a_bell_is_heard_soon():
    heard = Heard()
    worker = EmbeddedWorker("memory://", heard, queues=[JobKind.CHECK], threads=1)
    worker.start()
    try:
        bell = Bell("memory://")
        bell.ring(JobKind.CHECK, "warm")
        heard.wait_for(1)
        begun = time.monotonic()
        for number in range(20):
            bell.ring(JobKind.CHECK, str(number))
            heard.wait_for(number + 2)
        assert (time.monotonic() - begun) / 20 < 0.2  # a second each with Kombu's own polling interval
    finally:
        worker.stop()


def test_the_worker_leaves_the_process_as_it_was(capsys):
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    logging_before, out, err = list(logging.getLogger().handlers), sys.stdout, sys.stderr
    worker = EmbeddedWorker("memory://", Heard(), queues=[JobKind.CHECK], threads=1)
    worker.start()
    try:
        assert {number: signal.getsignal(number) for number in handlers} == handlers
        assert logging.getLogger().handlers == logging_before
        assert (sys.stdout, sys.stderr) == (out, err)
    finally:
        worker.stop()
    assert capsys.readouterr().out == ""


def test_stopping_waits_for_the_job_at_hand():
    begun, done = threading.Event(), threading.Event()

    def slow(_: str) -> None:
        begun.set()
        time.sleep(0.3)
        done.set()

    worker = EmbeddedWorker("memory://", slow, queues=[JobKind.CHECK], threads=1)
    worker.start()
    Bell("memory://").ring(JobKind.CHECK, "x")
    assert begun.wait(10)
    worker.stop()
    assert done.is_set()


@pytest.mark.parametrize("url", ["memory://", "amqp://127.0.0.1:1//"])
def test_a_worker_that_never_started_has_nothing_to_stop(url):
    EmbeddedWorker(url, Heard(), queues=[JobKind.CHECK], threads=1).stop()


def test_a_broker_that_is_down_costs_the_bell_and_not_the_request(caplog):
    begun = time.monotonic()
    Bell("redis://127.0.0.1:1/0" if _has("redis") else "amqp://127.0.0.1:1//").ring(JobKind.CHECK, "x")
    assert time.monotonic() - begun < 10
    assert "the sweep will ring again" in caplog.text


def test_a_child_of_a_worker_would_be_spawned_and_never_forked():
    assert create_celery("memory://").conf.worker_pool_start_method == "spawn"


@pytest.mark.parametrize("url", [REDIS_URL, AMQP_URL], ids=["redis", "rabbitmq"])
def test_a_worker_process_hears_an_external_broker(home, png, url):
    if url.startswith("redis") and not _has("redis"):
        pytest.skip("needs the redis extra: pip install 'assay[redis]'")
    _require_broker(url)
    with Server(home, broker_url=url, embedded_worker=False, sweep_interval_s=60, quick_answer_s=20) as server:
        program = "from api import settings, worker; worker.run_worker(settings.Settings(), ['check', 'stamp'])"
        worker = subprocess.Popen([sys.executable, "-c", program], env=server.environment, cwd=ROOT)
        try:
            begun = time.monotonic()
            answer = server.client.post("/v1/checks", files={"file": png}, headers={"Prefer": "respond-async"})
            assert wait_for_end(server.client, answer.headers["location"])["state"] == "finished"
            assert time.monotonic() - begun < 30  # the bell, and not the sweep after a minute
            assert server.client.post("/v1/checks", files={"file": png}).status_code == 200
        finally:
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(timeout=30) == 0


def _has(module: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(module) is not None


def _require_broker(url: str) -> None:
    from kombu import Connection

    try:
        with Connection(url, connect_timeout=2) as connection:
            connection.ensure_connection(max_retries=1, timeout=3)
    except Exception as err:
        pytest.skip(f"no broker answers at {url.rsplit('@', 1)[-1]}: {err}")
