"""ID3v2: text frames, comments, and XMP in a PRIV frame; read in 2.2, 2.3 and 2.4, added to in 2.3 and 2.4.

A frame that is compressed or encrypted is a flaw: what it says is not read. Nothing is inflated.

Source: ID3 tag version 2.4.0 (structure and native frames), 2.3.0 and 2.2.0; XMP Specification Part 3, "MP3".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from provenance.errors import AssetUnreadable, AssetUnsupported
from provenance.metadata.embedded import MAX_PARTS, Findings, TextField, take
from provenance.mpeg_audio import id3_tag_length

_XMP_OWNER: Final = b"XMP\x00"
_NAMES: Final = {"TSSE": "Software", "TSS": "Software", "TPE1": "Artist", "TP1": "Artist", "TCOP": "Copyright", "TIT2": "Title"}
_ENCODINGS: Final = ("latin-1", "utf-16", "utf-16-be", "utf-8")
_UNSYNCHRONISED, _EXTENDED, _FOOTER = 0x80, 0x40, 0x10
_OPAQUE: Final = {3: 0xC0, 4: 0x0C}
"""Flags of compression and encryption in the second flag byte of a frame, by version."""


class _Frame(NamedTuple):
    kind: str
    payload: bytes
    opaque: bool
    start: int
    end: int


def read_tag(tag: bytes, findings: Findings, locator: str) -> None:
    """Texts and XMP of the tag that `tag` begins with, if it begins with one; never raises on its bytes."""
    length = id3_tag_length(tag)
    if not length:
        return
    if length > len(tag):
        findings.add_flaw(locator, f"the ID3 tag announces {length} bytes, there are {len(tag)}")
        return
    try:
        for frame in _frames(_synchronised(tag[:length])):
            where = f"{locator}:{frame.kind}"
            if frame.kind in ("PRIV",) or frame.kind.startswith(("T", "COM")):
                if frame.opaque:
                    findings.add_flaw(where, "a compressed or encrypted frame is not read")
                else:
                    _read_frame(frame, findings, where)
    except AssetUnreadable as err:
        findings.add_flaw(locator, str(err))


def with_xmp(data: bytes, xmp: bytes) -> bytes:
    """`data` with this packet in its tag in place of the tag's own; with a tag before it if it begins with none.

    The frames of an unsynchronised tag are written without its zeros, which no reader of today needs; an extended header and a
    footer, which say nothing of the sound, are left out.

    Raises:
        AssetUnreadable: The tag is malformed.
        AssetUnsupported: The tag is of version 2.2.
    """
    version, kept, length = 4, b"", id3_tag_length(data)
    if length > len(data):
        raise AssetUnreadable(f"the ID3 tag announces {length} bytes, there are {len(data)}")
    if length:
        version, tag = data[3], _synchronised(data[:length])
        if version not in _OPAQUE:
            raise AssetUnsupported(f"metadata is not added to an ID3 tag of version 2.{version}")
        kept = b"".join(tag[f.start : f.end] for f in _frames(tag) if not (f.kind == "PRIV" and _is_xmp(f.payload)))
    payload = _XMP_OWNER + xmp
    size = _syncsafe(len(payload)) if version == 4 else len(payload).to_bytes(4, "big")
    frames = kept + b"PRIV" + size + b"\x00\x00" + payload
    return b"ID3" + bytes([version, 0, 0]) + _syncsafe(len(frames)) + frames + data[length:]


def _synchronised(tag: bytes) -> bytes:
    """The tag without the zeros put in behind bytes of 255; in version 2.4 each frame says for itself whether it has them."""
    if tag[3] == 4 or not tag[5] & _UNSYNCHRONISED:
        return tag
    return tag[:5] + bytes([tag[5] & ~_UNSYNCHRONISED & 0xFF]) + tag[6:10] + tag[10:].replace(b"\xff\x00", b"\xff")


def _frames(tag: bytes) -> Iterator[_Frame]:
    version, flags = tag[3], tag[5]
    end = len(tag) - (10 if version == 4 and flags & _FOOTER else 0)
    if version == 2 and flags & _EXTENDED:
        raise AssetUnreadable("a compressed ID3 tag is not read")
    at = 10
    if version > 2 and flags & _EXTENDED:
        at += _number(tag[10:14], safe=True) if version == 4 else 4 + _number(tag[10:14], safe=False)
    width = 3 if version == 2 else 4
    head_bytes = 6 if version == 2 else 10
    for _ in range(MAX_PARTS):
        if at + head_bytes > end or tag[at] == 0:  # padding
            return
        head = take(tag, at, head_bytes)
        size = _number(head[width : 2 * width], safe=version == 4)
        body, stop = at + head_bytes, at + head_bytes + size
        if stop > end:
            raise AssetUnreadable(f"frame {head[:width]!r} at {at} runs past the end of the tag")
        second = head[9] if version > 2 else 0
        skipped = 4 if version == 4 and second & 0x01 else 0  # data length indicator
        unsynchronised = version == 4 and bool(second & 0x02)
        payload = tag[body + skipped : stop]
        payload = payload.replace(b"\xff\x00", b"\xff") if unsynchronised else payload
        yield _Frame(head[:width].decode("latin-1"), payload, bool(second & _OPAQUE.get(version, 0)), at, stop)
        at = stop
    raise AssetUnreadable(f"more than {MAX_PARTS} frames")


def _read_frame(frame: _Frame, findings: Findings, locator: str) -> None:
    if frame.kind == "PRIV":
        if _is_xmp(frame.payload):
            findings.add_xmp(frame.payload[len(_XMP_OWNER) :], locator)
        return
    encoding = _ENCODINGS[frame.payload[0]] if frame.payload and frame.payload[0] < len(_ENCODINGS) else "latin-1"
    body = frame.payload[1 : 1 + max(findings.text_room, 0)]
    if frame.kind.startswith("COM"):
        body = body[3:]  # the language
    described = frame.kind in ("TXXX", "TXX") or frame.kind.startswith("COM")
    parts = body.decode(encoding, "replace").split("\x00", 1 if described else 0) if body else [""]
    keyword = "Comment" if frame.kind.startswith("COM") else _NAMES.get(frame.kind, frame.kind)
    if described and len(parts) > 1:
        keyword = parts[0].lstrip("\ufeff")[:80] or keyword
    text = parts[-1].lstrip("\ufeff\ufffe").rstrip("\x00")
    if text:
        findings.add_text(TextField(keyword, text, locator))


def _is_xmp(payload: bytes) -> bool:
    return payload.startswith(_XMP_OWNER)


def _number(field: bytes, *, safe: bool) -> int:
    if not safe:
        return int.from_bytes(field, "big")
    value = 0
    for byte in field:
        if byte > 0x7F:
            raise AssetUnreadable("a size in the ID3 tag has its high bit set")
        value = value << 7 | byte
    return value


def _syncsafe(value: int) -> bytes:
    if value >= 2**28:
        raise AssetUnsupported(f"an ID3 tag takes no {value} bytes")
    return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0))
