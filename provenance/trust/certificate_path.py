"""Whether a certificate chain leads from a leaf to a trust anchor at a given time; offline, no revocation.

The chain is taken in the order it was handed in: every certificate must have been issued by the next. Nothing is fetched and no
other order is tried. The leaf must be allowed what it did: sign claims, or stamp times. A critical extension that is not
understood here is a refusal, as RFC 5280 asks, and so are limits on names, critical or not. An authority for web servers,
programs, time-stamps or OCSP alone has no say over a leaf for something else, which browsers ask and RFC 5280 does not; usages
that are not among these are let be, because sound chains of Adobe's have a private one.

Source: RFC 5280, sections 4.2 and 6.1.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import pairwise
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from provenance.keys import extended_key_usages, may_sign_claims
from provenance.keys.certificates import UNREADABLE, issued_by, require_readable

MAX_CHAIN_CERTIFICATES: Final = 8
MAX_KEPT_BYTES: Final = 8192
"""Longer certificates are not kept: strangers choose them."""

SIGNER_TRUSTED: Final = "signingCredential.trusted"
SIGNER_UNTRUSTED: Final = "signingCredential.untrusted"
SIGNER_EXPIRED: Final = "signingCredential.expired"
SIGNER_INVALID: Final = "signingCredential.invalid"

_UNDERSTOOD: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.CERTIFICATE_POLICIES,
    }
)
_NARROW_USAGES: Final = frozenset(
    usage.dotted_string
    for usage in (
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ExtendedKeyUsageOID.CODE_SIGNING,
        ExtendedKeyUsageOID.TIME_STAMPING,
        ExtendedKeyUsageOID.OCSP_SIGNING,
    )
)
_MIN_RSA_BITS: Final = 2048
_WEAK_HASHES: Final = (hashes.MD5, hashes.SHA1)


def load_certificate(der: bytes) -> x509.Certificate:
    """A stranger's certificate, read as far as anything here reads one: nothing in it raises later.

    Raises:
        ValueError: It cannot be parsed, or something in it is not understood.
    """
    # One signer's certificates come with every asset of his; reading them again each time was a tenth of an examination.
    return _loaded(der) if len(der) <= MAX_KEPT_BYTES else _loaded.__wrapped__(der)


@lru_cache(maxsize=256)
def _loaded(der: bytes) -> x509.Certificate:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)  # strange, and taken for as long as it is
            certificate = x509.load_der_x509_certificate(der)
    except UNREADABLE as err:
        raise ValueError(f"a certificate cannot be read: {err}") from err
    require_readable(certificate)
    return certificate


LeafRule = Callable[[x509.Certificate], bool]
"""Whether a leaf's extended key usages let it do what it did."""


def may_stamp_times(leaf: x509.Certificate) -> bool:
    """Whether time-stamping is what `leaf` is for, and nothing else.

    Source: RFC 3161, section 2.3.
    """
    return extended_key_usages(leaf) == {ExtendedKeyUsageOID.TIME_STAMPING.dotted_string}


def judge_chain(
    chain: Sequence[x509.Certificate],
    anchors: Sequence[x509.Certificate],
    at: datetime,
    *,
    may: LeafRule = may_sign_claims,
) -> tuple[str, str]:
    """What the chain is worth: one of the four codes above, and the reason in words.

    Args:
        chain: Leaf first, each issued by the next; at least the leaf. The anchor itself may be left out.
        anchors: Authorities that are trusted. With none, nobody is.
        at: The time the chain must be valid at, with a time zone.
        may: What the leaf must be allowed.
    """
    flaw = _flaw(chain, may)
    if flaw is not None:
        return SIGNER_INVALID, flaw
    path = _path_to_anchor(chain, anchors)
    if path is None:
        return SIGNER_UNTRUSTED, f"{_name(chain[-1])} leads to no trust anchor given"
    flaw = _flaw(path, may) or _weakness(path[:-1])  # the anchor's own limits hold too, and nobody relies on its signature
    if flaw is not None:
        return SIGNER_INVALID, flaw
    for certificate in path:
        start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if not start <= at <= end:
            return (
                SIGNER_EXPIRED,
                f"{_name(certificate)} is valid from {start:%Y-%m-%d} to {end:%Y-%m-%d}, not at {at:%Y-%m-%d}",
            )
    return SIGNER_TRUSTED, f"{_name(path[0])} leads to {_name(path[-1])}"


