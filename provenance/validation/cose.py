"""The certificates that signed a manifest, and its time-stamps, taken out of the manifest store.

The SDK verifies signature, chain and time-stamp and shows neither certificates nor tokens, but three questions need them: may
the leaf sign claims at all (the SDK lets a time-stamping certificate), which of our lists is it on (the SDK names one at
random, or none), and who stamped the time (of an older claim the SDK does not ask).
Anything unusual, such as two chains or two manifests of one name, is an error, because the SDK might have meant the other one.

Source: ISO/IEC 19566-5 (JUMBF boxes); C2PA Technical Specification 2.3, "Digital signatures"; RFC 9360 (x5chain).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeVar

from cryptography import x509

from provenance.keys import Algorithm
from provenance.trust.certificate_path import load_certificate
from provenance.validation.cbor import decode_cbor

COSE_ALGORITHMS: Final[Mapping[Algorithm | None, int]] = {
    Algorithm.ES256: -7,
    Algorithm.ES384: -35,
    Algorithm.ED25519: -8,
    Algorithm.PS256: -37,
}
"""Identifiers of RFC 9053."""
_SIGNATURE_LABEL: Final = "c2pa.signature"
_X5CHAIN: Final = (33, "x5chain")
_TIME_STAMPS: Final = ("sigTst", "sigTst2")
_T = TypeVar("_T")


def signing_chain(store: bytes, manifest_label: str) -> tuple[x509.Certificate, ...]:
    """Certificates in the COSE signature of one manifest, leaf first; the signature itself is not checked.

    Args:
        store: A C2PA manifest store, as JUMBF.
        manifest_label: Label of the manifest, such as "urn:c2pa:…".

    Raises:
        ValueError: There is not exactly one such manifest, signature or chain, or they cannot be parsed.
    """
    chain = _only(value for key, value in _headers(store, manifest_label) if key in _X5CHAIN)
    encoded = chain if isinstance(chain, list) else [chain]
    certificates = tuple(load_certificate(der) for der in encoded if isinstance(der, bytes))
    if not certificates or len(certificates) != len(encoded):
        raise ValueError("the chain holds something else than certificates")
    return certificates


def time_stamp_tokens(store: bytes, manifest_label: str) -> tuple[bytes, ...]:
    """The time-stamps of one manifest's signature, DER: tokens (sigTst2) or whole responses (sigTst); none if it has none.

    Raises:
        ValueError: The signature or its time-stamps cannot be parsed, or a newer claim has one of the older kind. That is over
            the claim and not over its signature: it could have been had before the key was, and the SDK takes it all the same.
    """
    tokens: list[bytes] = []
    of_older_claims = any(True for _ in _superboxes(_manifest(store, manifest_label), "c2pa.claim"))
    for key, container in _headers(store, manifest_label):
        if key == "sigTst" and not of_older_claims:
            raise ValueError("a time-stamp over a newer claim, not over its signature")
        if key in _TIME_STAMPS:
            for entry in _list(_only(value for name, value in _pairs(container) if name == "tstTokens")):
                token = _only(value for name, value in _pairs(entry) if name == "val")
                if not isinstance(token, bytes):
                    raise ValueError("a time-stamp is no byte string")
                tokens.append(token)
    return tuple(tokens)


def _manifest(store: bytes, label: str) -> bytes:
    return _only(_superboxes(_only(_superboxes(store, "c2pa")), label))


def _headers(store: bytes, manifest_label: str) -> list[tuple[object, object]]:
    """Protected and unprotected headers of the claim signature, in that order."""
    manifest = _manifest(store, manifest_label)
    signature = _only(content for kind, content in _boxes(_only(_superboxes(manifest, _SIGNATURE_LABEL))) if kind == b"cbor")
    sign1 = decode_cbor(signature)
    if not isinstance(sign1, list) or len(sign1) != 4 or not isinstance(sign1[0], bytes):
        raise ValueError("the signature is no COSE_Sign1")
    return [*_pairs(decode_cbor(sign1[0])), *_pairs(sign1[1])]


def _pairs(header: object) -> tuple[tuple[object, object], ...]:
    if not isinstance(header, tuple):
        raise ValueError("a COSE header is no map")
    return header


def _list(item: object) -> list[object]:
    if not isinstance(item, list):
        raise ValueError("no CBOR array where there must be one")
    return item


def _only(found: Iterable[_T]) -> _T:
    items = list(found)
    if len(items) != 1:
        raise ValueError(f"there are {len(items)} of what must be one")
    return items[0]


def _superboxes(parent: bytes, label: str) -> Iterator[bytes]:
    """Contents of the superboxes in `parent` that carry this label."""
    for kind, content in _boxes(parent):
        if kind == b"jumb":
            first, description = next(_boxes(content), (b"", b""))
            if first == b"jumd" and description[17:].split(b"\0", 1)[0] == label.encode():
                yield content


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        size, kind, header = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        elif size == 0:
            size = len(data) - at
        if size < header or at + size > len(data):
            raise ValueError("a JUMBF box ends outside its parent")
        yield kind, data[at + header : at + size]
        at += size
