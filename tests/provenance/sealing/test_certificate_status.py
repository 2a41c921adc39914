from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import CredentialInvalid, CredentialRevoked, SignerUnavailable, StatusInvalid, StatusUnavailable
from provenance.keys import Credential
from provenance.sealing.certificate_status import StatusSource, checked_status, responder_url
from tests.assets.authorities import ocsp_response
from tests.assets.chains import DOCUMENT_SIGNING, NOW, chain, sound_chain

CHAIN = sound_chain()
LEAF, ISSUER = CHAIN.certificates[:2]
OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"


class Responder:
    """Answers what it is given, counts who asks, and is away when there is nothing to give."""

    def __init__(self, *answers: bytes | None) -> None:
        self._answers = list(answers)
        self.queries: list[bytes] = []

    def answer(self, query: bytes) -> bytes:
        self.queries.append(query)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if answer is None:
            raise StatusUnavailable("the responder is away")
        return answer


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def source(responder: Responder, *, require: bool = True, clock: Clock | None = None) -> StatusSource:
    return StatusSource(CHAIN.signer.credential, responder, require=require, clock=clock or Clock())


@pytest.mark.parametrize("by_issuer", [True, False])
def test_a_good_answer_is_stapled_as_it_is(by_issuer: bool) -> None:
    answer = ocsp_response(CHAIN, by_issuer=by_issuer)
    responder = Responder(answer)
    assert source(responder).current() == answer
    query = ocsp.load_der_ocsp_request(responder.queries[0])
    assert query.serial_number == LEAF.serial_number


def test_one_answer_serves_until_half_its_time_is_over() -> None:
    first = ocsp_response(CHAIN, this_update=NOW, next_update=NOW + timedelta(hours=2))
    second = ocsp_response(CHAIN, this_update=NOW + timedelta(hours=1), next_update=NOW + timedelta(hours=3))
    responder, clock = Responder(first, second), Clock()
    status = source(responder, clock=clock)
    for minutes in (0, 1, 59):
        clock.now = NOW + timedelta(minutes=minutes)
        assert status.current() == first
    assert len(responder.queries) == 1
    clock.now = NOW + timedelta(minutes=60)
    assert status.current() == second


def test_an_answer_outlives_its_responder_while_it_stands() -> None:
    answer = ocsp_response(CHAIN, this_update=NOW, next_update=NOW + timedelta(hours=2))
    clock = Clock()
    status = source(Responder(answer, None), clock=clock)
    assert status.current() == answer
    clock.now = NOW + timedelta(minutes=118)
    assert status.current() == answer
    clock.now = NOW + timedelta(minutes=119, seconds=30)  # too close to its end
    with pytest.raises(StatusUnavailable):
        status.current()


def test_a_responder_that_is_away_is_not_asked_at_every_signature() -> None:
    responder, clock = Responder(None), Clock()
    status = source(responder, require=False, clock=clock)
    assert [status.current() for _ in range(3)] == [None] * 3
    assert len(responder.queries) == 1
    clock.now += timedelta(seconds=61)
    assert status.current() is None
    assert len(responder.queries) == 2


def test_where_an_answer_is_required_its_absence_is_for_now() -> None:
    with pytest.raises(StatusUnavailable) as caught:
        source(Responder(None)).current()
    assert caught.value.code == "signing.status_unavailable"
    assert isinstance(caught.value, SignerUnavailable)


@pytest.mark.parametrize("require", [True, False])
def test_nothing_is_signed_with_a_revoked_certificate(require: bool) -> None:
    revoked = Responder(ocsp_response(CHAIN, revoked_at=NOW - timedelta(days=1)))
    with pytest.raises(CredentialRevoked) as caught:
        source(revoked, require=require).current()
    assert caught.value.code == "signing.credential_revoked"
    assert isinstance(caught.value, CredentialInvalid)


STRANGER = chain(name="Stranger", usages=(OCSP_SIGNING,))
NOT_NAMED_FOR_IT = chain(name="Sibling", usages=(DOCUMENT_SIGNING,), root=CHAIN.authorities[0])
EXPIRED = chain(
    name="Old responder",
    usages=(OCSP_SIGNING,),
    root=CHAIN.authorities[0],
    start=NOW - timedelta(days=2),
    end=NOW - timedelta(days=1),
)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (ocsp_response(CHAIN, unknown=True), "does not know"),
        (ocsp_response(CHAIN, this_update=NOW - timedelta(days=2), next_update=NOW - timedelta(days=1)), "stands from"),
        (ocsp_response(CHAIN, this_update=NOW + timedelta(hours=1), next_update=NOW + timedelta(days=1)), "stands from"),
        (ocsp_response(CHAIN, this_update=NOW - timedelta(hours=2), next_update=None), "stands from"),
        (ocsp_response(chain(name="Other", root=CHAIN.authorities[0])), "not about this certificate"),
        (ocsp_response(CHAIN, responder=STRANGER), "does not hold"),
        (ocsp_response(CHAIN, responder=NOT_NAMED_FOR_IT), "not for that"),
        (ocsp_response(CHAIN, responder=EXPIRED), "expired certificate"),
        (b"\x30\x03\x0a\x01\x03", "TRY_LATER"),
        (b"<html>", "does not hold"),
    ],
    ids=["unknown", "over", "early", "no-end", "other", "stranger", "sibling", "old-responder", "try-later", "garbage"],
)
def test_an_answer_that_does_not_hold_is_not_stapled(answer: bytes, words: str) -> None:
    with pytest.raises(StatusInvalid, match=words):
        checked_status(answer, LEAF, ISSUER, at=NOW)
    assert source(Responder(answer), require=False).current() is None


def test_an_altered_answer_is_not_the_issuer_s_word() -> None:
    answer = bytearray(ocsp_response(CHAIN, by_issuer=True))
    parsed = ocsp.load_der_ocsp_response(bytes(answer))
    at = bytes(answer).index(parsed.signature)
    answer[at + 20] ^= 1
    with pytest.raises(StatusInvalid):
        checked_status(bytes(answer), LEAF, ISSUER, at=NOW)


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_crash_the_reader(answer: bytes) -> None:
    with pytest.raises(StatusInvalid):
        checked_status(answer, LEAF, ISSUER, at=NOW)


def test_a_chain_without_its_issuer_cannot_be_asked_about() -> None:
    alone = Credential.from_pem(LEAF.public_bytes(serialization.Encoding.PEM))
    with pytest.raises(CredentialInvalid, match="issuer is not in the chain"):
        StatusSource(alone, Responder(None), require=False, clock=Clock())


def test_the_certificate_may_name_its_responder() -> None:
    access = x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(
                x509.AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://ocsp.example/")
            )
        ]
    )
    builder = x509.CertificateBuilder().subject_name(LEAF.subject).issuer_name(LEAF.issuer).public_key(LEAF.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1))
    issuer = CHAIN.authorities[0].key
    named = builder.add_extension(access, critical=False).sign(issuer, hashes.SHA256())
    assert responder_url(named) == "http://ocsp.example/"
    assert responder_url(LEAF) is None
