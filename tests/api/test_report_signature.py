"""Signed reports: what holds, what does not, and what hostile ones are told."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from api.report_document import ReportDocument
from api.report_signature import MAX_REPORT_BYTES, ReportSignatureResult, parse_report, sign_report, verify_report
from provenance.errors import CredentialExpired, ReportError
from provenance.keys import Algorithm, create_development_credential, signer_from_uri
from tests.api.reports import TRUSTED_SYNTHETIC, measures, report_of
from tests.assets.chains import NOW, SERVER_AUTHENTICATION, Chain, authority, chain, sound_chain

DOCUMENT = ReportDocument.from_report(report_of(*TRUSTED_SYNTHETIC, measures(4.0)), path="a.png")


def signed(by: Chain, document: ReportDocument = DOCUMENT) -> dict[str, Any]:
    return sign_report(document, by.signer, at=NOW).as_dict()


def anchors(*chains: Chain) -> list[x509.Certificate]:
    return [each.certificates[-1] for each in chains]


def verify(values: object, *, trusting: list[x509.Certificate] | None = None) -> ReportSignatureResult:
    data = values if isinstance(values, bytes) else json.dumps(values).encode()
    return verify_report(data, trusting if trusting is not None else anchors(sound_chain()), at=NOW)


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def header_of(values: dict[str, Any]) -> dict[str, Any]:
    return json.loads(decode(values["signature"].split(".")[0]))


def resigned(by: Chain, header: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The document signed by the real key under a header of our own."""

    values = {**DOCUMENT.as_dict(), **changes}
    protected = encode(json.dumps(header).encode())
    signature = by.signer.sign(f"{protected}.{encode(rfc8785.dumps(values))}".encode())
    return {**values, "signature": f"{protected}..{encode(signature)}"}


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_signed_report_holds_and_its_signer_is_trusted(algorithm: Algorithm) -> None:
    by = sound_chain(algorithm)
    result = verify(signed(by), trusting=anchors(by))
    assert (result.trusted, result.code) == (True, "signingCredential.trusted")
    assert result.signed_at == NOW
    assert result.document.asset == DOCUMENT.asset
    assert "Throw-away signer" in result.signer
    assert not result.development


def test_header_is_exactly_what_the_decision_says() -> None:
    header = header_of(signed(sound_chain()))
    assert set(header) == {"alg", "typ", "iat", "x5c"}
    assert (header["alg"], header["typ"], header["iat"]) == ("ES256", "assay-report+jws", int(NOW.timestamp()))
    leaf = x509.load_der_x509_certificate(base64.b64decode(header["x5c"][0]))
    assert leaf == sound_chain().leaf


def test_spelling_of_the_json_does_not_matter() -> None:
    values = signed(sound_chain())
    shuffled = dict(sorted(values.items(), reverse=True))
    assert verify(json.dumps(shuffled, indent=3, ensure_ascii=True).encode()).trusted


def test_signing_twice_replaces_the_signature() -> None:
    once = sign_report(DOCUMENT, sound_chain().signer, at=NOW)
    twice = sign_report(once, sound_chain(Algorithm.ED25519).signer, at=NOW)
    assert verify(twice.as_dict(), trusting=anchors(sound_chain(Algorithm.ED25519))).trusted


def test_an_intermediate_in_the_chain_is_followed() -> None:
    by = chain(intermediate=True)
    assert verify(signed(by), trusting=anchors(by)).trusted


def test_an_unknown_signer_is_a_finding() -> None:
    result = verify(signed(chain()))
    assert (result.trusted, result.code) == (False, "signingCredential.untrusted")


def test_with_no_anchors_nobody_is_trusted() -> None:
    assert not verify(signed(sound_chain()), trusting=[]).trusted


def test_a_certificate_that_has_run_out_is_a_finding() -> None:
    by = chain(end=NOW + timedelta(hours=1))
    result = verify_report(json.dumps(signed(by)).encode(), anchors(by), at=NOW + timedelta(hours=2))
    assert (result.trusted, result.code) == (False, "signingCredential.expired")


def test_a_time_of_signing_outside_the_certificate_is_a_finding() -> None:
    by = sound_chain()
    header = {**header_of(signed(by)), "iat": int((NOW - timedelta(days=400)).timestamp())}
    result = verify(resigned(by, header))
    assert (result.trusted, result.code) == (False, "signingCredential.invalid")


def test_a_time_of_signing_in_the_future_is_a_finding() -> None:
    by = sound_chain()
    header = {**header_of(signed(by)), "iat": int((NOW + timedelta(hours=3)).timestamp())}
    assert verify(resigned(by, header)).code == "signingCredential.invalid"


