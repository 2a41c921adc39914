"""Boxes of the ISO base media file format: where each starts and ends.

Source: ISO/IEC 14496-12, 4.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from provenance.errors import AssetUnreadable
from provenance.metadata.embedded import MAX_PARTS, take

_MAX_TOP_LEVEL: Final = 256
"""A still image has about five; every item offset is compared with every one of them."""


@dataclass(frozen=True, slots=True)
class Box:
    """One box as offsets into the data it was found in."""

    kind: bytes
    start: int
    body: int
    end: int


def boxes(data: bytes, start: int, end: int, *, limit: int = MAX_PARTS) -> list[Box]:
    """The boxes between two offsets, in order.

    Raises:
        AssetUnreadable: A box runs past `end`, or there are too many.
    """
    found: list[Box] = []
    at = start
    while at < end:
        head = take(data, at, 8)
        size, body = int.from_bytes(head[:4], "big"), at + 8
        if size == 1:
            size, body = int.from_bytes(take(data, at + 8, 8), "big"), at + 16
        elif size == 0:
            size = end - at
        if size < body - at or at + size > end:
            raise AssetUnreadable(f"box {head[4:]!r} at {at} has a wrong size of {size}")
        if len(found) >= limit:
            raise AssetUnreadable(f"more than {limit} boxes")
        found.append(Box(head[4:], at, body, at + size))
        at += size
    return found


def top_level(data: bytes) -> list[Box]:
    """The boxes of a file.

    Raises:
        AssetUnreadable: See `boxes`.
    """
    return boxes(data, 0, len(data), limit=_MAX_TOP_LEVEL)


def encode_box(kind: bytes, body: bytes) -> bytes:
    """A box with a 32-bit size."""
    return (len(body) + 8).to_bytes(4, "big") + kind + body
