"""What the issuer says of our own certificates: answers of an OCSP responder, to be stapled to signatures.

A reader without a network learns from a stapled answer that the certificate was in force. An answer is kept as long as it
stands, and asked for again when half of that time is over, so that a responder may be away for a while. How queries reach it is
not this module's business.

Source: RFC 6960; C2PA Technical Specification 2.3, "Certificate revocation".
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from provenance.errors import CredentialInvalid, CredentialRevoked, StatusInvalid, StatusUnavailable
from provenance.keys import Credential

logger = logging.getLogger("assay.certificate_status")

_MALFORMED_CERTIFICATE: Final = (
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_CLOCK_SKEW: Final = timedelta(minutes=5)
_KEPT_WITHOUT_NEXT_UPDATE: Final = timedelta(hours=1)
_MARGIN: Final = timedelta(minutes=1)
"""An answer is not stapled in its last minute: the SDK reads one that ran out before the stamped time as a revocation."""
_PAUSE_AFTER_FAILURE: Final = timedelta(minutes=1)


class StatusResponder(Protocol):
    """Who knows what became of a certificate, wherever it is."""

    def answer(self, query: bytes) -> bytes:
        """The OCSPResponse to an OCSPRequest, both DER.

        Raises:
            StatusUnavailable: It cannot be reached, is too slow or is out of order: retry.
            StatusInvalid: It answers with something else.
        """
        ...


@dataclass(frozen=True, slots=True)
class CertificateStatus:
    """An answer that says a certificate is in force, and for how long it stands."""

    der: bytes
    this_update: datetime
    next_update: datetime

    @property
    def renew_at(self) -> datetime:
        """When to ask again."""
        return self.this_update + (self.next_update - self.this_update) / 2


class StatusSource:
    """Answers about one credential, kept while they stand; safe to share between threads."""

    def __init__(
        self, credential: Credential, responder: StatusResponder, *, require: bool, clock: Callable[[], datetime]
    ) -> None:
        """Ask `responder` about the end-entity certificate of `credential`.

        Args:
            credential: With at least one issuer in its chain.
            responder: Whom to ask.
            require: Whether nothing is signed without an answer.
            clock: Current time, with a time zone.

        Raises:
            CredentialInvalid: The chain has no issuer.
        """
        if len(credential.certificates) < 2:
            raise CredentialInvalid("nobody can be asked about a certificate whose issuer is not in the chain")
        self._certificate, self._issuer = credential.certificates[:2]
        self._responder = responder
        self._require = require
        self._clock = clock
        self._lock = threading.Lock()
        self._known: CertificateStatus | None = None
        self._ask_again_at: datetime | None = None

    def current(self) -> bytes | None:
        """An OCSPResponse that stands now, DER; None if there is none and none is required.

        Raises:
            CredentialRevoked: The issuer has revoked the certificate.
            StatusUnavailable: An answer is required and there is none.
            StatusInvalid: An answer is required, and what was answered does not hold.
        """
        with self._lock:
            now = self._clock()
            if self._ask_again_at is None or now >= self._ask_again_at:
                try:
                    self._known = self._ask(now)
                    self._ask_again_at = self._known.renew_at
                except (StatusUnavailable, StatusInvalid) as err:
                    self._ask_again_at = now + _PAUSE_AFTER_FAILURE
                    logger.warning("no status of the signing certificate: %s: %s", err.code, err)
                    if self._require and not self._stands(now):
                        self._ask_again_at = None
                        raise
            if self._known is not None and self._stands(now):
                return self._known.der
            if self._require:
                raise StatusUnavailable("no status of the signing certificate is to be had for now")
            return None

    def _stands(self, now: datetime) -> bool:
        return self._known is not None and now + _MARGIN < self._known.next_update

    def _ask(self, now: datetime) -> CertificateStatus:
        builder = ocsp.OCSPRequestBuilder().add_certificate(self._certificate, self._issuer, hashes.SHA1())  # noqa: S303
        answer = self._responder.answer(builder.build().public_bytes(serialization.Encoding.DER))
        return checked_status(answer, self._certificate, self._issuer, at=now)


def responder_url(certificate: x509.Certificate) -> str | None:
    """Where the certificate itself says its issuer answers; None where it says nothing."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return None
    found = [entry.access_location for entry in access if entry.access_method == AuthorityInformationAccessOID.OCSP]
    return next((str(name.value) for name in found if isinstance(name, x509.UniformResourceIdentifier)), None)


def checked_status(
    response: bytes, certificate: x509.Certificate, issuer: x509.Certificate, *, at: datetime
) -> CertificateStatus:
    """What an OCSPResponse says of `certificate`, if it is its issuer's word, stands at `at` and says "good".

    Raises:
        CredentialRevoked: It says "revoked".
        StatusInvalid: It is another's word, about another certificate, not of this time, or says nothing.
    """
    try:
        answer = ocsp.load_der_ocsp_response(response)
        if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise StatusInvalid(f"the responder answers {answer.response_status.name}")
        if len(list(answer.responses)) != 1 or answer.serial_number != certificate.serial_number:
            raise StatusInvalid("the answer is not about this certificate alone")
        _require_word_of(answer, issuer, at)
    except (ValueError, TypeError, InvalidSignature, *_MALFORMED_CERTIFICATE) as err:
        raise StatusInvalid(f"the answer does not hold: {err or type(err).__name__}") from err
    this_update = answer.this_update_utc
    next_update = answer.next_update_utc or this_update + _KEPT_WITHOUT_NEXT_UPDATE
    if not this_update - _CLOCK_SKEW <= at < next_update:
        raise StatusInvalid(f"the answer stands from {this_update} to {next_update}, not at {at}")
    if answer.certificate_status is ocsp.OCSPCertStatus.REVOKED:
        raise CredentialRevoked(f"{certificate.subject.rfc4514_string()} was revoked at {answer.revocation_time_utc}")
    if answer.certificate_status is not ocsp.OCSPCertStatus.GOOD:
        raise StatusInvalid("the responder does not know the certificate")
    return CertificateStatus(response, this_update, next_update)


def _require_word_of(answer: ocsp.OCSPResponse, issuer: x509.Certificate, at: datetime) -> None:
    """Return only if `issuer` signed the answer, or a responder it named for that."""
    for signer in (issuer, *answer.certificates):
        if signer != issuer:
            usages = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
            signer.verify_directly_issued_by(issuer)
            if ExtendedKeyUsageOID.OCSP_SIGNING not in usages:
                raise StatusInvalid("the answer is signed by a certificate that is not for that")
            if not signer.not_valid_before_utc <= at <= signer.not_valid_after_utc:
                raise StatusInvalid("the answer is signed with an expired certificate")
        try:
            return _verify(answer, signer)
        except InvalidSignature:
            continue
    raise StatusInvalid("the answer is signed by neither the issuer nor a responder it named")


def _verify(answer: ocsp.OCSPResponse, signer: x509.Certificate) -> None:
    key, algorithm = signer.public_key(), answer.signature_hash_algorithm
    signature, signed = answer.signature, answer.tbs_response_bytes
    if isinstance(key, rsa.RSAPublicKey) and algorithm is not None:
        key.verify(signature, signed, padding.PKCS1v15(), algorithm)
    elif isinstance(key, ec.EllipticCurvePublicKey) and algorithm is not None:
        key.verify(signature, signed, ec.ECDSA(algorithm))
    elif isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, signed)
    else:
        raise StatusInvalid("the answer is signed with a key of no kind known here")
