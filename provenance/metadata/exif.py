"""EXIF: what we declare of a generation, built with piexif; what an asset's own block says, read within bounds.

No Make and no Model are written: no equipment recorded anything. Existing tags stay, unless we write the same ones.

Source: Exif 3.0 (CIPA DC-008), 4.6. Text beyond ASCII is written as UTF-8 in ASCII tags (what readers do in practice) and
as UTF-16 in UserComment (what the specification says).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Final

import piexif

from provenance.errors import AssetUnreadable
from provenance.generation import GenerationRecord
from provenance.metadata.embedded import Flaw
from provenance.metadata.parameters import parameters_text
from provenance.metadata.png_text import as_text, utf8
from provenance.metadata.tiff_structure import EXIF_POINTER, Structure, Value, with_tags

AI_GENERATED: Final = "AI generated"
"""How Software begins; FLUX's own code writes the same."""

_ASCII_KINDS: Final = frozenset({2, 129})
_USER_COMMENT: Final = 37510
_MAKER_NOTE: Final = 37500
_MAX_MAKER_NOTE: Final = 64
"""Fooocus keeps one word there; a camera's maker note is its own business."""
_MAX_TEXTS: Final = 64
EMPTY: Final = b"MM\x00*\x00\x00\x00\x08" + bytes(6)
"""A TIFF structure whose first directory has no entries."""
_UUID: Final = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Tags:
    """Values by tag, of the first directory and of the Exif directory."""

    zeroth: Mapping[int, Value]
    exif: Mapping[int, Value]


@dataclass(frozen=True, slots=True)
class ExifTexts:
    """The texts of one block by tag name, such as "UserComment", and what could not be read."""

    texts: tuple[tuple[str, str], ...]
    flaws: tuple[Flaw, ...]


def block(
    record: GenerationRecord,
    *,
    instance_id: str,
    software: str,
    describe: bool = True,
    emptied: Set[int] = frozenset(),
) -> bytes:
    """EXIF block declaring `record`: a TIFF structure without the "Exif" prefix.

    Args:
        record: What made the image. Without a prompt, none is written.
        instance_id: Its UUID, if it holds one, becomes ImageUniqueID.
        software: Name and version of what writes this, such as "assay 0.1.0".
        describe: Whether ImageDescription repeats the prompt, which UserComment holds too.
        emptied: Tags of the first directory to set to nothing, whatever an asset has there.
    """
    at = record.created_at
    stamp = at.strftime("%Y:%m:%d %H:%M:%S").encode()
    zeroth: dict[int, bytes] = {
        **dict.fromkeys(emptied, b""),
        piexif.ImageIFD.Software: utf8(software_text(record, software=software)),
        piexif.ImageIFD.DateTime: stamp,
    }
    if describe and record.prompt is not None:
        zeroth[piexif.ImageIFD.ImageDescription] = utf8(record.prompt)
    exif: dict[int, bytes] = {
        piexif.ExifIFD.ExifVersion: b"0232",
        piexif.ExifIFD.DateTimeOriginal: stamp,
        piexif.ExifIFD.DateTimeDigitized: stamp,
        piexif.ExifIFD.OffsetTime: b"+00:00",  # a record's time is UTC
        piexif.ExifIFD.OffsetTimeOriginal: b"+00:00",
        piexif.ExifIFD.OffsetTimeDigitized: b"+00:00",
        piexif.ExifIFD.UserComment: _comment(parameters_text(record, software=software)),
    }
    unique = _UUID.search(instance_id.lower())
    if unique:
        exif[piexif.ExifIFD.ImageUniqueID] = unique[0].replace("-", "").encode()
    encoded: bytes = piexif.dump({"0th": zeroth, "Exif": exif})
    # Laid out as a later merge would lay it out, so that writing again changes nothing.
    return merged(EMPTY, encoded[6:])


def software_text(record: GenerationRecord, *, software: str) -> str:
    """Software tag: "AI generated;<mode>;<model>;<software>"."""
    return ";".join([AI_GENERATED, str(record.mode), record.model, software])


def merged(existing: bytes, declared: bytes, more: Mapping[int, Value] | None = None) -> bytes:
    """`existing` with the tags of `declared` set; the rest keeps its place.

    An ImageDescription that repeats the beginning of UserComment is a prompt, and goes where `declared` has none.

    Args:
        existing: An EXIF block, or a TIFF file.
        declared: A block that `block` made.
        more: Further tags of the first directory.

    Raises:
        AssetUnreadable: `existing` is no sound EXIF block, so what it says could not be kept.
    """
    tags = tags_of(declared)
    texts = dict(read(existing).texts)
    description = texts.get("ImageDescription")
    is_prompt = bool(description) and texts.get("UserComment", "").startswith(description or "")
    remove = {piexif.ImageIFD.ImageDescription} if is_prompt else set()
    return with_tags(existing, {**tags.zeroth, **(more or {})}, tags.exif, remove=remove - tags.zeroth.keys())


