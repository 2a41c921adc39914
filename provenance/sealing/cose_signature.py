"""Make COSE signatures: over a claim, or over what a named actor vouches for.

A time-stamp and what an authority said of the certificate go into the header that the signature does not cover, so they can be
fetched once the signature is there. Zeros fill the rest of the place a signature was given.

Source: RFC 9052 (COSE_Sign1, Sig_structure), RFC 9360 (x5chain); C2PA Technical Specification 2.3, "Digital signatures"
(`sigTst2`, `rVals`, `pad`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives import serialization

from provenance.errors import SigningError
from provenance.keys import Signer
from provenance.sealing.certificate_status import StatusSource
from provenance.sealing.timestamps import Timestamper
from provenance.validation.cbor import CborItem, encode_cbor, initial_bytes
from provenance.validation.cose import COSE_ALGORITHMS

_ALGORITHM: Final = 1
_X5CHAIN: Final = 33
_SIGN1_TAG: Final = b"\xd2"


@dataclass(frozen=True, slots=True)
class Signatory:
    """A signer, and what is attached to each of its signatures."""

    signer: Signer
    timestamps: Timestamper | None = None
    """Who says when; none: the signature dies with its certificate."""
    status: StatusSource | None = None
    """Who says that the certificate is in force; none: readers have to ask."""


def protected_header(signer: Signer) -> bytes:
    """Algorithm and certificate chain, as they are signed."""
    chain = [c.public_bytes(serialization.Encoding.DER) for c in signer.credential.certificates]
    header: Mapping[int | str, CborItem] = {
        _ALGORITHM: COSE_ALGORITHMS[signer.credential.algorithm],
        _X5CHAIN: chain[0] if len(chain) == 1 else chain,
    }
    return encode_cbor(header)


def sign1(payload: bytes, signatory: Signatory, *, protected: bytes, size: int | None = None) -> bytes:
    """A COSE_Sign1 over `payload`, which it does not contain.

    Args:
        payload: What is signed.
        signatory: Who signs, and what is attached.
        protected: The header that is signed too, see `protected_header`.
        size: Length of the result in bytes; none: no padding.

    Raises:
        SigningError: What the signer raised, no time-stamp or status could be had that must be, or they do not fit.
    """
    signature = _signed(signatory.signer, encode_cbor(["Signature1", protected, b"", payload]))
    unprotected: dict[int | str, CborItem] = {}
    if signatory.timestamps is not None:
        credential = signatory.signer.credential
        message = encode_cbor(["CounterSignature", protected, b"", encode_cbor(signature)])
        token = signatory.timestamps.token(message, within=(credential.not_before, credential.not_after))
        if token is not None:
            unprotected["sigTst2"] = {"tstTokens": [{"val": token}]}
    response = signatory.status.current() if signatory.status is not None else None
    if response is not None:
        unprotected["rVals"] = {"ocspVals": [response]}
    return _padded([protected, unprotected, None, signature], size)


def pad_lengths(room: int, label_bytes: tuple[int, int]) -> tuple[int, ...]:
    """Lengths of one or two byte strings that, with their labels, take exactly `room` bytes.

    Args:
        room: Bytes to fill.
        label_bytes: What the encoded label of each takes.

    Raises:
        ValueError: There is too little room.
    """
    if room == 0:
        return ()
    for header in (1, 2, 3, 5):
        length = room - label_bytes[0] - header
        if length >= 0 and len(initial_bytes(2, length)) == header:
            return (length,)
    # One byte too many for a short length field and one too few for a longer one: an empty second string takes up the slack.
    rest = room - label_bytes[1] - 1
    for header in (1, 2, 3, 5):
        length = rest - label_bytes[0] - header
        if length >= 0 and len(initial_bytes(2, length)) == header:
            return (length, 0)
    raise ValueError(f"{room} bytes cannot be filled")


def _signed(signer: Signer, payload: bytes) -> bytes:
    try:
        return signer.sign(payload)
    except SigningError:
        raise
    except Exception as err:
        raise SigningError(f"{signer.credential.subject} could not sign: {err}") from err


def _padded(parts: list[CborItem], size: int | None) -> bytes:
    protected, unprotected, payload, signature = parts
    bare = _SIGN1_TAG + encode_cbor(parts)
    if size is None:
        return bare
    if not isinstance(unprotected, Mapping):
        raise TypeError("the unprotected header must be a map")
    labels = (encode_cbor("pad"), encode_cbor("pad2"))
    try:
        lengths = pad_lengths(size - len(bare), (len(labels[0]), len(labels[1])))
    except ValueError as err:
        raise SigningError(
            f"the signature with what is attached to it takes {len(bare)} bytes, and there is room for {size}"
        ) from err
    pads: dict[int | str, CborItem] = {name: bytes(length) for name, length in zip(("pad", "pad2"), lengths, strict=False)}
    return _SIGN1_TAG + encode_cbor([protected, {**unprotected, **pads}, payload, signature])
