"""What the manifests of a store declare: the active one, those the asset was made from, and those placed into it.

An update manifest, or a resized copy, says nothing of how the picture was made; its parent does, and a history that stopped
at the active manifest would launder by politeness. So every manifest up the `parentOf` chain declares too, and every
component's, each under its own label and signer. Whether an ancestor's signer is trusted is not said here; what is broken in
one is a status. Inputs to a generator (`inputTo`), such as a prompt, are no part of the picture.

Pure: the SDK's JSON comes in. Everything in it is a stranger's: numbers are bounded, texts quoted.

Source: C2PA Technical Specification 2.3, "Actions", "Ingredient".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from provenance.digital_source_type import synthetic_extent
from provenance.evidence import (
    C2PA_EXAMINER,
    DeclarationEvidence,
    Evidence,
    Forgeability,
    Layer,
    Outcome,
    Relationship,
    StatusEvidence,
)
from provenance.quoting import quoted
from provenance.status_codes import MANIFEST_HISTORY_CUT
from provenance.validation.wishes import manifest_wishes

MAX_MANIFESTS: Final = 128
"""Most manifests of one store that are read. Nobody edits a picture that often; a longer chain hides something."""
_MAX_SOURCE_TYPES: Final = 16
"""Most digital source types reported of one manifest; synthetic ones are kept first."""
_MAX_ACTIONS: Final = 64


@dataclass(frozen=True, slots=True)
class _Member:
    label: str
    relationship: Relationship


def declared(store: Mapping[str, Any], *, signed_at: datetime | None) -> Iterator[Evidence]:
    """Declarations of the active manifest, then its parents', then its components'; and a failure if there are too many.

    Args:
        store: The SDK's JSON of a manifest store.
        signed_at: When the active manifest was signed, by a trusted time-stamp.
    """
    manifests = _mapping(store.get("manifests"))
    members = _members(str(store.get("active_manifest")), manifests)
    for member in members[:MAX_MANIFESTS]:
        own = member.relationship is Relationship.ASSET
        yield from _of_manifest(manifests[member.label], member, signed_at if own else None)
    if len(members) > MAX_MANIFESTS:
        why = f"more than {MAX_MANIFESTS} manifests: what the others declare is not known"
        yield StatusEvidence(C2PA_EXAMINER, MANIFEST_HISTORY_CUT, Outcome.FAILURE, explanation=why)


def _members(active: str, manifests: Mapping[str, Any]) -> list[_Member]:
    """The manifests that made the asset, each once: itself, up the parents, then what was placed anywhere on the way."""
    found: dict[str, Relationship] = {}
    waiting = [(active, Relationship.ASSET)]
    components: list[str] = []
    while waiting and len(found) <= MAX_MANIFESTS:
        label, relationship = waiting.pop()
        if label in found or label not in manifests:
            continue
        found[label] = relationship
        for ingredient in _list(_mapping(manifests[label]).get("ingredients")):
            named, role = str(_mapping(ingredient).get("active_manifest")), _mapping(ingredient).get("relationship")
            if role == "parentOf" and relationship is not Relationship.COMPONENT:
                waiting.append((named, Relationship.PARENT))
            elif role in ("parentOf", "componentOf"):
                components.append(named)
        if not waiting:  # parents first: one that is a component as well is a parent
            waiting, components = [(label, Relationship.COMPONENT) for label in reversed(components)], []
    return [_Member(label, relationship) for label, relationship in found.items()]


def _of_manifest(manifest: object, member: _Member, signed_at: datetime | None) -> Iterator[DeclarationEvidence]:
    content = _mapping(manifest)
    actions = [action for assertion in _list(content.get("assertions")) for action in _actions_of(_mapping(assertion))]
    types = list(dict.fromkeys(quoted(a["digitalSourceType"]) for a in actions if a.get("digitalSourceType")))
    if len(types) > _MAX_SOURCE_TYPES:
        types = sorted(types, key=lambda uri: synthetic_extent(uri) is None)[:_MAX_SOURCE_TYPES]
    signature = _mapping(content.get("signature_info"))
    names = [quoted(signature.get(key)) for key in ("common_name", "issuer") if signature.get(key)]
    said: list[str | None] = [*types] or [None]
    for index, source_type in enumerate(said):
        yield DeclarationEvidence(
            examiner=C2PA_EXAMINER,
            layer=Layer.METADATA,
            forgeability=Forgeability.SIGNED,
            digital_source_type=source_type,
            generator=_generator(content, actions, source_type),
            signer=", ".join(names) or None,
            signed_at=signed_at,
            actions=tuple(quoted(action.get("action")) for action in actions[:_MAX_ACTIONS]),
            relationship=member.relationship,
            wishes=manifest_wishes(content) if index == 0 else (),
            locator=quoted(member.label),
        )


def _actions_of(assertion: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if not str(assertion.get("label", "")).startswith("c2pa.actions"):
        return []
    return [action for action in _list(_mapping(assertion.get("data")).get("actions")) if isinstance(action, dict)]


def _generator(manifest: Mapping[str, Any], actions: Sequence[Mapping[str, Any]], source_type: str | None) -> str | None:
    """The software agent of the action that declares `source_type`, or whatever made the claim."""
    agents = [a.get("softwareAgent") for a in actions if quoted(a.get("digitalSourceType")) == (source_type or "")]
    claimed = _list(manifest.get("claim_generator_info")) or [manifest.get("claim_generator")]
    for agent in [*agents, *claimed]:
        name = agent.get("name") if isinstance(agent, dict) else agent
        if name:
            return quoted(name)
    return None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