def tags_of(declared: bytes) -> Tags:
    """Tags of a block that `block` made.

    Raises:
        AssetUnreadable: It is no sound EXIF block.
    """
    structure = Structure(declared)
    first = structure.directory(structure.first_offset)
    nested = structure.exif_directory(first)
    zeroth = {tag: Value(e.kind, structure.value(e)) for tag, e in first.entries.items() if tag != EXIF_POINTER}
    exif = {tag: Value(e.kind, structure.value(e)) for tag, e in nested.entries.items()} if nested else {}
    return Tags(zeroth, exif)


def read(exif: bytes, locator: str = "EXIF") -> ExifTexts:
    """Texts of an EXIF block: the ASCII tags of its first directory, UserComment, and a short MakerNote.

    A tag that cannot be read is a flaw of its own and hides no other.
    """
    texts: list[tuple[str, str]] = []
    flaws: list[Flaw] = []
    try:
        structure = Structure(exif)
        first = structure.directory(structure.first_offset)
    except AssetUnreadable as err:
        return ExifTexts((), (Flaw(locator, str(err)),))
    wanted = {tag: entry for tag, entry in first.entries.items() if entry.kind in _ASCII_KINDS}
    for tag, entry in list(wanted.items())[:_MAX_TEXTS]:
        name = _tag_name(tag)
        try:
            texts.append((name, _ascii(structure.value(entry))))
        except AssetUnreadable as err:
            flaws.append(Flaw(f"{locator}:{name}", str(err)))
    try:
        nested = structure.exif_directory(first)
    except AssetUnreadable as err:
        return ExifTexts(tuple(texts), (*flaws, Flaw(f"{locator}:Exif", str(err))))
    if nested is not None and _USER_COMMENT in nested.entries:
        try:
            value = structure.value(nested.entries[_USER_COMMENT])
            texts.append(("UserComment", comment_text(value, little_endian=structure.order == "little")))
        except AssetUnreadable as err:
            flaws.append(Flaw(f"{locator}:UserComment", str(err)))
    note = nested.entries.get(_MAKER_NOTE) if nested is not None else None
    if note is not None and note.count <= _MAX_MAKER_NOTE:
        try:
            texts.append(("MakerNote", _ascii(structure.value(note))))
        except AssetUnreadable as err:
            flaws.append(Flaw(f"{locator}:MakerNote", str(err)))
    return ExifTexts(tuple(texts), tuple(flaws))


def comment_text(value: bytes, *, little_endian: bool = False) -> str:
    """Text of a UserComment, by its 8-byte character code.

    Args:
        value: The raw value.
        little_endian: Byte order of the block. Only a hint: writers disagree, so UTF-16 is read the way in which it has more
            NUL bytes where Latin text has them.
    """
    code, body = value[:8], value[8:]
    if code == b"UNICODE\x00":
        return _utf16(body, little_endian=little_endian).rstrip("\x00 ")
    if code == b"JIS\x00\x00\x00\x00\x00":
        return body.decode("shift_jis", "replace").rstrip("\x00 ")
    if code in (b"ASCII\x00\x00\x00", bytes(8)):
        return as_text(body.rstrip(b"\x00 "))
    return as_text(value.rstrip(b"\x00 "))


def _comment(text: str) -> bytes:
    if text.isascii():
        return b"ASCII\x00\x00\x00" + text.encode("ascii")
    return b"UNICODE\x00" + utf8(text).decode("utf-8").encode("utf-16-be")


def _utf16(body: bytes, *, little_endian: bool) -> str:
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return body.decode("utf-16", "replace")
    high_first, low_first = body[0::2].count(0), body[1::2].count(0)
    if high_first == low_first:
        return body.decode("utf-16-le" if little_endian else "utf-16-be", "replace")
    return body.decode("utf-16-be" if high_first > low_first else "utf-16-le", "replace")


def _ascii(value: bytes) -> str:
    return as_text(value.partition(b"\x00")[0])


def _tag_name(tag: int) -> str:
    known: Mapping[int, Mapping[str, str]] = piexif.TAGS["Image"]
    return known[tag]["name"] if tag in known else f"0x{tag:04x}"
