"""JPEG: APP1 with EXIF, APP1 with XMP (standard and extended); APP11 holds the C2PA store.

One segment takes 65,533 bytes. What we write must fit: a declaration split over several segments, or cut, would be one that
other readers miss.

Source: ITU-T T.81 annex B; Exif 3.0, 4.7.2; XMP Specification Part 3, 1.1.3; ISO/IEC 19566-5 annex D (JUMBF in APP11).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from provenance.errors import AssetUnreadable, RecordInvalid
from provenance.metadata.embedded import MAX_FIELD_BYTES, MAX_PARTS, Embedded, Findings, TextField, take
from provenance.metadata.png_text import as_text

MAX_SEGMENT_BYTES: Final = 65_533
"""Payload of one marker segment: a 16-bit length that counts itself."""
EXIF_PREFIX: Final = b"Exif\x00\x00"
XMP_PREFIX: Final = b"http://ns.adobe.com/xap/1.0/\x00"
_EXTENSION_PREFIX: Final = b"http://ns.adobe.com/xmp/extension/\x00"
_APP0, _APP1, _APP11, _APP15, _COM, _SOS, _EOI = 0xE0, 0xE1, 0xEB, 0xEF, 0xFE, 0xDA, 0xD9
_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})


@dataclass(frozen=True, slots=True)
class _Segment:
    marker: int
    start: int
    """Of the marker's 0xFF."""
    body: int
    end: int

    def payload(self, data: bytes) -> bytes:
        return data[self.body : self.end]


def read(data: bytes) -> Embedded:
    """EXIF, XMP and comments of a JPEG, from the segments before the first scan."""
    findings = Findings()
    extensions: dict[bytes, dict[int, bytes]] = {}
    try:
        for segment in _segments(data):
            _read_segment(segment, segment.payload(data), findings, extensions)
    except AssetUnreadable as err:
        findings.add_flaw("JPEG", str(err))
    for parts in extensions.values():
        packet = b"".join(parts[offset] for offset in sorted(parts))
        findings.add_xmp(packet, "JPEG:ExtendedXMP")
    return findings.embedded()


def fits(block: bytes, prefix: bytes) -> bool:
    """Whether `block` fits one segment behind `prefix`."""
    return len(prefix) + len(block) <= MAX_SEGMENT_BYTES


def write(data: bytes, *, exif: bytes, xmp: bytes) -> bytes:
    """The same JPEG with these blocks in place of its own; every other segment stays, extended XMP included.

    Raises:
        AssetUnreadable: The segment structure is malformed.
        RecordInvalid: A block does not fit into one segment.
    """
    added = _encode("EXIF", EXIF_PREFIX, exif) + _encode("XMP", XMP_PREFIX, xmp)
    segments = list(_segments(data))
    # JFIF wants its APP0 first, Exif its APP1 first; readers accept APP0, APP1.
    first = next((i for i, segment in enumerate(segments) if segment.marker != _APP0), len(segments))
    parts = [data[:2], *(data[s.start : s.end] for s in segments[:first]), added]
    for segment in segments[first:]:
        if segment.marker == _APP1 and segment.payload(data).startswith((EXIF_PREFIX, XMP_PREFIX)):
            continue
        parts.append(data[segment.start : segment.end])
    return b"".join([*parts, data[segments[-1].end :]])


def without_manifest(data: bytes) -> bytes:
    """The same JPEG without its C2PA store; JUMBF of other kinds stays.

    Raises:
        AssetUnreadable: The segment structure is malformed.
    """
    segments = list(_segments(data))
    instances = {s.payload(data)[2:4] for s in segments if _opens_c2pa(s, data)}
    kept = [data[s.start : s.end] for s in segments if not (_is_jumbf(s, data) and s.payload(data)[2:4] in instances)]
    return b"".join([data[:2], *kept, data[segments[-1].end :]])


def _segments(data: bytes) -> Iterator[_Segment]:
    """Segments from after SOI to the first SOS or EOI, that one included."""
    if take(data, 0, 2) != b"\xff\xd8":
        raise AssetUnreadable("no SOI marker")
    at = 2
    for _ in range(MAX_PARTS):
        start = at
        if take(data, at, 2)[0] != 0xFF:
            raise AssetUnreadable(f"no marker at offset {at}")
        while take(data, at, 2)[1] == 0xFF:  # fill bytes
            at += 1
        marker, at = data[at + 1], at + 2
        if marker in _STANDALONE:
            yield _Segment(marker, start, at, at)
            continue
        if marker == _EOI:
            yield _Segment(marker, start, at, at)
            return
        length = int.from_bytes(take(data, at, 2), "big")
        if length < 2 or at + length > len(data):
            raise AssetUnreadable(f"segment 0x{marker:02x} at {start} runs past the end of the data")
        yield _Segment(marker, start, at + 2, at + length)
        if marker == _SOS:
            return
        at += length
    raise AssetUnreadable(f"more than {MAX_PARTS} segments")


def _read_segment(segment: _Segment, payload: bytes, findings: Findings, extensions: dict[bytes, dict[int, bytes]]) -> None:
    if segment.marker == _APP1 and payload.startswith(EXIF_PREFIX):
        findings.add_exif(payload, "JPEG:APP1 EXIF")
    elif segment.marker == _APP1 and payload.startswith(XMP_PREFIX):
        findings.add_xmp(payload[len(XMP_PREFIX) :], "JPEG:APP1 XMP")
    elif segment.marker == _APP1 and payload.startswith(_EXTENSION_PREFIX):
        _read_extension(payload[len(_EXTENSION_PREFIX) :], findings, extensions)
    elif segment.marker == _COM:
        findings.add_text(TextField("Comment", as_text(payload), "JPEG:COM"))
    elif _APP1 <= segment.marker <= _APP15 and payload.startswith(b"AIGC{"):
        # GB 45438 labels seen in the wild as bare JSON in an application segment.
        findings.add_text(TextField("AIGC", as_text(payload[4:].rstrip(b"\x00")), f"JPEG:APP{segment.marker - _APP0} AIGC"))


def _read_extension(body: bytes, findings: Findings, extensions: dict[bytes, dict[int, bytes]]) -> None:
    guid, offset, portion = body[:32], int.from_bytes(body[36:40], "big"), body[40:]
    total = sum(len(part) for parts in extensions.values() for part in parts.values())
    if len(body) < 40 or total + len(portion) > MAX_FIELD_BYTES:
        findings.add_flaw("JPEG:ExtendedXMP", "malformed or too long")
        return
    extensions.setdefault(guid, {})[offset] = portion


def _encode(name: str, prefix: bytes, block: bytes) -> bytes:
    if not fits(block, prefix):
        raise RecordInvalid(
            f"the {name} declaration has {len(block)} bytes and a JPEG segment takes {MAX_SEGMENT_BYTES - len(prefix)}: "
            "shorten the prompt, leave it out, or choose another format"
        )
    return b"\xff\xe1" + (len(prefix) + len(block) + 2).to_bytes(2, "big") + prefix + block


def _is_jumbf(segment: _Segment, data: bytes) -> bool:
    return segment.marker == _APP11 and segment.payload(data)[:2] == b"JP"


def _opens_c2pa(segment: _Segment, data: bytes) -> bool:
    """Whether a JUMBF segment opens the C2PA store: CI, En, Z, LBox, "jumb", LBox, "jumd", UUID "c2pa"."""
    payload = segment.payload(data)[:32]
    return _is_jumbf(segment, data) and payload[12:16] == b"jumb" and payload[20:24] == b"jumd" and payload[24:28] == b"c2pa"
