"""Signatures as C2PA writes them: which algorithm goes with a key, what is hashed, and ECDSA as r and s concatenated.

The algorithm is a property of the key and never a choice of whoever asks for a signature.

Source: C2PA Technical Specification 2.3, "Digital signatures"; RFC 9053, section 2; RFC 8017, section 8.1.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

MIN_RSA_BITS: Final = 2048
PSS: Final = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=hashes.SHA256.digest_size)


class Algorithm(StrEnum):
    """Signature algorithms C2PA allows and Assay signs with."""

    ES256 = "es256"
    ES384 = "es384"
    ED25519 = "ed25519"
    PS256 = "ps256"


_SCALAR_BYTES: Final = {Algorithm.ES256: 32, Algorithm.ES384: 48}


def algorithm_of(key: object) -> Algorithm | None:
    """The one algorithm a public key is used with, or None if it is of no kind we sign with."""
    match key:
        case ec.EllipticCurvePublicKey(curve=ec.SECP256R1()):
            return Algorithm.ES256
        case ec.EllipticCurvePublicKey(curve=ec.SECP384R1()):
            return Algorithm.ES384
        case ed25519.Ed25519PublicKey():
            return Algorithm.ED25519
        case rsa.RSAPublicKey() if key.key_size >= MIN_RSA_BITS:
            return Algorithm.PS256
    return None


def hash_of(algorithm: Algorithm) -> hashes.HashAlgorithm:
    """The hash an algorithm goes with. Ed25519 hashes by itself and never asks."""
    return hashes.SHA384() if algorithm is Algorithm.ES384 else hashes.SHA256()


def digest_of(payload: bytes, algorithm: Algorithm) -> bytes:
    """The digest of `payload` that is signed in its place, for key holders that take digests."""
    return hashlib.new(hash_of(algorithm).name, payload).digest()


def raw_from_der(der: bytes, algorithm: Algorithm) -> bytes:
    """An ECDSA signature in DER as r and s concatenated, each as wide as the curve.

    Raises:
        ValueError: It is not DER, or a number is wider than the curve.
    """
    width = _SCALAR_BYTES[algorithm]
    r, s = utils.decode_dss_signature(der)
    try:
        return r.to_bytes(width, "big") + s.to_bytes(width, "big")
    except OverflowError as err:
        raise ValueError("a number of the signature is out of range") from err


def signature_holds(key: object, signature: bytes, payload: bytes) -> bool:
    """Whether `signature` over `payload` was made with the private half of `key`; ECDSA as r and s concatenated."""
    algorithm = algorithm_of(key)
    try:
        match key:
            case ec.EllipticCurvePublicKey() if algorithm is not None:
                width = _SCALAR_BYTES[algorithm]
                if len(signature) != 2 * width:
                    return False
                r, s = int.from_bytes(signature[:width], "big"), int.from_bytes(signature[width:], "big")
                key.verify(utils.encode_dss_signature(r, s), payload, ec.ECDSA(hash_of(algorithm)))
            case ed25519.Ed25519PublicKey():
                key.verify(signature, payload)
            case rsa.RSAPublicKey() if algorithm is not None:
                key.verify(signature, payload, PSS, hashes.SHA256())
            case _:
                return False
    except InvalidSignature:
        return False
    return True
