"""The guarded fetcher against a real server on loopback, which these tests allow explicitly."""

from __future__ import annotations

import contextlib
import gzip
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from api.fetching import Fetcher, FetchLimits
from provenance.errors import FetchError, FetchRefused, FetchTimeout, FetchTooLarge
from tests.assets.chains import NOW, authority, key_pem

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
BODY = b"bytes of an image" * 100


class Handler(BaseHTTPRequestHandler):
    """Answers by path; remembers what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.seen.append((self.path, dict(self.headers)))  # type: ignore[attr-defined]
        route = getattr(self, "route_" + self.path.strip("/").split("/")[0].split("?")[0].replace("-", "_"), None)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            route() if route else self.answer(404, b"")

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def route_image(self) -> None:
        self.answer(200, BODY)

    def route_chunked(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for _ in range(64):
            self.wfile.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def route_gzip(self) -> None:
        self.answer(200, gzip.compress(b"\0" * 10_000_000), Content_Encoding="gzip")

    def route_liar(self) -> None:
        self.answer(200, BODY, Content_Length="999999999999")

    def route_short(self) -> None:
        self.answer(200, BODY, Content_Length=str(len(BODY) + 10))
        self.close_connection = True

    def route_no_content(self) -> None:
        self.answer(204, b"")

    def route_error(self) -> None:
        self.answer(500, b"secret inside")

    def route_to(self) -> None:
        self.answer(302, b"", Location=self.path.split("?", 1)[1])

    def route_nowhere(self) -> None:
        self.answer(302, b"")

    def route_loop(self) -> None:
        self.answer(302, b"", Location="/loop")

    def route_hop(self) -> None:
        left = int(self.path.rsplit("/", 1)[1])
        self.answer(301, b"", Location=f"/hop/{left - 1}" if left else "/image")

    def route_drip_body(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        for _ in range(1000):
            self.wfile.write(b"x")
            time.sleep(0.05)

    def route_drip_headers(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for number in range(1000):
            self.wfile.write(f"X-{number}: y\r\n".encode())
            time.sleep(0.05)

    def route_silent(self) -> None:
        time.sleep(3)

    def route_garbage(self) -> None:
        self.wfile.write(b"\x00\x01\x02 not http at all\r\n\r\n")
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


class Server:
    """A running server, and what was asked of it."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._http.seen = []  # type: ignore[attr-defined]
        if context is not None:
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._http.server_address[1]

    @property
    def seen(self) -> list[tuple[str, dict[str, str]]]:
        return self._http.seen  # type: ignore[attr-defined,no-any-return]

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


def at(*addresses: str) -> Callable[[str, int], Sequence[str]]:
    """A resolver that knows one answer."""
    return lambda host, port: addresses


def fetcher(server: Server, *, max_bytes: int = 10_000, total_s: float = 5.0, **options: object) -> Fetcher:
    limits = FetchLimits(max_bytes, total_s=total_s, connect_s=min(2.0, total_s), max_redirects=3)
    chosen = {"resolver": at("127.0.0.1"), "allow_networks": LOOPBACK, "ports": {80, 443, server.port}, **options}
    return Fetcher(limits, **chosen)  # type: ignore[arg-type]


def guarded(resolver: Callable[[str, int], Sequence[str]]) -> Fetcher:
    """As a service has it: nothing is allowed specially."""
    return Fetcher(FetchLimits(10_000, total_s=1.0, connect_s=0.5), resolver=resolver)


def test_the_body_comes_back(server: Server) -> None:
    assert fetcher(server).fetch(f"http://example.test:{server.port}/image?a=b&c=ü") == BODY
    path, headers = server.seen[0]
    assert path == "/image?a=b&c=%C3%BC"
    assert headers["Host"] == f"example.test:{server.port}"
    assert headers["Accept-Encoding"] == "identity"
    assert not {"Cookie", "Authorization", "Referer"} & set(headers)


def test_the_name_is_resolved_once(server: Server) -> None:
    """DNS rebinding: the second answer would be a private address; it is never asked for."""
    asked: list[str] = []

    def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    assert fetcher(server, resolver=rebinding).fetch(f"http://example.test:{server.port}/image") == BODY
    assert asked == ["example.test"]


def test_an_address_that_does_not_answer_is_followed_by_the_next(server: Server) -> None:
    # 127.0.0.2 has no listener: the server is bound to 127.0.0.1 only.
    assert fetcher(server, resolver=at("127.0.0.2", "127.0.0.1")).fetch(f"http://example.test:{server.port}/image") == BODY


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["::1"],
        ["::ffff:10.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["fe80::1%eth0"],
        ["9.9.9.9", "192.168.1.1"],
        ["2606:4700:4700::1111", "fd00::1"],
    ],
    ids=str,
)
def test_a_name_with_any_address_inside_is_refused(addresses: list[str]) -> None:
    with pytest.raises(FetchRefused, match="nothing is fetched from") as caught:
        guarded(at(*addresses)).fetch("http://example.test/image")
    assert not any(address in str(caught.value) for address in addresses), "the answer would map our network"


