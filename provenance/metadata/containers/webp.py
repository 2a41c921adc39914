"""WebP: EXIF and XMP chunks behind a VP8X header; C2PA holds the store.

A simple file (one VP8 or VP8L chunk) becomes an extended one: the header is made from the size in the bitstream. Order:
VP8X, ICCP, ANIM, image data, EXIF, XMP, unknown chunks.

Source: RFC 9649, WebP Image Format, sections 2.5 to 2.7.
"""

from __future__ import annotations

from typing import Final

from provenance.errors import AssetUnreadable
from provenance.metadata.containers import riff
from provenance.metadata.containers.riff import Chunk
from provenance.metadata.embedded import Embedded, Findings, take

_EXIF_FLAG, _XMP_FLAG, _ALPHA_FLAG = 0x08, 0x04, 0x10
_FORM: Final = b"WEBP"
_C2PA: Final = b"C2PA"
_IMAGE: Final = frozenset({b"VP8X", b"ICCP", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L"})


def read(data: bytes) -> Embedded:
    """EXIF and XMP of a WebP."""
    findings = Findings()
    try:
        for chunk in riff.chunks(data, _FORM):
            if chunk.kind == b"EXIF":
                findings.add_exif(chunk.payload, "WebP:EXIF")
            elif chunk.kind == b"XMP ":
                findings.add_xmp(chunk.payload, "WebP:XMP")
    except AssetUnreadable as err:
        findings.add_flaw("WebP", str(err))
    return findings.embedded()


def write(data: bytes, *, exif: bytes, xmp: bytes) -> bytes:
    """The same WebP with these blocks in place of its own.

    Raises:
        AssetUnreadable: The chunk structure is malformed.
    """
    chunks = [chunk for chunk in riff.chunks(data, _FORM) if chunk.kind not in (b"EXIF", b"XMP ")]
    if chunks and chunks[0].kind in (b"VP8 ", b"VP8L"):
        chunks.insert(0, Chunk(b"VP8X", _extended_header(chunks[0])))
    if not chunks or chunks[0].kind != b"VP8X" or len(chunks[0].payload) < 10:
        raise AssetUnreadable("the WebP starts with no image chunk")
    header = chunks[0].payload
    chunks[0] = Chunk(b"VP8X", bytes([header[0] | _EXIF_FLAG | _XMP_FLAG]) + header[1:])
    image = [chunk for chunk in chunks if chunk.kind in _IMAGE]
    others = [chunk for chunk in chunks if chunk.kind not in _IMAGE]
    return riff.encode(_FORM, [*image, Chunk(b"EXIF", exif), Chunk(b"XMP ", xmp), *others])


def without_manifest(data: bytes) -> bytes:
    """The same WebP without its C2PA store.

    Raises:
        AssetUnreadable: The chunk structure is malformed.
    """
    return riff.encode(_FORM, [chunk for chunk in riff.chunks(data, _FORM) if chunk.kind != _C2PA])


def _extended_header(image: Chunk) -> bytes:
    """VP8X payload for a simple file: flags, 24 reserved bits, width - 1 and height - 1 as 24 bits each."""
    if image.kind == b"VP8 ":
        frame = take(image.payload, 0, 10)
        if frame[0] & 1 or frame[3:6] != b"\x9d\x01\x2a":
            raise AssetUnreadable("the VP8 data starts with no key frame")
        width, height, flags = int.from_bytes(frame[6:8], "little") & 0x3FFF, int.from_bytes(frame[8:10], "little") & 0x3FFF, 0
    else:
        head = take(image.payload, 0, 5)
        if head[0] != 0x2F:
            raise AssetUnreadable("the VP8L data has no signature")
        bits = int.from_bytes(head[1:], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        flags = _ALPHA_FLAG if bits >> 28 & 1 else 0
    if not width or not height:
        raise AssetUnreadable("the WebP has no size")
    return bytes([flags, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
