"""An asset by URL comes with what its server reserves; a server that says nothing, or badly, costs the asset nothing."""

from __future__ import annotations

import ipaddress
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.fetching import Fetcher, FetchLimits
from api.main import create_app
from api.reservations import FetchedAsset, fetch_asset, with_reservation
from api.settings import Settings
from provenance.errors import FetchError, FetchRefused
from provenance.metadata.tdmrep import WELL_KNOWN_PATH, Reservation
from tests.api.conftest import encoded

PICTURE = encoded()
RULES = json.dumps(
    [
        {"location": "/free/", "tdm-reservation": 0},
        {"location": "/*.png$", "tdm-reservation": 1, "tdm-policy": "https://example.org/policy"},
        {"location": "/", "tdm-reservation": 1},
    ]
)


class Site:
    """A server of a few paths: each answers with a status, headers and a body."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                status, headers, body = site.pages.get(self.path.partition("?")[0], (404, {}, b""))
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def has(self, path: str, body: bytes | str, status: int = 200, **headers: str) -> None:
        data = body.encode() if isinstance(body, str) else body
        self.pages[path] = (status, {name.replace("_", "-"): value for name, value in headers.items()}, data)

    def fetcher(self, limits: FetchLimits | None = None) -> Fetcher:
        return Fetcher(
            limits or FetchLimits(100_000),
            resolver=lambda host, port: ["127.0.0.1"],
            allow_networks=[ipaddress.ip_network("127.0.0.0/8")],
            ports=[self.server.server_port],
        )

    def url(self, path: str) -> str:
        return f"http://pictures.test:{self.server.server_port}{path}"

    def get(self, path: str, *, rules: Fetcher | None = None) -> FetchedAsset:
        return with_reservation(self.url(path), self.fetcher(), rules or self.fetcher())


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    made.has("/a.png", PICTURE)
    made.has("/free/a.png", PICTURE)
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_the_header_of_the_response_counts_and_spares_the_second_question(site):
    site.has("/a.png", PICTURE, tdm_reservation="1", TDM_Policy="https://example.org/p")
    site.has(WELL_KNOWN_PATH, RULES)
    assert site.get("/a.png") == FetchedAsset(PICTURE, Reservation("1", "https://example.org/p", "HTTP:tdm-reservation"))
    assert site.asked == ["/a.png"]


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/a.png", Reservation("1", "https://example.org/policy", f"{WELL_KNOWN_PATH}: /*.png$")),
        ("/a.png?size=2", Reservation("1", "", f"{WELL_KNOWN_PATH}: /")),
        ("/free/a.png", Reservation("0", "", f"{WELL_KNOWN_PATH}: /free/")),
    ],
)
def test_otherwise_the_rules_of_the_origin_are_asked(site, path, said):
    site.has(WELL_KNOWN_PATH, RULES)
    assert site.get(path) == FetchedAsset(PICTURE, said)
    assert site.asked == [path, WELL_KNOWN_PATH]


def test_after_a_redirect_the_path_the_asset_came_from_counts(site):
    site.has("/old", b"", 302, Location="/free/a.png")
    site.has(WELL_KNOWN_PATH, RULES)
    assert site.get("/old").reservation == Reservation("0", "", f"{WELL_KNOWN_PATH}: /free/")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ("", 404, Reservation()),
        ("", 500, Reservation()),
        ("[]", 200, Reservation()),
        ("{}", 200, Reservation(flaw="no JSON array of rules")),
        (" " * 200_000, 200, Reservation()),
    ],
)
def test_rules_that_are_not_there_or_not_sound_cost_the_asset_nothing(site, body, status, said):
    site.has(WELL_KNOWN_PATH, body, status)
    assert site.get("/a.png") == FetchedAsset(PICTURE, said)


def test_rules_are_fetched_as_guardedly_as_the_asset(site):
    site.has(WELL_KNOWN_PATH, b"", 302, Location="http://169.254.169.254/latest")
    closed = Fetcher(FetchLimits(100), resolver=lambda host, port: ["127.0.0.1"], ports=[site.server.server_port])
    assert site.get("/a.png").reservation == Reservation()
    assert site.get("/a.png", rules=closed).reservation == Reservation()
    assert site.asked.count(WELL_KNOWN_PATH) == 1


def test_an_asset_that_cannot_be_had_raises(site):
    with pytest.raises(FetchError):
        site.get("/nowhere.png")


def test_the_setting_switches_the_question_off(monkeypatch, home):
    asked: list[str] = []

    def get(_: Fetcher, url: str) -> Any:
        asked.append(url)
        raise FetchRefused("not here")

    monkeypatch.setattr(Fetcher, "get", get)
    with pytest.raises(FetchRefused):
        fetch_asset("http://example.org/a.png", Settings(home=home, tdm_reservations_enabled=False))
    assert asked == ["http://example.org/a.png"]
    assert with_reservation("http://x.test/", _Fixed(), None) == FetchedAsset(PICTURE, None)


class _Fixed(Fetcher):
    def __init__(self) -> None:
        super().__init__(FetchLimits(1))

    def get(self, url: str) -> Any:
        from api.fetching import Fetched

        return Fetched(PICTURE, {}, url)


def test_a_check_by_url_over_http_reports_the_wish_and_is_not_moved_by_it(site, settings, monkeypatch):
    site.has(WELL_KNOWN_PATH, RULES)
    monkeypatch.setattr("api.routes.checks.fetch_asset", lambda url, _: with_reservation(url, site.fetcher(), site.fetcher()))
    with TestClient(create_app(settings.model_copy(update={"url_checks_enabled": True}))) as client:
        report = client.post("/v1/checks", json={"url": site.url("/a.png")}).json()
        plain = client.post("/v1/checks", files={"file": ("a.png", PICTURE)}).json()
    (wish,) = [e for e in report["evidence"] if e["examiner"] == "tdmrep"]
    assert wish["wishes"] == [
        {"use": "cawg.data_mining", "permission": "constrained", "constraint": "https://example.org/policy"}
    ]
    assert "tdmrep" in report["examiners"]
    assert "tdmrep" not in plain["examiners"]
    assert report["verdict"] == plain["verdict"]
