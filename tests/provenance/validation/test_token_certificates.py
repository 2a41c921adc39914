from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate
from hypothesis import given
from hypothesis import strategies as st

from provenance.trust.certificate_path import load_certificate
from provenance.validation.token_certificates import stamped_by, token_certificates
from tests.assets.authorities import timestamping_authority
from tests.assets.chains import CLAIM_SIGNING, NOW, TIME_STAMPING, sound_chain

TSA = timestamping_authority()
TOKEN = TSA.at_time(NOW).token(b"what was signed")
ROOT = TSA.chain.authorities[-1].certificate


def test_certificates_of_a_token_and_of_a_whole_response() -> None:
    assert set(token_certificates(TOKEN)) == set(TSA.chain.certificates)
    token = TOKEN
    status = b"\x30\x03\x02\x01\x00"
    length = len(status) + len(token)
    response = b"\x30\x82" + length.to_bytes(2, "big") + status + token
    assert set(token_certificates(response)) == set(TSA.chain.certificates)


def test_an_authority_under_a_listed_anchor() -> None:
    assert stamped_by(TOKEN, [ROOT], NOW)
    assert not stamped_by(TOKEN, [sound_chain().authorities[-1].certificate], NOW)
    assert not stamped_by(TOKEN, [], NOW)


@pytest.mark.parametrize("usages", [(CLAIM_SIGNING,), (TIME_STAMPING, CLAIM_SIGNING), ()])
def test_a_certificate_that_is_for_something_else_stamps_nothing(usages: tuple[str, ...]) -> None:
    other = timestamping_authority(usages=usages)
    token = other.at_time(NOW).token(b"x")
    assert not stamped_by(token, [other.chain.authorities[-1].certificate], NOW)
    # Nor with the certificates of a listed authority beside its own.
    assert not stamped_by(with_certificates(token, bag_of(*other.chain.certificates, *TSA.chain.certificates)), [ROOT], NOW)


def test_one_listed_certificate_in_a_token_does_not_cover_for_another() -> None:
    other = timestamping_authority(name="Somebody else's")
    token = with_certificates(other.at_time(NOW).token(b"x"), bag_of(*other.chain.certificates, *TSA.chain.certificates))
    assert not stamped_by(token, [ROOT], NOW)
    assert stamped_by(token, [other.chain.authorities[-1].certificate], NOW)


def test_the_time_must_be_the_one_in_the_token() -> None:
    assert stamped_by(TOKEN, [ROOT], NOW + timedelta(milliseconds=900))
    assert not stamped_by(TOKEN, [ROOT], NOW - timedelta(seconds=1))


def test_an_authority_that_was_not_in_force_when_it_stamped() -> None:
    late = TSA.at_time(NOW + timedelta(days=5000)).token(b"x")
    assert not stamped_by(late, [ROOT], NOW + timedelta(days=5000))


def bag_of(*certificates: Certificate) -> bytes:
    return b"".join(c.public_bytes(Encoding.DER) for c in certificates)


def with_certificates(token: bytes, bag: bytes) -> bytes:
    """`token` with another certificate set; its signature holds no less, for it does not cover them."""
    from asn1crypto import cms
    from asn1crypto import x509 as asn1

    content = cms.ContentInfo.load(token)
    certificates = []
    while bag:
        certificate = asn1.Certificate.load(bag)
        certificates.append(certificate)
        bag = bag[len(certificate.dump()) :]
    content["content"]["certificates"] = certificates
    return bytes(content.dump(force=True))


@given(st.binary(max_size=200))
def test_anything_else_is_no_token(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        token_certificates(data)


@given(st.integers(0, len(TOKEN) - 1), st.integers(0, 7))
def test_a_flipped_bit_is_read_or_refused(at: int, bit: int) -> None:
    stamped_by(TOKEN[:at] + bytes([TOKEN[at] ^ (1 << bit)]) + TOKEN[at + 1 :], [ROOT], NOW)


LEAF = sound_chain().leaf.public_bytes(Encoding.DER)


@given(st.integers(0, len(LEAF) - 1), st.integers(0, 7))
def test_a_certificate_with_a_flipped_bit_is_read_or_is_a_value_error(at: int, bit: int) -> None:
    with suppress(ValueError):
        load_certificate(LEAF[:at] + bytes([LEAF[at] ^ (1 << bit)]) + LEAF[at + 1 :])


def test_a_certificate_of_an_unknown_version_is_a_value_error() -> None:
    at = LEAF.index(b"\xa0\x03\x02\x01\x02") + 4
    with pytest.raises(ValueError, match="cannot be read"):
        load_certificate(LEAF[:at] + b"\x07" + LEAF[at + 1 :])
