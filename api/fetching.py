"""Fetch from a URL that a stranger chose, without becoming the stranger's hands inside our network.

The host is resolved once, all its addresses must be global unicast, and the connection goes to one of those very addresses:
nothing is resolved again, so an answer that changes (DNS rebinding) changes nothing. Name and certificate are checked as for
any HTTPS request. Every redirect is a new URL and is checked like the first. No proxy, cookie or credential is sent, and no
compressed body is taken, so the byte limit holds on the wire and in memory alike. One clock runs over the whole.

Source: OWASP, Server-Side Request Forgery Prevention; WHATWG URL Standard, "ends in a number checker".
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

import httpcore

from api.addresses import IPAddress, IPNetwork, why_refused
from provenance.errors import FetchError, FetchRefused, FetchTimeout, FetchTooLarge

DEFAULT_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}
MAX_URL_CHARACTERS: Final = 2048
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
USER_AGENT: Final = "assay"

_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMERIC_LABEL: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_UNSAFE: Final = re.compile(r"[\x00-\x20\x7f\\]")

Resolver = Callable[[str, int], Sequence[str]]
"""From host and port to addresses in text, in order of preference. May raise OSError."""


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What one fetch may cost."""

    max_bytes: int
    """Longest body, in bytes."""
    total_s: float = 10.0
    """From the first name looked up to the last byte, redirects included."""
    connect_s: float = 5.0
    """For each name looked up and each connection."""
    max_redirects: int = 3


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was at the end of the redirects."""

    body: bytes
    headers: Mapping[str, str]
    """Of the last response; names in lower case. Of several of one name, the last."""
    url: str
    """Where it came from."""

    @property
    def media_type(self) -> str:
        """As the other side declares it, in lower case and without parameters; empty where it does not."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class _Target:
    """A URL that passed the checks that need no network."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def fetch(url: str, *, max_bytes: int, timeout_s: float = 10.0, max_redirects: int = 3) -> bytes:
    """The bytes behind `url`; see `Fetcher.fetch`."""
    limits = FetchLimits(max_bytes, total_s=timeout_s, connect_s=min(5.0, timeout_s), max_redirects=max_redirects)
    return Fetcher(limits).fetch(url)


def resolve(host: str, port: int) -> Sequence[str]:
    """Addresses of `host`, as the system's resolver gives them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Fetcher:
    """Fetches within limits. Blocking: call it where waiting hurts nobody.

    Args:
        limits: What one fetch may cost.
        resolver: From host and port to addresses.
        allow_networks: Networks that are taken although they are not global, for tests and for an operator's own hosts.
        ports: Ports that are taken.
        ssl_context: How certificates are checked; by default against the system's authorities.
        accept: Media types that are asked for; what comes is the caller's to check.
    """

    def __init__(
        self,
        limits: FetchLimits,
        *,
        resolver: Resolver = resolve,
        allow_networks: Iterable[IPNetwork] = (),
        ports: Iterable[int] = DEFAULT_PORTS.values(),
        ssl_context: ssl.SSLContext | None = None,
        accept: str = "image/*",
    ) -> None:
        self._limits = limits
        self._accept = accept
        self._resolver = resolver
        self._allowed = tuple(allow_networks)
        self._ports = frozenset(ports)
        self._ssl_context = ssl_context

    def fetch(self, url: str) -> bytes:
        """The body alone; see `get`."""
        return self.get(url).body

    def get(self, url: str) -> Fetched:
        """The 200 response at the end of at most `max_redirects` redirects.

        Raises:
            FetchRefused: The URL, an address, a redirect or an encoding is not followed.
            FetchTooLarge: The body is longer than `max_bytes`.
            FetchTimeout: The time ran out.
            FetchError: The other side is out of reach or answered badly.
        """
        deadline = time.monotonic() + self._limits.total_s
        target = self._target(url)
        for _ in range(self._limits.max_redirects + 1):
            location, fetched = self._get(target, deadline)
            if location is None:
                return fetched
            following = self._target(urljoin(target.url, location))
            if target.scheme == "https" and following.scheme == "http":
                raise FetchRefused("a redirect from https to http is not followed")
            target = following
        raise FetchRefused(f"more than {self._limits.max_redirects} redirects")

    def _target(self, url: str) -> _Target:
        if len(url) > MAX_URL_CHARACTERS or _UNSAFE.search(url):
            raise FetchRefused("the URL is too long, or has spaces, control characters or backslashes in it")
        try:
            parts = urlsplit(url)
            host, port, scheme = parts.hostname or "", parts.port, parts.scheme.lower()
        except ValueError as err:
            raise FetchRefused(f"not a URL: {err}") from err
        if scheme not in DEFAULT_PORTS:
            raise FetchRefused(f"only http and https are fetched, not {scheme or 'a URL without a scheme'!r}")
        if parts.username is not None or parts.password is not None:
            raise FetchRefused("a URL with a user name or password in it is not fetched")
        port = DEFAULT_PORTS[scheme] if port is None else port
        if port not in self._ports:
            raise FetchRefused(f"port {port} is not fetched from")
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
        query = "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~-._?") if parts.query else ""
        return _Target(scheme, _checked_host(host, bracketed="[" in parts.netloc), port, path + query)

    def _get(self, target: _Target, deadline: float) -> tuple[str | None, Fetched]:
        """Where a redirect points, or None; and what came."""
        backend = _PinnedBackend(self._addresses(target, deadline), deadline)
        # Reading the system's authorities takes tens of milliseconds: not for plain http.
        context = self._ssl_context or (ssl.create_default_context() if target.scheme == "https" else None)
        headers = {"User-Agent": USER_AGENT, "Accept": self._accept, "Accept-Encoding": "identity", "Connection": "close"}
        timeout = {"connect": self._limits.connect_s, "read": self._limits.total_s, "write": self._limits.total_s}
        try:
            with (
                httpcore.ConnectionPool(ssl_context=context, max_connections=1, network_backend=backend) as pool,
                pool.stream(
                    "GET", target.url, headers=_with_host(headers, target), extensions={"timeout": timeout}
                ) as response,
            ):
                return self._read(response, target)
        except httpcore.TimeoutException as err:
            raise FetchTimeout(f"{target.host} did not answer in time") from err
        except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError) as err:
            raise FetchError(f"could not fetch from {target.host}: {err or type(err).__name__}") from err

    def _read(self, response: httpcore.Response, target: _Target) -> tuple[str | None, Fetched]:
        headers = {name.lower(): value.decode("latin-1") for name, value in response.headers}
        if response.status in REDIRECTS:
            if b"location" not in headers:
                raise FetchError(f"{target.host} redirects to nowhere")
            return headers[b"location"], Fetched(b"", {}, target.url)
        if response.status != 200:
            raise FetchError(f"{target.host} answered {response.status}")
        if headers.get(b"content-encoding", "identity").strip().lower() not in ("", "identity"):
            raise FetchRefused("a compressed body is not taken: its size would be anyone's guess")
        limit = self._limits.max_bytes
        announced = headers.get(b"content-length", "")
        if announced.isascii() and announced.isdigit() and len(announced) < 20 and int(announced) > limit:
            raise FetchTooLarge(f"{target.host} announces {announced} bytes, the limit is {limit}")
        body = bytearray()
        for chunk in response.iter_stream():
            body += chunk
            if len(body) > limit:
                raise FetchTooLarge(f"{target.host} sends more than {limit} bytes")
        named = {name.decode("latin-1"): value for name, value in headers.items()}
        return None, Fetched(bytes(body), named, target.url)

    def _addresses(self, target: _Target, deadline: float) -> tuple[IPAddress, ...]:
        """Addresses of the host, every one of them allowed."""
        allowance = min(self._limits.connect_s, deadline - time.monotonic())
        texts = _within(lambda: self._resolver(target.host, target.port), allowance, target.host)
        try:
            addresses = tuple(ipaddress.ip_address(text) for text in texts)
        except ValueError as err:
            raise FetchRefused(f"{target.host} resolves to what is no address") from err
        if not addresses:
            raise FetchError(f"{target.host} has no address")
        for address in addresses:
            why = why_refused(address)
            if why is not None and not any(address in network for network in self._allowed):
                raise FetchRefused(f"{target.host} is at an address nothing is fetched from ({why})")
        return addresses