def test_the_server_is_not_even_contacted_when_refused(server: Server) -> None:
    with pytest.raises(FetchRefused):
        fetcher(server, allow_networks=()).fetch(f"http://example.test:{server.port}/image")
    assert server.seen == []


def never(host: str, port: int) -> Sequence[str]:
    raise AssertionError(f"{host} must not be resolved")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "image.png",
        "//example.test/",
        "ftp://example.test/",
        "file:///etc/passwd",
        "gopher://example.test/",
        "data:image/png;base64,AAAA",
        "javascript:1",
        "http://",
        "http:///path",
        "http://user@example.test/",
        "http://user:secret@example.test/",
        "http://:@example.test/",
        "http://example.test:8080/",
        "http://example.test:22/",
        "http://example.test:0/",
        "http://example.test:99999/",
        "http://example.test:-1/",
        "http://example.test:8x/",
        "http://exa mple.test/",
        "http://example.test/a b",
        "http://example.test/\r\nHost: other",
        "http://example.test\\@other.test/",
        "http://example.test/\x00",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "http://[fe80::1%eth0]/",
        "http://[1.2.3.4]/",
        "http://[v1.fe]/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://127.1/",
        "http://0177.0.0.1/",
        "http://127.0.0.01/",
        "http://127.0.0.1.2/",
        "http://1.2.3.256/",
        "http://example.0/",
        "http://example.0x/",
        "http://-example.test/",
        "http://example-.test/",
        "http://exa..mple.test/",
        "http://.example.test/",
        "http://%31%32%37.0.0.1/",
        "http://\N{CIRCLED DIGIT ONE}\N{CIRCLED DIGIT TWO}\N{CIRCLED DIGIT SEVEN}.0.0.1/",
        "http://\N{FULLWIDTH DIGIT ONE}27.0.0.1/",
        "http://127\N{IDEOGRAPHIC FULL STOP}0.0.1/",
        "http://exämple.test/",
        "http://" + "a" * 64 + ".test/",
        "http://" + ".".join(["a" * 60] * 5) + "/",
        "http://example.test/" + "a" * 3000,
    ],
)
def test_a_url_that_is_refused_before_any_name_is_resolved(url: str) -> None:
    with pytest.raises(FetchRefused):
        guarded(never).fetch(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1./",
        "https://10.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[0:0:0:0:0:0:0:1]/",
        "http://[64:ff9b::127.0.0.1]/",
    ],
)
def test_a_literal_address_inside_is_refused(url: str) -> None:
    with pytest.raises(FetchRefused, match="nothing is fetched from"):
        guarded(lambda host, port: [host]).fetch(url)


@given(st.ip_addresses())
def test_no_literal_address_that_is_not_global_is_contacted(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    asked: list[str] = []

    def resolver(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return [] if address.is_global else [host]

    host = f"[{address}]" if address.version == 6 else str(address)
    with pytest.raises(FetchError) as caught:
        guarded(resolver).fetch(f"http://{host}/")
    assert isinstance(caught.value, FetchRefused) or address.is_global
    assert [ipaddress.ip_address(host) for host in asked] == [address]


@given(st.text(max_size=40))
def test_no_text_gets_past_as_a_host(text: str) -> None:
    with pytest.raises(FetchError):
        guarded(lambda host, port: ["127.0.0.1"]).fetch(f"http://{text}/")


@given(st.integers(0, 2**32 - 1), st.sampled_from(["{:d}", "0x{:x}", "0{:o}", "{:#x}"]))
def test_an_address_as_one_number_is_refused(number: int, form: str) -> None:
    with pytest.raises(FetchRefused):
        guarded(never).fetch(f"http://{form.format(number)}/")


def test_redirects_are_followed_three_times(server: Server) -> None:
    assert fetcher(server).fetch(f"http://example.test:{server.port}/hop/2") == BODY
    assert [path for path, _ in server.seen] == ["/hop/2", "/hop/1", "/hop/0", "/image"]


@pytest.mark.parametrize("path", ["hop/3", "loop"])
def test_more_redirects_are_refused(server: Server, path: str) -> None:
    with pytest.raises(FetchRefused, match="more than 3 redirects"):
        fetcher(server).fetch(f"http://example.test:{server.port}/{path}")
    assert len(server.seen) == 4


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://inside.test/",
        "file:///etc/passwd",
        "http://user@example.test/",
        "http://example.test:22/",
        "//inside.test/",
        "http://2130706433/",
    ],
)
def test_a_redirect_is_checked_like_the_first_url(server: Server, location: str) -> None:
    def resolver(host: str, port: int) -> Sequence[str]:
        return {"example.test": ["127.0.0.1"], "inside.test": ["10.0.0.1"]}.get(host, [host.strip("[]")])

    with pytest.raises(FetchRefused):
        fetcher(server, resolver=resolver).fetch(f"http://example.test:{server.port}/to?{location}")
    assert len(server.seen) == 1


