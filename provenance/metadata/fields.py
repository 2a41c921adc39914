"""All texts an asset's metadata holds, as one flat list of named fields."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provenance.asset import Asset
from provenance.errors import AssetUnreadable
from provenance.metadata import container, exif, xmp
from provenance.metadata.camera import camera
from provenance.metadata.embedded import Flaw


class Source(StrEnum):
    """Which kind of metadata a field is from."""

    EXIF = "EXIF"
    XMP = "XMP"
    TEXT = "text"
    """PNG text, JPEG and GIF comments, bare AIGC segments."""


@dataclass(frozen=True, slots=True)
class Field:
    """One text and where it was."""

    source: Source
    name: str
    """EXIF tag name, PNG keyword, or XMP name with its customary prefix, such as "Iptc4xmpExt:DigitalSourceType"."""
    text: str
    locator: str
    group: int = 0
    """Which EXIF block or XMP packet it is from: fields of one are read together."""


@dataclass(frozen=True, slots=True)
class Fields:
    """What was read, and what could not be."""

    fields: tuple[Field, ...]
    flaws: tuple[Flaw, ...]
    cameras: tuple[str, ...] = ()
    """Cameras that EXIF blocks name as having taken the picture."""


def read_fields(asset: Asset) -> Fields:
    """Texts of `asset`, within the limits of `provenance.metadata.embedded`; never raises on its bytes."""
    embedded = container.read(asset)
    fields: list[Field] = []
    flaws = list(embedded.flaws)
    for group, block in enumerate(embedded.exif):
        content = exif.read(block)
        flaws += content.flaws
        fields += [Field(Source.EXIF, name, text, f"EXIF:{name}", group) for name, text in content.texts if text]
    for group, packet in enumerate(embedded.xmp):
        try:
            properties = xmp.read(packet)
        except AssetUnreadable as err:
            flaws.append(Flaw("XMP", str(err)))
            continue
        fields += [Field(Source.XMP, prop.label, prop.value, f"XMP:{prop.label}", group) for prop in properties]
    fields += [Field(Source.TEXT, text.keyword, text.text, text.locator or text.keyword) for text in embedded.text]
    cameras = tuple(found for block in embedded.exif if (found := camera(block)) is not None)
    return Fields(tuple(fields), tuple(dict.fromkeys(flaws)), cameras)