def test_a_certificate_for_servers_may_not_sign_reports() -> None:
    # The signer's own gate is passed on purpose: a verifier must not rely on it.
    honest = sound_chain()
    server = chain(usages=(SERVER_AUTHENTICATION,), root=honest.authorities[-1], key=honest.key)
    header = {
        **header_of(signed(honest)),
        "x5c": [base64.b64encode(c.public_bytes(Encoding.DER)).decode() for c in server.certificates],
    }
    result = verify(resigned(honest, header))
    assert (result.trusted, result.code) == (False, "signingCredential.invalid")


def test_an_authority_may_not_sign_reports_itself() -> None:
    root = authority("Root that signs")
    leaf = chain(root=root)
    header = header_of(signed(leaf))
    header["x5c"] = [base64.b64encode(root.certificate.public_bytes(Encoding.DER)).decode()]
    by = Chain(root.certificate, root.key, (root,))
    protected = encode(json.dumps(header).encode())
    r, s = utils.decode_dss_signature(
        by.key.sign(f"{protected}.{encode(rfc8785.dumps(DOCUMENT.as_dict()))}".encode(), ec.ECDSA(hashes.SHA256()))
    )
    values = {**DOCUMENT.as_dict(), "signature": f"{protected}..{encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"}
    result = verify(values, trusting=[root.certificate])
    assert (result.trusted, result.code) == (False, "signingCredential.invalid")


def test_a_development_signer_is_called_one(tmp_path) -> None:
    create_development_credential(tmp_path, now=NOW)
    signer = signer_from_uri("development:", home=tmp_path)
    document = sign_report(DOCUMENT, signer, at=NOW)
    result = verify(document.as_dict(), trusting=[signer.credential.certificates[-1]])
    assert result.trusted
    assert result.development


def test_an_expired_credential_signs_nothing() -> None:
    with pytest.raises(CredentialExpired):
        sign_report(DOCUMENT, sound_chain().signer, at=NOW + timedelta(days=30))


LEAVES = [
    ("verdict", "conclusion", "inconclusive"),
    ("asset", "sha256", "0" * 64),
    ("provenance", "state", "absent"),
    ("detection", "llr", 4.000000000000001),
]


@pytest.mark.parametrize(("part", "member", "value"), LEAVES, ids=[f"{part}.{member}" for part, member, _ in LEAVES])
def test_any_changed_member_breaks_the_signature(part: str, member: str, value: object) -> None:
    values = signed(sound_chain())
    values[part] = {**values[part], member: value}
    with pytest.raises(ReportError, match="does not hold"):
        verify(values)


def test_an_added_member_breaks_the_signature() -> None:
    with pytest.raises(ReportError, match="does not hold"):
        verify({**signed(sound_chain()), "note": "x"})


def test_a_removed_member_breaks_the_signature() -> None:
    values = signed(sound_chain())
    del values["path"]
    with pytest.raises(ReportError, match="does not hold"):
        verify(values)


def test_a_signed_object_that_is_no_report_is_refused() -> None:
    by = sound_chain()
    with pytest.raises(ReportError, match="not a report of a schema known here"):
        verify(resigned(by, header_of(signed(by)), schema="assay.report/999"))


def test_an_unsigned_report_is_refused() -> None:
    with pytest.raises(ReportError, match="carries no signature"):
        verify(DOCUMENT.as_dict())


@pytest.mark.parametrize("alg", ["none", "HS256", "RS256", "ES384", "EdDSA", "es256", "", None, 5, ["ES256"]])
def test_an_algorithm_other_than_the_keys_own_is_refused(alg: object) -> None:
    by = sound_chain()
    with pytest.raises(ReportError, match="the certificate's key signs with ES256"):
        verify(resigned(by, {**header_of(signed(by)), "alg": alg}))


def test_a_public_key_is_no_shared_secret() -> None:
    """The classic confusion: an HMAC keyed with the public certificate."""

    by = sound_chain()
    protected = encode(json.dumps({**header_of(signed(by)), "alg": "HS256"}).encode())
    message = f"{protected}.{encode(rfc8785.dumps(DOCUMENT.as_dict()))}".encode()
    tag = hmac.new(by.pem, message, hashlib.sha256).digest()
    with pytest.raises(ReportError, match="HS256"):
        verify({**DOCUMENT.as_dict(), "signature": f"{protected}..{encode(tag)}"})


def test_an_empty_signature_is_refused() -> None:
    values = signed(sound_chain())
    values["signature"] = values["signature"].rsplit(".", 1)[0] + "."
    with pytest.raises(ReportError, match="base64url"):
        verify(values)


