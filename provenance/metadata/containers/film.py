"""MP4, MOV and M4A: XMP in a top-level uuid box, texts in the movie's user data and metadata lists.

Writing appends one box behind the media and turns the packets that were there into free space of the same length, so that no
offset in a sample table moves. The C2PA store is a uuid box near the beginning: the SDK replaces it and moves the offsets.

Source: ISO/IEC 14496-12, 4.2, 8.1.2 and 8.10; QuickTime File Format, "User Data" and "Metadata"; XMP Specification Part 3,
"MPEG-4".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from provenance.errors import AssetUnreadable
from provenance.metadata.containers.bmff_boxes import Box, boxes, encode_box
from provenance.metadata.embedded import MAX_FIELD_BYTES, MAX_PARTS, Embedded, Findings, TextField, take
from provenance.metadata.png_text import as_text

_XMP_UUID: Final = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_NAMES: Final = {
    b"\xa9too": "Software",
    b"\xa9swr": "Software",
    b"\xa9cmt": "Comment",
    b"\xa9ART": "Artist",
    b"cprt": "Copyright",
    b"\xa9cpy": "Copyright",
    b"\xa9nam": "Title",
    b"desc": "Description",
    b"\xa9des": "Description",
}
_UTF8: Final = 1
_KEY_NAMES: Final = {
    "com.apple.quicktime.software": "Software",
    "com.apple.quicktime.comment": "Comment",
    "encoder": "Software",
}


def read(data: bytes) -> Embedded:
    """XMP and texts of a film or of a sound in the same container."""
    findings = Findings()
    try:
        for box in boxes(data, 0, len(data)):
            if _is_xmp_box(data, box):
                findings.add_xmp(take(data, box.body + 16, min(box.end - box.body - 16, MAX_FIELD_BYTES)), "BMFF:uuid XMP")
            elif box.kind == b"moov":
                _read_movie(data, box, findings)
            elif box.kind == b"meta":
                _read_meta(data, box, findings)
    except AssetUnreadable as err:
        findings.add_flaw("BMFF", str(err))
    return findings.embedded()


def write(data: bytes, *, xmp: bytes) -> bytes:
    """The same file with this packet in place of its own; everything else keeps its bytes and its place.

    Raises:
        AssetUnreadable: The box structure is malformed.
    """
    outer = boxes(data, 0, len(data))
    if outer and _is_xmp_box(data, outer[-1]):  # as we wrote it
        outer.pop()
    out = bytearray(data[: outer[-1].end] if outer else b"")
    if outer and out[outer[-1].start : outer[-1].start + 4] == bytes(4):  # "to the end of the file", which it no longer is
        out[outer[-1].start : outer[-1].start + 4] = (outer[-1].end - outer[-1].start).to_bytes(4, "big")
    for box in _packets(data, outer):
        out[box.start + 4 : box.start + 8] = b"free"
        out[box.body : box.end] = bytes(box.end - box.body)
    # Readers find the index of a fragmented film by the file's last bytes.
    at = outer[-1].start if outer and outer[-1].kind == b"mfra" else len(out)
    return bytes(out[:at]) + encode_box(b"uuid", _XMP_UUID + xmp) + bytes(out[at:])


def _is_xmp_box(data: bytes, box: Box) -> bool:
    return box.kind == b"uuid" and data[box.body : min(box.body + 16, box.end)] == _XMP_UUID


def _packets(data: bytes, outer: list[Box]) -> Iterator[Box]:
    yield from (box for box in outer if _is_xmp_box(data, box))
    for movie in (box for box in outer if box.kind == b"moov"):
        for user in _inside(data, movie, b"udta"):
            yield from _inside(data, user, b"XMP_")


def _inside(data: bytes, box: Box, kind: bytes) -> list[Box]:
    return [child for child in _children(data, box.body, box.end) if child.kind == kind]


def _children(data: bytes, start: int, end: int) -> list[Box]:
    """Boxes between two offsets; QuickTime may end user data with a zero length where a box would begin."""
    if end - start >= 4 and data[end - 4 : end] == bytes(4):
        try:
            return boxes(data, start, end - 4)
        except AssetUnreadable:
            pass
    return boxes(data, start, end)


def _read_movie(data: bytes, movie: Box, findings: Findings) -> None:
    for child in _children(data, movie.body, movie.end):
        if child.kind == b"meta":
            _read_meta(data, child, findings)
        elif child.kind == b"udta":
            for item in _children(data, child.body, child.end):
                if item.kind == b"XMP_":
                    findings.add_xmp(data[item.body : min(item.end, item.body + MAX_FIELD_BYTES)], "BMFF:moov/udta/XMP_")
                elif item.kind == b"meta":
                    _read_meta(data, item, findings)
                elif item.kind in _NAMES and item.kind[:1] == b"\xa9":
                    # QuickTime's international text: length, language, text.
                    length = int.from_bytes(data[item.body : item.body + 2], "big")
                    _add(findings, _NAMES[item.kind], data[item.body + 4 : min(item.body + 4 + length, item.end)], "moov/udta")


def _read_meta(data: bytes, meta: Box, findings: Findings) -> None:
    # A full box in MP4, a plain one in QuickTime, whose first child is then at once there.
    start = meta.body if data[meta.body + 4 : meta.body + 8] == b"hdlr" else meta.body + 4
    if start > meta.end:
        raise AssetUnreadable("a meta box ends before its version")
    children = boxes(data, start, meta.end)
    keys = [key for box in children if box.kind == b"keys" for key in _keys(data, box)]
    for listed in (box for box in children if box.kind == b"ilst"):
        for item in boxes(data, listed.body, listed.end):
            _read_item(data, item, keys, findings)


def _keys(data: bytes, box: Box) -> Iterator[str]:
    for key in boxes(data, box.body + 8, box.end):
        yield as_text(data[key.body : key.end])[:80]


def _read_item(data: bytes, item: Box, keys: list[str], findings: Findings) -> None:
    index = int.from_bytes(item.kind, "big")
    name = _NAMES.get(item.kind) or (keys[index - 1] if 0 < index <= min(len(keys), MAX_PARTS) else "")
    parts = boxes(data, item.body, item.end)
    if item.kind == b"----":
        name = next((as_text(data[part.body + 4 : part.end])[:80] for part in parts if part.kind == b"name"), "")
    for part in parts:
        if name and part.kind == b"data" and take(data, part.body, 4)[3] == _UTF8:
            _add(findings, _KEY_NAMES.get(name, name), data[part.body + 8 : part.end], "ilst")


def _add(findings: Findings, keyword: str, value: bytes, where: str) -> None:
    text = as_text(value[: max(findings.text_room, 0)].rstrip(b"\x00"))
    if text:
        findings.add_text(TextField(keyword, text, f"BMFF:{where}:{keyword}"))
