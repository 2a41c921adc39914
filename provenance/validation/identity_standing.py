"""Whether a named actor's signature holds, when it was made, and whether the actor is trusted; asked of the assertion itself.

The SDK checks identity assertions too, and three things differ here. It encodes the payload anew, in an order of its own, and
takes a sound signature over another order (CAWG 1.3 asks for one) for a broken one. It does not look at the signature's
time-stamp, so that an identity dies with its certificate. And it knows no time but now. References and padding stay the SDK's
business, and so does everything about an assertion that cannot be taken apart here.

Source: CAWG Identity Assertion 1.3, sections 7.2 and 8.2; RFC 9052 (COSE_Sign1); RFC 9360 (x5chain).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from provenance.errors import CredentialInvalid, TimestampInvalid
from provenance.evidence import C2PA_EXAMINER, Outcome, StatusEvidence
from provenance.keys import algorithm_of, extended_key_usages, signature_holds
from provenance.quoting import quoted
from provenance.status_codes import IDENTITY_TRUSTED
from provenance.trust.certificate_path import (
    SIGNER_EXPIRED,
    SIGNER_INVALID,
    SIGNER_TRUSTED,
    SIGNER_UNTRUSTED,
    judge_chain,
    load_certificate,
)
from provenance.trust.store import TrustPurpose, TrustStore
from provenance.validation.cbor import decode_cbor, encode_cbor
from provenance.validation.cose import COSE_ALGORITHMS
from provenance.validation.jumbf import boxes, cbor_content, label_of, labelled, whole
from provenance.validation.timestamp_response import TimestampToken, token_over
from provenance.validation.token_certificates import stamped_by

IDENTITY_LABEL: Final = "cawg.identity"
X509_SIGNATURE_TYPE: Final = "cawg.x509.cose"
IDENTITY_USAGES: Final = (
    "1.3.6.1.5.5.7.3.36",  # documentSigning
    "1.3.6.1.5.5.7.3.4",  # emailProtection: S/MIME certificates, while CAWG allows them
)
"""Extended key usages, any of which lets a certificate vouch."""
_X509_CODES: Final = "cawg.x509."
_OWN_CODES: Final = "cawg.identity."
_WELL_FORMED: Final = "cawg.identity.well-formed"
_MALFORMED: Final = (
    ValueError,
    TypeError,
    KeyError,
    CredentialInvalid,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
_ALGORITHM, _X5CHAIN = 1, (33, "x5chain")


@dataclass(frozen=True, slots=True)
class IdentityStanding:
    """What became of one identity assertion whose signature holds."""

    locator: str
    signer: str
    """Subject of the actor's certificate: common name and organisation."""
    signed_at: datetime | None
    """Time-stamped signing time, if a trusted authority stated one."""
    statuses: tuple[StatusEvidence, ...]
    """In place of the SDK's `cawg.x509.` statuses with this locator."""


def judge_identities(store: bytes, trust: TrustStore, *, at: datetime) -> tuple[IdentityStanding, ...]:
    """X.509 identities, of every manifest, whose signatures hold; what cannot be taken apart, or does not hold, is left out.

    Args:
        store: A manifest store, as JUMBF.
        trust: Lists; those for identities and for time-stamps are looked at.
        at: The time asked about, for signatures that state none of their own.
    """
    standings = []
    for locator, assertion in _identities(store):
        try:
            standing = _judge(assertion, locator, trust, at)
        except _MALFORMED:
            continue
        standings += [standing] if standing is not None else []
    return tuple(standings)


def may_vouch(leaf: x509.Certificate) -> bool:
    """Whether the extended key usages of an end-entity certificate allow it to vouch; those for claims alone do not."""
    return not extended_key_usages(leaf).isdisjoint(IDENTITY_USAGES)


def with_standings(statuses: Iterable[StatusEvidence], standings: Sequence[IdentityStanding]) -> Iterator[StatusEvidence]:
    """`statuses` with those of the SDK on judged signatures replaced by ours."""
    kept = list(statuses)
    judged = {standing.locator for standing in standings}
    for status in kept:
        if status.locator not in judged or not (status.code.startswith(_X509_CODES) or status.code == _WELL_FORMED):
            yield status
    flawed = {s.locator for s in kept if s.code.startswith(_OWN_CODES) and s.outcome is Outcome.FAILURE}
    for standing in standings:
        yield from standing.statuses
        if standing.locator not in flawed:
            yield _status(_WELL_FORMED, Outcome.SUCCESS, standing.locator, "vouched for as it stands")


def _identities(store: bytes) -> Iterator[tuple[str, bytes]]:
    """Locator and content of every identity assertion that can be found."""
    try:
        (root,) = labelled(store, whole(store), "c2pa")
        for manifest in (box for box in boxes(store, root) if box.kind == b"jumb"):
            for assertions in labelled(store, manifest, "c2pa.assertions"):
                for box in (box for box in boxes(store, assertions) if box.kind == b"jumb"):
                    name = label_of(store, box)
                    if name.split("__", 1)[0] == IDENTITY_LABEL:
                        content = cbor_content(store, box)
                        where = f"self#jumbf=/c2pa/{label_of(store, manifest)}/c2pa.assertions/{name}"
                        yield quoted(where), store[content.start : content.end]
    except ValueError:
        return


