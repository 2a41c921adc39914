"""What the SDK found in a manifest store, as statuses: of the active manifest, and of its ingredients.

Pure: the SDK's JSON comes in. Codes are C2PA's own, verbatim; every text in it is a stranger's, and quoted.

Source: C2PA Technical Specification 2.3, "Standard status codes"; c2pa-python 0.38.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from provenance.evidence import C2PA_EXAMINER, Outcome, StatusEvidence
from provenance.quoting import quoted
from provenance.status_codes import HARD_BINDING_MATCHES, MISMATCHES, TRUSTED_CODES

_OUTCOMES: Final = (
    ("success", Outcome.SUCCESS),
    ("informational", Outcome.INFORMATIONAL),
    ("failure", Outcome.FAILURE),
)
_OUR_CODES: Final = "manifest."


def active_group(store: Mapping[str, Any]) -> Mapping[str, Any]:
    """The results of validating the active manifest, as the SDK groups them."""
    return (store.get("validation_results") or {}).get("activeManifest") or {}


def statuses_of(group: object) -> Iterator[StatusEvidence]:
    """The statuses in one group of validation results, in order."""
    if not isinstance(group, dict):
        return
    for key, outcome in _OUTCOMES:
        for item in group.get(key) or []:
            yield status(quoted(item.get("code")), outcome, quoted(item.get("url")), quoted(item.get("explanation")))


def ingredient_statuses(store: Mapping[str, Any]) -> Iterator[StatusEvidence]:
    """What validating the ingredients found, now and when they were taken in.

    An altered parent that a trusted signer opened and signed again would pass otherwise. Of their successes only those that
    say nothing of the asset's own signature and binding are kept.
    """
    seen = set()
    deltas = (store.get("validation_results") or {}).get("ingredientDeltas") or []
    ingredients = [i for manifest in (store.get("manifests") or {}).values() for i in manifest.get("ingredients") or []]
    recorded = [(ingredient.get("validation_results") or {}).get("activeManifest") for ingredient in ingredients]
    # Ingredients of claims before version 2 record a plain list, of what went wrong only.
    recorded += [{"failure": ingredient.get("validation_status")} for ingredient in ingredients]
    for group in [*(delta.get("validationDeltas") for delta in deltas), *recorded]:
        for found in statuses_of(group):
            if found.outcome is Outcome.SUCCESS and found.code in TRUSTED_CODES | HARD_BINDING_MATCHES:
                continue
            # An ancestor nobody knows, or that has expired, leaves this asset's own signature as it is.
            lesser = found.outcome is Outcome.FAILURE and found.code not in MISMATCHES
            kept = status(found.code, Outcome.INFORMATIONAL, found.locator, found.explanation) if lesser else found
            if kept not in seen:
                seen.add(kept)
                yield kept


def grouped(statuses: Iterable[StatusEvidence]) -> dict[str, list[dict[str, str]]]:
    """The statuses as validation results again, without codes of our own."""
    theirs = [found for found in statuses if not found.code.startswith(_OUR_CODES)]
    return {
        key: [{"code": s.code, "url": s.locator, "explanation": s.explanation} for s in theirs if s.outcome is outcome]
        for key, outcome in _OUTCOMES
    }


def status(code: str, outcome: Outcome, locator: str = "", explanation: str = "") -> StatusEvidence:
    """A status of the manifest itself."""
    return StatusEvidence(C2PA_EXAMINER, code, outcome, locator, explanation)
