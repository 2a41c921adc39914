"""Take personal data out of a signed image, and sign that it was taken out: C2PA redaction.

Two roads. Named assertions go in an *update manifest*: the file's pixels, its metadata and their hard binding stay as they are
(PNG and JPEG; other formats take the second road, with the same pixels and metadata). Prompts stand in EXIF, XMP and PNG text
as well, which the hard binding covers, so taking them out makes a new file: it gets a manifest of its own, with the old one,
redacted, as its parent. What says how the image came about is never redacted: actions, ingredients, bindings, the AI
disclosure.

Two things are out of reach: a copy of the file from before, and the hash of what was redacted, which stays in the old claim, so
that a guess can be confirmed. The way to keep a prompt private is the prompt policy, when stamping.

Source: C2PA Technical Specification 2.4, 6.8 "Redaction of assertions", 11.2 "Update manifests", 18.15 "Actions".
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from provenance.asset import Asset
from provenance.conformance.crjson import Manifest, active_manifest, base_label, data_types
from provenance.errors import AmendmentRefused, ExaminerError, StampUnverified
from provenance.evidence import failure_codes, success_codes
from provenance.manifest import PROMPT_TYPE, SPECIFICATION_VERSION, Ingredient, ManifestDefinition
from provenance.metadata import declaration
from provenance.metadata.prompt_removal import without_prompts
from provenance.reader import C2paExaminer
from provenance.stamp import SOFTWARE, Stamper
from provenance.status_codes import CLAIM_SIGNATURE_VALIDATED
from provenance.trust.store import TrustStore

_KEPT: Final = ("c2pa.actions", "c2pa.hash.", "c2pa.ingredient", "c2pa.ai-disclosure", "c2pa.soft-binding")
"""How labels begin that are never redacted: without them nobody could tell any more how the image came about."""


_UPDATABLE: Final = frozenset({"image/png", "image/jpeg"})
"""Formats whose store an update manifest can grow. The bindings of WebP and TIFF cover a length and offsets that change with
it, and in AVIF and HEIC the SDK writes an update beside the store instead of into it."""


class RedactionReason(StrEnum):
    """Why, in C2PA's words."""

    PERSONAL_DATA = "c2pa.PII.present"
    INVALID_DATA = "c2pa.invalid.data"
    TRADE_SECRET = "c2pa.trade-secret.present"  # noqa: S105 - not a password
    GOVERNMENT = "c2pa.government.confidential"


def redact(
    stamper: Stamper,
    asset: Asset,
    assertions: Sequence[str] = (),
    *,
    prompts: bool = False,
    reason: RedactionReason = RedactionReason.PERSONAL_DATA,
    at: datetime | None = None,
) -> Asset:
    """`asset` without these assertions, in every manifest it holds, and signed again.

    Args:
        stamper: Signs the redaction.
        asset: A signed asset; the encoded pixels stay.
        assertions: Labels, such as "org.assay.generation"; one without a number stands for all of its kind.
        prompts: Whether to take out all prompts: those in manifests, and those in EXIF, XMP and PNG text.
        reason: Why.
        at: When; none: now.

    Raises:
        AmendmentRefused: There is no intact manifest, it has no such assertion, or one that is never redacted.
        RecordInvalid: The asset was altered after it was signed, or a prompt stands where it cannot be taken out.
        AssetUnsupported, AssetUnreadable: Its metadata cannot be rewritten.
        ManifestError, SigningError, StampUnverified: As of `Stamper.sign_last`.
    """
    if not assertions and not prompts:
        raise AmendmentRefused("nothing is to be taken out")
    evidence = stamper.examine_parent(asset)
    if CLAIM_SIGNATURE_VALIDATED not in success_codes(evidence):
        found = ", ".join(sorted(failure_codes(evidence))) or "there is none"
        raise AmendmentRefused(f"only an intact manifest can be redacted: {found}")
    manifests = _manifests(asset)
    uris = list(dict.fromkeys([*_named(manifests, assertions), *(_prompts(manifests) if prompts else ())]))
    when = (at or datetime.now(UTC)).astimezone(UTC)
    instance_id = f"xmp.iid:{uuid.uuid4()}"
    content = without_prompts(declaration.without_manifest(asset), instance_id=instance_id) if prompts else asset
    definition = _definition(uris, reason, when, media_type=asset.media_type, instance_id=instance_id, edited=prompts)
    parent = Ingredient("parent-0", "parentOf", asset)
    update = not prompts and asset.media_type in _UPDATABLE
    if not prompts and not update:
        content = declaration.without_manifest(asset)
    amended = stamper.sign_last(content, ManifestDefinition(definition, (parent,), update=update))
    _require_gone(amended, uris)
    return amended


