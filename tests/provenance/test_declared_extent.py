"""Every row of the table in `provenance.declared_extent`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.declared_extent import deciding, declared_extent
from provenance.digital_source_type import DigitalSourceType, Extent, is_original
from provenance.evidence import DeclarationEvidence, Forgeability, Layer, Relationship

GENERATED = DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA
COMPOSITE = DigitalSourceType.COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA
CAPTURE, RETOUCHED = DigitalSourceType.DIGITAL_CAPTURE, DigitalSourceType.HUMAN_EDITS
FULL, PARTIAL = Extent.FULL, Extent.PARTIAL
Said = DeclarationEvidence


def said(term: DigitalSourceType | None, relationship: Relationship, label: str, examiner: str = "c2pa") -> Said:
    return Said(examiner, Layer.METADATA, Forgeability.SIGNED, term and term.value, relationship=relationship, locator=label)


def own(*terms: DigitalSourceType | None) -> list[Said]:
    return [said(term, Relationship.ASSET, "urn:own") for term in terms or (None,)]


def parents(*manifests: tuple[DigitalSourceType | None, ...]) -> list[Said]:
    return [said(term, Relationship.PARENT, f"urn:{i}") for i, terms in enumerate(manifests) for term in terms]


def components(*terms: DigitalSourceType | None) -> list[Said]:
    return [said(term, Relationship.COMPONENT, f"urn:c{i}") for i, term in enumerate(terms)]


def marks(*terms: DigitalSourceType | None) -> list[Said]:
    return [said(term, Relationship.ASSET, f"XMP:{i}", "marks") for i, term in enumerate(terms)]


TABLE: dict[str, tuple[list[Said], Extent | None]] = {
    "nothing": ([], None),
    "silent": (own(), None),
    "capture": (own(CAPTURE), None),
    "generated": (own(GENERATED), FULL),
    "composite": (own(COMPOSITE), PARTIAL),
    "composite over a generated one": ([*own(COMPOSITE), *parents((GENERATED,))], PARTIAL),
    "generated and composite in one": (own(GENERATED, COMPOSITE), FULL),
    "generated over nothing said": ([*own(GENERATED), *parents((None,))], FULL),
    "generated over a generated one": ([*own(GENERATED), *parents((GENERATED,))], FULL),
    "generated over a capture": ([*own(GENERATED), *parents((CAPTURE,))], PARTIAL),
    "generated over a composite": ([*own(GENERATED), *parents((COMPOSITE,))], PARTIAL),
    "generated with a capture placed in": ([*own(GENERATED), *components(CAPTURE)], FULL),
    "resized, generated": ([*own(), *parents((GENERATED,))], FULL),
    "resized twice, generated": ([*own(), *parents((None,), (GENERATED,))], FULL),
    "retouched by hand, generated": ([*own(RETOUCHED), *parents((GENERATED,))], FULL),
    "resized, retouched, generated": ([*own(), *parents((RETOUCHED,), (GENERATED,))], FULL),
    "resized, composite": ([*own(), *parents((COMPOSITE,))], PARTIAL),
    "resized, generated over a capture": ([*own(), *parents((GENERATED,), (CAPTURE,))], PARTIAL),
    "resized, composite over a generated one": ([*own(), *parents((COMPOSITE,), (GENERATED,))], PARTIAL),
    "resized, capture": ([*own(), *parents((CAPTURE,))], None),
    "something generated placed in": ([*own(), *components(GENERATED)], PARTIAL),
    "something generated placed into a capture": ([*own(CAPTURE), *parents((CAPTURE,)), *components(None, GENERATED)], PARTIAL),
    "captures placed in": ([*own(), *components(CAPTURE, None)], None),
    "marks alone": (marks(COMPOSITE, GENERATED), FULL),
    "a composite's mark": ([*own(), *marks(COMPOSITE)], PARTIAL),
    "a mark over a history": ([*own(), *parents((COMPOSITE,)), *marks(GENERATED)], FULL),
}


@pytest.mark.parametrize("row", TABLE)
def test_row(row: str) -> None:
    evidence, extent = TABLE[row]
    assert declared_extent(evidence) is extent
    assert declared_extent(reversed(evidence)) is extent
    assert bool(deciding(evidence)) is (extent is not None)


def test_what_was_placed_in_decides_only_where_nothing_else_is_synthetic() -> None:
    assert deciding([*own(), *components(GENERATED)]) == tuple(components(GENERATED))
    assert deciding([*own(COMPOSITE), *components(GENERATED)]) == tuple(own(COMPOSITE))


ANY = st.builds(
    said, st.none() | st.sampled_from(DigitalSourceType), st.sampled_from(Relationship), st.sampled_from(["a", "b", "c"])
)


@given(st.lists(ANY, max_size=8).flatmap(lambda said: st.tuples(st.just(said), st.permutations(said))))
def test_order_does_not_matter(pair: tuple[list[Said], list[Said]]) -> None:
    assert declared_extent(pair[0]) is declared_extent(pair[1])


@given(st.lists(ANY, max_size=8))
def test_history_never_hides_what_is_synthetic(evidence: list[Said]) -> None:
    synthetic = own(GENERATED)[0]
    assert declared_extent([*evidence, synthetic]) is not None


def test_edits_are_no_originals() -> None:
    assert [term for term in DigitalSourceType if is_original(term.value)] == [
        DigitalSourceType.DIGITAL_CAPTURE,
        DigitalSourceType.COMPUTATIONAL_CAPTURE,
        DigitalSourceType.DIGITAL_CREATION,
    ]
    assert not is_original(None)