def test_a_redirect_to_nowhere_is_an_error(server: Server) -> None:
    with pytest.raises(FetchError, match="redirects to nowhere"):
        fetcher(server).fetch(f"http://example.test:{server.port}/nowhere")


@pytest.mark.parametrize(("path", "status"), [("missing", 404), ("error", 500), ("no-content", 204)])
def test_another_status_is_an_error_and_its_body_is_not_repeated(server: Server, path: str, status: int) -> None:
    with pytest.raises(FetchError, match=f"answered {status}") as caught:
        fetcher(server).fetch(f"http://example.test:{server.port}/{path}")
    assert "secret" not in str(caught.value)


def test_a_compressed_body_is_refused(server: Server) -> None:
    with pytest.raises(FetchRefused, match="compressed"):
        fetcher(server).fetch(f"http://example.test:{server.port}/gzip")


@pytest.mark.parametrize("path", ["liar", "chunked", "image"], ids=["announced", "while streaming", "one byte over"])
def test_too_many_bytes(server: Server, path: str) -> None:
    with pytest.raises(FetchTooLarge):
        fetcher(server, max_bytes=len(BODY) - 1).fetch(f"http://example.test:{server.port}/{path}")


def test_just_as_many_bytes_as_the_limit(server: Server) -> None:
    assert fetcher(server, max_bytes=len(BODY)).fetch(f"http://example.test:{server.port}/image") == BODY


@pytest.mark.parametrize("path", ["short", "garbage"])
def test_a_broken_answer_is_an_error(server: Server, path: str) -> None:
    with pytest.raises(FetchError) as caught:
        fetcher(server).fetch(f"http://example.test:{server.port}/{path}")
    assert type(caught.value) is FetchError


@pytest.mark.parametrize("path", ["drip-body", "drip-headers", "silent"])
def test_nothing_goes_past_the_deadline(server: Server, path: str) -> None:
    started = time.monotonic()
    with pytest.raises(FetchTimeout):
        fetcher(server, total_s=0.5).fetch(f"http://example.test:{server.port}/{path}")
    assert time.monotonic() - started < 1.5


def test_a_resolver_that_hangs_is_a_timeout() -> None:
    released = threading.Event()

    def hanging(host: str, port: int) -> Sequence[str]:
        released.wait(5)
        return ["127.0.0.1"]

    started = time.monotonic()
    with pytest.raises(FetchTimeout):
        guarded(hanging).fetch("http://example.test/")
    released.set()
    assert time.monotonic() - started < 1.5


def test_a_name_nobody_knows_is_an_error() -> None:
    def unknown(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(FetchError, match="cannot be resolved"):
        guarded(unknown).fetch("http://example.test/")


def test_nobody_listening_is_an_error(server: Server) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(FetchError, match="could not fetch"):
        fetcher(server, ports={port}).fetch(f"http://example.test:{port}/")


def test_proxies_of_the_environment_are_ignored(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.9:9")
    assert fetcher(server).fetch(f"http://example.test:{server.port}/image") == BODY


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS for a server called example.test, and a client that trusts its authority."""
    folder: Path = tmp_path_factory.mktemp("tls")
    root = authority("Throw-away TLS root")
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.test")]))
        .issuer_name(root.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(hours=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("example.test")]), critical=False)
        .sign(root.key, hashes.SHA256())
    )
    (folder / "chain.pem").write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key_pem(key))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    asking = ssl.create_default_context(cadata=root.pem.decode())
    return serving, asking


@pytest.fixture
def tls_server(certified: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[Server]:
    running = Server(certified[0])
    yield running
    running.close()


def test_https_checks_the_name_although_the_address_is_pinned(tls_server: Server, certified) -> None:
    trusting = fetcher(tls_server, ssl_context=certified[1])
    assert trusting.fetch(f"https://example.test:{tls_server.port}/image") == BODY
    with pytest.raises(FetchError, match="certificate"):
        trusting.fetch(f"https://other.test:{tls_server.port}/image")


def test_https_of_an_unknown_authority_is_an_error(tls_server: Server) -> None:
    with pytest.raises(FetchError, match="certificate"):
        fetcher(tls_server).fetch(f"https://example.test:{tls_server.port}/image")


def test_a_redirect_from_https_to_http_is_refused(tls_server: Server, server: Server, certified) -> None:
    down = f"http://example.test:{server.port}/image"
    ports = {tls_server.port, server.port}
    with pytest.raises(FetchRefused, match="https to http"):
        fetcher(tls_server, ssl_context=certified[1], ports=ports).fetch(f"https://example.test:{tls_server.port}/to?{down}")
    assert server.seen == []