def _manifests(asset: Asset) -> Mapping[str, Manifest]:
    document = C2paExaminer(TrustStore()).crjson(asset)
    if document is None:
        raise ExaminerError("the manifest is gone that was there a moment ago")
    try:
        active = active_manifest(document)
    except ValueError as err:
        raise ExaminerError(f"the manifests cannot be listed: {err}") from err
    return {label: Manifest(label, content, active.store) for label, content in active.store.items()}


def _named(manifests: Mapping[str, Manifest], labels: Sequence[str]) -> list[str]:
    uris: list[str] = []
    for label in labels:
        if label.startswith(_KEPT):
            raise AmendmentRefused(f"{label} says how the image came about, or what it belongs to: it is never redacted")
        meant = [
            _uri(manifest.label, name)
            for manifest in manifests.values()
            for name in manifest.listed
            if label in (name, base_label(name)) and name in manifest.assertions
        ]
        if not meant:
            there = sorted({name for m in manifests.values() for name in m.listed if not name.startswith(_KEPT)})
            raise AmendmentRefused(f"there is no assertion {label}; there are: {', '.join(there) or 'none'}")
        uris += meant
    return uris


def _prompts(manifests: Mapping[str, Manifest]) -> list[str]:
    uris: list[str] = []
    for manifest in manifests.values():
        for ingredient in manifest.ingredients.values():
            url = str((ingredient.get("data") or {}).get("url", ""))
            name = url.rpartition("/")[2]
            if PROMPT_TYPE in data_types(ingredient) and name in manifest.assertions:
                uris.append(_uri(manifest.label, name))
    return uris


def _uri(manifest: str, assertion: str) -> str:
    return f"self#jumbf=/c2pa/{manifest}/c2pa.assertions/{assertion}"


def _definition(
    uris: Sequence[str], reason: RedactionReason, at: datetime, *, media_type: str, instance_id: str, edited: bool
) -> dict[str, Any]:
    when = at.isoformat(timespec="seconds").replace("+00:00", "Z")
    actions = [{"action": "c2pa.opened", "when": when, "parameters": {"ingredientIds": ["parent-0"]}}]
    if edited:
        actions.append({"action": "c2pa.edited.metadata", "when": when})
    actions += [{"action": "c2pa.redacted", "when": when, "reason": reason.value, "parameters": {"redacted": u}} for u in uris]
    return {
        "claim_version": 2,
        "claim_generator_info": [
            {"name": SOFTWARE.name, "version": SOFTWARE.version, "specVersion": SPECIFICATION_VERSION},
        ],
        "format": media_type,
        "instance_id": instance_id,
        "redactions": list(uris),
        "assertions": [{"label": "c2pa.actions.v2", "created": True, "data": {"actions": actions, "allActionsIncluded": True}}],
    }


def _require_gone(amended: Asset, uris: Sequence[str]) -> None:
    left = _manifests(amended)
    said = {str(uri) for manifest in left.values() for uri in manifest.claim.get("redacted_assertions") or ()}
    for uri in uris:
        manifest, name = uri.split("/")[2], uri.rpartition("/")[2]
        # Of embedded data the SDK lists the place where it was, without content and so without a format.
        content = left[manifest].assertions.get(name) if manifest in left else None
        if uri not in said or (content is not None and "format" in content):
            raise StampUnverified(f"{name} is still there after its redaction")
