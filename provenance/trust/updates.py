"""Take in a published trust list: read it, check what vouches for it, and say what it would change.

A list decides who is believed, so bytes alone are not enough: a digest or a detached signature must come by another way than
the list. Even then a list that is older than the one in force, or has lost half of it, is more likely a mistake or a replay
than news, and is refused unless the operator insists. Pure: bytes and dates in; fetching and installing are the caller's.

Source: ETSI TS 119 602 (lists of trusted entities), as C2PA publishes its list.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from provenance.errors import TrustStoreError, TrustUpdateRefused
from provenance.trust.certificate_path import load_certificate
from provenance.trust.snapshots import ListSnapshot

MAX_LIST_BYTES: Final = 8 * 2**20  # the interim list, the longest, has 290 kB
_TRUSTED: Final = "/trust-list/trusted"
_MIN_RSA_BITS: Final = 2048


@dataclass(frozen=True, slots=True)
class PublishedList:
    """What a publisher's file says."""

    certificates: tuple[x509.Certificate, ...]
    issued: date | None
    """None for PEM, which has no date."""


@dataclass(frozen=True, slots=True)
class ListChange:
    """What a new snapshot would change, by subject (RFC 4514)."""

    added: tuple[str, ...]
    removed: tuple[str, ...]


def parse_list(data: bytes) -> PublishedList:
    """The certificates in a PEM file, or in C2PA's JSON list those whose status is "trusted".

    Raises:
        TrustStoreError: It is neither, or holds no certificate.
    """
    if len(data) > MAX_LIST_BYTES:
        raise TrustStoreError(f"a trust list of more than {MAX_LIST_BYTES} bytes is not read")
    try:
        if not data.lstrip().startswith(b"{"):
            return PublishedList(_readable(x509.load_pem_x509_certificates(data)), None)
        content = json.loads(data)["LoTE"]
        issued = datetime.fromisoformat(content["ListAndSchemeInformation"]["ListIssueDateTime"]).date()
        certificates = _readable(_certificates(content["TrustedEntitiesList"]))
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError, x509.InvalidVersion) as err:
        raise TrustStoreError(f"not a trust list, neither PEM nor C2PA's JSON: {type(err).__name__}: {err}") from err
    if not certificates:
        raise TrustStoreError("the list holds no certificate that is trusted")
    return PublishedList(certificates, issued)


def _certificates(entities: list[Any]) -> Iterator[x509.Certificate]:
    for entity in entities:
        for service in entity["TrustedEntityServices"]:
            about = service["ServiceInformation"]
            if str(about["ServiceStatus"]).endswith(_TRUSTED):
                for entry in about["ServiceDigitalIdentity"]["X509Certificates"]:
                    yield x509.load_der_x509_certificate(base64.b64decode(entry["val"], validate=True))


def _readable(certificates: Iterable[x509.Certificate]) -> tuple[x509.Certificate, ...]:
    return tuple(load_certificate(certificate.public_bytes(serialization.Encoding.DER)) for certificate in certificates)


def require_digest(data: bytes, sha256: str) -> None:
    """Return only if `data` has this SHA-256, in hexadecimal.

    Raises:
        TrustUpdateRefused: It has another.
    """
    found = hashlib.sha256(data).hexdigest()
    if found != sha256.strip().lower():
        raise TrustUpdateRefused(f"the list has the digest {found}, not the one given: nothing was changed")


def require_signature(data: bytes, signature: bytes, key_pem: bytes) -> str:
    """Return the key's name only if its detached `signature` over `data` holds.

    Ed25519, or with SHA-256: ECDSA (DER) and RSA PKCS #1 v1.5, as `openssl dgst -sha256 -sign` writes them.

    Returns:
        "sha256:…", the digest of the public key (SubjectPublicKeyInfo, DER).

    Raises:
        TrustUpdateRefused: The signature does not hold, or the key is of no kind that is taken.
    """
    try:
        key = serialization.load_pem_public_key(key_pem)
        match key:
            case ed25519.Ed25519PublicKey():
                key.verify(signature, data)
            case ec.EllipticCurvePublicKey():
                key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
            case rsa.RSAPublicKey() if key.key_size >= _MIN_RSA_BITS:
                key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
            case _:
                raise TrustUpdateRefused("the key is no Ed25519, elliptic-curve or RSA key of 2048 bits or more")
    except InvalidSignature as err:
        raise TrustUpdateRefused("the signature over the list does not hold: nothing was changed") from err
    except (TypeError, UnsupportedAlgorithm, ValueError) as err:
        raise TrustUpdateRefused(f"the key is no public key in PEM: {err}") from err
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"sha256:{hashlib.sha256(der).hexdigest()}"


def change(before: ListSnapshot | None, after: ListSnapshot) -> ListChange:
    """Who would be trusted from now on, and who no longer."""
    old = set(before.certificates) if before else set()
    new = set(after.certificates)
    return ListChange(_subjects(new - old), _subjects(old - new))


def require_plausible(before: ListSnapshot | None, after: ListSnapshot, *, at: datetime) -> None:
    """Return only if `after` looks like the list that follows `before`.

    Raises:
        TrustUpdateRefused: It is dated in the future, is older, or has lost more than half of the certificates.
    """
    issued = after.publication.issued
    if issued > at.date() + timedelta(days=1):  # a day, because dates have no time zone
        raise TrustUpdateRefused(f"the list is dated {issued}, which is in the future")
    if before is None:
        return
    if issued < before.publication.issued:
        raise TrustUpdateRefused(f"the list is dated {issued}, before the one in force ({before.publication.issued})")
    kept, held = len(after.certificates), len(before.certificates)
    if 2 * kept < held:
        raise TrustUpdateRefused(f"the list has {kept} certificates, less than half of the {held} in force")


def _subjects(certificates: set[x509.Certificate]) -> tuple[str, ...]:
    return tuple(sorted(c.subject.rfc4514_string() for c in certificates))
