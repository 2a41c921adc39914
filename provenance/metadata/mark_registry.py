"""The registry of known generator marks in metadata: which fields each reader is given.

Every row is text, so anyone can write, change or remove it. Marks in pixels are in `provenance.metadata.pixel_marks`; what a
C2PA manifest says is the manifest's.

Source: every reader names its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from provenance.metadata import mark_readers as read
from provenance.metadata.fields import Field, Source
from provenance.metadata.mark_readers import Declared


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
    _mark("a1111", Source.TEXT, "parameters postprocessing extras Comment", read.parameters),
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
    _mark("make", Source.EXIF, "Make", read.make),
    _mark("midjourney", Source.TEXT, "Description", read.midjourney),
    _mark("midjourney", Source.EXIF, "ImageDescription", read.midjourney),
    _mark("midjourney", Source.XMP, "dc:description", read.midjourney),
    _mark("google", Source.XMP, "photoshop:Credit", read.google_credit),
    _mark("aigc", Source.TEXT, "AIGC Comment", read.aigc),
    _mark("aigc", Source.EXIF, "UserComment", read.aigc),
    _mark("aigc", Source.XMP, "TC260:AIGC", read.aigc),
    _mark("hugging-face", Source.TEXT, "hf-job-id", read.hugging_face_job),
    _mark("grok", Source.EXIF, "ImageDescription", read.grok_signature),
)
"""Every mark that is one field. The IPTC properties, which belong together, are read in `provenance.metadata.marks`."""
