"""Which module knows which container, and the three things done with every one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from provenance.asset import TIMED_MEDIA_TYPES, Asset
from provenance.errors import AssetUnsupported
from provenance.metadata.containers import bmff, film, gif, jpeg, mp3, png, tiff, wav, webp
from provenance.metadata.embedded import Embedded, TextField

_BMFF: Final = frozenset({"image/avif", "image/heic", "image/heif"})
_FILM: Final = frozenset({"video/mp4", "video/quicktime", "audio/mp4"})
_READERS: Final[Mapping[str, Callable[[bytes], Embedded]]] = {
    "image/png": png.read,
    "image/jpeg": jpeg.read,
    "image/webp": webp.read,
    "image/tiff": tiff.read,
    "image/gif": gif.read,
    "audio/wav": wav.read,
    "audio/mpeg": mp3.read,
    **dict.fromkeys(_BMFF, bmff.read),
    **dict.fromkeys(_FILM, film.read),
}


def read(asset: Asset) -> Embedded:
    """Metadata blocks of `asset`; never raises on its bytes: what cannot be read is among the flaws."""
    if asset.media_type not in _READERS:
        raise AssetUnsupported(f"no metadata is read from {asset.media_type}")
    return _READERS[asset.media_type](asset.data)


def write(asset: Asset, *, exif: bytes, xmp: bytes, text: Sequence[TextField]) -> Asset:
    """`asset` with these blocks in place of its own; `text` goes into PNG only, and EXIF into no sound or film.

    Raises:
        AssetUnsupported: The format takes no metadata here (GIF, image sequences, unusual ID3 tags).
        AssetUnreadable: The container is malformed.
        RecordInvalid: A block does not fit (JPEG).
    """
    match asset.media_type:
        case "image/png":
            data = png.write(asset.data, exif=exif, xmp=xmp, text=text)
        case "image/jpeg":
            data = jpeg.write(asset.data, exif=exif, xmp=xmp)
        case "image/webp":
            data = webp.write(asset.data, exif=exif, xmp=xmp)
        case "image/tiff":
            data = tiff.write(asset.data, exif=exif, xmp=xmp)
        case kind if kind in _BMFF:
            data = bmff.write(asset.data, exif=exif, xmp=xmp)
        case kind if kind in _FILM:
            data = film.write(asset.data, xmp=xmp)
        case "audio/wav":
            data = wav.write(asset.data, xmp=xmp)
        case "audio/mpeg":
            data = mp3.write(asset.data, xmp=xmp)
        case _:
            raise AssetUnsupported(f"no metadata is written into {asset.media_type}")
    return Asset.from_bytes(data, max_bytes=len(data))


def without_manifest(asset: Asset) -> Asset:
    """`asset` without its embedded C2PA store, pixels and other metadata untouched; the same asset when it has none.

    A TIFF keeps its length: the store's bytes become zeros that nothing points to. A sound or film stays as it is: signing it
    again replaces the store and moves the offsets of its samples.

    Raises:
        AssetUnsupported: The format is not taken apart here (GIF, image sequences).
        AssetUnreadable: The container is malformed.
    """
    match asset.media_type:
        case "image/png":
            data = png.without_manifest(asset.data)
        case "image/jpeg":
            data = jpeg.without_manifest(asset.data)
        case "image/webp":
            data = webp.without_manifest(asset.data)
        case "image/tiff":
            data = tiff.without_manifest(asset.data)
        case kind if kind in _BMFF:
            data = bmff.without_manifest(asset.data)
        case kind if kind in TIMED_MEDIA_TYPES:
            return asset
        case _:
            raise AssetUnsupported(f"a C2PA store cannot be taken out of {asset.media_type}")
    return asset if data == asset.data else Asset.from_bytes(data, max_bytes=len(data))
