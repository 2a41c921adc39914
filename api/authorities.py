"""Ask the authorities that stand behind our own signatures: who stamps times, and who knows whether a certificate is in force.

Both take a query in one POST and answer with a few kilobytes of DER. Their addresses are the operator's choice, or the issuer's
in our own certificate, so private networks are reachable; redirects are not followed. 429, 5xx and a network that fails mean
"later"; any other answer that is none means that somebody must act.

Source: RFC 3161 3.4 and RFC 6960 A.1 (over HTTP).
"""

from __future__ import annotations

import os
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Final

import httpcore

from provenance.errors import (
    SignerUnavailable,
    SigningError,
    StatusInvalid,
    StatusUnavailable,
    TimestampInvalid,
    TimestampUnavailable,
    UsageInvalid,
)

MAX_ANSWER_BYTES: Final = 64 * 1024
_IDLE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class _Exchange:
    """Media types and errors of one kind of query."""

    name: str
    asks: str
    answers: str
    unavailable: type[SignerUnavailable]
    invalid: type[SigningError]


_TIMESTAMPS: Final = _Exchange(
    "time-stamping authority",
    "application/timestamp-query",
    "application/timestamp-reply",
    TimestampUnavailable,
    TimestampInvalid,
)
_STATUS: Final = _Exchange(
    "OCSP responder",
    "application/ocsp-request",
    "application/ocsp-response",
    StatusUnavailable,
    StatusInvalid,
)


class HttpAuthority:
    """An authority at one address; safe to share between threads and to build before a fork."""

    def __init__(self, exchange: _Exchange, url: str, *, timeout_s: float) -> None:
        """Nothing is asked yet.

        Raises:
            UsageInvalid: The address is no http or https URL.
        """
        try:
            scheme = httpcore.URL(url).scheme
        except (ValueError, UnicodeError) as err:
            raise UsageInvalid(f"the address of the {exchange.name} is no URL: {err}") from err
        if scheme not in (b"http", b"https"):
            raise UsageInvalid(f"the {exchange.name} must have an http or https address, not {url!r}")
        self._exchange = exchange
        self._url = url
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._pool: httpcore.ConnectionPool | None = None
        self._process = 0

    def answer(self, query: bytes) -> bytes:
        """What the authority answers to a query, DER.

        Raises:
            TimestampUnavailable, StatusUnavailable: It is out of reach, too slow, busy or failing.
            TimestampInvalid, StatusInvalid: It answers something else, or too much.
        """
        exchange, deadline = self._exchange, time.monotonic() + self._timeout_s
        headers = [("Content-Type", exchange.asks), ("Accept", exchange.answers), ("User-Agent", "assay")]
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), self._timeout_s)
        body = b""
        try:
            with self._connections().stream(
                "POST", self._url, headers=headers, content=query, extensions={"timeout": timeouts}
            ) as response:
                for chunk in response.iter_stream():
                    body += chunk
                    if len(body) > MAX_ANSWER_BYTES:
                        raise exchange.invalid(f"the {exchange.name} answers with more than {MAX_ANSWER_BYTES} bytes")
                    if time.monotonic() > deadline:
                        raise httpcore.ReadTimeout("the time for the whole answer ran out")
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as err:
            raise exchange.unavailable(f"the {exchange.name} is out of reach: {type(err).__name__}: {err}") from err
        if response.status == 429 or response.status >= 500:
            raise exchange.unavailable(f"the {exchange.name} answers {response.status}")
        if response.status != 200:
            raise exchange.invalid(f"the {exchange.name} answers {response.status}")
        return body

    def _connections(self) -> httpcore.ConnectionPool:
        with self._lock:
            if self._pool is None or self._process != os.getpid():  # a connection cannot be shared across a fork
                # Reading the system's authorities takes tens of milliseconds: not for plain http.
                tls = ssl.create_default_context() if self._url.startswith("https:") else None
                self._pool = httpcore.ConnectionPool(ssl_context=tls, keepalive_expiry=_IDLE_S, retries=1)
                self._process = os.getpid()
            return self._pool


def timestamping_authority(url: str, *, timeout_s: float) -> HttpAuthority:
    """The time-stamping authority at `url`.

    Raises:
        UsageInvalid: It is no http or https URL.
    """
    return HttpAuthority(_TIMESTAMPS, url, timeout_s=timeout_s)


def status_responder(url: str, *, timeout_s: float) -> HttpAuthority:
    """The OCSP responder at `url`.

    Raises:
        UsageInvalid: It is no http or https URL.
    """
    return HttpAuthority(_STATUS, url, timeout_s=timeout_s)
