from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from api.attachments import build_attachments
from api.authorities import MAX_ANSWER_BYTES, status_responder, timestamping_authority
from api.commands.tables import print_reports
from api.composition import build_stamper
from api.jobs import JobKind, JobState
from api.problems import STATUS_OF_CODE
from api.report_document import ReportDocument
from api.service import open_service
from api.settings import Settings
from api.work import TRANSIENT, Runner
from provenance.asset import Asset
from provenance.errors import (
    CredentialInvalid,
    SignerUnavailable,
    SigningError,
    StatusInvalid,
    StatusUnavailable,
    TimestampInvalid,
    TimestampMissing,
    TimestampUnavailable,
    TrustStoreError,
    UsageInvalid,
)
from provenance.evidence import failure_codes, success_codes
from provenance.inspection import inspect
from provenance.reader import C2paExaminer
from provenance.sealing.certificate_status import StatusSource
from provenance.status_codes import IDENTITY_PROOFS, TIMESTAMP_PROOFS
from provenance.trust.store import TrustStore
from provenance.validation.timestamp_response import checked_token, query_for
from provenance.verdict import VerdictPolicy
from tests.assets import authorities
from tests.assets.attacks import RECORD
from tests.assets.authorities import ocsp_response, serving
from tests.assets.chains import DOCUMENT_SIGNING, Chain, chain, sound_chain
from tests.assets.pictures import encoded, picture

AUTHORITY = authorities.timestamping_authority()
QUERY = query_for(b"a signature")


@contextmanager
def raw(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that says what it likes to its first caller, without knowing HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(65_536)
                with suppress(OSError):  # the client may have gone
                    answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
    thread.join(timeout=10)


def fixed(status: str, body: bytes = b"", more: str = "") -> Callable[[socket.socket], None]:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode()
    return lambda connection: connection.sendall(head + body)


def unused_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}/"


def test_a_time_comes_over_a_real_connection() -> None:
    with serving(AUTHORITY.answer) as url:
        authority = timestamping_authority(url, timeout_s=5)
        for _ in range(2):
            token = checked_token(authority.answer(QUERY.der), QUERY)
            assert abs((token.at - datetime.now(UTC)).total_seconds()) < 60


def test_an_authority_nobody_listens_at_is_away() -> None:
    with pytest.raises(TimestampUnavailable, match="out of reach"):
        timestamping_authority(unused_url(), timeout_s=2).answer(QUERY.der)
    with pytest.raises(StatusUnavailable, match="OCSP responder is out of reach"):
        status_responder(unused_url(), timeout_s=2).answer(b"query")


def test_a_silent_authority_is_given_up() -> None:
    begun = time.monotonic()
    with raw(lambda connection: time.sleep(1.0)) as url, pytest.raises(TimestampUnavailable, match="ReadTimeout"):
        timestamping_authority(url, timeout_s=0.2).answer(QUERY.der)
    assert time.monotonic() - begun < 30


def test_an_authority_that_drips_is_given_up() -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            connection.sendall(b"x")
            time.sleep(0.05)

    with raw(drip) as url, pytest.raises(TimestampUnavailable, match="ran out"):
        timestamping_authority(url, timeout_s=0.4).answer(QUERY.der)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("500 Internal Server Error", TimestampUnavailable),
        ("503 Service Unavailable", TimestampUnavailable),
        ("429 Too Many Requests", TimestampUnavailable),
        ("400 Bad Request", TimestampInvalid),
        ("403 Forbidden", TimestampInvalid),
        ("302 Found", TimestampInvalid),
    ],
)
def test_a_status_means_later_or_never(status: str, error: type[SigningError]) -> None:
    with raw(fixed(status, more="Location: http://127.0.0.1:1/\r\n")) as url, pytest.raises(error) as caught:
        timestamping_authority(url, timeout_s=5).answer(QUERY.der)
    assert type(caught.value) is error
    assert status[:3] in str(caught.value)


def test_a_long_answer_is_cut_off() -> None:
    with raw(fixed("200 OK", bytes(MAX_ANSWER_BYTES + 1))) as url, pytest.raises(TimestampInvalid, match="more than"):
        timestamping_authority(url, timeout_s=5).answer(QUERY.der)


def test_what_is_no_http_is_an_authority_out_of_order() -> None:
    with raw(lambda connection: connection.sendall(b"220 smtp.example\r\n")) as url, pytest.raises(TimestampUnavailable):
        timestamping_authority(url, timeout_s=5).answer(QUERY.der)


