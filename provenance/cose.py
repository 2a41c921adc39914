"""The certificates that signed a manifest, and its time-stamps, taken out of the manifest store.

The SDK verifies signature, chain and time-stamp and shows neither certificates nor tokens, but three questions need them: may
the leaf sign claims at all (the SDK lets a time-stamping certificate), which of our lists is it on (the SDK names one at
random, or none), and who stamped the time (of an older claim the SDK does not ask).
Anything unusual, such as two chains or two manifests of one name, is an error, because the SDK might have meant the other one.

Source: ISO/IEC 19566-5 (JUMBF boxes); C2PA Technical Specification 2.3, "Digital signatures"; RFC 9360 (x5chain);
RFC 8949 (CBOR).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

from cryptography import x509

from provenance.certificate_path import load_certificate

_SIGNATURE_LABEL: Final = "c2pa.signature"
_X5CHAIN: Final = (33, "x5chain")
_TIME_STAMPS: Final = ("sigTst", "sigTst2")
_MAX_DEPTH: Final = 16
_BREAK: Final = object()
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


def decode_cbor(data: bytes) -> object:
    """One CBOR item, whole.

    Tags are dropped. A map becomes a tuple of pairs, so that a repeated key stays visible.

    Raises:
        ValueError: It is malformed, nested too deeply, or something follows it.
    """
    item, end = _item(data, 0, _MAX_DEPTH)
    if end != len(data) or item is _BREAK:
        raise ValueError("not one whole CBOR item")
    return item


def _item(data: bytes, at: int, depth: int) -> tuple[object, int]:  # noqa: PLR0911  # one for each major type
    if depth == 0:
        raise ValueError("CBOR is nested too deeply")
    major, argument, at = _head(data, at)
    match major:
        case 0:
            return _definite(argument), at
        case 1:
            return -1 - _definite(argument), at
        case 2 | 3 if argument is None:
            chunks, at = _items(data, at, None, depth)
            if not all(isinstance(chunk, bytes if major == 2 else str) for chunk in chunks):
                raise ValueError("a CBOR string has a chunk of another kind")
            return (b"" if major == 2 else "").join(chunks), at  # type: ignore[arg-type]  # checked above
        case 2 | 3:
            end = at + _definite(argument)
            if end > len(data):
                raise ValueError("a CBOR string ends outside the data")
            return (data[at:end] if major == 2 else data[at:end].decode()), end
        case 4:
            return _items(data, at, argument, depth)
        case 5:
            flat, at = _items(data, at, None if argument is None else 2 * argument, depth)
            if len(flat) % 2:
                raise ValueError("a CBOR map has a key without a value")
            return tuple(zip(flat[::2], flat[1::2], strict=True)), at
        case 6:
            return _item(data, at, depth - 1)
    return (_BREAK if argument is None else argument), at


def _items(data: bytes, at: int, count: int | None, depth: int) -> tuple[list[object], int]:
    """`count` items, or those up to a break."""
    found: list[object] = []
    while count is None or len(found) < count:
        item, at = _item(data, at, depth - 1)
        if item is _BREAK:
            if count is None:
                break
            raise ValueError("a CBOR break where an item is needed")
        found.append(item)
    return found, at


def _head(data: bytes, at: int) -> tuple[int, int | None, int]:
    """Major type, argument (None when indefinite) and where the content starts."""
    if at >= len(data):
        raise ValueError("CBOR ends too early")
    major, low = data[at] >> 5, data[at] & 31
    if low < 24:
        return major, low, at + 1
    if low == 31:
        return major, None, at + 1
    width = {24: 1, 25: 2, 26: 4, 27: 8}.get(low, 0)
    if not width or at + 1 + width > len(data):
        raise ValueError("a CBOR argument is malformed")
    return major, int.from_bytes(data[at + 1 : at + 1 + width], "big"), at + 1 + width


def _definite(argument: int | None) -> int:
    if argument is None:
        raise ValueError("a CBOR number of indefinite length")
    return argument


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
