"""A credential: a certificate chain that C2PA would accept, and the algorithm its key signs with. It knows no private key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from provenance.errors import (
    CredentialExpired,
    CredentialInvalid,
    CredentialKeyUnfit,
    CredentialMismatch,
    CredentialNotYetValid,
)
from provenance.keys.certificates import UNREADABLE, require_readable
from provenance.keys.profile import require_claim_signing_chain
from provenance.keys.signatures import MIN_RSA_BITS, Algorithm, algorithm_of, signature_holds

DEVELOPMENT_ORGANISATION: Final = "Assay development credential (proves nothing)"


@dataclass(frozen=True, slots=True)
class Credential:
    """A certificate chain, leaf first, and the algorithm its key signs with."""

    certificates: tuple[x509.Certificate, ...]
    algorithm: Algorithm

    @classmethod
    def from_pem(cls, pem: bytes) -> Credential:
        """The chain in `pem`, leaf first.

        Raises:
            CredentialInvalid: It is no chain that may sign claims; the class and its code say why.
        """
        try:
            certificates = tuple(x509.load_pem_x509_certificates(pem))
        except UNREADABLE as err:
            raise CredentialInvalid(f"not a certificate chain in PEM: {err}") from err
        return cls.from_certificates(certificates)

    @classmethod
    def from_certificates(cls, certificates: tuple[x509.Certificate, ...]) -> Credential:
        """The chain of these certificates, leaf first.

        Raises:
            CredentialInvalid: It is no chain that may sign claims; the class and its code say why.
        """
        if not certificates:
            raise CredentialInvalid("not a certificate chain: there is no certificate")
        try:
            for certificate in certificates:
                require_readable(certificate)
        except ValueError as err:
            raise CredentialInvalid(f"not a certificate chain: {err}") from err
        require_claim_signing_chain(certificates)
        algorithm = algorithm_of(certificates[0].public_key())
        if algorithm is None:
            raise CredentialKeyUnfit(f"the key must be P-256, P-384, Ed25519 or RSA of at least {MIN_RSA_BITS} bits")
        return cls(certificates, algorithm)

    @property
    def pem(self) -> bytes:
        """The chain as PEM, leaf first."""
        return b"".join(c.public_bytes(serialization.Encoding.PEM) for c in self.certificates)

    @property
    def subject(self) -> str:
        """Subject of the leaf, RFC 4514."""
        return self.certificates[0].subject.rfc4514_string()

    @property
    def not_before(self) -> datetime:
        """Start of the leaf's validity, UTC."""
        return self.certificates[0].not_valid_before_utc

    @property
    def not_after(self) -> datetime:
        """End of the leaf's validity, UTC."""
        return self.certificates[0].not_valid_after_utc

    @property
    def expires(self) -> datetime:
        """When the first certificate of the chain ends, UTC; nothing is signed after it."""
        return min(certificate.not_valid_after_utc for certificate in self.certificates)

    @property
    def development(self) -> bool:
        """Whether this is a credential made by `create_development_credential`."""
        names = self.certificates[0].subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
        return any(name.value == DEVELOPMENT_ORGANISATION for name in names)

    def require_current(self, at: datetime) -> None:
        """Return only if every certificate of the chain is valid at `at`.

        Raises:
            CredentialExpired: One is not any more.
            CredentialNotYetValid: One is not yet; a clock may be wrong.
        """
        for certificate in self.certificates:
            start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
            if not start <= at <= end:
                subject = certificate.subject.rfc4514_string()
                kind = CredentialNotYetValid if at < start else CredentialExpired
                raise kind(f"{subject} is valid from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, not at {at}")

    def checked(self, signature: bytes, payload: bytes) -> bytes:
        """`signature`, if the leaf's key made it over `payload`: what another machine answered must not leave unchecked.

        Raises:
            CredentialMismatch: It did not.
        """
        if not signature_holds(self.certificates[0].public_key(), signature, payload):
            raise CredentialMismatch(f"what signed is not the key that {self.subject} is for")
        return signature
