from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.digital_source_type import DigitalSourceType, Extent, synthetic_extent

EXTENTS = {
    DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA: Extent.FULL,
    DigitalSourceType.COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA: Extent.PARTIAL,
    DigitalSourceType.ALGORITHMIC_MEDIA: Extent.FULL,
    DigitalSourceType.COMPOSITE_SYNTHETIC: Extent.PARTIAL,
    DigitalSourceType.DIGITAL_CAPTURE: None,
    DigitalSourceType.COMPUTATIONAL_CAPTURE: None,
    DigitalSourceType.DIGITAL_CREATION: None,
    DigitalSourceType.HUMAN_EDITS: None,
}


@pytest.mark.parametrize("term", DigitalSourceType)
def test_extent_of_every_term(term: DigitalSourceType) -> None:
    assert synthetic_extent(term.value) is EXTENTS[term]


@pytest.mark.parametrize(
    ("uri", "extent"),
    [
        ("https://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia", Extent.FULL),
        ("http://c2pa.org/digitalsourcetype/trainedAlgorithmicData", Extent.FULL),
        ("trainedAlgorithmicMedia", Extent.FULL),
        ("  http://cv.iptc.org/newscodes/digitalsourcetype/TRAINEDALGORITHMICMEDIA/  ", Extent.FULL),
        ("http://cv.iptc.org/newscodes/digitalsourcetype/nottrainedAlgorithmicMedia", None),
        ("http://cv.iptc.org/newscodes/digitalsourcetype/", None),
        ("", None),
        (None, None),
    ],
)
def test_only_the_last_segment_counts(uri: str | None, extent: Extent | None) -> None:
    assert synthetic_extent(uri) is extent


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    assert synthetic_extent(text) in (None, Extent.FULL, Extent.PARTIAL)
