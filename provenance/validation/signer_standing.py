"""What the signer of a manifest is worth at a given time: known, in force, not revoked.

The SDK answers for the present only, takes an anchor of any list for any purpose, and believes any time-stamping authority of
an older claim. Here its answers on signature and hashes stand, and those on the credential are judged again:

    time        when it was signed, if an authority on our time-stamp lists says so; else the time asked about. An authority
                that is on no list counts only where no trust rests on it: for signers of the interim list, which never had a
                list of such authorities and is shown as legacy, and for signers nobody knows.
    list        the best of our lists the chain leads to, by our own strict reading (`provenance.trust.certificate_path`): the
                SDK overlooks limits on names and usages and critical extensions, and after an expiry looks no further.
    validity    every certificate of the chain below the anchor, at that time.
    revocation  the operator's own list, at that time. Here an authority on no list counts for nothing.

Pure: what the SDK found and what the store holds come in, statuses go out.

Source: C2PA Technical Specification 2.3, "Validate the credential"; RFC 5280, section 6.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from provenance.evidence import C2PA_EXAMINER, Outcome, StatusEvidence, Tier
from provenance.keys import may_sign_claims
from provenance.quoting import quoted
from provenance.status_codes import (
    CLAIM_INSIDE_VALIDITY,
    CLAIM_OUTSIDE_VALIDITY,
    CREDENTIAL_EXPIRED,
    CREDENTIAL_TRUSTED,
    CREDENTIAL_UNTRUSTED,
    MANIFEST_TIER_CURRENT,
    MANIFEST_TIER_DEVELOPMENT,
    MANIFEST_TIER_LEGACY,
    SIGNER_REVOKED,
    SIGNER_USAGE_WRONG,
    SIGNER_WRONG_LIST,
    TIME_STAMP_TRUSTED,
    TIME_STAMP_VALIDATED,
)
from provenance.trust.certificate_path import MAX_KEPT_BYTES, SIGNER_EXPIRED, SIGNER_INVALID, SIGNER_TRUSTED, judge_chain
from provenance.trust.revocation import Revocations
from provenance.trust.store import TrustList, TrustPurpose, TrustStore
from provenance.validation.token_certificates import stamped_by

_TIER_CODES: Final = {
    Tier.CURRENT: MANIFEST_TIER_CURRENT,
    Tier.LEGACY: MANIFEST_TIER_LEGACY,
    Tier.DEVELOPMENT: MANIFEST_TIER_DEVELOPMENT,
}
_JUDGED_AGAIN: Final = frozenset(
    {CREDENTIAL_TRUSTED, CREDENTIAL_UNTRUSTED, CREDENTIAL_EXPIRED, CLAIM_INSIDE_VALIDITY, CLAIM_OUTSIDE_VALIDITY}
)
_UNLISTED: Final = "no trust list leads to the signing certificate"


@dataclass(frozen=True, slots=True)
class ClaimSignature:
    """What the store holds of a claim's signature."""

    locator: str
    """JUMBF URI of the signature, as the SDK writes it."""
    chain: tuple[x509.Certificate, ...] = ()
    """Leaf first; empty when it cannot be told which certificates signed."""
    tokens: tuple[bytes, ...] = ()
    """Time-stamps, DER."""
    stamped_at: datetime | None = None
    """What the time-stamp says, whoever made it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Statuses of the active manifest, judged."""

    statuses: tuple[StatusEvidence, ...]
    signed_at: datetime | None
    """When it was signed, if an authority on our own lists says so."""


def judge_signer(
    found: Sequence[StatusEvidence],
    signature: ClaimSignature,
    trust: TrustStore,
    *,
    at: datetime,
    revocations: Revocations,
) -> Standing:
    """What the SDK found of a manifest, with its answers on the credential judged again.

    Args:
        found: The SDK's statuses of one manifest, in its order.
        signature: What is in the store.
        trust: Our lists.
        at: The time asked about, with a time zone.
        revocations: The operator's own list.
    """
    trusted = next((status for status in found if status.code == CREDENTIAL_TRUSTED), None)
    if not signature.chain:
        # Whoever the SDK trusts, it cannot be checked that the certificate may sign and on which list it is.
        kept = tuple(status for status in found if status.code != CREDENTIAL_TRUSTED)
        refused = _refused(signature.locator, "the signing certificate cannot be told", SIGNER_USAGE_WRONG) if trusted else ()
        return Standing((*refused, *kept), None)
    stamped = _stamped_at(found, signature)
    listed = stamped if stamped is not None and _is_listed(signature, trust, stamped) else None
    kept = tuple(status for status in found if status.code not in _JUDGED_AGAIN)
    judged = _judge(found, trusted, signature, trust, at=at, stamped=stamped, listed=listed, revocations=revocations)
    return Standing((*judged, *kept), listed)


