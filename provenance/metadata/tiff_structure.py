"""The TIFF structure: read tags within bounds, and add tags without moving anything that is there.

EXIF blocks and TIFF files share it. New tags are appended as a new first directory behind the old bytes, so that strips,
thumbnails and maker notes, which hold absolute offsets, stay where they are. The appended block carries a marker: written
again, it is replaced instead of piled up.

piexif is not used to read hostile data: it builds a format string as long as an entry's 32-bit count says.

Source: TIFF 6.0, section 2; Exif 3.0, 4.6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final, Literal

from provenance.errors import AssetUnreadable
from provenance.metadata.embedded import MAX_FIELD_BYTES, take

EXIF_POINTER: Final = 34665
MAX_ENTRIES: Final = 1024
"""Most entries read in one directory."""
_MARKER: Final = b"AssayIFD"
_TEXT_KINDS: Final = frozenset({1, 2, 7, 129})
_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 129: 1}


@dataclass(frozen=True, slots=True)
class Value:
    """A tag's value: its TIFF type and encoded bytes (in the byte order of the structure it is from)."""

    kind: int
    data: bytes

    @property
    def count(self) -> int:
        """Number of items of `kind`."""
        return len(self.data) // _SIZES[self.kind]


@dataclass(frozen=True, slots=True)
class Entry:
    """One 12-byte directory entry, its value not yet looked up."""

    kind: int
    count: int
    field: bytes
    """4 bytes: the value itself, or its offset."""

    @property
    def size(self) -> int:
        """Bytes of the value.

        Raises:
            AssetUnreadable: The type is unknown.
        """
        if self.kind not in _SIZES:
            raise AssetUnreadable(f"unknown TIFF type {self.kind}")
        return self.count * _SIZES[self.kind]


@dataclass(frozen=True, slots=True)
class Directory:
    """Entries of one directory by tag, and the offset of the next directory (0: none)."""

    entries: Mapping[int, Entry]
    next_offset: int


class Structure:
    """A TIFF structure over `data`: an EXIF block or a whole TIFF file.

    Raises:
        AssetUnreadable: There is no TIFF header.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        head = take(data, 0, 8)
        if head[:4] not in (b"II*\x00", b"MM\x00*"):
            raise AssetUnreadable("no TIFF header")
        self.order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
        self.first_offset = self.integer(head[4:])

    def integer(self, field: bytes) -> int:
        """Unsigned integer in this structure's byte order."""
        return int.from_bytes(field, self.order)

    def directory(self, offset: int) -> Directory:
        """The directory at `offset`; of a repeated tag the first entry counts.

        Raises:
            AssetUnreadable: It lies outside the data or has more than `MAX_ENTRIES` entries.
        """
        count = self.integer(take(self.data, offset, 2))
        if count > MAX_ENTRIES:
            raise AssetUnreadable(f"a directory of {count} entries, the limit is {MAX_ENTRIES}")
        raw = take(self.data, offset + 2, 12 * count)
        entries: dict[int, Entry] = {}
        for at in range(0, len(raw), 12):
            kind, items = self.integer(raw[at + 2 : at + 4]), self.integer(raw[at + 4 : at + 8])
            entries.setdefault(self.integer(raw[at : at + 2]), Entry(kind, items, raw[at + 8 : at + 12]))
        # Some writers end an EXIF block right behind the last entry, without the offset of a next directory.
        return Directory(entries, self.integer(self.data[offset + 2 + 12 * count :][:4]))

    def value(self, entry: Entry, *, limit: int = MAX_FIELD_BYTES) -> bytes:
        """Encoded value of an entry.

        Raises:
            AssetUnreadable: It lies outside the data, is longer than `limit`, or has an unknown type.
        """
        if entry.size <= 4:
            return entry.field[: entry.size]
        if entry.size > limit:
            raise AssetUnreadable(f"a value of {entry.size} bytes, the limit is {limit}")
        return take(self.data, self.integer(entry.field), entry.size)

    def exif_directory(self, first: Directory) -> Directory | None:
        """The Exif directory that `first` points to, if it does.

        Raises:
            AssetUnreadable: It points outside the data.
        """
        entry = first.entries.get(EXIF_POINTER)
        return None if entry is None else self.directory(self.integer(entry.field))


