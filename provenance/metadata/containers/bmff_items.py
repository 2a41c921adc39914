"""The item tables of an AVIF or HEIC: what items there are, and where their bytes lie.

Source: ISO/IEC 14496-12, 8.11.3 (iloc), 8.11.4 (pitm), 8.11.6 (iinf), 8.11.12 (iref).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from provenance.errors import AssetUnreadable, AssetUnsupported
from provenance.metadata.containers.bmff_boxes import Box, boxes, encode_box
from provenance.metadata.embedded import take

_IN_FILE, _IN_IDAT = 0, 1
_MAX_ITEMS: Final = 8192
_MAX_EXTENTS: Final = 16_384
_MAX_ID: Final = 0xFFFF
_META_HEADER: Final = 4
"""meta is a full box: version and flags before its children."""


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of iinf."""

    item_id: int
    kind: bytes
    content_type: bytes = b""
    """Of "mime" items."""


@dataclass(frozen=True, slots=True)
class Extent:
    """A range of bytes; the offset counts from the start of the file, or of idat."""

    index: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Location:
    """An entry of iloc, its base offset folded into the extents."""

    item_id: int
    method: int
    """Construction method: 0 file, 1 idat, 2 another item."""
    data_reference: int
    extents: tuple[Extent, ...]


class _Cursor:
    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data, self.at, self.end = data, at, end

    def integer(self, size: int) -> int:
        self.at += size
        if self.at > self.end:
            raise AssetUnreadable("a box ends before its fields")
        return int.from_bytes(take(self.data, self.at - size, size), "big")

    def string(self) -> bytes:
        stop = self.data.find(b"\x00", self.at, self.end)
        if stop < 0:
            stop = self.end
        text, self.at = self.data[self.at : stop], min(stop + 1, self.end)
        return text


