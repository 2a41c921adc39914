"""Who holds the key of a credential: the protocol every signer follows, and the signer whose key is in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from provenance.errors import CredentialKeyUnfit, CredentialMismatch
from provenance.keys.credential import Credential
from provenance.keys.signatures import PSS, Algorithm, hash_of, raw_from_der


class Signer(Protocol):
    """Whoever holds the key of a credential; shared by threads, and made anew in a forked process if it must be."""

    @property
    def credential(self) -> Credential:
        """The chain that goes with the key."""
        ...

    def sign(self, payload: bytes) -> bytes:
        """Signature over `payload`; ECDSA as r and s concatenated (RFC 9053).

        Raises:
            SignerUnavailable: Retry later.
            CredentialInvalid: Retrying will not help.
        """
        ...


class KeySigner:
    """A signer whose private key is in memory."""

    def __init__(self, key: PrivateKeyTypes, credential: Credential) -> None:
        """Pair a key with its chain.

        Raises:
            CredentialMismatch: The key is not the one the leaf certifies.
            CredentialKeyUnfit: It is of no kind we sign with.
        """
        if _spki(key.public_key()) != _spki(credential.certificates[0].public_key()):
            raise CredentialMismatch("the private key is not the one the certificate is for")
        self._sign = _signing_function(key, credential.algorithm)
        self._credential = credential

    @property
    def credential(self) -> Credential:
        """The chain that goes with the key."""
        return self._credential

    def sign(self, payload: bytes) -> bytes:
        """Signature over `payload`; ECDSA as r and s concatenated."""
        return self._sign(payload)


def _signing_function(key: PrivateKeyTypes, algorithm: Algorithm) -> Callable[[bytes], bytes]:
    match key:
        case ed25519.Ed25519PrivateKey():
            return key.sign
        case rsa.RSAPrivateKey():
            return lambda payload: key.sign(payload, PSS, hashes.SHA256())
        case ec.EllipticCurvePrivateKey():
            ecdsa = ec.ECDSA(hash_of(algorithm))
            return lambda payload: raw_from_der(key.sign(payload, ecdsa), algorithm)
    raise CredentialKeyUnfit(f"cannot sign with a {type(key).__name__}")


def _spki(key: object) -> bytes:
    encoding, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(encoding, form)  # type: ignore[attr-defined,no-any-return]  # every public key of cryptography has it