@pytest.mark.parametrize("url", ["ftp://example.org/", "example.org", "", "file:///etc/passwd"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageInvalid, match="time-stamping authority"):
        timestamping_authority(url, timeout_s=5)


# What settings make of it.


def home(tmp_path: Path, of: Chain, actor: Chain | None = None) -> Path:
    """An installation with a signer, an actor and lists of whom it trusts to stamp times and to vouch."""
    files = {
        "signer/key.pem": of.key_pem,
        "signer/chain.pem": of.pem,
        "trust/signers/us.pem": of.root_pem,
        "trust/timestamps/tsa.pem": AUTHORITY.root_pem,
    }
    if actor is not None:
        files |= {"actor/key.pem": actor.key_pem, "actor/chain.pem": actor.pem, "trust/identities/them.pem": actor.root_pem}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def settings_in(place: Path, **chosen: object) -> Settings:
    return Settings(
        home=place, signer_uri=f"file:{place / 'signer'}", shipped_trust_lists=False, timestamp_timeout_s=2.0, **chosen
    )


def test_a_stamp_carries_time_status_and_actor_as_the_settings_say(tmp_path: Path) -> None:
    of, actor = chain(name="Service"), chain(name="Example User", usages=(DOCUMENT_SIGNING,))
    home(tmp_path, of, actor)

    with (
        serving(AUTHORITY.answer) as tsa,
        serving(lambda query: ocsp_response(of), media_type="application/ocsp-response") as ocsp,
    ):
        stamper = build_stamper(
            settings_in(
                tmp_path,
                timestamp_url=tsa,
                timestamp_policy="require",
                certificate_status="require",
                certificate_status_url=ocsp,
                identity_signer_uri=f"file:{tmp_path / 'actor'}",
                identity_roles=("cawg.creator",),
            )
        )
        asset = stamper.stamp(picture(), RECORD)
    evidence = C2paExaminer(TrustStore.load(tmp_path, shipped=False)).examine(asset)
    assert success_codes(evidence) >= {*TIMESTAMP_PROOFS, *IDENTITY_PROOFS, "signingCredential.ocsp.notRevoked"}
    assert not failure_codes(evidence)


@pytest.mark.parametrize(
    ("policy", "error", "transient"), [("queue", TimestampUnavailable, True), ("require", TimestampMissing, False)]
)
def test_an_authority_that_is_down_stops_the_stamp(
    tmp_path: Path, policy: str, error: type[SigningError], transient: bool
) -> None:
    place = home(tmp_path, sound_chain())
    stamper = build_stamper(settings_in(place, timestamp_url=unused_url(), timestamp_policy=policy))
    with pytest.raises(error) as caught:
        stamper.stamp(picture(), RECORD)
    assert isinstance(caught.value, TRANSIENT) is transient


def test_an_authority_that_is_down_may_be_done_without(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    place = home(tmp_path, sound_chain())
    stamper = build_stamper(settings_in(place, timestamp_url=unused_url(), timestamp_policy="omit"))
    assert stamper.stamp(picture(), RECORD).media_type == "image/png"
    assert "signing without a time-stamp: signing.timestamp_unavailable" in caplog.text


def test_waiting_is_what_happens_unless_told_otherwise(tmp_path: Path) -> None:
    stamper = build_stamper(settings_in(home(tmp_path, sound_chain()), timestamp_url=unused_url()))
    with pytest.raises(TimestampUnavailable):
        stamper.stamp(picture(), RECORD)


def test_times_nobody_would_trust_are_not_asked_for(tmp_path: Path) -> None:
    place = home(tmp_path, sound_chain())
    (place / "trust/timestamps/tsa.pem").unlink()
    with pytest.raises(TrustStoreError, match="no trust list for time-stamps"):
        build_stamper(settings_in(place, timestamp_url="http://127.0.0.1:1/"))


def test_a_required_status_needs_somebody_to_ask(tmp_path: Path) -> None:
    place = home(tmp_path, sound_chain())
    with pytest.raises(CredentialInvalid, match="nobody is named"):
        build_stamper(settings_in(place, certificate_status="require"))
    signer = sound_chain().signer
    assert build_attachments(settings_in(place, certificate_status="staple"), signer, None, _no_lists).status is None


def test_a_responder_that_lies_is_an_error_only_where_its_word_is_required(tmp_path: Path) -> None:
    place = home(tmp_path, sound_chain())
    with serving(lambda query: ocsp_response(chain(name="Other")), media_type="application/ocsp-response") as url:
        for wish, stapled in (("staple", True), ("require", False)):
            chosen = settings_in(place, certificate_status=wish, certificate_status_url=url)
            source = build_attachments(chosen, sound_chain().signer, None, _no_lists).status
            assert isinstance(source, StatusSource)
            if stapled:
                assert source.current() is None
            else:
                with pytest.raises(StatusInvalid):
                    source.current()


def test_every_failure_has_an_answer_in_http() -> None:
    for error in (TimestampUnavailable, TimestampMissing, TimestampInvalid, StatusUnavailable, StatusInvalid):
        assert STATUS_OF_CODE[error.code] == 503
    assert issubclass(StatusUnavailable, SignerUnavailable)


@pytest.mark.parametrize(
    "wrong", [{"timestamp_policy": "maybe"}, {"certificate_status": "yes"}, {"identity_roles": ("cawg.hero",)}]
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings(**wrong)


def _no_lists() -> TrustStore:
    raise AssertionError("no list is needed where no time is stamped")


def test_a_job_waits_for_its_time_and_then_leaves_with_it(tmp_path: Path) -> None:
    """The authority is down when the job is begun, and up when it is begun again."""
    place, url = home(tmp_path / "home", sound_chain()), unused_url()
    service = open_service(settings_in(place, timestamp_url=url, signer_patience_s=60, embedded_worker=True))
    try:
        jobs, tools = service.jobs, service.tools
        runner = Runner(
            service.settings, jobs, tools, leases=service.leases, metrics=service.metrics, announce=lambda job_id: None
        )
        data = encoded().data
        job_id = jobs.create(
            JobKind.STAMP,
            at=datetime.now(UTC),
            data=data,
            sha256=hashlib.sha256(data).hexdigest(),
            parameters={"record": {"model": "m"}, "sizes": {"file": len(data)}},
            ring_again_after_s=30,
        )
        runner.run(job_id)
        waiting = jobs.get(job_id)
        assert (waiting.state, waiting.result_sha256) == (JobState.QUEUED, None)
        time.sleep(max(0.0, (waiting.ring_at - datetime.now(UTC)).total_seconds()))
        with serving(AUTHORITY.answer, port=int(url.rsplit(":", 1)[1].strip("/"))):
            runner.run(job_id)
        done = jobs.get(job_id)
        assert done.state == JobState.FINISHED
        asset = Asset.from_bytes(jobs.objects.get(done.result_sha256))
    finally:
        service.stop()
    assert success_codes(C2paExaminer(TrustStore.load(place, shipped=False)).examine(asset)) >= TIMESTAMP_PROOFS


def test_what_goes_without_a_time_is_counted(tmp_path: Path) -> None:
    place = home(tmp_path / "home", sound_chain())
    service = open_service(settings_in(place, timestamp_url=unused_url(), timestamp_policy="omit"))
    try:
        service.tools.stamper.stamp(picture(), RECORD)
        shown = service.metrics.exposition().decode()
    finally:
        service.stop()
    assert 'assay_timestamps_omitted_total{code="signing.timestamp_unavailable"} 1.0' in shown


@pytest.mark.parametrize(("trusted", "words"), [(True, "as creator (trusted)"), (False, "as creator (unknown here)")])
def test_people_are_shown_who_vouches(tmp_path: Path, capsys: pytest.CaptureFixture[str], trusted: bool, words: str) -> None:
    of, actor = sound_chain(), chain(name="Example User", usages=(DOCUMENT_SIGNING,))
    place = home(tmp_path, of, actor)
    chosen = settings_in(place, identity_signer_uri=f"file:{place / 'actor'}", identity_roles=("cawg.creator",))
    asset = build_stamper(chosen).stamp(picture(), RECORD)
    if not trusted:
        (place / "trust/identities/them.pem").unlink()
    examiner = C2paExaminer(TrustStore.load(place, shipped=False))
    report = inspect(asset, [examiner], VerdictPolicy(), at=datetime.now(UTC))
    print_reports([("out.png", ReportDocument.from_report(report))])
    shown = " ".join(capsys.readouterr().out.split())
    assert f"identity Example User, Throw-away tests vouches {words}" in shown
    assert "provenance trusted (current)" in shown
