"""The certificates inside an RFC 3161 time-stamp token, so that the authority can be looked for on our own lists.

The SDK checks the token's imprint. It takes the authority of an older claim on trust, and of a newer one names whichever list
holds the anchor, signers' lists included; so whom the token is from is settled here. That a listed authority's certificates lie
in a token proves nothing, since anybody can copy them: the chain starts at whoever's signature holds.

Source: RFC 3161, section 2.4.2; RFC 5652, sections 3 and 5.1 (SignedData); X.690 (DER).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509

from provenance.errors import TimestampInvalid
from provenance.trust.certificate_path import (
    MAX_CHAIN_CERTIFICATES,
    SIGNER_TRUSTED,
    judge_chain,
    load_certificate,
    may_stamp_times,
)
from provenance.validation.timestamp_response import token_in_itself

_SEQUENCE: Final = 0x30
_OBJECT_IDENTIFIER: Final = 0x06
_CONTEXT_0: Final = 0xA0
_MAX_CERTIFICATES: Final = 32
_READ_TO: Final = timedelta(seconds=1)
"""A time that was read without its fraction is still the same."""


def stamped_by(token: bytes, anchors: Sequence[x509.Certificate], at: datetime) -> bool:
    """Whether `token` is signed by an authority under one of `anchors`, valid when it stamped.

    Args:
        token: A TimeStampToken, or a whole TimeStampResp, DER.
        anchors: Authorities trusted for time-stamps.
        at: The time somebody read in the token, which must be the one it states.
    """
    try:
        held, certificates = token_in_itself(token), token_certificates(token)
    except (TimestampInvalid, ValueError):
        return False
    chain = _chain(held.signer, certificates)
    same_time = abs(held.at - at) < _READ_TO
    return same_time and judge_chain(chain, anchors, held.at, may=may_stamp_times)[0] == SIGNER_TRUSTED


def token_certificates(token: bytes) -> tuple[x509.Certificate, ...]:
    """Certificates in a TimeStampToken or a whole TimeStampResp, in no particular order.

    Raises:
        ValueError: It is neither, or a certificate cannot be read.
    """
    _, outer = _only(_elements(token), _SEQUENCE)
    parts = list(_elements(outer))
    if parts and parts[0][0] == _SEQUENCE and len(parts) > 1:  # a response: its status, then the token
        parts = list(_elements(parts[1][2]))
    if len(parts) != 2 or parts[0][0] != _OBJECT_IDENTIFIER:
        raise ValueError("no time-stamp token")
    _, signed = _only(_elements(parts[1][2]), _SEQUENCE)
    found = [content for tag, _, content in _elements(signed) if tag == _CONTEXT_0]
    encoded = [whole for content in found for tag, whole, _ in _elements(content) if tag == _SEQUENCE]
    if len(encoded) > _MAX_CERTIFICATES:
        raise ValueError(f"more than {_MAX_CERTIFICATES} certificates in a time-stamp token")
    return tuple(load_certificate(der) for der in encoded)


def _chain(leaf: x509.Certificate, certificates: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """`leaf` and whoever is named as the issuer of the one before; `judge_chain` checks the signatures."""
    chain = [leaf]
    while len(chain) < MAX_CHAIN_CERTIFICATES and chain[-1].subject != chain[-1].issuer:
        above = next((c for c in certificates if c.subject == chain[-1].issuer and c not in chain), None)
        if above is None:
            break
        chain.append(above)
    return chain


def _only(elements: Iterator[tuple[int, bytes, bytes]], tag: int) -> tuple[bytes, bytes]:
    found = list(elements)
    if len(found) != 1 or found[0][0] != tag:
        raise ValueError("no time-stamp token")
    return found[0][1], found[0][2]


def _elements(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Tag, whole encoding and content of each element in a row; definite lengths only, as DER has them."""
    at = 0
    while at < len(data):
        if at + 2 > len(data):
            raise ValueError("DER ends too early")
        tag, length, start = data[at], data[at + 1], at + 2
        if length >= 0x80:
            width = length & 0x7F
            if not 1 <= width <= 4 or start + width > len(data):
                raise ValueError("a DER length is malformed")
            length, start = int.from_bytes(data[start : start + width], "big"), start + width
        if start + length > len(data):
            raise ValueError("a DER element ends outside its parent")
        yield tag, data[at : start + length], data[start : start + length]
        at = start + length
