"""Put the signatures into a manifest store that is laid out already.

The SDK lays out claim, assertions and hard binding, and leaves room where signatures go. Here the named actor's assertion and
the claim's signature are made and written into that room, so that nothing changes its length. That way time-stamps, certificate
status and keys are asked for by our own code, with our limits and their own errors, and one signature can carry all of them.

Source: C2PA Technical Specification 2.3, "Digital signatures", "Hashing JUMBF boxes"; ISO/IEC 19566-5.
"""

from __future__ import annotations

import hashlib

from provenance.errors import SigningError
from provenance.sealing.cose_signature import Signatory, sign1
from provenance.sealing.identity import NamedActor, identity_assertion
from provenance.validation.cbor import decode_cbor
from provenance.validation.identity_standing import IDENTITY_LABEL
from provenance.validation.jumbf import Box, boxes, cbor_content, labelled, only, whole

_CLAIM_LABELS = ("c2pa.claim.v2", "c2pa.claim")


def sealed(store: bytes, signatory: Signatory, actor: NamedActor | None = None) -> bytes:
    """`store` with its active manifest signed; of the same length.

    Args:
        store: A manifest store, as JUMBF; its last manifest is the active one.
        signatory: Who signs the claim.
        actor: Who else vouches; the manifest must hold a placeholder for that.

    Raises:
        SigningError: What a signer or an authority raised, or the store is not laid out as expected.
    """
    work = bytearray(store)
    try:
        manifest = _active_manifest(store)
        claim = cbor_content(store, next(box for label in _CLAIM_LABELS for box in labelled(store, manifest, label)))
        if actor is not None:
            _vouch(work, manifest, claim, actor)
        signature = cbor_content(store, only(labelled(store, manifest, "c2pa.signature")))
        laid_out = decode_cbor(store[signature.start : signature.end])
        protected = laid_out[0] if isinstance(laid_out, list) and laid_out else None
        if not isinstance(protected, bytes):
            raise ValueError("there is no protected header")
    except (ValueError, StopIteration) as err:
        raise SigningError(f"the manifest is not laid out as expected: {err or type(err).__name__}") from err
    payload, size = bytes(work[claim.start : claim.end]), signature.end - signature.start
    work[signature.start : signature.end] = sign1(payload, signatory, protected=protected, size=size)
    return bytes(work)


def _vouch(work: bytearray, manifest: Box, claim: Box, actor: NamedActor) -> None:
    """Write the identity assertion over its placeholder, and its hash into the claim."""
    assertions = only(labelled(work, manifest, "c2pa.assertions"))
    place = only(labelled(work, assertions, IDENTITY_LABEL))
    content = cbor_content(work, place)
    placeholder_hash = hashlib.sha256(work[place.start : place.end]).digest()
    at = work.find(placeholder_hash, claim.start, claim.end)
    if at < 0:
        raise ValueError("the claim does not list the placeholder")
    encoded = identity_assertion(actor, bytes(work[claim.start : claim.end]), size=content.end - content.start)
    work[content.start : content.end] = encoded
    work[at : at + len(placeholder_hash)] = hashlib.sha256(work[place.start : place.end]).digest()


def _active_manifest(store: bytes) -> Box:
    *_, last = boxes(store, only(labelled(store, whole(store), "c2pa")))
    return last
