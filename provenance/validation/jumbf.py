"""Where the boxes of a manifest store lie in it, so that one can be read, or filled, where it is.

Source: ISO/IEC 19566-5 (JUMBF superboxes and description boxes).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Box:
    """A box: its kind, and where its content lies in the store."""

    kind: bytes
    start: int
    end: int


def whole(store: bytes | bytearray) -> Box:
    """What stands around all boxes."""
    return Box(b"", 0, len(store))


def boxes(data: bytes | bytearray, parent: Box) -> Iterator[Box]:
    """Boxes in `parent`, in order.

    Raises:
        ValueError: One ends outside its parent.
    """
    at = parent.start
    while at < parent.end:
        size = int.from_bytes(data[at : at + 4], "big")
        if size < 8 or at + size > parent.end:
            raise ValueError("a box ends outside its parent")
        yield Box(bytes(data[at + 4 : at + 8]), at + 8, at + size)
        at += size


def label_of(data: bytes | bytearray, superbox: Box) -> str:
    """What the description of a superbox calls it; empty where it has none."""
    description = next(boxes(data, superbox), None)
    if description is None or description.kind != b"jumd":
        return ""
    return bytes(data[description.start + 17 : description.end]).split(b"\0", 1)[0].decode("utf-8", "replace")


def labelled(data: bytes | bytearray, parent: Box, label: str) -> Iterator[Box]:
    """Superboxes in `parent` that carry this label."""
    return (box for box in boxes(data, parent) if box.kind == b"jumb" and label_of(data, box) == label)


def cbor_content(data: bytes | bytearray, superbox: Box) -> Box:
    """The CBOR in a superbox.

    Raises:
        ValueError: There is not exactly one.
    """
    return only(box for box in boxes(data, superbox) if box.kind == b"cbor")


def only(found: Iterator[_T]) -> _T:
    """What must be there once.

    Raises:
        ValueError: It is not.
    """
    items = list(found)
    if len(items) != 1:
        raise ValueError(f"there are {len(items)} of what must be one")
    return items[0]
