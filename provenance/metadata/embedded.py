"""What a container carries besides pixels, as values, and the limits under which it is read.

Uploads are hostile: every reader in this package stops at these limits and says so, instead of working through whatever
a file announces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from provenance.errors import AssetUnreadable

MAX_FIELD_BYTES: Final = 4 * 2**20
"""Largest EXIF value, XMP packet or (inflated) text field read, in bytes. ComfyUI workflows reach hundreds of kilobytes."""
MAX_TEXT_BYTES: Final = 16 * 2**20
"""Largest sum of inflated text in one asset, in bytes."""
MAX_TEXT_FIELDS: Final = 256
"""Most text fields read from one asset."""
MAX_BLOCKS: Final = 16
"""Most EXIF blocks, and most XMP packets, read from one asset. A sound file has one of each."""
MAX_PARTS: Final = 65_536
"""Most chunks, segments or boxes walked in one asset."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """A part of the metadata that is there and could not be read."""

    locator: str
    """Which part, such as "PNG:eXIf"."""
    reason: str


@dataclass(frozen=True, slots=True)
class TextField:
    """A keyword with its text, as PNG text chunks carry; `locator` says where it was."""

    keyword: str
    text: str
    locator: str = ""


@dataclass(frozen=True, slots=True)
class Embedded:
    """Metadata blocks of one asset, still encoded, and what could not be taken out."""

    exif: tuple[bytes, ...] = ()
    """TIFF structures: each starts with the byte order, without the "Exif" prefix some containers put before it."""
    xmp: tuple[bytes, ...] = ()
    """XMP packets, serialised RDF/XML."""
    text: tuple[TextField, ...] = ()
    flaws: tuple[Flaw, ...] = ()


class Findings:
    """Collects what a container reader comes across, within the limits; `embedded` is the result."""

    def __init__(self) -> None:
        self._exif: list[bytes] = []
        self._xmp: list[bytes] = []
        self._text: list[TextField] = []
        self._flaws: list[Flaw] = []
        self._text_bytes = 0

    @property
    def text_room(self) -> int:
        """Bytes of text that may still be inflated."""
        return min(MAX_FIELD_BYTES, MAX_TEXT_BYTES - self._text_bytes)

    def add_exif(self, block: bytes, locator: str) -> None:
        """Keep an EXIF block, with or without its "Exif" prefix."""
        self._add(self._exif, block.removeprefix(b"Exif\x00\x00"), locator)

    def add_xmp(self, packet: bytes, locator: str) -> None:
        """Keep an XMP packet."""
        self._add(self._xmp, packet, locator)

    def add_text(self, field: TextField) -> None:
        """Keep a text field."""
        if len(self._text) >= MAX_TEXT_FIELDS:
            self.add_flaw(field.locator, f"more than {MAX_TEXT_FIELDS} text fields")
            return
        self._text_bytes += len(field.text)
        self._text.append(field)

    def add_flaw(self, locator: str, reason: str) -> None:
        """Note a part that could not be read; repeated ones are noted once."""
        flaw = Flaw(locator, reason)
        if flaw not in self._flaws and len(self._flaws) < MAX_BLOCKS:
            self._flaws.append(flaw)

    def embedded(self) -> Embedded:
        """Everything collected so far."""
        return Embedded(tuple(self._exif), tuple(self._xmp), tuple(self._text), tuple(self._flaws))

    def _add(self, blocks: list[bytes], block: bytes, locator: str) -> None:
        if len(blocks) >= MAX_BLOCKS:
            self.add_flaw(locator, f"more than {MAX_BLOCKS} of them")
        else:
            blocks.append(block)


def take(data: bytes, at: int, count: int) -> bytes:
    """The `count` bytes at `at`.

    Raises:
        AssetUnreadable: They are not all there.
    """
    if at < 0 or count < 0 or at + count > len(data):
        raise AssetUnreadable(f"{count} bytes announced at offset {at}, but the data ends at {len(data)}")
    return data[at : at + count]
