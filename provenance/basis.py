"""What a verdict rests on, in sentences a person can read.

Each item names its layer, because a reader is owed whether metadata, a watermark, a fingerprint or a measurement decided, and
what it takes to forge it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from provenance.evidence import (
    C2PA_EXAMINER,
    DeclarationEvidence,
    Evidence,
    Forgeability,
    Layer,
    Relationship,
    ScoreEvidence,
    StatusEvidence,
)

_OTHERS: Final = {Relationship.PARENT: "what it was made from", Relationship.COMPONENT: "something placed into it"}


class Weight(StrEnum):
    """What a basis item did to the verdict."""

    DECIDED = "decided"
    SUPPORTS = "supports"
    DISAGREES = "disagrees"


@dataclass(frozen=True, slots=True)
class BasisItem:
    """One line of what a verdict rests on."""

    layer: Layer
    statement: str
    forgeable: Forgeability | None
    """What it takes to forge it; None for measurements and checks, which declare nothing."""
    weight: Weight


def basis_item(evidence: Evidence, weight: Weight, signer_standing: str) -> BasisItem:
    """`evidence` as a basis item.

    Args:
        evidence: What was found.
        weight: What it did to the verdict.
        signer_standing: What is known of the embedded manifest's signer, such as "trusted".
    """
    match evidence:
        case ScoreEvidence():
            point = evidence.operating_point
            statement = (
                f"the detector's log-likelihood ratio {evidence.llr:+.2f} exceeds {point.threshold_llr:+.2f}, "
                f"set for a false-positive rate of {point.target_fpr:.1%}"
            )
            return BasisItem(Layer.FORENSIC, statement, None, weight)
        case DeclarationEvidence():
            return BasisItem(evidence.layer, _declares(evidence, signer_standing), evidence.forgeability, weight)
        case StatusEvidence():
            return BasisItem(Layer.METADATA, f"{evidence.code}: {evidence.outcome}", None, weight)


def _declares(declaration: DeclarationEvidence, signer_standing: str) -> str:
    term = (declaration.digital_source_type or "").rsplit("/", 1)[-1] or "no digital source type"
    by = f" by {declaration.generator}" if declaration.generator else ""
    if declaration.examiner != C2PA_EXAMINER:
        return f"a mark ({declaration.locator or declaration.examiner}) declares {term}{by}"
    signer = declaration.signer or "a signer without a name"
    if declaration.relationship is not Relationship.ASSET:
        # The standing known is that of the asset's own signer; an ancestor's is not claimed.
        return f"the manifest of {_OTHERS[declaration.relationship]}, signed by {signer}, declares {term}{by}"
    return f"a manifest signed by {signer} ({signer_standing}) declares {term}{by}"
