"""Which module knows which container, and the three things done with every one of them."""

from __future__ import annotations

from collections.abc import Sequence

from provenance.asset import Asset
from provenance.errors import AssetUnsupported
from provenance.metadata.containers import bmff, gif, jpeg, png, tiff, webp
from provenance.metadata.embedded import Embedded, TextField

_BMFF = frozenset({"image/avif", "image/heic", "image/heif"})


def read(asset: Asset) -> Embedded:
    """Metadata blocks of `asset`; never raises on its bytes: what cannot be read is among the flaws."""
    match asset.media_type:
        case "image/png":
            return png.read(asset.data)
        case "image/jpeg":
            return jpeg.read(asset.data)
        case "image/webp":
            return webp.read(asset.data)
        case "image/tiff":
            return tiff.read(asset.data)
        case "image/gif":
            return gif.read(asset.data)
        case kind if kind in _BMFF:
            return bmff.read(asset.data)
    raise AssetUnsupported(f"no metadata is read from {asset.media_type}")


def write(asset: Asset, *, exif: bytes, xmp: bytes, text: Sequence[TextField]) -> Asset:
    """`asset` with these blocks in place of its own; `text` goes into PNG only.

    Raises:
        AssetUnsupported: The format takes no metadata here (GIF, image sequences).
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
        case _:
            raise AssetUnsupported(f"no metadata is written into {asset.media_type}")
    return Asset.from_bytes(data, max_bytes=len(data))


def without_manifest(asset: Asset) -> Asset:
    """`asset` without its embedded C2PA store, pixels and other metadata untouched; the same asset when it has none.

    A TIFF keeps its length: the store's bytes become zeros that nothing points to.

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
        case _:
            raise AssetUnsupported(f"a C2PA store cannot be taken out of {asset.media_type}")
    return asset if data == asset.data else Asset.from_bytes(data, max_bytes=len(data))
