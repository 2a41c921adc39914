"""Carry what a picture's metadata says over to a picture derived from it: labels, rights and descriptions stay.

Kept: the first XMP packet, the EXIF texts and the Exif directory, PNG text in PNG. In other formats PNG text has no place: its
parameters become UserComment, its names and rights the EXIF tags of the same meaning, its AIGC label the XMP property. Whatever
mark then is missing all the same, such as a ComfyUI graph or a mark in the pixels themselves, is said in the IPTC property that
stands for it: nothing that declared the source synthetic goes unsaid in the derivative.

Left out, because it would be wrong or nobody's business in a derivative: size, orientation, embedded thumbnails, gain maps,
maker notes, the position, and references to a manifest elsewhere.

Source: XMP Specification Part 1 (ISO 16684-1); Exif 3.0; IPTC Photo Metadata Standard 2025.1, IIM 4.2; GB 45438-2025.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal

from PIL import ImageFile, IptcImagePlugin

from provenance.asset import Asset
from provenance.digital_source_type import Extent, synthetic_extent
from provenance.errors import AssetUnreadable
from provenance.evidence import DeclarationEvidence, declarations
from provenance.metadata import container, xmp
from provenance.metadata.containers import jpeg
from provenance.metadata.embedded import Embedded, TextField
from provenance.metadata.marks import MarksExaminer
from provenance.metadata.pixel_marks import PixelMarksExaminer
from provenance.metadata.png_text import utf8
from provenance.metadata.tiff_structure import Entry, Structure, Value, with_tags
from provenance.metadata.xmp import Property
from provenance.pixels import MAX_ASSET_PIXELS, open_image

_ORDER: Final[Literal["little"]] = "little"
_EMPTY: Final = b"II*\x00\x08\x00\x00\x00" + bytes(6)
"""A TIFF structure whose first directory has no entries; little-endian, as the TIFF files are that it may end up in."""
_UNITS: Final = {3: 2, 4: 4, 5: 4, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4}
"""Bytes of one number, by TIFF type; the other types are single bytes."""
_TEXTS: Final = frozenset({2, 129})
_XP_TAGS: Final = range(40091, 40096)
_DESCRIPTION, _SOFTWARE, _ARTIST, _COPYRIGHT = 270, 305, 315, 33432
_USER_COMMENT, _MAKER_NOTE = 37510, 37500
_WIDTH, _HEIGHT, _EXIF_VERSION = 40962, 40963, 36864
_NOT_CARRIED: Final = frozenset({_MAKER_NOTE, 40965})  # the other one points to a directory of its own
_LONGEST_NOTE: Final = 64
"""A word that a generator left, as Fooocus does; a camera's maker note holds offsets that would be wrong."""
_TEXT_TAGS: Final = {"Author": _ARTIST, "Artist": _ARTIST, "Copyright": _COPYRIGHT, "Software": _SOFTWARE}
_IIM_TAGS: Final = {(2, 80): _ARTIST, (2, 116): _COPYRIGHT}

_TIFF: Final = "http://ns.adobe.com/tiff/1.0/"
_EXIF: Final = "http://ns.adobe.com/exif/1.0/"
_GAIN_MAP: Final = "http://ns.adobe.com/hdr-gain-map/1.0/"
_CONTAINER: Final = "http://ns.google.com/photos/1.0/container/"
_CAMERA: Final = "http://ns.google.com/photos/1.0/camera/"
_STALE: Final = frozenset(
    {
        *((_TIFF, name) for name in ("Orientation", "ImageWidth", "ImageLength", "BitsPerSample", "Compression")),
        *((_EXIF, name) for name in ("PixelXDimension", "PixelYDimension")),
        *((_EXIF, f"GPS{name}") for name in ("Latitude", "Longitude", "Altitude", "AltitudeRef", "TimeStamp", "VersionID")),
        (xmp.XMP_BASIC, "Thumbnails"),
        ("http://ns.adobe.com/xmp/note/", "HasExtendedXMP"),
        ("http://purl.org/dc/terms/", "provenance"),
        (_GAIN_MAP, "Version"),
        (_CONTAINER, "Directory"),
        *((_CAMERA, name) for name in ("MotionPhoto", "MotionPhotoVersion", "MicroVideo", "MicroVideoOffset")),
    }
)