def _flaw(chain: Sequence[x509.Certificate], may: LeafRule) -> str | None:
    """What is wrong with the chain in itself, or None."""
    if not 1 <= len(chain) <= MAX_CHAIN_CERTIFICATES:
        return f"a chain has 1 to {MAX_CHAIN_CERTIFICATES} certificates, this one {len(chain)}"
    try:
        for depth, certificate in enumerate(chain):
            unknown = {e.oid.dotted_string for e in certificate.extensions if e.critical and e.oid not in _UNDERSTOOD}
            if unknown:
                return f"{_name(certificate)} has critical extensions that are not understood here: {sorted(unknown)}"
            below = _intermediates(chain[1:depth])
            flaw = _leaf_flaw(certificate, may) if depth == 0 else _authority_flaw(certificate, chain[0], below=below)
            if flaw is not None:
                return flaw
        for certificate, issuer in pairwise(chain):
            certificate.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return "a certificate was not issued by the next one in the chain"
    except UNREADABLE as err:
        return f"a certificate cannot be read, or was not issued by the next one: {err}"
    return None


def _leaf_flaw(leaf: x509.Certificate, may: LeafRule) -> str | None:
    constraints = _constraints(leaf)
    if constraints is not None and constraints.ca:
        return f"{_name(leaf)} is an authority; it may not sign documents"
    usage = _usage(leaf)
    if usage is not None and not usage.digital_signature:
        return f"{_name(leaf)} is not for digital signatures"
    if not may(leaf):
        return f"{_name(leaf)} is not for this: its extended key usages are {sorted(extended_key_usages(leaf)) or 'none'}"
    return None


def _weakness(certificates: Sequence[x509.Certificate]) -> str | None:
    for certificate in certificates:
        key = certificate.public_key()
        if isinstance(key, rsa.RSAPublicKey) and key.key_size < _MIN_RSA_BITS:
            return f"{_name(certificate)} has an RSA key of {key.key_size} bits"
        if isinstance(certificate.signature_hash_algorithm, _WEAK_HASHES):
            return f"{_name(certificate)} is signed with {certificate.signature_hash_algorithm.name}"
    return None


def _authority_flaw(authority: x509.Certificate, leaf: x509.Certificate, *, below: int) -> str | None:
    constraints = _constraints(authority)
    if constraints is None or not constraints.ca:
        return f"{_name(authority)} is no authority, yet it issued a certificate"
    if constraints.path_length is not None and below > constraints.path_length:
        return f"{_name(authority)} allows {constraints.path_length} authorities below it, there are {below}"
    usage = _usage(authority)
    if usage is not None and not usage.key_cert_sign:
        return f"{_name(authority)} may not issue certificates"
    if any(isinstance(extension.value, x509.NameConstraints) for extension in authority.extensions):
        return f"{_name(authority)} is limited to some names, which is not checked here"
    usages = extended_key_usages(authority)
    if usages and usages <= _NARROW_USAGES and usages.isdisjoint(extended_key_usages(leaf)):
        return f"{_name(authority)} is for other usages alone: {sorted(usages)}"
    return None


def _path_to_anchor(
    chain: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate]
) -> tuple[x509.Certificate, ...] | None:
    """The chain up to its first anchor, with the anchor as its end; None if it leads to none. A leaf is no anchor."""
    for depth, certificate in enumerate(chain):
        if depth > 0 and certificate in anchors:
            return tuple(chain[: depth + 1])
        for anchor in anchors:
            if _issued(certificate, anchor):
                return (*chain[: depth + 1], anchor)
    return None


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    return certificate.issuer == issuer.subject and certificate != issuer and issued_by(certificate, issuer)


def _intermediates(authorities: Sequence[x509.Certificate]) -> int:
    # Self-issued certificates do not count towards the path length: RFC 5280, section 4.2.1.9.
    return sum(1 for authority in authorities if authority.subject != authority.issuer)


def _constraints(certificate: x509.Certificate) -> x509.BasicConstraints | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return None


def _usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None


def _name(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or "a certificate without a name"