def _judge(assertion: bytes, locator: str, trust: TrustStore, at: datetime) -> IdentityStanding | None:
    fields = _map(decode_cbor(assertion))
    payload = fields["signer_payload"]
    if _map(payload)["sig_type"] != X509_SIGNATURE_TYPE:
        return None
    protected, unprotected, _, signature = _list_of_four(decode_cbor(fields["signature"]))
    header = _map(decode_cbor(protected))
    chain = _chain(header)
    key = chain[0].public_key()
    if COSE_ALGORITHMS.get(algorithm_of(key)) != header[_ALGORITHM]:
        return None
    encodings = (encode_cbor(order(payload)) for order in (_as_it_stands, _deterministic))
    if not any(signature_holds(key, signature, encode_cbor(["Signature1", protected, b"", e])) for e in encodings):
        return None
    token = _token(_map(unprotected), protected, signature, trust)
    statuses = [_status("cawg.x509.signature.validated", Outcome.SUCCESS, locator, "the signature holds")]
    if token is not None:
        statuses.append(_status("cawg.x509.time_stamp.trusted", Outcome.SUCCESS, locator, f"signed at {token.at}"))
    statuses.append(_trust_status(chain, trust, token.at if token is not None else at, locator))
    names = [_name(chain[0], oid) for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)]
    signer = quoted(", ".join(filter(None, names)))
    return IdentityStanding(locator, signer, token.at if token is not None else None, tuple(statuses))


def _trust_status(chain: tuple[x509.Certificate, ...], trust: TrustStore, at: datetime, locator: str) -> StatusEvidence:
    code, why = SIGNER_UNTRUSTED, "no trust list for identities is there"
    for entry in trust.lists:
        if entry.purpose is TrustPurpose.IDENTITIES:
            listed = chain[0] in _certificates(entry.allowed_pem)
            found, reason = judge_chain(chain, _certificates(entry.anchors_pem), at, may=may_vouch)
            if found == SIGNER_UNTRUSTED and listed:
                found, reason = _judge_listed(chain[0], at)
            if found == SIGNER_TRUSTED:
                return _status(IDENTITY_TRUSTED, Outcome.SUCCESS, locator, f"trust list {entry.name}: {reason}")
            code, why = (found, reason) if code == SIGNER_UNTRUSTED else (code, why)
    if not may_vouch(chain[0]):
        code, why = SIGNER_INVALID, "the certificate is for something else than vouching"
    failed = {SIGNER_UNTRUSTED: "cawg.x509.credential.untrusted", SIGNER_EXPIRED: "cawg.x509.signature.outside_validity"}
    return _status(failed.get(code, "cawg.x509.credential.invalid"), Outcome.FAILURE, locator, why)


def _judge_listed(certificate: x509.Certificate, at: datetime) -> tuple[str, str]:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return (SIGNER_TRUSTED, "listed itself") if start <= at <= end else (SIGNER_EXPIRED, f"not valid at {at:%Y-%m-%d}")


def _token(unprotected: Mapping[object, Any], protected: bytes, signature: bytes, trust: TrustStore) -> TimestampToken | None:
    """The time-stamp on the signature, if it holds and its authority is trusted; an unsound one is worth none."""
    if "sigTst2" not in unprotected:
        return None
    anchors = [
        anchor
        for entry in trust.lists
        if entry.purpose is TrustPurpose.TIMESTAMPS
        for anchor in _certificates(entry.anchors_pem)
    ]
    (held,) = _map(unprotected["sigTst2"])["tstTokens"]
    try:
        token = token_over(encode_cbor(["CounterSignature", protected, b"", encode_cbor(signature)]), _map(held)["val"])
    except TimestampInvalid:
        return None
    return token if stamped_by(token.der, anchors, token.at) else None


def _chain(header: Mapping[object, Any]) -> tuple[x509.Certificate, ...]:
    (encoded,) = (value for key, value in header.items() if key in _X5CHAIN)
    return tuple(load_certificate(der) for der in (encoded if isinstance(encoded, list) else [encoded]))


def _as_it_stands(item: object) -> Any:  # noqa: ANN401  # CBOR
    """What `decode_cbor` gave, as `encode_cbor` takes it, entries in the order they stand in."""
    if isinstance(item, tuple):
        return {key: _as_it_stands(value) for key, value in _map(item).items()}
    return [_as_it_stands(part) for part in item] if isinstance(item, list) else item


def _deterministic(item: object) -> Any:  # noqa: ANN401  # CBOR
    """The same, in the order of RFC 8949, section 4.2.1, which CAWG 1.3 signs whatever the order in the assertion."""
    if isinstance(item, tuple):
        entries = sorted(_map(item).items(), key=lambda entry: encode_cbor(entry[0]))
        return {key: _deterministic(value) for key, value in entries}
    return [_deterministic(part) for part in item] if isinstance(item, list) else item


def _map(item: object) -> Mapping[Any, Any]:
    if not isinstance(item, tuple) or len(dict(item)) != len(item):
        raise ValueError("no map, or one that says something twice")
    return dict(item)


def _list_of_four(item: object) -> list[Any]:
    if not isinstance(item, list) or len(item) != 4 or not isinstance(item[0], bytes) or not isinstance(item[3], bytes):
        raise ValueError("no COSE_Sign1")
    return item


def _certificates(pem: bytes) -> tuple[x509.Certificate, ...]:
    return tuple(x509.load_pem_x509_certificates(pem)) if pem else ()


def _name(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    found = certificate.subject.get_attributes_for_oid(oid)
    return str(found[0].value) if found else ""


def _status(code: str, outcome: Outcome, locator: str, explanation: str) -> StatusEvidence:
    return StatusEvidence(C2PA_EXAMINER, code, outcome, locator, quoted(explanation))
