"""Who else vouches: identity assertions, in which a named actor signs a list of a manifest's assertions.

The actor may be the user who asked for an image or the organisation that answers for it. It is another's signature with another
certificate: it lends the claim no trust and takes none from it, and a reader is told of it apart.

The hard binding is always among what is vouched for, so an assertion cannot be carried to other content. Left out are the
thumbnails, which the claim's signer derived, and the ingredients, which others made.

Source: CAWG Identity Assertion 1.2, sections 5 and 8.2 (X.509 certificates and COSE signatures).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from provenance.errors import CredentialInvalid, SigningError
from provenance.evidence import IDENTITY_EXAMINER, DeclarationEvidence, Forgeability, Layer, Role
from provenance.quoting import quoted
from provenance.sealing.cose_signature import Signatory, pad_lengths, protected_header, sign1
from provenance.validation.cbor import CborItem, decode_cbor, encode_cbor
from provenance.validation.identity_standing import IDENTITY_LABEL, X509_SIGNATURE_TYPE, IdentityStanding, may_vouch

_WELL_FORMED: Final = "cawg.identity.well-formed"
_MALFORMED: Final = "cawg.identity."
_NOT_VOUCHED_FOR: Final = (IDENTITY_LABEL, "c2pa.thumbnail", "c2pa.ingredient")
_BYTES_FOR_TIMESTAMP: Final = 8192
_BYTES_FOR_STATUS: Final = 4096
_BYTES_FOR_REFERENCE: Final = 256
_BYTES_FOR_THE_REST: Final = 1024


@dataclass(frozen=True, slots=True)
class NamedActor:
    """Who vouches, and as what."""

    signatory: Signatory
    roles: tuple[Role, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a certificate that readers would.

        Raises:
            CredentialInvalid: It is not for vouching.
        """
        credential = self.signatory.signer.credential
        if not may_vouch(credential.certificates[0]):
            raise CredentialInvalid(f"{credential.subject} may not vouch for content: it is not for signing documents")


def placeholder(actor: NamedActor, assertions: int) -> dict[str, Any]:
    """An assertion, as a manifest definition takes it, that keeps room for the identity assertion.

    Args:
        actor: Who is going to vouch.
        assertions: How many assertions and ingredients the manifest has.
    """
    certificates = len(actor.signatory.signer.credential.pem)  # longer than the DER that goes in
    room = certificates + _BYTES_FOR_THE_REST + _BYTES_FOR_REFERENCE * (assertions + 1)
    room += _BYTES_FOR_TIMESTAMP if actor.signatory.timestamps is not None else 0
    room += _BYTES_FOR_STATUS if actor.signatory.status is not None else 0
    return {"label": IDENTITY_LABEL, "data": {"placeholder": "0" * room}}


def identity_assertion(actor: NamedActor, claim: bytes, *, size: int) -> bytes:
    """The content of the identity assertion, CBOR of exactly `size` bytes.

    Args:
        actor: Who vouches.
        claim: The claim it belongs to, CBOR, with the final hashes of all other assertions.
        size: Bytes that were kept for it.

    Raises:
        SigningError: The actor could not sign, there is no hard binding to vouch for, or it does not fit.
    """
    references = _references(claim)
    if not any(_label(reference).startswith("c2pa.hash.") for reference in references):
        raise SigningError("there is no hard binding that a named actor could vouch for")
    payload: dict[int | str, CborItem] = {"referenced_assertions": references, "sig_type": X509_SIGNATURE_TYPE}
    if actor.roles:
        payload["role"] = [role.value for role in actor.roles]
    signature = sign1(encode_cbor(payload), actor.signatory, protected=protected_header(actor.signatory.signer))
    assertion: dict[int | str, CborItem] = {"signer_payload": payload, "signature": signature}
    names = ("pad1", "pad2")
    labels = (len(encode_cbor(names[0])), len(encode_cbor(names[1])))
    try:
        lengths = pad_lengths(size - len(encode_cbor(assertion)), labels) or _no_room()
    except ValueError as err:
        raise SigningError(f"the identity assertion does not fit in the {size} bytes kept for it") from err
    return encode_cbor({**assertion, **{name: bytes(length) for name, length in zip(names, lengths, strict=False)}})


