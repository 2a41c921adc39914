"""Signers whose key lies on a token that speaks PKCS #11: a hardware module, a smart card, or SoftHSM.

Certificates come from the token, which need not be logged in to for that, or from a file. A call that failed is tried once
more, with the module started anew, before the signer counts as unavailable. Nothing bounds how long a call into a module takes.

Source: PKCS #11 Cryptographic Token Interface 2.40 and 3.0, "ECDSA", "EdDSA" and "PKCS #1 RSA PSS"; python-pkcs11 0.10.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from cryptography import x509

from provenance.errors import (
    CredentialInvalid,
    CredentialKeyUnfit,
    CredentialMismatch,
    CredentialMissing,
    CredentialRefused,
    SignerUnavailable,
    SigningError,
)
from provenance.keys.certificates import UNREADABLE, issued_by, require_readable
from provenance.keys.credential import Credential
from provenance.keys.named_files import chain_from_file
from provenance.keys.pkcs11_uri import Pkcs11Uri
from provenance.keys.signatures import Algorithm, digest_of
from provenance.keys.tokens import lock, logged_in, start_anew, token_of, translated

_MAX_CERTIFICATES: Final = 200


class Pkcs11Signer:
    """A signer whose key lies on a token; safe to share between threads and to build before a fork."""

    def __init__(self, uri: Pkcs11Uri) -> None:
        """Read the certificates; the token is not logged in to yet.

        Raises:
            SignerUnavailable: The token is not there, or failed.
            CredentialMissing: There is no certificate for the key, or no file where the URI says.
            CredentialInvalid: The chain may not sign claims.
            SignerUnsupported: python-pkcs11 or the token's module is not there.
        """
        self._uri = uri
        self._credential = _credential(uri)
        self._key: tuple[Any, Any] | None = None

    @property
    def credential(self) -> Credential:
        """The chain that goes with the key."""
        return self._credential

    def sign(self, payload: bytes) -> bytes:
        """Signature over `payload`; ECDSA as r and s concatenated.

        Raises:
            SignerUnavailable: The token is not there, or failed.
            CredentialRefused: The token does not take the PIN.
            CredentialMissing: There is no such key on it.
            CredentialKeyUnfit: It cannot sign with the algorithm of the certificate.
            CredentialMismatch: The key is not the one the certificate is for.
        """
        with lock:
            try:
                signature = self._sign(payload)
            except (CredentialRefused, CredentialKeyUnfit, CredentialMismatch):
                raise
            except SigningError:
                # A token that was pulled out and put back has forgotten who logged in, and shows no private key.
                start_anew(self._uri)
                signature = self._sign(payload)
        return self._credential.checked(signature, payload)

    def _sign(self, payload: bytes) -> bytes:
        algorithm = self._credential.algorithm
        with translated(self._uri):
            session = logged_in(self._uri)
            if self._key is None or self._key[0] is not session:
                self._key = (session, self._find_key(session))
            return bytes(self._key[1].sign(_message(payload, algorithm), **_mechanism(algorithm)))

    def _find_key(self, session: Any) -> Any:  # noqa: ANN401  # python-pkcs11's session and key
        from pkcs11 import Attribute, ObjectClass

        found = list(session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY, **_names(self._uri)}))
        if len(found) != 1:
            raise CredentialMissing(f"{len(found)} private keys on the token are named as the URI says, not one")
        algorithm = self._credential.algorithm
        if found[0][Attribute.KEY_TYPE] != _key_type(algorithm):  # asked to sign all the same, modules fail in any way
            raise CredentialMismatch(f"the key on the token is not one for {algorithm}, as the certificate's is")
        return found[0]


def open_pkcs11(uri: str) -> Pkcs11Signer:
    """The signer a `pkcs11:` URI names.

    Raises:
        SignerUnavailable, CredentialInvalid: As `Pkcs11Uri.parse` and `Pkcs11Signer`.
    """
    return Pkcs11Signer(Pkcs11Uri.parse(uri))


def _message(payload: bytes, algorithm: Algorithm) -> bytes:
    return digest_of(payload, algorithm) if algorithm in (Algorithm.ES256, Algorithm.ES384) else payload


def _mechanism(algorithm: Algorithm) -> Mapping[str, Any]:
    from pkcs11 import MGF, Mechanism

    match algorithm:
        case Algorithm.ES256 | Algorithm.ES384:
            return {"mechanism": Mechanism.ECDSA}
        case Algorithm.ED25519:
            return {"mechanism": Mechanism.EDDSA}
        case Algorithm.PS256:
            parameters = (Mechanism.SHA256, MGF.SHA256, hashlib.sha256().digest_size)
            return {"mechanism": Mechanism.SHA256_RSA_PKCS_PSS, "mechanism_param": parameters}


def _key_type(algorithm: Algorithm) -> Any:  # noqa: ANN401  # a number of PKCS #11
    from pkcs11 import KeyType

    match algorithm:
        case Algorithm.ES256 | Algorithm.ES384:
            return KeyType.EC
        case Algorithm.ED25519:
            return KeyType.EC_EDWARDS
        case Algorithm.PS256:
            return KeyType.RSA


def _credential(uri: Pkcs11Uri) -> Credential:
    if uri.chain is not None:
        return chain_from_file(uri.chain)
    with lock:
        try:
            leaves, others = _certificates(uri, login=False)
            if not leaves and uri.pin() is not None:  # some tokens hide certificates from whoever is not logged in
                leaves, others = _certificates(uri, login=True)
        except SignerUnavailable:
            start_anew(uri)
            leaves, others = _certificates(uri, login=False)
    if len(leaves) != 1:
        raise CredentialMissing(
            f"{len(leaves)} certificates on the token are named as the URI says, not one; chain=FILE names a file instead"
        )
    return Credential.from_certificates(_chain(leaves[0], others))


def _certificates(uri: Pkcs11Uri, *, login: bool) -> tuple[list[x509.Certificate], list[x509.Certificate]]:
    """The certificates named like the key, and all that are on the token, at most `_MAX_CERTIFICATES`; each once."""
    with translated(uri):
        from pkcs11 import Attribute, ObjectClass

        session = logged_in(uri) if login else token_of(uri).open()

        def found(named: Mapping[Any, Any]) -> list[x509.Certificate]:
            entries = session.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE, **named})
            ders = dict.fromkeys(bytes(entry[Attribute.VALUE]) for entry in islice(entries, _MAX_CERTIFICATES))
            certificates = [x509.load_der_x509_certificate(der) for der in ders]
            for certificate in certificates:
                require_readable(certificate)
            return certificates

        try:
            return found(_names(uri)), found({})
        except UNREADABLE as err:
            raise CredentialInvalid(f"a certificate on the token cannot be read: {err}") from err
        finally:
            if not login:
                session.close()


def _chain(leaf: x509.Certificate, others: list[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    """The leaf and above it whoever issued what, as far as the token holds them."""
    chain = [leaf]
    while chain[-1].issuer != chain[-1].subject:
        above = next((c for c in others if c not in chain and issued_by(chain[-1], c)), None)
        if above is None:
            break
        chain.append(above)
    return tuple(chain)


def _names(uri: Pkcs11Uri) -> dict[Any, Any]:
    from pkcs11 import Attribute

    named = {Attribute.LABEL: uri.object, Attribute.ID: uri.id}
    return {attribute: value for attribute, value in named.items() if value is not None}
