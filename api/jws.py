"""Signatures as JOSE spells them: names of algorithms, raw ECDSA signatures, base64url without padding.

The algorithm is a property of the certificate's key, never a choice of whoever wrote the message.

Source: RFC 7515, section 2 (base64url); RFC 7518, section 3, and RFC 8037, section 3.1 (algorithms).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Final

from cryptography import x509

from provenance.errors import ReportError
from provenance.keys import MIN_RSA_BITS, Algorithm, signature_holds
from provenance.keys import algorithm_of as algorithm_of_key

NAMES: Final[Mapping[Algorithm, str]] = {
    Algorithm.ES256: "ES256",
    Algorithm.ES384: "ES384",
    Algorithm.ED25519: "EdDSA",
    Algorithm.PS256: "PS256",
}
"""What JOSE calls each algorithm."""

_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+")


def algorithm_of(leaf: x509.Certificate) -> Algorithm:
    """The one algorithm the certificate's key signs with.

    Raises:
        ReportError: The key is of no kind, or on no curve, that signs reports.
    """
    try:
        key = leaf.public_key()
    except Exception as err:  # UnsupportedAlgorithm, ValueError: from keys nobody signs reports with
        raise ReportError(f"the certificate's key cannot be read: {err}") from err
    return _algorithm(key)


def verify_raw(key: object, signature: bytes, data: bytes) -> None:
    """Return only if `signature` over `data` was made with `key`; ECDSA as r and s concatenated.

    Raises:
        ReportError: It was not, or the key is of no kind that signs reports.
    """
    _algorithm(key)
    if not signature_holds(key, signature, data):
        raise ReportError("the signature does not hold: something was changed after it was signed, or another key signed")


def encode(data: bytes) -> str:
    """`data` as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """The bytes `text` spells, of which there is one spelling only.

    Raises:
        ReportError: It is not base64url without padding, or its last letter carries stray bits.
    """
    if not _BASE64URL.fullmatch(text):
        raise ReportError("the signature is not base64url without padding")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as err:
        raise ReportError(f"the signature is not base64url: {err}") from err
    if encode(data) != text:
        raise ReportError("the signature has stray bits: there is one spelling of it")
    return data


def _algorithm(key: object) -> Algorithm:
    algorithm = algorithm_of_key(key)
    if algorithm is None:
        raise ReportError(f"the certificate's key must be P-256, P-384, Ed25519 or RSA of at least {MIN_RSA_BITS} bits")
    return algorithm