def with_tags(data: bytes, zeroth: Mapping[int, Value], exif: Mapping[int, Value], *, remove: Set[int] = frozenset()) -> bytes:
    """`data` with these tags set in its first and in its Exif directory; everything else keeps its place.

    Args:
        data: An EXIF block or a TIFF file.
        zeroth: Tags of the first directory, such as ImageDescription. Values of one-byte types only: those have no byte order.
        exif: Tags of the Exif directory, such as UserComment. Likewise.
        remove: Tags to leave out of the first directory.

    Raises:
        AssetUnreadable: `data` is no TIFF structure, or one of its directories is malformed.
    """
    old = Structure(data)
    first = old.directory(old.first_offset)
    nested = old.exif_directory(first)
    base = _unmarked_length(old)
    start = base + base % 2 + len(_MARKER) + 4
    block = _Block(old, base, start)
    replaced = [entry for tag, entry in first.entries.items() if tag in zeroth or tag in remove]
    replaced += [entry for tag, entry in nested.entries.items() if tag in exif] if nested else []
    old_data = _blanked(old, base, replaced, _image_ranges(old, first))
    first_entries = {tag: entry for tag, entry in first.entries.items() if tag not in remove and tag != EXIF_POINTER}
    count_first = len(first_entries.keys() | zeroth.keys()) + (1 if nested or exif else 0)
    block.cursor = start + 2 + 12 * count_first + 4
    pointer: dict[int, bytes] = {}
    if nested or exif:
        nested_at = block.cursor
        nested_entries = nested.entries if nested else {}
        block.cursor += 2 + 12 * len(nested_entries.keys() | exif.keys()) + 4
        nested_bytes = block.directory(nested_entries, exif, {}, nested.next_offset if nested else 0)
        pointer = {EXIF_POINTER: block.raw_entry(EXIF_POINTER, 4, 1, nested_at.to_bytes(4, old.order))}
    else:
        nested_bytes = b""
    first_bytes = block.directory(first_entries, zeroth, pointer, first.next_offset)
    body = first_bytes + nested_bytes + b"".join(block.values)
    marker = _MARKER + (len(_MARKER) + 4 + len(body)).to_bytes(4, old.order)
    header = data[:4] + start.to_bytes(4, old.order)
    return header + old_data[8:base] + b"\x00" * (base % 2) + marker + body


class _Block:
    """Lays out directories and the values that do not fit into their entries."""

    def __init__(self, old: Structure, base: int, start: int) -> None:
        self.old, self.base, self.start = old, base, start
        self.cursor = 0
        """Offset in the file at which the next value goes."""
        self.values: list[bytes] = []

    def raw_entry(self, tag: int, kind: int, count: int, field: bytes) -> bytes:
        order = self.old.order
        return tag.to_bytes(2, order) + kind.to_bytes(2, order) + count.to_bytes(4, order) + field

    def directory(
        self, entries: Mapping[int, Entry], new: Mapping[int, Value], ready: Mapping[int, bytes], next_offset: int
    ) -> bytes:
        encoded = dict(ready)
        for tag, entry in entries.items():
            if tag not in new:
                encoded[tag] = self._kept(tag, entry)
        for tag, value in new.items():
            encoded[tag] = self._placed(tag, value.kind, value.count, value.data)
        order = self.old.order
        body = b"".join(encoded[tag] for tag in sorted(encoded))  # TIFF wants tags in ascending order
        return len(encoded).to_bytes(2, order) + body + next_offset.to_bytes(4, order)

    def _kept(self, tag: int, entry: Entry) -> bytes:
        """An old entry as it was; its value is copied only where it lay in the block that is being replaced."""
        known = entry.kind in _SIZES
        if known and entry.size > 4 and self.old.integer(entry.field) >= self.base:
            return self._placed(tag, entry.kind, entry.count, self.old.value(entry))
        return self.raw_entry(tag, entry.kind, entry.count, entry.field)

    def _placed(self, tag: int, kind: int, count: int, data: bytes) -> bytes:
        if len(data) <= 4:
            return self.raw_entry(tag, kind, count, data.ljust(4, b"\x00"))
        entry = self.raw_entry(tag, kind, count, self.cursor.to_bytes(4, self.old.order))
        padded = data + b"\x00" * (len(data) % 2)
        self.values.append(padded)
        self.cursor += len(padded)
        return entry


def _blanked(old: Structure, base: int, replaced: Sequence[Entry], image: Sequence[tuple[int, int]]) -> bytes:
    """The old bytes with the values of replaced text tags zeroed: a dropped prompt must not linger in unreferenced bytes.

    A value that reaches into image data, which happens in crafted files only, is left alone.
    """
    content = bytearray(old.data)
    for entry in replaced:
        if entry.kind not in _TEXT_KINDS or entry.size <= 4:
            continue
        start = old.integer(entry.field)
        end = start + entry.size
        if start >= 8 and end <= base and not any(low < end and start < high for low, high in image):
            content[start:end] = bytes(end - start)
    return bytes(content)


def _image_ranges(old: Structure, first: Directory) -> list[tuple[int, int]]:
    """From the first to the last byte of the strips, and of the tiles, of the first directory."""
    ranges = []
    for offsets_tag, counts_tag in ((273, 279), (324, 325)):
        offsets, counts = (_integers(old, first.entries.get(tag)) for tag in (offsets_tag, counts_tag))
        if offsets and counts:
            ranges.append((min(offsets), max(at + size for at, size in zip(offsets, counts, strict=False))))
    return ranges


def _integers(old: Structure, entry: Entry | None) -> list[int]:
    if entry is None or entry.kind not in (3, 4):
        return []
    raw, size = old.value(entry), _SIZES[entry.kind]
    return [old.integer(raw[at : at + size]) for at in range(0, len(raw), size)]


def _unmarked_length(old: Structure) -> int:
    """Length of the structure without a block that `with_tags` appended; all of it when there is none at its end."""
    at = old.first_offset - len(_MARKER) - 4
    if at < 8 or old.data[at : at + len(_MARKER)] != _MARKER:
        return len(old.data)
    length = old.integer(old.data[at + len(_MARKER) : at + len(_MARKER) + 4])
    return at if at + length == len(old.data) else len(old.data)
