"""How much of an asset its declarations say is synthetic, history included.

    the asset's own manifest   its parents' manifests       a component's   extent
    ------------------------   --------------------------   -------------   -------
    composite                  anything                     anything        partial
    generated                  no composite, no original    anything        full
    generated                  composite, or an original    anything        partial: a generator edited what was there
    not synthetic, or silent   generated; no original       anything        full: resized, enhanced by hand, still generated
    not synthetic, or silent   composite, or an original    anything        partial
                               beside the generated
    not synthetic, or silent   nothing synthetic            synthetic       partial
    not synthetic, or silent   nothing synthetic            not synthetic   none

"Generated" is a source type of full extent (`trainedAlgorithmicMedia` and its like), "composite" one of partial extent, an
"original" one that says the picture was taken or drawn without a generator, such as `digitalCapture`. Within one manifest,
generated outweighs composite. Marks beside manifests count as an own declaration that no history can weaken. The order of
the evidence does not matter, so a parent's place in the chain does not either.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from provenance.digital_source_type import Extent, is_original, synthetic_extent
from provenance.evidence import C2PA_EXAMINER, DeclarationEvidence, Evidence, Relationship, declarations


def declared_extent(evidence: Iterable[Evidence]) -> Extent | None:
    """How much is declared synthetic, by the table above; None if nothing is."""
    said = declarations(evidence)
    marks = _strongest(d for d in said if d.examiner != C2PA_EXAMINER)
    manifests = [d for d in said if d.examiner == C2PA_EXAMINER]
    history = _of_history(manifests)
    return Extent.FULL if Extent.FULL in (marks, history) else marks or history


def deciding(evidence: Iterable[Evidence]) -> tuple[DeclarationEvidence, ...]:
    """The declarations that `declared_extent` rests on; empty if nothing is declared synthetic."""
    synthetic = [d for d in declarations(evidence) if synthetic_extent(d.digital_source_type) is not None]
    made = tuple(d for d in synthetic if d.relationship is not Relationship.COMPONENT)
    return made or tuple(synthetic)


def _of_history(manifests: Iterable[DeclarationEvidence]) -> Extent | None:
    own, parents, components = (_by_manifest(manifests, relationship) for relationship in Relationship)
    chain = [_strongest(said) for said in (*own.values(), *parents.values())]
    if Extent.PARTIAL in chain:
        return Extent.PARTIAL
    if Extent.FULL in chain:
        originals = any(is_original(d.digital_source_type) for said in parents.values() for d in said)
        return Extent.PARTIAL if originals else Extent.FULL
    return Extent.PARTIAL if any(_strongest(said) for said in components.values()) else None


def _by_manifest(
    manifests: Iterable[DeclarationEvidence], relationship: Relationship
) -> Mapping[str, list[DeclarationEvidence]]:
    grouped: dict[str, list[DeclarationEvidence]] = {}
    for declaration in manifests:
        if declaration.relationship is relationship:
            grouped.setdefault(declaration.locator, []).append(declaration)
    return grouped


def _strongest(said: Iterable[DeclarationEvidence]) -> Extent | None:
    extents = {synthetic_extent(d.digital_source_type) for d in said}
    return next((extent for extent in (Extent.FULL, Extent.PARTIAL) if extent in extents), None)
