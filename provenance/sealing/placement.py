"""Where a manifest store lies in a file, and how another of the same length is put in its place.

Nothing else moves: what the hard binding hashes stays as it is, byte for byte. A container may cut the store into pieces (JPEG,
GIF) or keep a checksum over it (PNG); everywhere else it lies in one piece.

Source: C2PA Technical Specification 2.3, "Embedding manifests into various file formats"; ISO/IEC 19566-5 (JPEG segments).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

_GIF_APPLICATION = b"\x21\xff\x0bC2PA_GIF\x01\x00\x00"


def with_store(data: bytes, media_type: str, old: bytes, new: bytes) -> bytes:
    """`data` with the manifest store `new` where `old` is.

    Args:
        data: A file.
        media_type: Its type.
        old: The manifest store in it, as JUMBF.
        new: Another of the same length.

    Raises:
        ValueError: The lengths differ, or `old` is not found exactly once.
    """
    if len(old) != len(new):
        raise ValueError(f"a store of {len(new)} bytes cannot take the place of one of {len(old)}")
    pieces = {"image/jpeg": _jpeg_pieces, "image/gif": _gif_pieces}.get(media_type, _single_piece)
    places = list(pieces(data, old))
    if b"".join(data[start:end] for start, end in places) != old:
        raise ValueError("the manifest store is not where it should be")
    parts, copied, at = [], 0, 0
    for start, end in places:
        parts += [data[copied:start], new[at : at + end - start]]
        copied, at = end, at + end - start
    if media_type == "image/png":
        parts.append(zlib.crc32(new, zlib.crc32(b"caBX")).to_bytes(4, "big"))
        copied += 4
    return b"".join([*parts, data[copied:]])


def _single_piece(data: bytes, store: bytes) -> Iterator[tuple[int, int]]:
    start = data.find(store)
    if start < 0 or data.find(store, start + 1) >= 0:
        raise ValueError("the manifest store is not in the file exactly once")
    yield start, start + len(store)


def _jpeg_pieces(data: bytes, store: bytes) -> Iterator[tuple[int, int]]:
    """APP11 segments whose box starts as the store does; each after the first repeats the box header."""
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] not in (b"\xda", b""):
        size = int.from_bytes(data[at + 2 : at + 4], "big")
        end = at + 2 + size
        # Marker, length, "JP", box instance, packet number; then the header of the box that is cut into segments.
        if data[at + 1] == 0xEB and data[at + 4 : at + 6] == b"JP" and data[at + 12 : at + 20] == store[:8]:
            yield (at + 12 if int.from_bytes(data[at + 8 : at + 12], "big") == 1 else at + 20), end
        at = end


def _gif_pieces(data: bytes, store: bytes) -> Iterator[tuple[int, int]]:
    """Sub-blocks of at most 255 bytes after the application header."""
    at = data.find(_GIF_APPLICATION)
    if at < 0:
        raise ValueError("there is no manifest store")
    at += len(_GIF_APPLICATION)
    left = len(store)
    while left > 0 and data[at : at + 1] not in (b"", b"\x00"):
        yield at + 1, at + 1 + data[at]
        left -= data[at]
        at += 1 + data[at]
