"""IPTC digital source types, and which of them say that a generator made the picture.

Source: IPTC NewsCodes, http://cv.iptc.org/newscodes/digitalsourcetype/; C2PA Technical Specification 2.3, "Actions".
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

_IPTC: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"


class DigitalSourceType(StrEnum):
    """The terms Assay writes or reasons about; the value is the URI."""

    TRAINED_ALGORITHMIC_MEDIA = _IPTC + "trainedAlgorithmicMedia"
    COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA = _IPTC + "compositeWithTrainedAlgorithmicMedia"
    ALGORITHMIC_MEDIA = _IPTC + "algorithmicMedia"
    COMPOSITE_SYNTHETIC = _IPTC + "compositeSynthetic"
    DIGITAL_CAPTURE = _IPTC + "digitalCapture"
    COMPUTATIONAL_CAPTURE = _IPTC + "computationalCapture"
    DIGITAL_CREATION = _IPTC + "digitalCreation"
    HUMAN_EDITS = _IPTC + "humanEdits"


class Extent(StrEnum):
    """How much of an asset a declaration says is synthetic."""

    FULL = "full"
    PARTIAL = "partial"


_FULL: Final = frozenset({"trainedalgorithmicmedia", "algorithmicmedia", "trainedalgorithmicdata"})
_PARTIAL: Final = frozenset({"compositewithtrainedalgorithmicmedia", "compositesynthetic"})

_ORIGINAL: Final = frozenset(
    {"digitalcapture", "computationalcapture", "compositecapture", "screencapture", "negativefilm", "positivefilm", "print"}
    | {"digitalcreation", "digitalart"}
)


def is_original(uri: str | None) -> bool:
    """Whether a digital source type says the picture was taken or drawn without a generator; edits to one are not meant.

    >>> is_original("http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture")
    True
    >>> is_original("http://cv.iptc.org/newscodes/digitalsourcetype/humanEdits")
    False
    """
    return _term(uri) in _ORIGINAL


def synthetic_extent(uri: str | None) -> Extent | None:
    """How much a digital source type says is synthetic; None when it says nothing of the kind.

    Only the last path segment counts, in any case: files carry http and https, and c2pa.org as well as iptc.org.

    >>> synthetic_extent("https://cv.iptc.org/newscodes/digitalsourcetype/compositeSynthetic")
    <Extent.PARTIAL: 'partial'>
    >>> synthetic_extent("http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture") is None
    True
    """
    term = _term(uri)
    if term in _FULL:
        return Extent.FULL
    return Extent.PARTIAL if term in _PARTIAL else None


def _term(uri: str | None) -> str:
    return (uri or "").strip().rstrip("/").rsplit("/", 1)[-1].lower()
