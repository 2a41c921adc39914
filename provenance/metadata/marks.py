"""What metadata other than a C2PA manifest says of an asset: generator marks, wishes of rights holders, and a camera.

Marks are text: anyone can write, change or remove them, and the evidence says so. They declare what their field says, or,
where they only name a generator, that it made the image. A camera's tags are no declaration of capture, and a wish none of
how an asset was made. Marks in pixels are read in `provenance.metadata.pixel_marks`.

Source: IPTC Photo Metadata Standard 2025.1; the readers name theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from provenance.asset import Asset
from provenance.digital_source_type import DigitalSourceType
from provenance.evidence import DeclarationEvidence, Evidence, Forgeability, Layer, Outcome, StatusEvidence, UsageWish
from provenance.metadata.fields import Field, Fields, Source, read_fields
from provenance.metadata.mark_registry import REGISTRY
from provenance.quoting import quoted
from provenance.status_codes import MARKS_ABSENT, MARKS_CAMERA, MARKS_MALFORMED, MARKS_PRESENT
from provenance.validation.wishes import plus_wishes, tdm_wishes

MAX_DECLARATIONS: Final = 32
"""Most declarations reported of one asset."""
_MAX_GENERATOR: Final = 200
_MAX_URI: Final = 300
_DIGITAL_SOURCE_TYPE: Final = "Iptc4xmpExt:DigitalSourceType"
_AI_FIELDS: Final = (
    "Iptc4xmpExt:AISystemUsed",
    "Iptc4xmpExt:AISystemVersionUsed",
    "Iptc4xmpExt:AIPromptInformation",
    "Iptc4xmpExt:AIPromptWriterName",
)


class MarksExaminer:
    """Reads what metadata, other than a C2PA manifest, says of an asset."""

    name = "marks"

    def examine(self, asset: Asset) -> Sequence[Evidence]:
        """Declarations found, `marks.malformed` (unavailable) for what could not be read, or `marks.absent`.

        Never raises on the asset's bytes.
        """
        content = read_fields(asset)
        marks = list(dict.fromkeys([*_iptc(content), *_registered(content)]))[:MAX_DECLARATIONS]
        evidence: list[Evidence] = [
            StatusEvidence(self.name, MARKS_MALFORMED, Outcome.UNAVAILABLE, _short(flaw.locator), _short(flaw.reason))
            for flaw in content.flaws
        ]
        if marks:
            names = ", ".join(dict.fromkeys(declared.locator for declared in marks))
            evidence.append(StatusEvidence(self.name, MARKS_PRESENT, Outcome.INFORMATIONAL, explanation=names))
        elif not evidence:
            evidence.append(StatusEvidence(self.name, MARKS_ABSENT, Outcome.INFORMATIONAL))
        cameras = [
            StatusEvidence(self.name, MARKS_CAMERA, Outcome.INFORMATIONAL, "EXIF", _short(camera)) for camera in content.cameras
        ]
        wishes = list(dict.fromkeys(_wishes(content)))[:MAX_DECLARATIONS]
        return [*evidence, *dict.fromkeys(cameras), *marks, *wishes]


def _registered(content: Fields) -> Iterator[DeclarationEvidence]:
    for field in content.fields:
        for mark in REGISTRY:
            if mark.applies(field):
                declared = mark.reader(field.text)
                if declared is not None:
                    yield _declaration(declared.digital_source_type, declared.generator, field.locator)


def _packets(content: Fields) -> Iterator[list[Field]]:
    for group in dict.fromkeys(field.group for field in content.fields if field.source is Source.XMP):
        yield [field for field in content.fields if field.source is Source.XMP and field.group == group]


def _iptc(content: Fields) -> Iterator[DeclarationEvidence]:
    """Digital source types of each packet, any value, and the AI system named beside them."""
    for packet in _packets(content):
        named = {name: field for name in (*_AI_FIELDS, "xmp:CreatorTool") for field in packet if field.name == name}
        system, version, tool = (named.get(name) for name in (_AI_FIELDS[0], _AI_FIELDS[1], "xmp:CreatorTool"))
        generator = " ".join(field.text for field in (system, version) if field) or (tool.text if tool else None)
        types = [field for field in packet if field.name == _DIGITAL_SOURCE_TYPE]
        for field in types:
            yield _declaration(field.text, generator, field.locator)
        described = next((named[name] for name in _AI_FIELDS if name in named), None)
        if not types and described is not None:
            yield _declaration(str(DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA), generator, described.locator)


def _wishes(content: Fields) -> Iterator[DeclarationEvidence]:
    """What each packet says of mining: PLUS Data Mining, and a TDM reservation."""
    for packet in _packets(content):
        texts = {field.name: field.text for field in reversed(packet)}  # of a repeated property the first counts
        found = {
            "XMP:plus:DataMining": plus_wishes(texts.get("plus:DataMining", ""), texts.get("plus:OtherConstraints", "")),
            "XMP:tdm:reservation": tdm_wishes(texts.get("tdm:reservation", ""), texts.get("tdm:policy", "")),
        }
        for locator, wishes in found.items():
            if wishes:
                yield _declaration(None, None, locator, wishes)


def _declaration(
    digital_source_type: str | None, generator: str | None, locator: str, wishes: tuple[UsageWish, ...] = ()
) -> DeclarationEvidence:
    return DeclarationEvidence(
        examiner=MarksExaminer.name,
        layer=Layer.METADATA,
        forgeability=Forgeability.TEXT,
        digital_source_type=None if digital_source_type is None else quoted(digital_source_type, _MAX_URI),
        generator=None if generator is None else _short(generator),
        wishes=wishes,
        locator=_short(locator),
    )


def _short(text: str) -> str:
    return quoted(text, _MAX_GENERATOR)