def identity_declarations(
    store: Mapping[str, Any], standings: Sequence[IdentityStanding] = ()
) -> Iterator[DeclarationEvidence]:
    """Who else vouches for the active manifest: one declaration for each identity assertion, worth what its statuses allow.

    A name is given only where it was signed for these very assertions; whether its certificate is trusted or current, the
    statuses say.

    Args:
        store: The SDK's report of a manifest store.
        standings: What was found of signatures that could be checked apart from the SDK.
    """
    ours = {standing.locator: standing for standing in standings}
    label = store.get("active_manifest")
    manifest = (store.get("manifests") or {}).get(label)
    found = (store.get("validation_results") or {}).get("activeManifest") or {}
    signed = {item.get("url") for item in found.get("success") or [] if item.get("code") == _WELL_FORMED}
    signed |= ours.keys()
    signed -= {item.get("url") for item in found.get("failure") or [] if str(item.get("code")).startswith(_MALFORMED)}
    for assertion in (manifest.get("assertions") if isinstance(manifest, dict) else None) or []:
        name, data = str(assertion.get("label")), assertion.get("data")
        if name.split("__", maxsplit=1)[0] != IDENTITY_LABEL or not isinstance(data, dict):
            continue
        locator = f"self#jumbf=/c2pa/{label}/c2pa.assertions/{name}"
        standing = ours.get(quoted(locator))
        who = standing.signer if standing is not None else quoted(", ".join(_names(data)))
        payload = data.get("signer_payload") or data.get("c2paAsset")
        roles = payload.get("role") if isinstance(payload, dict) else None
        yield DeclarationEvidence(
            examiner=IDENTITY_EXAMINER,
            layer=Layer.METADATA,
            forgeability=Forgeability.SIGNED,
            signer=(who or None) if locator in signed else None,
            signed_at=standing.signed_at if standing is not None else None,
            roles=tuple(quoted(role) for role in roles) if isinstance(roles, list) else (),
            locator=quoted(locator),
        )


def _names(data: Mapping[str, Any]) -> Iterator[str]:
    """Subject of the actor's certificate, or the identities that an aggregator verified."""
    signature = data.get("signature_info")
    if isinstance(signature, dict):
        yield from (str(signature[key]) for key in ("common_name", "issuer") if signature.get(key))
    for identity in data.get("verifiedIdentities") or []:
        if isinstance(identity, dict):
            provider = identity.get("provider")
            by = provider.get("name") if isinstance(provider, dict) else None
            who = identity.get("name") or identity.get("username") or identity.get("type")
            yield f"{who} (according to {by})"


def _no_room() -> tuple[int, ...]:
    raise ValueError("the first padding must be there, if only empty")


def _references(claim: bytes) -> list[dict[int | str, CborItem]]:
    """Hashed URIs of the claim's assertions that are vouched for, fields in the order the SDK encodes them in to verify."""
    fields = dict(_pairs(decode_cbor(claim)))
    listed = [item for name in ("created_assertions", "gathered_assertions", "assertions") for item in fields.get(name) or []]
    references: list[dict[int | str, CborItem]] = []
    for pairs in listed:
        entry = dict(_pairs(pairs))
        reference: dict[int | str, CborItem] = {name: entry[name] for name in ("url", "alg", "hash") if name in entry}
        if not _label(reference).startswith(_NOT_VOUCHED_FOR):
            references.append(reference)
    return references


def _pairs(item: object) -> Sequence[tuple[Any, Any]]:
    if not isinstance(item, tuple):
        raise SigningError("the claim is not as expected")
    return item


def _label(reference: Mapping[int | str, CborItem]) -> str:
    return str(reference.get("url")).rsplit("/", 1)[-1]
