"""GIF: comments, and XMP in an application extension. Read only: Assay stamps no GIF.

Source: GIF89a specification; XMP Specification Part 3, "GIF".
"""

from __future__ import annotations

from typing import Final

from provenance.errors import AssetUnreadable
from provenance.metadata.embedded import MAX_FIELD_BYTES, MAX_PARTS, Embedded, Findings, TextField, take
from provenance.metadata.png_text import as_text

_XMP_NAME: Final = b"XMP DataXMP"
_XMP_TRAILER: Final = b"\x01\xff\xfe\xfd"
"""Start of the 258 bytes that make a GIF reader, which sees XMP as block lengths, land on the block terminator."""


def read(data: bytes) -> Embedded:
    """Comments and XMP packets of a GIF."""
    findings = Findings()
    try:
        _read_blocks(data, findings)
    except AssetUnreadable as err:
        findings.add_flaw("GIF", str(err))
    return findings.embedded()


def _read_blocks(data: bytes, findings: Findings) -> None:
    at = 13 + _table_bytes(take(data, 0, 13)[10])
    for _ in range(MAX_PARTS):
        introducer = take(data, at, 1)
        if introducer == b";":
            return
        if introducer == b",":
            at = _end_of_blocks(data, at + 11 + _table_bytes(take(data, at, 10)[9]))
            continue
        if introducer != b"!":
            raise AssetUnreadable(f"no block at offset {at}")
        label = take(data, at, 2)[1]
        if label == 0xFF and data[at + 2 : at + 14] == b"\x0b" + _XMP_NAME:
            trailer = data.find(_XMP_TRAILER, at + 14, at + 14 + MAX_FIELD_BYTES)
            if trailer < 0:
                raise AssetUnreadable("an XMP extension without its trailer")
            findings.add_xmp(data[at + 14 : trailer], "GIF:XMP")
            at = trailer + 258
            continue
        end = _end_of_blocks(data, at + 2)
        if label == 0xFE:
            findings.add_text(TextField("Comment", as_text(_joined(data[at + 2 : end])), "GIF:Comment"))
        at = end
    raise AssetUnreadable(f"more than {MAX_PARTS} blocks")


def _table_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _end_of_blocks(data: bytes, at: int) -> int:
    while size := take(data, at, 1)[0]:
        at += 1 + size
    return at + 1


def _joined(blocks: bytes) -> bytes:
    parts, at = [], 0
    while at < len(blocks) and blocks[at]:
        parts.append(blocks[at + 1 : at + 1 + blocks[at]])
        at += 1 + blocks[at]
    return b"".join(parts)
