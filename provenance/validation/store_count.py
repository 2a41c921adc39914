"""Whether an asset carries more than one manifest store.

Which of two stores counts is anyone's choice, so two honest readers could see two manifests; and the SDK refuses some such
files and picks a store in others. Stores are counted in the places the specification gives them. The bytes every store starts
with are counted first, which tells of nearly all files that there is nothing to look for.

Source: C2PA Technical Specification 2.3, "Embedding manifests into assets"; ISO/IEC 19566-5.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from provenance.asset import Asset

_STORE_START: Final = b"jumdc2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"
"""Type and UUID of a store's description box."""
_BMFF_STORE: Final = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_MAX_PARTS: Final = 65_536


def carries_several_stores(asset: Asset, sidecar: bytes | None = None) -> bool:
    """Whether there are several stores: in the asset, or one in it and another beside it.

    Args:
        asset: The asset.
        sidecar: A store that came beside it.
    """
    starts = asset.data.count(_STORE_START)
    if starts and sidecar is not None and sidecar not in asset.data:
        return True
    if starts < 2:
        return False
    places = _PLACES.get(asset.media_type)
    # Of a container that is not walked here, the second start is taken for a second store.
    return places is None or sum(_STORE_START in part for part in places(asset.data)) > 1


def _png(data: bytes) -> Iterator[bytes]:
    at = 8
    while at + 8 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        if data[at + 4 : at + 8] == b"caBX":
            yield data[at + 8 : at + 8 + size]
        at += 12 + size


def _jpeg(data: bytes) -> Iterator[bytes]:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        if data[at + 1] == 0xFF:  # a fill byte
            at += 1
            continue
        if data[at + 1] in (0xDA, 0xD9):
            return
        (size,) = struct.unpack_from(">H", data, at + 2)
        if data[at + 1] == 0xEB:
            yield data[at + 4 : at + 2 + size]
        at += 2 + size


def _riff(data: bytes) -> Iterator[bytes]:
    at = 12
    while at + 8 <= len(data):
        (size,) = struct.unpack_from("<I", data, at + 4)
        if data[at : at + 4] == b"C2PA":
            yield data[at + 8 : at + 8 + size]
        at += 8 + size + (size & 1)


def _bmff(data: bytes) -> Iterator[bytes]:
    at = 0
    for _ in range(_MAX_PARTS):
        if at + 8 > len(data):
            return
        size, header = struct.unpack_from(">I", data, at)[0], 8
        if size == 1 and at + 16 <= len(data):
            size, header = struct.unpack_from(">Q", data, at + 8)[0], 16
        elif size == 0:
            size = len(data) - at
        if size < header:
            return
        if data[at + 4 : at + 8] == b"uuid" and data[at + header : at + header + 16] == _BMFF_STORE:
            yield data[at + header : at + size]
        at += size


_PLACES: Final[Mapping[str, Callable[[bytes], Iterator[bytes]]]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/webp": _riff,
    "audio/wav": _riff,
    **dict.fromkeys(("image/avif", "image/heic", "image/heif", "video/mp4", "video/quicktime", "audio/mp4"), _bmff),
}