def _judge(
    found: Sequence[StatusEvidence],
    trusted: StatusEvidence | None,
    signature: ClaimSignature,
    trust: TrustStore,
    *,
    at: datetime,
    stamped: datetime | None,
    listed: datetime | None,
    revocations: Revocations,
) -> Iterator[StatusEvidence]:
    chain, where = signature.chain, signature.locator
    if not may_sign_claims(chain[0]):
        yield from _refused(where, "the signing certificate may not sign claims", SIGNER_USAGE_WRONG)
        return
    # Whom the SDK knows and refuses for something else than his age is refused.
    asked = trusted is not None or any(status.code == CREDENTIAL_EXPIRED for status in found)
    entry, unlisted = _list_searched(chain, trust) if asked else (None, _UNLISTED)
    standing_alone = entry is None or entry.tier is Tier.LEGACY
    when = listed or (stamped if standing_alone else None) or at
    outside = next((c for c in _resting_on(chain, entry) if not c.not_valid_before_utc <= when <= c.not_valid_after_utc), None)
    revoked = revocations.of(chain, signed_at=listed)

    if outside is not None:
        yield _status(CREDENTIAL_EXPIRED, Outcome.FAILURE, where, _validity(outside, when))
        yield _status(CLAIM_OUTSIDE_VALIDITY, Outcome.FAILURE, where, _validity(outside, when))
    else:
        yield _status(CLAIM_INSIDE_VALIDITY, Outcome.SUCCESS, where, f"every certificate is in force at {_time(when)}")
    if revoked is not None:
        since = f"revoked by the operator of this installation since {_time(revoked.since)}"
        yield _status(SIGNER_REVOKED, Outcome.FAILURE, where, f"{since}: {revoked.reason}" if revoked.reason else since)
    if entry is None:
        yield _status(CREDENTIAL_UNTRUSTED, Outcome.FAILURE, where, unlisted)
    elif entry.purpose is not TrustPurpose.SIGNERS:
        yield from _refused(where, f"the signer's anchor is on a list for {entry.purpose.value}", SIGNER_WRONG_LIST)
    elif outside is None and revoked is None:
        yield _status(CREDENTIAL_TRUSTED, Outcome.SUCCESS, where, f"on trust list {entry.name} at {_time(when)}")
        yield _status(_TIER_CODES[entry.tier], Outcome.INFORMATIONAL, where, f"trust list {entry.name}")


def _stamped_at(found: Iterable[StatusEvidence], signature: ClaimSignature) -> datetime | None:
    """What the one sound time-stamp of this signature says, whoever made it."""
    own = {status.code for status in found if status.outcome is Outcome.SUCCESS and status.locator == signature.locator}
    return signature.stamped_at if {TIME_STAMP_VALIDATED, TIME_STAMP_TRUSTED} <= own and len(signature.tokens) == 1 else None


def _is_listed(signature: ClaimSignature, trust: TrustStore, stamped: datetime) -> bool:
    lists = (entry for entry in trust.lists if entry.purpose is TrustPurpose.TIMESTAMPS)
    return any(stamped_by(signature.tokens[0], _certificates(entry.anchors_pem), stamped) for entry in lists)


def _list_searched(chain: Sequence[x509.Certificate], trust: TrustStore) -> tuple[TrustList | None, str]:
    """The best list `chain` leads to, signers' first, whether or not it is still in force; or why there is none."""
    kept = all(len(certificate.public_bytes(Encoding.DER)) <= MAX_KEPT_BYTES for certificate in chain)
    return (_search if kept else _search.__wrapped__)(tuple(chain), trust)


@lru_cache(maxsize=128)
def _search(chain: tuple[x509.Certificate, ...], trust: TrustStore) -> tuple[TrustList | None, str]:
    known, why = [], _UNLISTED
    for entry in trust.lists:
        code, reason = judge_chain(chain, _certificates(entry.anchors_pem), chain[0].not_valid_before_utc)
        if code in (SIGNER_TRUSTED, SIGNER_EXPIRED) or chain[0] in _certificates(entry.allowed_pem):
            known.append(entry)
        elif code == SIGNER_INVALID:
            why = quoted(reason)
    return min(known, key=_rank, default=None), why


def _rank(entry: TrustList) -> tuple[bool, int]:
    return entry.purpose is not TrustPurpose.SIGNERS, list(_TIER_CODES).index(entry.tier)


def _resting_on(chain: Sequence[x509.Certificate], entry: TrustList | None) -> Sequence[x509.Certificate]:
    """The certificates that have to be in force: not an anchor, and of an allowed certificate's chain only itself."""
    if entry is None:
        return chain
    if chain[0] in _certificates(entry.allowed_pem):
        return chain[:1]
    anchors = _certificates(entry.anchors_pem)
    return [certificate for certificate in chain if certificate not in anchors]


@lru_cache(maxsize=64)
def _certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    return tuple(x509.load_pem_x509_certificates(pem)) if pem else ()


def _refused(where: str, why: str, code: str) -> tuple[StatusEvidence, ...]:
    return (
        _status(CREDENTIAL_UNTRUSTED, Outcome.FAILURE, where, why),
        _status(code, Outcome.INFORMATIONAL, where),
    )


def _validity(certificate: x509.Certificate, when: datetime) -> str:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return f"a certificate in force from {_time(start)} to {_time(end)} was not at {_time(when)}"


def _time(value: datetime) -> str:
    return value.isoformat(timespec="seconds")


def _status(code: str, outcome: Outcome, locator: str = "", explanation: str = "") -> StatusEvidence:
    return StatusEvidence(C2PA_EXAMINER, code, outcome, locator, explanation)
