"""Signatures against the published examples of JOSE, and keys that sign nothing here."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from api.jws import algorithm_of, decode, encode, verify_raw
from provenance.errors import ReportError
from provenance.keys import Algorithm
from tests.assets.chains import sound_chain


def number(text: str) -> int:
    return int.from_bytes(decode(text), "big")


RFC7515_A3 = (
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
)
RFC8037_A4 = (
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
)


def p256() -> ec.EllipticCurvePublicKey:
    x, y = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
    return ec.EllipticCurvePublicNumbers(number(x), number(y), ec.SECP256R1()).public_key()


def ed() -> ed25519.Ed25519PublicKey:
    return ed25519.Ed25519PublicKey.from_public_bytes(decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"))


def test_the_example_of_rfc_7515() -> None:
    data, signature = RFC7515_A3
    verify_raw(p256(), decode(signature), data.encode())


def test_the_example_of_rfc_8037() -> None:
    data, signature = RFC8037_A4
    verify_raw(ed(), decode(signature), data.encode())


@pytest.mark.parametrize(("example", "key"), [(RFC7515_A3, p256), (RFC8037_A4, ed)], ids=["ES256", "EdDSA"])
def test_every_flipped_byte_is_noticed(example: tuple[str, str], key) -> None:
    data, signature = example[0].encode(), decode(example[1])
    for at in range(len(signature)):
        flipped = signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1 :]
        with pytest.raises(ReportError, match="does not hold"):
            verify_raw(key(), flipped, data)
    with pytest.raises(ReportError, match="does not hold"):
        verify_raw(key(), signature, data + b"x")


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_the_algorithm_is_the_keys_own(algorithm: Algorithm) -> None:
    assert algorithm_of(sound_chain(algorithm).leaf) is algorithm


@pytest.mark.parametrize(
    "key",
    [
        lambda: ec.generate_private_key(ec.SECP521R1()).public_key(),
        lambda: ec.generate_private_key(ec.SECP256K1()).public_key(),
        lambda: ed448.Ed448PrivateKey.generate().public_key(),
        lambda: rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key(),
        lambda: b"a shared secret",
    ],
    ids=["P-521", "secp256k1", "Ed448", "RSA 1024", "bytes"],
)
def test_other_keys_sign_nothing_here(key) -> None:
    with pytest.raises(ReportError, match="key must be"):
        verify_raw(key(), b"\0" * 64, b"data")


def test_zeros_are_no_signature() -> None:
    """CVE-2022-21449: r = s = 0 passed for any message in one well-known implementation."""
    with pytest.raises(ReportError, match="does not hold"):
        verify_raw(p256(), bytes(64), b"anything")


def test_a_certificate_whose_key_cannot_be_read() -> None:
    class Unreadable:
        def public_key(self) -> None:
            raise x509.UnsupportedGeneralNameType("x", 5)

    with pytest.raises(ReportError, match="cannot be read"):
        algorithm_of(Unreadable())  # type: ignore[arg-type]


@given(st.binary(min_size=1, max_size=100))
def test_base64url_round_trips(data: bytes) -> None:
    assert decode(encode(data)) == data


@pytest.mark.parametrize("text", ["", "=", "AA==", "A", "AA+A", "AA/A", "A A", "AB", "AAB", "é"])
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(ReportError):
        decode(text)
