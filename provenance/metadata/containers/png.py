"""PNG: eXIf, iTXt with XMP, text chunks; caBX holds the C2PA store.

New chunks go immediately before the first IDAT, which every rule on chunk order allows. CRCs of ancillary chunks are not
checked when reading: a mark with a wrong CRC is still there to be seen.

Source: PNG Specification, Third Edition, 5.3, 5.6 and 11.3; XMP Specification Part 3, "PNG"; C2PA 2.3,
"Embedding manifests into PNG".
"""

from __future__ import annotations

import binascii
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from provenance.errors import AssetUnreadable
from provenance.metadata.embedded import MAX_FIELD_BYTES, MAX_PARTS, Embedded, Findings, TextField, take
from provenance.metadata.png_text import TEXT_CHUNKS, decode_text, encode_text, keyword_of, utf8

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_XMP_KEYWORD: Final = "XML:com.adobe.xmp"
_C2PA: Final = b"caBX"
_RAW: Final = "Raw profile type "
_RAW_PROFILE: Final = re.compile(r"\s*(?:exif|app1|xmp)\s+\d+\s+([0-9a-fA-F\s]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Chunk:
    kind: bytes
    start: int
    end: int
    """One past the CRC."""

    def payload(self, data: bytes) -> bytes:
        return data[self.start + 8 : self.end - 4]


def read(data: bytes) -> Embedded:
    """EXIF, XMP and text of a PNG; chunks after IEND are not part of it."""
    findings = Findings()
    try:
        for chunk in _chunks(data):
            if chunk.kind == b"eXIf":
                findings.add_exif(chunk.payload(data), "PNG:eXIf")
            elif chunk.kind in TEXT_CHUNKS:
                _read_text(chunk.kind, chunk.payload(data), findings)
    except AssetUnreadable as err:
        findings.add_flaw("PNG", str(err))
    return findings.embedded()


def write(data: bytes, *, exif: bytes, xmp: bytes, text: Sequence[TextField]) -> bytes:
    """The same PNG with these blocks in place of its own; text chunks of other keywords stay.

    Raises:
        AssetUnreadable: The chunk structure is malformed, or there is no IDAT.
    """
    replaced = {_XMP_KEYWORD, *(field.keyword for field in text)}
    added = [_encode(b"eXIf", exif), _encode(b"iTXt", _XMP_KEYWORD.encode() + b"\x00\x00\x00\x00\x00" + xmp)]
    added += [_encode(*encode_text(field.keyword, field.text)) for field in text]
    parts, placed = [_SIGNATURE], False
    end = len(_SIGNATURE)
    for chunk in _chunks(data):
        end = chunk.end
        if chunk.kind == b"IDAT" and not placed:
            parts += added
            placed = True
        if chunk.kind == b"eXIf":
            continue
        if chunk.kind in TEXT_CHUNKS and (_is_block(keyword := keyword_of(chunk.payload(data))) or keyword in replaced):
            continue
        parts.append(data[chunk.start : chunk.end])
    if not placed:
        raise AssetUnreadable("the PNG has no IDAT chunk")
    return b"".join([*parts, data[end:]])


def without_manifest(data: bytes) -> bytes:
    """The same PNG without its C2PA store.

    Raises:
        AssetUnreadable: The chunk structure is malformed.
    """
    chunks = list(_chunks(data))
    kept = [data[chunk.start : chunk.end] for chunk in chunks if chunk.kind != _C2PA]
    return b"".join([_SIGNATURE, *kept, data[chunks[-1].end :]])


def _chunks(data: bytes) -> Iterator[_Chunk]:
    if not data.startswith(_SIGNATURE):
        raise AssetUnreadable("not a PNG signature")
    at = len(_SIGNATURE)
    for _ in range(MAX_PARTS):
        head = take(data, at, 8)
        end = at + 12 + int.from_bytes(head[:4], "big")
        if end > len(data):
            raise AssetUnreadable(f"chunk {head[4:]!r} at {at} runs past the end of the data")
        yield _Chunk(head[4:], at, end)
        if head[4:] == b"IEND":
            return
        at = end
    raise AssetUnreadable(f"more than {MAX_PARTS} chunks")


def _encode(kind: bytes, payload: bytes) -> bytes:
    return len(payload).to_bytes(4, "big") + kind + payload + zlib.crc32(kind + payload).to_bytes(4, "big")


def _read_text(kind: bytes, payload: bytes, findings: Findings) -> None:
    try:
        field = decode_text(kind, payload, limit=findings.text_room)
    except AssetUnreadable as err:
        findings.add_flaw(f"PNG:{keyword_of(payload)}", str(err))
        return
    if field.keyword == _XMP_KEYWORD:
        findings.add_xmp(utf8(field.text), field.locator)
    elif field.keyword.startswith(_RAW):
        _read_raw_profile(field, findings)
    else:
        findings.add_text(field)


def _is_block(keyword: str) -> bool:
    """Whether the text under it is an EXIF block or an XMP packet, written as ImageMagick does."""
    return keyword.startswith(_RAW) and keyword.removeprefix(_RAW).lower() in ("exif", "app1", "xmp")


def _read_raw_profile(field: TextField, findings: Findings) -> None:
    """ImageMagick's way of keeping EXIF and XMP in PNG: hexadecimal digits in a text chunk."""
    if not _is_block(field.keyword):
        return
    found = _RAW_PROFILE.match(field.text)
    try:
        block = binascii.unhexlify("".join(found[1].split()) if found else "not hexadecimal")
    except (binascii.Error, ValueError) as err:
        findings.add_flaw(field.locator, f"not a raw profile: {err}")
        return
    if len(block) > MAX_FIELD_BYTES:
        findings.add_flaw(field.locator, "the raw profile is too long")
    elif block.startswith(b"Exif\x00\x00"):
        findings.add_exif(block, field.locator)
    else:
        findings.add_xmp(block.removeprefix(b"http://ns.adobe.com/xap/1.0/\x00"), field.locator)