class ItemTable:
    """The children of one meta box, its items and locations; changed in place, then encoded anew."""

    def __init__(self, data: bytes, children: list[Box], meta_flags: bytes) -> None:
        self._data, self._children, self._meta_flags = data, children, meta_flags
        self._new: list[Item] = []
        self.items = self._read_items()
        self.locations = self._read_locations()

    @classmethod
    def of(cls, data: bytes, meta: Box) -> ItemTable:
        """Tables of a meta box.

        Raises:
            AssetUnreadable: They are malformed, or hold more than 8,192 items.
        """
        return cls(data, boxes(data, meta.body + _META_HEADER, meta.end), take(data, meta.body, _META_HEADER))

    def payload(self, item_id: int, *, limit: int) -> bytes:
        """Bytes of an item that lies in the file or in idat.

        Raises:
            AssetUnreadable: It has no location, lies elsewhere, or is longer than `limit`.
        """
        location = self.locations.get(item_id)
        if location is None or location.method not in (_IN_FILE, _IN_IDAT) or location.data_reference:
            raise AssetUnreadable("the item has no location in this file")
        if sum(extent.length for extent in location.extents) > limit:
            raise AssetUnreadable(f"the item is longer than {limit} bytes")
        base = 0
        if location.method == _IN_IDAT:
            idat = self._child(b"idat")
            if idat is None:
                raise AssetUnreadable("the item lies in an idat box that is not there")
            base = idat.body
        return b"".join(take(self._data, base + extent.offset, extent.length) for extent in location.extents)

    def ensure_item(self, kind: bytes, content_type: bytes) -> int:
        """Id of the first item of this kind; a new one, described by no location yet, when there is none.

        Raises:
            AssetUnsupported: Item ids beyond 16 bits are in use.
        """
        for item in (*self.items, *self._new):
            if item.kind == kind and item.content_type == content_type:
                return item.item_id
        item_id = max([0, *(item.item_id for item in (*self.items, *self._new)), *self.locations]) + 1
        if item_id > _MAX_ID:
            raise AssetUnsupported("metadata cannot be added where item ids go beyond 16 bits")
        self._new.append(Item(item_id, kind, content_type))
        return item_id

    def encode(self, moved: Mapping[tuple[int, int], int], offsets: Mapping[int, int]) -> bytes:
        """The meta box.

        Args:
            moved: Old ranges of the file as (start, end), and by how many bytes each moves.
            offsets: Offsets in the new file of items whose bytes are new.

        Raises:
            AssetUnreadable: An item lies in none of the ranges, such as inside the meta box itself.
        """
        parts, seen = [self._meta_flags], set()
        for box in self._children:
            seen.add(box.kind)
            if box.kind == b"iloc":
                parts.append(self._encode_locations(moved, offsets))
            elif box.kind == b"iinf" and self._new:
                parts.append(self._encode_items(box))
            elif box.kind == b"iref" and self._new:
                parts.append(self._encode_references(box))
            else:
                parts.append(self._data[box.start : box.end])
        if self._new and b"iref" not in seen:
            parts.append(self._encode_references(None))
        return encode_box(b"meta", b"".join(parts))

    def _child(self, kind: bytes) -> Box | None:
        return next((box for box in self._children if box.kind == kind), None)

    def _cursor(self, kind: bytes) -> tuple[_Cursor, int]:
        box = self._child(kind)
        if box is None:
            raise AssetUnreadable(f"there is no {kind.decode('latin-1')} box")
        cursor = _Cursor(self._data, box.body, box.end)
        return cursor, cursor.integer(4) >> 24

    def _read_items(self) -> list[Item]:
        cursor, version = self._cursor(b"iinf")
        cursor.integer(2 if version == 0 else 4)
        entries = [box for box in boxes(self._data, cursor.at, cursor.end) if box.kind == b"infe"]
        if len(entries) > _MAX_ITEMS:
            raise AssetUnreadable(f"more than {_MAX_ITEMS} items")
        items = []
        for box in entries:
            entry = _Cursor(self._data, box.body, box.end)
            version = entry.integer(4) >> 24
            if version not in (2, 3):
                continue
            item_id = entry.integer(2 if version == 2 else 4)
            entry.integer(2)
            kind = entry.integer(4).to_bytes(4, "big")
            entry.string()
            items.append(Item(item_id, kind, entry.string() if kind == b"mime" else b""))
        return items

    def _read_locations(self) -> dict[int, Location]:
        cursor, version = self._cursor(b"iloc")
        if version > 2:
            raise AssetUnreadable(f"unknown iloc version {version}")
        sizes = cursor.integer(2)
        offset_size, length_size, base_size, index_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15, sizes & 15
        count = cursor.integer(2 if version < 2 else 4)
        if count > _MAX_ITEMS or not {offset_size, length_size, base_size, index_size} <= {0, 4, 8}:
            raise AssetUnreadable("iloc has too many items or unknown field sizes")
        locations: dict[int, Location] = {}
        total = 0
        for _ in range(count):
            item_id = cursor.integer(2 if version < 2 else 4)
            method = cursor.integer(2) & 15 if version else _IN_FILE
            reference, base, extent_count = cursor.integer(2), cursor.integer(base_size), cursor.integer(2)
            extents: list[Extent] = []
            total += extent_count
            if total > _MAX_EXTENTS:
                raise AssetUnreadable(f"more than {_MAX_EXTENTS} extents")
            for _ in range(extent_count):
                index = cursor.integer(index_size) if version else 0
                offset = cursor.integer(offset_size)
                extents.append(Extent(index, base + offset, cursor.integer(length_size)))
            locations[item_id] = Location(item_id, method, reference, tuple(extents))
        return locations

    def _encode_locations(self, moved: Mapping[tuple[int, int], int], offsets: Mapping[int, int]) -> bytes:
        """Fixed widths: 4-byte offsets and lengths, no base offset, and what else there is only where it is used.

        Version 0 and no index wherever possible: signers that shift offsets misread the rarer layouts.
        """
        plain = all(location.method == _IN_FILE for location in self.locations.values())
        indexed = any(extent.index for location in self.locations.values() for extent in location.extents)
        head = (b"\x00" if plain and not indexed else b"\x01") + b"\x00\x00\x00\x44" + (b"\x04" if indexed else b"\x00")
        parts = [head, len(self.locations).to_bytes(2, "big")]
        for location in self.locations.values():
            if location.item_id > _MAX_ID:
                raise AssetUnsupported("item ids beyond 16 bits cannot be written")
            parts.append(location.item_id.to_bytes(2, "big") + (b"" if head[0] == 0 else location.method.to_bytes(2, "big")))
            parts.append(location.data_reference.to_bytes(2, "big") + len(location.extents).to_bytes(2, "big"))
            for extent in location.extents:
                offset = self._new_offset(location, extent, moved, offsets)
                if max(extent.index, offset, extent.length) >= 2**32:
                    raise AssetUnsupported("offsets beyond 32 bits cannot be written")
                parts += [extent.index.to_bytes(4, "big")] if indexed else []
                parts.append(offset.to_bytes(4, "big") + extent.length.to_bytes(4, "big"))
        return encode_box(b"iloc", b"".join(parts))

    @staticmethod
    def _new_offset(
        location: Location, extent: Extent, moved: Mapping[tuple[int, int], int], offsets: Mapping[int, int]
    ) -> int:
        if location.item_id in offsets:
            return offsets[location.item_id]
        if location.method != _IN_FILE or location.data_reference or not moved:
            return extent.offset
        for (start, end), shift in moved.items():
            if start <= extent.offset and extent.offset + extent.length <= end:
                if extent.length == 0:
                    break  # "to the end of the file": what that is changes with what is added
                return extent.offset + shift
        raise AssetUnreadable(f"item {location.item_id} lies in no box of its own")

    def _encode_items(self, box: Box) -> bytes:
        cursor = _Cursor(self._data, box.body, box.end)
        flags = cursor.integer(4)
        width = 2 if flags >> 24 == 0 else 4
        count = cursor.integer(width) + len(self._new)
        added = b"".join(self._encode_item(item) for item in self._new)
        head = flags.to_bytes(4, "big") + count.to_bytes(width, "big")
        return encode_box(b"iinf", head + self._data[cursor.at : box.end] + added)

    @staticmethod
    def _encode_item(item: Item) -> bytes:
        # Version 2; flag 1 says "hidden": metadata is not a picture to show.
        name = b"\x00" + (item.content_type + b"\x00" if item.kind == b"mime" else b"")
        return encode_box(b"infe", b"\x02\x00\x00\x01" + item.item_id.to_bytes(2, "big") + b"\x00\x00" + item.kind + name)

    def _encode_references(self, box: Box | None) -> bytes:
        """Every new item describes ("cdsc") the primary picture."""
        cursor, version = self._cursor(b"pitm")
        primary = cursor.integer(2 if version == 0 else 4)
        old = self._data[box.body : box.end] if box is not None else bytes(4)
        width = 2 if not old or old[0] == 0 else 4
        if primary > _MAX_ID and width == 2:
            raise AssetUnsupported("metadata cannot be added where item ids go beyond 16 bits")
        added = [
            encode_box(b"cdsc", item.item_id.to_bytes(width, "big") + b"\x00\x01" + primary.to_bytes(width, "big"))
            for item in self._new
        ]
        return encode_box(b"iref", old + b"".join(added))
