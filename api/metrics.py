"""Counters and times for Prometheus: one registry per service, so that two services in one process do not mix."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api.jobs import JobKind, JobTable

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)


class Metrics:
    """What is measured."""

    def __init__(self, jobs: JobTable) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "assay_http_requests", "HTTP requests by route and status", ["method", "route", "status"], registry=self._registry
        )
        self._request_s = Histogram(
            "assay_http_request_seconds", "Time to answer", ["route"], buckets=_BUCKETS_S, registry=self._registry
        )
        self._jobs = Counter("assay_jobs", "Jobs worked on, by outcome", ["kind", "outcome"], registry=self._registry)
        self._job_s = Histogram(
            "assay_job_seconds", "Time a job was worked on", ["kind"], buckets=_BUCKETS_S, registry=self._registry
        )
        self._registry.register(_LiveJobs(jobs))

    def request_answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """One HTTP request is over; `route` is the template, never the path a client chose."""
        # A method is whatever word a client sends, and every new label is kept for good.
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._request_s.labels(route).observe(seconds)

    def job_ended(self, kind: JobKind, outcome: str, seconds: float) -> None:
        """One attempt at a job is over."""
        self._jobs.labels(kind.value, outcome).inc()
        self._job_s.labels(kind.value).observe(seconds)

    def exposition(self) -> bytes:
        """Everything, in Prometheus' text format."""
        return generate_latest(self._registry)


class _LiveJobs(Collector):
    """Jobs waiting and running, counted when asked."""

    def __init__(self, jobs: JobTable) -> None:
        self._jobs = jobs

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering does not ask the database."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """One gauge per kind and state."""
        family = GaugeMetricFamily("assay_jobs_live", "Jobs that have not ended", labels=["kind", "state"])
        for (kind, state), count in self._jobs.counts().items():
            family.add_metric([kind.value, state.value], count)
        yield family
