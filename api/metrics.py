"""Counters and times for Prometheus: one registry per service, so that two services in one process do not mix."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api.jobs import JobKind, JobTable
from provenance.errors import SigningError

if TYPE_CHECKING:
    from api.credential_watch import CredentialState

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
        self._omissions = Counter(
            "assay_timestamps_omitted", "Signatures made without a time-stamp, by reason", ["code"], registry=self._registry
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

    def timestamp_omitted(self, reason: SigningError) -> None:
        """A signature was made without a time-stamp."""
        self._omissions.labels(reason.code).inc()

    def show_credential(self, state: Callable[[], CredentialState]) -> None:
        """Show how it stands with the signing credential, too."""
        self._registry.register(_CredentialGauges(state))

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


class _CredentialGauges(Collector):
    """How it stands with the signing credential, looked up when asked."""

    def __init__(self, state: Callable[[], CredentialState]) -> None:
        self._state = state

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering looks nothing up."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Whether it can be used, how long it is valid, and whether a new one was refused."""
        state = self._state()
        usable = GaugeMetricFamily("assay_credential_usable", "Whether stamps can be signed")
        usable.add_metric([], float(state.code is None))
        yield usable
        refused = GaugeMetricFamily(
            "assay_credential_refused", "Whether a new credential was refused and the old one is in force"
        )
        refused.add_metric([], float(state.refused is not None))
        yield refused
        if state.expires_in is not None:
            left = GaugeMetricFamily("assay_credential_expires_seconds", "Until the first certificate of the chain ends")
            left.add_metric([], state.expires_in.total_seconds())
            yield left