@dataclass(frozen=True, slots=True)
class _Blocks:
    exif: bytes
    xmp: bytes
    text: tuple[TextField, ...]


def carry(
    source: Asset,
    bare: Asset,
    *,
    size: tuple[int, int],
    instance_id: str,
    at: datetime,
    max_pixels: int = MAX_ASSET_PIXELS,
) -> Asset:
    """`bare` with the metadata of `source`.

    Args:
        source: A picture with its metadata.
        bare: What was made of it, without metadata.
        size: Width and height of `bare`, in pixels.
        instance_id: Unique id of this very file, such as "xmp.iid:" and a UUID.
        at: When it was made, with a time zone.
        max_pixels: Limit of pixels decoded to look for marks in them.

    Raises:
        AssetUnreadable: The source's metadata is malformed, so that what it says could not be carried over.
        RecordInvalid: The packet does not fit into a segment of a JPEG: choose another format.
    """
    embedded = container.read(source)
    lost = [flaw for flaw in embedded.flaws if not flaw.locator.startswith("PNG:") or flaw.locator.endswith("xmp")]
    if lost:
        raise AssetUnreadable(f"the metadata of this asset cannot be carried over: {lost[0].locator}: {lost[0].reason}")
    put = [
        Property(xmp.XMP_MEDIA, "InstanceID", instance_id),
        Property(xmp.XMP_BASIC, "ModifyDate", at.astimezone(UTC).isoformat(timespec="seconds")),
    ]
    text = tuple(_writable(embedded.text)) if bare.media_type == "image/png" else ()
    if not text:
        put += [Property(xmp.TC260, "AIGC", field.text) for field in embedded.text if field.keyword == "AIGC"][:1]
    block = _exif(source, embedded, size, texts_kept=bool(text), room=_room(bare))
    packet = embedded.xmp[0] if embedded.xmp else None
    blocks = _Blocks(block, _packet(packet, put), text)
    written = _written(bare, blocks)
    unsaid = _unsaid(source, written, max_pixels=max_pixels)
    if unsaid is None:
        return written
    return _written(bare, replace(blocks, xmp=_packet(packet, [*put, *_declared(unsaid)])))


def _written(bare: Asset, blocks: _Blocks) -> Asset:
    return container.write(bare, exif=blocks.exif, xmp=blocks.xmp, text=blocks.text)


def _packet(existing: bytes | None, put: Sequence[Property]) -> bytes:
    return xmp.packet(put) if existing is None else xmp.edited(existing, put, _STALE)


def _unsaid(source: Asset, written: Asset, *, max_pixels: int) -> DeclarationEvidence | None:
    """What declared the source synthetic to a larger extent than anything written does, if there is such a mark."""
    said = _extents(declarations(MarksExaminer().examine(written)))
    if Extent.FULL in said:
        return None
    marks = declarations([*MarksExaminer().examine(source), *PixelMarksExaminer(max_pixels=max_pixels).examine(source)])
    for extent in (Extent.FULL, Extent.PARTIAL):
        found = next((mark for mark in marks if extent in _extents([mark])), None)
        if found is not None:
            return None if extent in said else found
    return None


def _extents(marks: Sequence[DeclarationEvidence]) -> set[Extent | None]:
    return {synthetic_extent(mark.digital_source_type) for mark in marks}


def _declared(mark: DeclarationEvidence) -> list[Property]:
    said = [Property(xmp.IPTC_EXTENSION, "DigitalSourceType", mark.digital_source_type or "")]
    return [*said, Property(xmp.IPTC_EXTENSION, "AISystemUsed", mark.generator)] if mark.generator else said


