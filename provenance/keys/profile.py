"""What C2PA asks of the certificates a claim is signed with, so that a chain nobody would accept is refused before it signs.

This module looks at extensions and order; validity in time is `Credential.require_current`, trust is the reader's.

Source: C2PA Technical Specification 2.3, "X.509 certificates", "Certificate profile"; RFC 5280, section 4.2.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from provenance.errors import CredentialChainBroken, CredentialKeyUnfit, CredentialUsageWrong
from provenance.keys.certificates import UNREADABLE, issued_by

CLAIM_SIGNING_USAGES: Final = (
    "1.3.6.1.4.1.62558.2.1",  # c2pa-kp-claimSigning
    "1.3.6.1.5.5.7.3.36",  # documentSigning
    "1.3.6.1.5.5.7.3.4",  # emailProtection, which the profile asked for before the two above existed
)
"""Extended key usages, any of which lets a certificate sign claims."""

_ANY_USAGE: Final = "2.5.29.37.0"
_LONELY_USAGES: Final = {"1.3.6.1.5.5.7.3.8": "time-stamping", "1.3.6.1.5.5.7.3.9": "OCSP signing"}
"""Usages that the profile wants alone in a certificate."""
_WEAK_HASHES: Final = (hashes.MD5, hashes.SHA1)

_ExtensionT = TypeVar("_ExtensionT", bound=x509.ExtensionType)


def may_sign_claims(leaf: x509.Certificate) -> bool:
    """Whether the extended key usages of an end-entity certificate include one of `CLAIM_SIGNING_USAGES`."""
    return not extended_key_usages(leaf).isdisjoint(CLAIM_SIGNING_USAGES)


def extended_key_usages(leaf: x509.Certificate) -> frozenset[str]:
    """Dotted object identifiers of the usages; empty where there are none or the extensions are malformed."""
    try:
        return frozenset(u.dotted_string for u in leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except (x509.ExtensionNotFound, *UNREADABLE):
        return frozenset()


def require_claim_signing_chain(certificates: Sequence[x509.Certificate]) -> None:
    """Return only if a claim signed with this chain, leaf first, can be accepted by somebody.

    Raises:
        CredentialChainBroken: A certificate was not issued by the next: wrong order, or one is missing in between.
        CredentialUsageWrong: The leaf is an authority or may not sign claims, or an authority may not issue.
        CredentialKeyUnfit: A certificate is signed with a hash that is broken.
    """
    for certificate, issuer in pairwise(certificates):
        if not issued_by(certificate, issuer):
            hint = "the order is the other way round" if issued_by(issuer, certificate) else "one is missing in between"
            raise CredentialChainBroken(
                f"not a chain, leaf first: {_name(certificate)} was not issued by {_name(issuer)}, which comes next; {hint}"
            )
    leaf, *authorities = certificates
    if leaf.subject == leaf.issuer:
        raise CredentialChainBroken(f"{_name(leaf)} is issued by itself: a claim needs a certificate of an authority")
    _require_leaf_usage(leaf)
    for authority in authorities:
        constraints, usage = _extension(authority, x509.BasicConstraints), _extension(authority, x509.KeyUsage)
        if constraints is None or not constraints.ca or (usage is not None and not usage.key_cert_sign):
            raise CredentialUsageWrong(f"{_name(authority)} is no authority, yet it issued a certificate of the chain")
    for certificate in certificates:
        if isinstance(certificate.signature_hash_algorithm, _WEAK_HASHES) and certificate.subject != certificate.issuer:
            weak = certificate.signature_hash_algorithm.name
            raise CredentialKeyUnfit(f"{_name(certificate)} is signed with {weak}, which proves nothing any more")


def _require_leaf_usage(leaf: x509.Certificate) -> None:
    constraints, usage = _extension(leaf, x509.BasicConstraints), _extension(leaf, x509.KeyUsage)
    if constraints is not None and constraints.ca:
        raise CredentialUsageWrong(f"{_name(leaf)} is an authority: its key issues certificates and may not sign claims")
    if usage is None or not usage.digital_signature:
        raise CredentialUsageWrong(f"{_name(leaf)} may not sign: its key usage does not include digitalSignature")
    extended = extended_key_usages(leaf)
    if not may_sign_claims(leaf):
        found = ", ".join(sorted(extended)) or "none"
        raise CredentialUsageWrong(f"{_name(leaf)} may not sign claims: its extended key usages are {found}")
    if _ANY_USAGE in extended:
        raise CredentialUsageWrong(f"{_name(leaf)} has the extended key usage for anything, which the profile forbids")
    for lonely in sorted(extended & set(_LONELY_USAGES)):
        raise CredentialUsageWrong(f"{_name(leaf)} is for {_LONELY_USAGES[lonely]} as well, which the profile wants alone")


def _extension(certificate: x509.Certificate, kind: type[_ExtensionT]) -> _ExtensionT | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
    except UNREADABLE as err:
        raise CredentialUsageWrong(f"the extensions of {_name(certificate)} are malformed: {err}") from err


def _name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or "a certificate without a name"
