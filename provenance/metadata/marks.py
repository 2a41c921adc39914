"""The registry of known generator marks, and the examiner that reads them.

Marks are text: anyone can write, change or remove them, and the evidence says so. They declare what their field says, or, where
they only name a generator, that it made the image. A camera's Make and Model are no declaration of capture. Pixel marks
(dwtDct, stealth alpha) are not read here.

Source: IPTC Photo Metadata Standard 2025.1; every reader names its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from provenance.asset import Asset
from provenance.digital_source_type import DigitalSourceType
from provenance.evidence import DeclarationEvidence, Evidence, Forgeability, Layer, Outcome, StatusEvidence
from provenance.metadata import mark_readers as read
from provenance.metadata.fields import Field, Fields, Source, read_fields
from provenance.metadata.mark_readers import Declared
from provenance.status_codes import MARKS_ABSENT, MARKS_MALFORMED, MARKS_PRESENT

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


@dataclass(frozen=True, slots=True)
class Mark:
    """A row of the registry: which fields a reader is given."""

    name: str
    source: Source
    fields: frozenset[str] | None
    """Names of the fields; None for all of this source."""
    reader: Callable[[str], Declared | None]

    def applies(self, field: Field) -> bool:
        """Whether the reader is to look at `field`."""
        return field.source is self.source and (self.fields is None or field.name in self.fields)


def _mark(name: str, source: Source, fields: str | None, reader: Callable[[str], Declared | None]) -> Mark:
    return Mark(name, source, None if fields is None else frozenset(fields.split()), reader)


REGISTRY: Final = (
    _mark("a1111", Source.TEXT, "parameters postprocessing extras", read.parameters),
    _mark("a1111", Source.EXIF, "UserComment", read.parameters),
    _mark("comfyui", Source.TEXT, "prompt workflow", read.comfyui),
    _mark("comfyui", Source.EXIF, None, read.comfyui),
    _mark("invokeai", Source.TEXT, "invokeai_metadata invokeai_graph invokeai_workflow sd-metadata Dream", read.invokeai),
    _mark("swarmui", Source.TEXT, "parameters", read.swarmui),
    _mark("swarmui", Source.EXIF, "UserComment", read.swarmui),
    _mark("fooocus", Source.TEXT, "parameters", read.fooocus),
    _mark("fooocus", Source.TEXT, "fooocus_scheme", read.fooocus_scheme),
    _mark("fooocus", Source.EXIF, "UserComment", read.fooocus),
    _mark("fooocus", Source.EXIF, "MakerNote", read.fooocus_scheme),
    _mark("novelai", Source.TEXT, "Source", read.novelai_source),
    _mark("novelai", Source.TEXT, "Comment", read.novelai_comment),
    _mark("novelai", Source.EXIF, "UserComment", read.novelai_comment),
    _mark("software", Source.TEXT, "Software", read.software),
    _mark("software", Source.EXIF, "Software", read.software),
    _mark("software", Source.XMP, "xmp:CreatorTool", read.software),
    _mark("flux", Source.EXIF, "Make", read.make),
    _mark("midjourney", Source.TEXT, "Description", read.midjourney),
    _mark("google", Source.XMP, "photoshop:Credit", read.google_credit),
    _mark("aigc", Source.TEXT, "AIGC Comment", read.aigc),
    _mark("aigc", Source.EXIF, "UserComment", read.aigc),
    _mark("aigc", Source.XMP, "TC260:AIGC", read.aigc),
    _mark("hugging-face", Source.TEXT, "hf-job-id", read.hugging_face_job),
    _mark("grok", Source.EXIF, "ImageDescription", read.grok_signature),
)
"""Every mark that is one field; the IPTC properties, which belong together, are read beside it."""


class MarksExaminer:
    """Reads what metadata, other than a C2PA manifest, says of an asset."""

    name = "marks"

    def examine(self, asset: Asset) -> Sequence[Evidence]:
        """Declarations found, `marks.malformed` (unavailable) for what could not be read, or `marks.absent`.

        Never raises on the asset's bytes.
        """
        content = read_fields(asset)
        found = list(dict.fromkeys([*_iptc(content), *_registered(content)]))[:MAX_DECLARATIONS]
        evidence: list[Evidence] = [
            StatusEvidence(self.name, MARKS_MALFORMED, Outcome.UNAVAILABLE, _clean(flaw.locator), _clean(flaw.reason))
            for flaw in content.flaws
        ]
        if found:
            names = ", ".join(dict.fromkeys(declared.locator for declared in found))
            evidence.append(StatusEvidence(self.name, MARKS_PRESENT, Outcome.INFORMATIONAL, explanation=names))
        elif not evidence:
            evidence.append(StatusEvidence(self.name, MARKS_ABSENT, Outcome.INFORMATIONAL))
        return [*evidence, *found]


def _registered(content: Fields) -> Iterator[DeclarationEvidence]:
    for field in content.fields:
        for mark in REGISTRY:
            if mark.applies(field):
                declared = mark.reader(field.text)
                if declared is not None:
                    yield _declaration(declared.digital_source_type, declared.generator, field.locator)


def _iptc(content: Fields) -> Iterator[DeclarationEvidence]:
    """Digital source types of each packet, any value, and the AI system named beside them."""
    groups = dict.fromkeys(field.group for field in content.fields if field.source is Source.XMP)
    for group in groups:
        packet = [field for field in content.fields if field.source is Source.XMP and field.group == group]
        named = {name: field for name in (*_AI_FIELDS, "xmp:CreatorTool") for field in packet if field.name == name}
        system, version, tool = (named.get(name) for name in (_AI_FIELDS[0], _AI_FIELDS[1], "xmp:CreatorTool"))
        generator = " ".join(field.text for field in (system, version) if field) or (tool.text if tool else None)
        types = [field for field in packet if field.name == _DIGITAL_SOURCE_TYPE]
        for field in types:
            yield _declaration(field.text, generator, field.locator)
        described = next((named[name] for name in _AI_FIELDS if name in named), None)
        if not types and described is not None:
            yield _declaration(str(DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA), generator, described.locator)


def _declaration(digital_source_type: str | None, generator: str | None, locator: str) -> DeclarationEvidence:
    return DeclarationEvidence(
        examiner=MarksExaminer.name,
        layer=Layer.METADATA,
        forgeability=Forgeability.TEXT,
        digital_source_type=None if digital_source_type is None else _clean(digital_source_type, _MAX_URI),
        generator=None if generator is None else _clean(generator),
        locator=_clean(locator),
    )


def _clean(text: str, limit: int = _MAX_GENERATOR) -> str:
    """Bounded, and without control and direction characters: it is the file's maker who chose these words."""
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(character if character.isprintable() else "\ufffd" for character in short)