class _PinnedBackend(httpcore.NetworkBackend):
    """Connects to the addresses it was given, whatever host is asked for, and lets nothing wait past the deadline."""

    def __init__(self, addresses: Sequence[IPAddress], deadline: float) -> None:
        self._addresses = addresses
        self._deadline = deadline
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception | None = None
        give_up = min(self._deadline, time.monotonic() + (timeout or 0.0))
        for address in self._addresses:
            try:
                stream = self._inner.connect_tcp(str(address), port, _left(give_up), local_address, socket_options)
                return _DeadlineStream(stream, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as err:
                failure = err
        raise failure or httpcore.ConnectError("no address")


class _DeadlineStream(httpcore.NetworkStream):
    """A stream on which no wait goes past the deadline, however slowly the other side drips."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: float) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(self._deadline))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(self._deadline)
        inner = self._inner.start_tls(ssl_context, server_hostname, left if timeout is None else min(left, timeout))
        return _DeadlineStream(inner, self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the time for the whole fetch ran out")
    return left


def _with_host(headers: Mapping[str, str], target: _Target) -> list[tuple[bytes | str, bytes | str]]:
    host = f"[{target.host}]" if ":" in target.host else target.host
    port = "" if target.port == DEFAULT_PORTS[target.scheme] else f":{target.port}"
    return [("Host", host + port), *headers.items()]


def _checked_host(host: str, *, bracketed: bool) -> str:
    """The host in lower case, without a final dot.

    A host that a lenient parser could take for an IPv4 address (127.1, 0x7f000001, 2130706433, 0177.0.0.1) must be one
    in its plain form, or it is refused.
    """
    if bracketed:
        try:
            address = ipaddress.IPv6Address(host)
        except ValueError as err:
            raise FetchRefused("the brackets hold no IPv6 address") from err
        if address.scope_id is not None:
            raise FetchRefused("an IPv6 address with a zone is not fetched from")
        return str(address)
    host = host.lower().removesuffix(".")
    if not host.isascii():
        raise FetchRefused("write the host in its ASCII form (xn--...)")
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise FetchRefused("the host is no host name")
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError as err:
            raise FetchRefused("an IPv4 address must be written as four decimal numbers") from err
    return host


def _within(look_up: Callable[[], Sequence[str]], allowance_s: float, host: str) -> Sequence[str]:
    """The result of `look_up`, in a thread of its own: the system's resolver takes no time limit."""
    results: list[Sequence[str]] = []
    failures: list[Exception] = []

    def run() -> None:
        try:
            results.append(look_up())
        except Exception as err:
            failures.append(err)

    thread = threading.Thread(target=run, name="assay-resolve", daemon=True)
    thread.start()
    thread.join(max(0.0, allowance_s))
    if failures:
        raise FetchError(f"{host} cannot be resolved: {failures[0]}") from failures[0]
    if not results:
        raise FetchTimeout(f"{host} was not resolved in time")
    return results[0]
