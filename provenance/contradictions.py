"""Evidence that says otherwise than a verdict: shown as dissent, never weighed against it.

    verdict says generated        a mark, or the manifest's own, that declares a source type which is not synthetic; a camera's
                                  settings in the metadata. Not against a composite, which may well hold a photograph.
    verdict says trusted origin   a flagged detector; a mark that declares a synthetic source type
    either, by a manifest         a signed thumbnail that shows another picture than the asset

Precedence is not changed by any of it (`provenance.verdict`). The exit code is, by a flagged detector, and by a synthetic mark
where the manifests say nothing of how the asset was made.

Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from provenance.digital_source_type import Extent, synthetic_extent
from provenance.evidence import DeclarationEvidence, Evidence, Relationship, StatusEvidence, declarations, scores
from provenance.status_codes import MARKS_CAMERA, THUMBNAIL_DIFFERS


def contradicting(
    evidence: Sequence[Evidence], reasons: Collection[Evidence], *, synthetic: bool, extent: Extent | None
) -> tuple[Evidence, ...]:
    """What disagrees with a verdict.

    Args:
        evidence: Everything found.
        reasons: What decided; never in dissent with itself.
        synthetic: Whether the verdict calls the asset synthetic, or else of trusted origin.
        extent: How much of it, if the verdict says.
    """
    found: list[Evidence] = []
    if not synthetic:
        found += [score for score in scores(evidence) if score.flagged]
        found += [d for d in declarations(evidence) if synthetic_extent(d.digital_source_type) is not None]
    elif extent is not Extent.PARTIAL:
        found += [d for d in declarations(evidence) if _says_not_synthetic(d)]
        found += _coded(evidence, MARKS_CAMERA)
    if any(isinstance(reason, DeclarationEvidence) for reason in reasons):
        found += _coded(evidence, THUMBNAIL_DIFFERS)
    return tuple(e for e in found if e not in reasons)


def _says_not_synthetic(declaration: DeclarationEvidence) -> bool:
    """Of the asset itself: what it was made from, or holds, may have been a photograph."""
    return (
        declaration.relationship is Relationship.ASSET
        and bool(declaration.digital_source_type)
        and synthetic_extent(declaration.digital_source_type) is None
    )


def _coded(evidence: Sequence[Evidence], code: str) -> list[Evidence]:
    return [e for e in evidence if isinstance(e, StatusEvidence) and e.code == code]
