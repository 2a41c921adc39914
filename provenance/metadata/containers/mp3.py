"""MP3: the ID3v2 tag at its beginning; the C2PA store is a GEOB frame of that tag, which the SDK replaces.

Frames of sound and tags at the end (ID3v1, APE) are neither read nor changed.

Source: ID3 tag version 2.4.0; C2PA 2.3, "Embedding manifests into ID3".
"""

from __future__ import annotations

from provenance.metadata.containers import id3
from provenance.metadata.embedded import Embedded, Findings


def read(data: bytes) -> Embedded:
    """Texts and XMP of an MP3's tag."""
    findings = Findings()
    id3.read_tag(data, findings, "ID3")
    return findings.embedded()


def write(data: bytes, *, xmp: bytes) -> bytes:
    """The same MP3 with this packet in its tag; raises as `id3.with_xmp` does."""
    return id3.with_xmp(data, xmp)
