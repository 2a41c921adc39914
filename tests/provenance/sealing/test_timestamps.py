from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from asn1crypto import cms, tsp
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.asset import Asset
from provenance.errors import (
    SignerUnavailable,
    SigningError,
    TimestampInvalid,
    TimestampMissing,
    TimestampUnavailable,
    TrustStoreError,
)
from provenance.sealing.timestamps import Timestamper, TimestampPolicy
from provenance.validation.timestamp_response import checked_token, query_for
from tests.assets.authorities import TimestampingAuthority, timestamping_authority
from tests.assets.chains import DOCUMENT_SIGNING, NOW, TIME_STAMPING

MESSAGE = b"a signature"
WITHIN = (NOW - timedelta(hours=1), NOW + timedelta(hours=1))
AUTHORITY = timestamping_authority()
ROOT = AUTHORITY.chain.authorities[-1].certificate
QUERY = query_for(MESSAGE)
ANSWER = AUTHORITY.answer(QUERY.der)


class Silent:
    """An authority nobody reaches."""

    def answer(self, query: bytes) -> bytes:
        raise TimestampUnavailable("the authority is out of reach")


class Says:
    """An authority that answers the same to everyone."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def answer(self, query: bytes) -> bytes:
        return self._answer


def requiring(authority: TimestampingAuthority | Silent | Says) -> Timestamper:
    return Timestamper(authority, TimestampPolicy.REQUIRE, [ROOT])


def test_a_token_states_the_time_of_the_authority_over_this_message() -> None:
    at = NOW - timedelta(minutes=10)
    token = requiring(AUTHORITY.at_time(at)).token(MESSAGE, within=WITHIN)
    info = cms.ContentInfo.load(token)["content"]["encap_content_info"]["content"].parsed
    assert info["gen_time"].native == at
    assert info["message_imprint"]["hashed_message"].native == query_for(MESSAGE).imprint


def test_no_query_is_like_another() -> None:
    assert query_for(MESSAGE).der != query_for(MESSAGE).der


@pytest.mark.parametrize(
    ("authority", "words"),
    [
        (TimestampingAuthority(AUTHORITY.chain, status=2), "refuses"),
        (TimestampingAuthority(AUTHORITY.chain, wrong_imprint=True), "over something else"),
        (TimestampingAuthority(AUTHORITY.chain, wrong_nonce=True), "another query"),
        (TimestampingAuthority(AUTHORITY.chain, without_nonce=True), "another query"),
        (TimestampingAuthority(AUTHORITY.chain, without_certificates=True), "does not hold its certificate"),
        (timestamping_authority(name="Stranger"), "no anchor"),
        (timestamping_authority(name=AUTHORITY.chain.leaf.subject.rfc4514_string()), "no anchor"),
        (timestamping_authority(usages=(DOCUMENT_SIGNING,)), "not for time-stamps"),
        (timestamping_authority(usages=(TIME_STAMPING, DOCUMENT_SIGNING)), "not for time-stamps"),
        (Says(b""), "cannot be read"),
        (Says(b"<html>maintenance</html>"), "cannot be read"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_an_answer_that_does_not_hold_is_refused(authority: TimestampingAuthority | Says, words: str) -> None:
    with pytest.raises(TimestampInvalid, match=words) as caught:
        requiring(authority).token(MESSAGE, within=WITHIN)
    assert caught.value.code == "signing.timestamp_invalid"


def test_an_expired_authority_is_no_authority() -> None:
    expired = timestamping_authority(start=NOW - timedelta(days=9), end=NOW - timedelta(days=1))
    timestamper = Timestamper(expired, TimestampPolicy.REQUIRE, [expired.chain.authorities[-1].certificate])
    with pytest.raises(TimestampInvalid, match="no anchor"):
        timestamper.token(MESSAGE, within=WITHIN)


def test_a_clock_outside_the_certificate_s_validity_does_not_help() -> None:
    with pytest.raises(TimestampInvalid, match="when the signer's certificate is not valid"):
        requiring(AUTHORITY.at_time(NOW - timedelta(days=400))).token(MESSAGE, within=WITHIN)


@pytest.mark.parametrize("altered", ["content", "attributes", "signature"])
def test_every_altered_part_is_noticed(altered: str) -> None:
    query = query_for(MESSAGE)
    response = tsp.TimeStampResp.load(AUTHORITY.answer(query.der))
    signed = response["time_stamp_token"]["content"]
    signer = signed["signer_infos"][0]
    target = {
        "content": bytes(signed["encap_content_info"]["content"])[-12:],
        "attributes": signer["signed_attrs"].dump()[-12:],
        "signature": signer["signature"].native[-12:],
    }[altered]
    answer = response.dump()
    assert answer.count(target) >= 1
    at = answer.index(target)
    with pytest.raises(TimestampInvalid):
        checked_token(answer[: at + 11] + bytes([answer[at + 11] ^ 1]) + answer[at + 12 :], query)


def test_policy_require_fails_for_good() -> None:
    with pytest.raises(TimestampMissing) as caught:
        requiring(Silent()).token(MESSAGE, within=WITHIN)
    assert caught.value.code == "signing.timestamp_missing"
    assert not isinstance(caught.value, SignerUnavailable)


def test_policy_queue_fails_for_now() -> None:
    with pytest.raises(TimestampUnavailable) as caught:
        Timestamper(Silent(), TimestampPolicy.QUEUE, [ROOT]).token(MESSAGE, within=WITHIN)
    assert caught.value.code == "signing.timestamp_unavailable"
    assert isinstance(caught.value, SignerUnavailable)


def test_policy_queue_does_not_wait_for_an_authority_that_lies() -> None:
    liar = TimestampingAuthority(AUTHORITY.chain, wrong_nonce=True)
    with pytest.raises(TimestampInvalid):
        Timestamper(liar, TimestampPolicy.QUEUE, [ROOT]).token(MESSAGE, within=WITHIN)


@pytest.mark.parametrize("authority", [Silent(), TimestampingAuthority(AUTHORITY.chain, wrong_imprint=True)])
def test_policy_omit_does_without_and_says_why(authority: TimestampingAuthority | Silent) -> None:
    said: list[SigningError] = []
    timestamper = Timestamper(authority, TimestampPolicy.OMIT, [ROOT], on_omission=said.append)
    assert timestamper.token(MESSAGE, within=WITHIN) is None
    assert [reason.code for reason in said] == [
        "signing.timestamp_unavailable" if isinstance(authority, Silent) else "signing.timestamp_invalid"
    ]


def test_an_omission_is_logged_unless_somebody_else_is_told(caplog: pytest.LogCaptureFixture) -> None:
    Timestamper(Silent(), TimestampPolicy.OMIT, [ROOT]).token(MESSAGE, within=WITHIN)
    assert "signing without a time-stamp: signing.timestamp_unavailable" in caplog.text


def test_without_an_anchor_nothing_is_set_up() -> None:
    with pytest.raises(TrustStoreError, match="no trust list for time-stamps"):
        Timestamper(AUTHORITY, TimestampPolicy.OMIT, [])


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 2000), flipped=st.integers(1, 255))
def test_no_flipped_byte_crashes_the_reader(at: int, flipped: int) -> None:
    answer = bytearray(ANSWER)
    answer[at % len(answer)] ^= flipped
    try:
        token = checked_token(bytes(answer), QUERY)
    except TimestampInvalid:
        return
    assert token.at.tzinfo is not None  # a byte that no check rests on, such as in a certificate's own signature


@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reader(answer: bytes) -> None:
    with pytest.raises(TimestampInvalid):
        checked_token(answer, QUERY)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl program is not installed")
@pytest.mark.parametrize("signs_with", ["rsa", "ec"])
def test_an_independent_authority_is_understood(tmp_path: Path, signs_with: str) -> None:
    kind = ["rsa:2048"] if signs_with == "rsa" else ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"]
    (tmp_path / "ext").write_text("[e]\nextendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n[req]\n"
                                  "distinguished_name=d\n[d]\n")  # fmt: skip
    (tmp_path / "serial").write_text("01\n")
    (tmp_path / "tsa.conf").write_text(
        "[tsa]\ndefault_tsa=t\n[t]\nserial=serial\ncrypto_device=builtin\nsigner_digest=sha384\ndefault_policy=1.2.3.4\n"
        "digests=sha256,sha384\nordering=no\ntsa_name=no\ness_cert_id_chain=no\ness_cert_id_alg=sha256\naccuracy=secs:1\n"
    )

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=tmp_path, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", *kind, "-nodes", "-keyout", "k.pem", "-out", "c.pem", "-subj", "/CN=TSA", "-days", "2",
            "-config", "ext", "-extensions", "e")  # fmt: skip
    query = query_for(MESSAGE)
    (tmp_path / "q.tsq").write_bytes(query.der)
    openssl(
        "ts", "-reply", "-config", "tsa.conf", "-queryfile", "q.tsq", "-signer", "c.pem", "-inkey", "k.pem", "-out", "r.tsr"
    )
    token = checked_token((tmp_path / "r.tsr").read_bytes(), query)
    assert abs(token.at - NOW) < timedelta(hours=1)


def test_a_real_token_s_signature_is_one_we_would_take(shared: Path) -> None:
    data = Asset.from_bytes((shared / "c2pa/lab-attacks/timestamped.png").read_bytes()).data
    at = data.index(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02") - 4
    token = cms.ContentInfo.load(data[at : at + 4 + int.from_bytes(data[at + 2 : at + 4], "big")])
    info = token["content"]["encap_content_info"]["content"].parsed
    answer = tsp.TimeStampResp({"status": {"status": 0}, "time_stamp_token": token}).dump()
    query = query_for(MESSAGE)
    expected = (info["message_imprint"]["hashed_message"].native, info["nonce"].native)
    checked = checked_token(answer, type(query)(query.der, *expected))
    assert checked.der == token.dump()