def _exif(source: Asset, embedded: Embedded, size: tuple[int, int], *, texts_kept: bool, room: int) -> bytes:
    zeroth, nested = _tags(embedded.exif[0]) if embedded.exif else ({}, {})
    fallback = dict(_rights(source))
    if not texts_kept:
        for field in embedded.text:
            if field.keyword in _TEXT_TAGS:
                fallback.setdefault(_TEXT_TAGS[field.keyword], Value(2, utf8(field.text) + b"\x00"))
            elif field.keyword == "parameters":
                nested.setdefault(_USER_COMMENT, Value(7, _comment(field.text)))
    zeroth = {**fallback, **zeroth}
    nested[_EXIF_VERSION] = nested.get(_EXIF_VERSION, Value(7, b"0232"))
    for tag, edge in zip((_WIDTH, _HEIGHT), size, strict=True):
        nested[tag] = Value(4, edge.to_bytes(4, _ORDER))
    block = with_tags(_EMPTY, zeroth, nested)
    if len(block) <= room:
        return block
    # Rather the names and rights than the texts: what the texts declared is said in XMP where it is missing now.
    short = {tag: value for tag, value in zeroth.items() if tag in (_SOFTWARE, _ARTIST, _COPYRIGHT) and len(value.data) <= 4096}
    return with_tags(_EMPTY, short, {tag: nested[tag] for tag in (_EXIF_VERSION, _WIDTH, _HEIGHT)})


def _room(bare: Asset) -> int:
    return jpeg.MAX_SEGMENT_BYTES - len(jpeg.EXIF_PREFIX) if bare.media_type == "image/jpeg" else 2**31


def _tags(block: bytes) -> tuple[dict[int, Value], dict[int, Value]]:
    """Texts of the first directory and values of the Exif directory, little-endian; what cannot be read is left out."""
    structure = Structure(block)
    first = structure.directory(structure.first_offset)
    nested = structure.exif_directory(first)
    described = {tag: entry for tag, entry in first.entries.items() if entry.kind in _TEXTS or tag in _XP_TAGS}
    taken = {} if nested is None else {tag: entry for tag, entry in nested.entries.items() if tag not in _NOT_CARRIED}
    note = None if nested is None else nested.entries.get(_MAKER_NOTE)
    if note is not None and note.count <= _LONGEST_NOTE:
        taken[_MAKER_NOTE] = note
    return dict(_values(structure, described)), dict(_values(structure, taken))


def _values(structure: Structure, entries: Mapping[int, Entry]) -> Iterator[tuple[int, Value]]:
    for tag, entry in entries.items():
        try:
            value = structure.value(entry)
        except AssetUnreadable:
            continue
        unit = _UNITS.get(entry.kind, 1)
        if structure.order != _ORDER and unit > 1:
            value = b"".join(value[at : at + unit][::-1] for at in range(0, len(value), unit))
        yield tag, Value(entry.kind, value)


def _rights(source: Asset) -> Iterator[tuple[int, Value]]:
    """Creator and copyright notice that a JPEG or TIFF has in its IPTC block, where older software keeps them alone."""
    try:
        image = open_image(source)
        records = IptcImagePlugin.getiptcinfo(image) if isinstance(image, ImageFile.ImageFile) else None
    except Exception:  # an unsound block says nothing
        return
    for key, tag in _IIM_TAGS.items():
        value = (records or {}).get(key)
        value = value[0] if isinstance(value, list) and value else value
        if isinstance(value, bytes) and value.strip(b"\x00 "):
            yield tag, Value(2, value.replace(b"\x00", b"") + b"\x00")


def _comment(text: str) -> bytes:
    return b"ASCII\x00\x00\x00" + text.encode() if text.isascii() else b"UNICODE\x00" + utf8(text).decode().encode("utf-16-le")


def _writable(fields: Sequence[TextField]) -> Iterator[TextField]:
    for field in fields:
        if 0 < len(field.keyword) <= 79 and field.keyword.isprintable() and all(ord(c) < 256 for c in field.keyword):
            yield TextField(field.keyword, field.text.replace("\x00", "\ufffd"))
