"""AVIF and HEIC: items of type "Exif" and "mime" in the meta box; a top-level uuid box holds the C2PA store.

Writing adds two items (or points the present ones elsewhere), puts their data into a new `mdat` at the end of the file and
shifts every item offset by what the meta box grew. Coded pictures keep their bytes. Written again, our `mdat` is replaced.

Image sequences (`moov`) are refused: their sample tables hold offsets of their own.

Source: ISO/IEC 14496-12, 8.11 (meta, iloc, iinf, iref, pitm); ISO/IEC 23008-12 annex A (Exif and XMP items);
C2PA 2.3, "Embedding manifests into BMFF-based assets".
"""

from __future__ import annotations

from typing import Final

from provenance.errors import AssetUnreadable, AssetUnsupported
from provenance.metadata.containers.bmff_boxes import Box, encode_box, top_level
from provenance.metadata.containers.bmff_items import Extent, Item, ItemTable, Location
from provenance.metadata.embedded import MAX_FIELD_BYTES, Embedded, Findings, take

_XMP_TYPE: Final = b"application/rdf+xml"
_C2PA_UUID: Final = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_MAX_OWN_EXTENTS: Final = 64
_EXIF_OFFSET: Final = b"\x00\x00\x00\x06Exif\x00\x00"
"""Offset of the TIFF header in an Exif item, then the customary prefix it skips."""


def read(data: bytes) -> Embedded:
    """EXIF and XMP items of an AVIF or HEIC."""
    findings = Findings()
    try:
        table = ItemTable.of(data, _only_meta(top_level(data)))
    except AssetUnreadable as err:
        findings.add_flaw("BMFF:meta", str(err))
        return findings.embedded()
    for item in table.items:
        if item.kind != b"Exif" and not _is_xmp(item):
            continue
        locator = f"BMFF:{'XMP' if _is_xmp(item) else 'Exif'} item {item.item_id}"
        try:
            payload = table.payload(item.item_id, limit=MAX_FIELD_BYTES)
            if _is_xmp(item):
                findings.add_xmp(payload, locator)
            else:
                skip = 4 + int.from_bytes(take(payload, 0, 4), "big")
                findings.add_exif(payload[skip:], locator)
        except AssetUnreadable as err:
            findings.add_flaw(locator, str(err))
    return findings.embedded()


def write(data: bytes, *, exif: bytes, xmp: bytes) -> bytes:
    """The same file with these blocks as its EXIF and XMP items.

    Raises:
        AssetUnreadable: The box structure is malformed.
        AssetUnsupported: It is an image sequence, or has item ids beyond 16 bits.
    """
    outer = top_level(data)
    if any(box.kind == b"moov" for box in outer):
        raise AssetUnsupported("metadata cannot be added to an image sequence")
    table = ItemTable.of(data, _only_meta(outer))
    exif_id = table.ensure_item(b"Exif", b"")
    xmp_id = table.ensure_item(b"mime", _XMP_TYPE)
    payloads = {exif_id: _EXIF_OFFSET + exif, xmp_id: xmp}
    tail = _own_tail(outer, table, set(payloads))
    kept = [box for box in outer if box is not tail]
    blank = _private_extents(table, set(payloads))
    table.locations = {
        **table.locations,
        **{i: Location(i, 0, 0, (Extent(0, 0, len(payload)),)) for i, payload in payloads.items()},
    }
    # Offsets are stored in fixed widths, so the new meta box has its final size before the offsets are known.
    meta_size = len(table.encode({}, {}))
    moved, at = _moved(kept, meta_size)
    offsets: dict[int, int] = {}
    at += 8
    for item_id, payload in payloads.items():
        offsets[item_id] = at
        at += len(payload)
    parts = [table.encode(moved, offsets) if box.kind == b"meta" else _blanked(data, box, blank) for box in kept]
    return b"".join([*parts, encode_box(b"mdat", b"".join(payloads.values()))])


def without_manifest(data: bytes) -> bytes:
    """The same file without its C2PA boxes, every item offset shifted.

    Raises:
        AssetUnreadable: The box structure is malformed.
        AssetUnsupported: It is an image sequence.
    """
    outer = top_level(data)
    kept = [box for box in outer if not (box.kind == b"uuid" and data[box.body : box.body + 16] == _C2PA_UUID)]
    if len(kept) == len(outer):
        return data
    if any(box.kind == b"moov" for box in outer):
        raise AssetUnsupported("the C2PA store cannot be taken out of an image sequence")
    table = ItemTable.of(data, _only_meta(outer))
    moved, _ = _moved(kept, len(table.encode({}, {})))
    return b"".join(table.encode(moved, {}) if box.kind == b"meta" else data[box.start : box.end] for box in kept)


def _only_meta(outer: list[Box]) -> Box:
    found = [box for box in outer if box.kind == b"meta"]
    if len(found) != 1:
        raise AssetUnreadable(f"{len(found)} meta boxes where one is needed")
    return found[0]


def _is_xmp(item: Item) -> bool:
    return item.kind == b"mime" and item.content_type == _XMP_TYPE


def _moved(kept: list[Box], meta_size: int) -> tuple[dict[tuple[int, int], int], int]:
    """By how much each old byte range moves, and the length of all boxes together."""
    moved: dict[tuple[int, int], int] = {}
    at = 0
    for box in kept:
        if box.kind != b"meta":
            moved[(box.start, box.end)] = at - box.start
        at += meta_size if box.kind == b"meta" else box.end - box.start
    return moved, at


def _own_tail(outer: list[Box], table: ItemTable, ours: set[int]) -> Box | None:
    """The last box, if it is an mdat that holds nothing but the items about to be replaced."""
    last = outer[-1]
    if last.kind != b"mdat":
        return None
    inside = {
        location.item_id
        for location in table.locations.values()
        for extent in location.extents
        if location.method == 0 and extent.offset < last.end and extent.offset + extent.length > last.start
    }
    return last if inside and inside <= ours else None


def _private_extents(table: ItemTable, ours: set[int]) -> list[tuple[int, int]]:
    """Ranges only the replaced items use: blanked, because a dropped prompt must not linger in unreferenced bytes."""
    in_file = [location for location in table.locations.values() if location.method == 0]
    others = [(e.offset, e.offset + e.length) for location in in_file if location.item_id not in ours for e in location.extents]
    mine = [(e.offset, e.offset + e.length) for location in in_file if location.item_id in ours for e in location.extents]
    if len(mine) > _MAX_OWN_EXTENTS:
        raise AssetUnreadable(f"the metadata lies in {len(mine)} pieces, the limit is {_MAX_OWN_EXTENTS}")
    return [(low, high) for low, high in mine if not any(low < end and start < high for start, end in others)]


def _sized(data: bytes, box: Box) -> bytes:
    """A box as it was, but a last one that said "to the end of the file" says its size: there may be more behind it now."""
    if data[box.start : box.start + 4] == bytes(4):
        return (box.end - box.start).to_bytes(4, "big") + data[box.start + 4 : box.end]
    return data[box.start : box.end]


def _blanked(data: bytes, box: Box, ranges: list[tuple[int, int]]) -> bytes:
    inside = [(low, high) for low, high in ranges if box.body <= low and high <= box.end]
    if not inside or box.kind != b"mdat":
        return _sized(data, box)
    content = bytearray(_sized(data, box))
    for low, high in inside:
        content[low - box.start : high - box.start] = bytes(high - low)
    return bytes(content)
