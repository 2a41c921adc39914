from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import CredentialMismatch
from provenance.keys import Algorithm, algorithm_of, digest_of, raw_from_der, signature_holds
from tests.assets.chains import new_key, sound_chain


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_signature_holds_for_its_key_and_payload_only(algorithm: Algorithm) -> None:
    signer = sound_chain(algorithm).signer
    key = signer.credential.certificates[0].public_key()
    signature = signer.sign(b"claim")
    assert signature_holds(key, signature, b"claim")
    assert not signature_holds(key, signature, b"claim!")
    assert not signature_holds(key, signature[:-1], b"claim")
    assert not signature_holds(key, signature + b"\0", b"claim")
    assert not signature_holds(key, b"", b"claim")
    assert not signature_holds(new_key(algorithm).public_key(), signature, b"claim")


@pytest.mark.parametrize("algorithm", Algorithm)
def test_what_another_key_signed_is_not_handed_on(algorithm: Algorithm) -> None:
    credential = sound_chain(algorithm).signer.credential
    signature = sound_chain(algorithm).signer.sign(b"claim")
    assert credential.checked(signature, b"claim") == signature
    with pytest.raises(CredentialMismatch, match="Throw-away signer"):
        credential.checked(signature, b"other")


def test_a_signature_without_salt_is_not_ps256() -> None:
    key = sound_chain(Algorithm.PS256).key
    assert isinstance(key, rsa.RSAPrivateKey)
    unsalted = key.sign(b"claim", padding.PSS(padding.MGF1(hashes.SHA256()), 0), hashes.SHA256())
    assert not signature_holds(key.public_key(), unsalted, b"claim")


def test_keys_nobody_signs_claims_with_have_no_algorithm() -> None:
    odd = ec.generate_private_key(ec.SECP521R1()).public_key()
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    assert [algorithm_of(key) for key in (odd, short, object())] == [None, None, None]
    assert not any(signature_holds(key, b"x" * 64, b"claim") for key in (odd, short, object()))


def test_digests() -> None:
    assert digest_of(b"claim", Algorithm.ES256) == hashlib.sha256(b"claim").digest()
    assert digest_of(b"claim", Algorithm.ES384) == hashlib.sha384(b"claim").digest()
    assert digest_of(b"claim", Algorithm.PS256) == hashlib.sha256(b"claim").digest()


@given(st.integers(0, 2**256 - 1), st.integers(0, 2**256 - 1))
def test_numbers_keep_their_width(r: int, s: int) -> None:
    raw = raw_from_der(utils.encode_dss_signature(r, s), Algorithm.ES256)
    assert (len(raw), int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")) == (64, r, s)


@given(st.binary(max_size=80))
def test_what_is_no_signature_is_refused(junk: bytes) -> None:
    try:
        raw = raw_from_der(junk, Algorithm.ES256)
    except ValueError:
        return
    assert len(raw) == 64


def test_a_number_wider_than_the_curve_is_refused() -> None:
    with pytest.raises(ValueError, match="out of range"):
        raw_from_der(utils.encode_dss_signature(2**256, 1), Algorithm.ES256)
