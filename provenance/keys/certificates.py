"""Certificates of a chain: read once, as far as anything here reads them, so that none of them raises later.

`cryptography` parses a certificate piece by piece, and what is wrong with a piece shows only when somebody asks for it.

Source: RFC 5280, sections 4.1 and 4.2.
"""

from __future__ import annotations

import warnings
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.utils import CryptographyDeprecationWarning

UNREADABLE: Final = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What `cryptography` raises over certificates that are malformed or strange."""


def require_readable(certificate: x509.Certificate) -> None:
    """Return only if every part of `certificate` that is looked at here can be read.

    Raises:
        ValueError: Something in it is malformed or not understood.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)  # strange, and taken for as long as it is
            _ = certificate.extensions, certificate.public_key(), certificate.signature_hash_algorithm
            _ = certificate.issuer.rfc4514_string(), certificate.subject.rfc4514_string()
            _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except UNREADABLE as err:
        raise ValueError(f"a certificate cannot be read: {err}") from err


def issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether `issuer` is named as the issuer of `certificate` and signed it."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *UNREADABLE):
        return False
    return True
