"""WAV: XMP in a `_PMX` chunk, texts in a LIST of INFO; the C2PA store is a chunk of its own, which the SDK replaces.

Source: XMP Specification Part 3, "WAV"; Multimedia Programming Interface and Data Specifications 1.0, "INFO List Chunk".
"""

from __future__ import annotations

from typing import Final

from provenance.errors import AssetUnreadable
from provenance.metadata.containers import id3, riff
from provenance.metadata.containers.riff import Chunk
from provenance.metadata.embedded import Embedded, Findings, TextField
from provenance.metadata.png_text import as_text

_FORM: Final = b"WAVE"
_XMP: Final = b"_PMX"
_NAMES: Final = {b"ISFT": "Software", b"ICMT": "Comment", b"IART": "Artist", b"ICOP": "Copyright", b"INAM": "Title"}


def read(data: bytes) -> Embedded:
    """XMP, INFO texts and ID3 frames of a WAV."""
    findings = Findings()
    try:
        for chunk in riff.chunks(data, _FORM):
            if chunk.kind == _XMP:
                findings.add_xmp(chunk.payload, "WAV:_PMX")
            elif chunk.kind == b"LIST" and chunk.payload[:4] == b"INFO":
                _read_info(chunk.payload, findings)
            elif chunk.kind.lower() == b"id3 ":
                id3.read_tag(chunk.payload, findings, "WAV:id3")
    except AssetUnreadable as err:
        findings.add_flaw("WAV", str(err))
    return findings.embedded()


def write(data: bytes, *, xmp: bytes) -> bytes:
    """The same WAV with this packet in place of its own; the samples keep their bytes and their place.

    Raises:
        AssetUnreadable: The chunk structure is malformed.
    """
    kept = [chunk for chunk in riff.chunks(data, _FORM) if chunk.kind != _XMP]
    return riff.encode(_FORM, [*kept, Chunk(_XMP, xmp)])


def _read_info(payload: bytes, findings: Findings) -> None:
    for chunk in riff.chunks_between(payload, 4, len(payload)):
        keyword = _NAMES.get(chunk.kind, chunk.kind.decode("latin-1"))
        text = as_text(chunk.payload[: max(findings.text_room, 0)].rstrip(b"\x00"))
        if chunk.kind != b"LIST" and text:
            findings.add_text(TextField(keyword, text, f"WAV:{keyword}"))
