"""Manifests kept elsewhere: the file names an address, and a real server on loopback stands for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path

import pytest

from api import composition
from api.fetching import Fetcher, FetchLimits
from api.remote_manifests import MAX_MANIFEST_BYTES, RemoteManifestExaminer, manifest_fetcher
from api.settings import Settings
from provenance.asset import Asset
from provenance.evidence import Evidence, StatusEvidence
from provenance.reader import C2paExaminer
from provenance.verdict import Conclusion, ProvenanceState, VerdictPolicy
from tests.assets.attacks import signed
from tests.assets.chains import sound_chain
from tests.assets.claims import remote

TRUST = sound_chain().trust()


class Elsewhere:
    """A server on loopback, an asset that points to it, and the manifest it gives out."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.media_type, self.status = "application/c2pa", 200
        elsewhere = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                elsewhere.asked.append(self.path)
                self.send_response(elsewhere.status)
                self.send_header("Content-Type", elsewhere.media_type)
                self.send_header("Content-Length", str(len(elsewhere.body)))
                self.end_headers()
                self.wfile.write(elsewhere.body)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://manifests.test:{self.port}/one.c2pa"
        self.asset, self.body = remote(self.url)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    running = Elsewhere()
    yield running
    running.close()


def followed(elsewhere: Elsewhere, *, allowed: bool = True, max_bytes: int = MAX_MANIFEST_BYTES) -> Sequence[Evidence]:
    limits = FetchLimits(max_bytes, total_s=5.0, connect_s=2.0)
    networks = [ip_network("127.0.0.0/8")] if allowed else []
    ports = {elsewhere.port}
    fetcher = Fetcher(limits, resolver=lambda host, port: ["127.0.0.1"], allow_networks=networks, ports=ports)

    def validate(store: bytes) -> Sequence[Evidence]:
        return C2paExaminer(TRUST, sidecar=store).examine(elsewhere.asset)

    return RemoteManifestExaminer(C2paExaminer(TRUST), validate, fetcher).examine(elsewhere.asset)


def said(evidence: Sequence[Evidence], code: str) -> StatusEvidence:
    (found,) = (e for e in evidence if isinstance(e, StatusEvidence) and e.code == code)
    return found


def unfetched(evidence: Sequence[Evidence]) -> str:
    """Why it was not fetched; the asset is as if nobody had tried."""
    verdict = VerdictPolicy().decide(evidence)
    assert (verdict.conclusion, verdict.state) == (Conclusion.INCONCLUSIVE, ProvenanceState.ABSENT)
    said(evidence, "manifest.remote_reference")
    return said(evidence, "manifest.remote_unfetched").explanation


def test_the_manifest_elsewhere_is_fetched_and_validated(elsewhere: Elsewhere) -> None:
    evidence = followed(elsewhere)
    assert elsewhere.asked == ["/one.c2pa"]
    fetched = said(evidence, "manifest.remote_fetched")
    assert fetched.locator == elsewhere.url
    assert fetched.explanation.startswith(f"{len(elsewhere.body)} bytes fetched from manifests.test")
    verdict = VerdictPolicy().decide(evidence)
    assert (verdict.conclusion, verdict.state) == (Conclusion.DECLARED_SYNTHETIC, ProvenanceState.TRUSTED)


def test_a_manifest_of_another_asset_does_not_match(elsewhere: Elsewhere) -> None:
    _, elsewhere.body = remote("http://manifests.test/other.c2pa")
    assert VerdictPolicy().decide(followed(elsewhere)).conclusion is Conclusion.ALTERED


def test_junk_in_place_of_a_manifest_is_malformed(elsewhere: Elsewhere) -> None:
    elsewhere.body = b"junk"
    verdict = VerdictPolicy().decide(followed(elsewhere))
    assert (verdict.conclusion, verdict.state) == (Conclusion.INCONCLUSIVE, ProvenanceState.INVALID)


@pytest.mark.parametrize("media_type", ["text/html", "image/png", ""])
def test_what_is_not_declared_as_a_manifest_is_not_parsed(media_type: str, elsewhere: Elsewhere) -> None:
    elsewhere.media_type = media_type
    assert unfetched(followed(elsewhere)).startswith("fetch.refused: what is there is declared as")


def test_an_address_inside_is_refused(elsewhere: Elsewhere) -> None:
    assert unfetched(followed(elsewhere, allowed=False)).startswith("fetch.refused")
    assert elsewhere.asked == []


def test_too_much_is_refused(elsewhere: Elsewhere) -> None:
    assert unfetched(followed(elsewhere, max_bytes=100)).startswith("fetch.too_large")


def test_an_error_there_is_no_error_here(elsewhere: Elsewhere) -> None:
    elsewhere.status = 404
    assert unfetched(followed(elsewhere)) == "fetch.failed: manifests.test answered 404"


def test_an_asset_with_a_manifest_of_its_own_sends_nobody_anywhere(elsewhere: Elsewhere) -> None:
    elsewhere.asset = signed()
    assert VerdictPolicy().decide(followed(elsewhere)).state is ProvenanceState.TRUSTED
    assert elsewhere.asked == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x.c2pa", "http://169.254.169.254/latest", "http://[::1]/"])
def test_the_guarded_fetcher_goes_nowhere_inside(url: str) -> None:
    asset, _ = remote(url)
    fetcher = manifest_fetcher(timeout_s=2.0, max_redirects=3)
    evidence = RemoteManifestExaminer(C2paExaminer(TRUST), lambda store: [], fetcher).examine(asset)
    assert unfetched(evidence).startswith("fetch.refused")


def test_the_loopback_attack_of_the_lab_is_refused(shared: Path) -> None:
    asset = Asset.from_bytes((shared / "c2pa" / "lab-attacks" / "remote_ssrf_loopback.png").read_bytes())
    fetcher = manifest_fetcher(timeout_s=2.0, max_redirects=3)
    evidence = RemoteManifestExaminer(C2paExaminer(TRUST), lambda store: [], fetcher).examine(asset)
    assert unfetched(evidence).startswith("fetch.refused: port 9")


def test_nobody_fetches_unless_the_operator_says_so(tmp_path: Path) -> None:
    assert composition.remote_fetcher(Settings(home=tmp_path)) is None
    assert composition.remote_fetcher(Settings(home=tmp_path, remote_manifests_enabled=True)) is not None


def test_a_check_follows_the_pointer_when_the_operator_says_so(elsewhere: Elsewhere, tmp_path: Path) -> None:
    anchors = tmp_path / "anchors.pem"
    anchors.write_bytes(sound_chain().root_pem)
    settings = Settings(home=tmp_path, trust_files=(anchors,), shipped_trust_lists=False)
    parsers = composition.build_parsers(settings)
    limits = FetchLimits(MAX_MANIFEST_BYTES)
    networks, ports = [ip_network("127.0.0.0/8")], {elsewhere.port}
    fetcher = Fetcher(limits, resolver=lambda host, port: ["127.0.0.1"], allow_networks=networks, ports=ports)
    try:
        looking = composition.build_examiners(settings, parsers, ["c2pa"])
        for fetching, state in ((None, ProvenanceState.ABSENT), (fetcher, ProvenanceState.TRUSTED)):
            report = composition.check(
                elsewhere.asset,
                looking,
                composition.policy(),
                parsers=parsers,
                at=datetime.now(UTC),
                max_pixels=settings.max_asset_pixels,
                remote=fetching,
            )
            assert report.verdict.state is state
    finally:
        parsers.close()
    assert elsewhere.asked == ["/one.c2pa"]