@pytest.mark.parametrize("name", ["crit", "b64", "jwk", "x5u", "kid", "jku"])
def test_a_header_member_that_is_not_understood_is_refused(name: str) -> None:
    by = sound_chain()
    with pytest.raises(ReportError, match="header must have exactly"):
        verify(resigned(by, {**header_of(signed(by)), name: True}))


@pytest.mark.parametrize("name", ["alg", "typ", "iat", "x5c"])
def test_a_header_without_a_member_is_refused(name: str) -> None:
    by = sound_chain()
    header = header_of(signed(by))
    del header[name]
    with pytest.raises(ReportError, match="header must have exactly"):
        verify(resigned(by, header))


def test_a_signature_over_something_else_is_refused() -> None:
    by = sound_chain()
    with pytest.raises(ReportError, match="of type"):
        verify(resigned(by, {**header_of(signed(by)), "typ": "JWT"}))


@pytest.mark.parametrize("iat", [True, 1.5, "1", None, 10**30])
def test_a_time_that_is_none_is_refused(iat: object) -> None:
    by = sound_chain()
    with pytest.raises(ReportError, match="iat"):
        verify(resigned(by, {**header_of(signed(by)), "iat": iat}))


@pytest.mark.parametrize("x5c", [[], "abc", None, ["!!"], ["AAAA"], [5], ["A" * 4] * 9])
def test_a_chain_that_cannot_be_read_is_refused(x5c: object) -> None:
    by = sound_chain()
    with pytest.raises(ReportError, match="x5c"):
        verify(resigned(by, {**header_of(signed(by)), "x5c": x5c}))


def test_an_attached_payload_is_refused() -> None:
    values = signed(sound_chain())
    protected, _, signature = values["signature"].split(".")
    with pytest.raises(ReportError, match="detached"):
        verify({**values, "signature": f"{protected}.e30.{signature}"})


def test_a_second_spelling_of_the_signature_is_refused() -> None:
    values = signed(sound_chain())
    text = values["signature"]  # 64 bytes end in a letter with four unused bits
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]
    assert decode(other.split(".")[2]) == decode(text.split(".")[2])
    with pytest.raises(ReportError, match="stray bits"):
        verify({**values, "signature": other})


def test_a_signature_of_another_length_is_refused() -> None:
    values = signed(sound_chain())
    protected, _, signature = values["signature"].split(".")
    with pytest.raises(ReportError, match="does not hold"):
        verify({**values, "signature": f"{protected}..{encode(decode(signature) + b'x')}"})


def test_a_member_that_occurs_twice_is_refused() -> None:
    text = json.dumps(signed(sound_chain()))
    twice = text.replace('"verdict": {"conclusion"', '"verdict": {"conclusion": "trusted_origin", "conclusion"', 1)
    assert twice != text
    with pytest.raises(ReportError, match="twice"):
        verify(twice.encode())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe{}", "not JSON"),
        (b"[]", "a JSON object"),
        (b'"x"', "a JSON object"),
        (b'{"llr": NaN}', "NaN is not a JSON number"),
        (b'{"llr": -Infinity}', "-Infinity is not a JSON number"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "not JSON"),
        (b" " * (MAX_REPORT_BYTES + 1), "the limit is"),
        (b'{"n": ' + b"9" * 5000 + b"}", "not JSON"),
    ],
    ids=["empty", "cut", "utf-16", "list", "string", "NaN", "-Infinity", "deep", "long", "a number of 5000 digits"],
)
def test_what_is_no_report_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ReportError, match=reason):
        verify(data)


@pytest.mark.parametrize("number", ["1e999", "9007199254740993"])
def test_a_number_without_a_canonical_form_is_refused(number: str) -> None:
    text = json.dumps(signed(sound_chain()))
    with pytest.raises(ReportError, match="canonical form"):
        verify(text.replace('"policy": "2"', f'"policy": {number}').encode())


def test_a_lone_surrogate_is_refused() -> None:
    text = json.dumps(signed(sound_chain()))
    with pytest.raises(ReportError, match="canonical form"):
        verify(text.replace('"policy": "2"', r'"policy": "\ud800"').encode())


@given(st.binary(max_size=300))
def test_any_bytes_are_a_report_error_or_an_object(data: bytes) -> None:
    with contextlib.suppress(ReportError):
        assert isinstance(parse_report(data), dict)


@given(st.text(max_size=200))
def test_any_text_as_signature_is_a_report_error(text: str) -> None:
    with pytest.raises(ReportError):
        verify({**DOCUMENT.as_dict(), "signature": text})
