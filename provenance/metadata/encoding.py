"""Encode pixels once, without metadata: the settings of every format Assay writes, in one place.

Fast settings: an encoder's default effort costs three to twelve times the time for a few percent of the bytes.

Source: Pillow's encoders; HEIC through pillow-heif (libheif); PNG by `provenance.metadata.png_encoding`. Milliseconds and
percentages measured on a 512 px photograph.
"""

from __future__ import annotations

import io
from typing import Any, Final

import pillow_heif
from PIL import Image

from provenance.asset import Asset
from provenance.errors import AssetUnsupported
from provenance.metadata.png_encoding import encode_png
from provenance.pixels import PixelArray

_ENCODERS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "image/jpeg": ("JPEG", {"quality": 95, "subsampling": "4:4:4"}),
    # 18 against 60 for Pillow's method 4, for 3 % more bytes.
    "image/webp": ("WEBP", {"quality": 95, "method": 0}),
    # 54 against 570 for Pillow's speed 6, for 7 % more bytes.
    "image/avif": ("AVIF", {"quality": 90, "subsampling": "4:4:4", "speed": 10}),
    # 170 against 1,900 for the encoder's default preset, for 18 % more bytes. 4:2:0: HEVC decoders in hardware know no other.
    "image/heic": ("HEIF", {"quality": 90, "enc_params": {"preset": "ultrafast"}}),
    "image/tiff": ("TIFF", {"compression": "tiff_adobe_deflate"}),
}
_LOSSLESS: Final = frozenset({"image/tiff"})

ENCODABLE_MEDIA_TYPES: Final = ("image/png", *_ENCODERS)
"""Media types `encode_pixels` makes."""
TRANSPARENT_MEDIA_TYPES: Final = frozenset(ENCODABLE_MEDIA_TYPES) - {"image/jpeg"}
"""Those of them that hold an alpha channel."""


def encode_pixels(
    pixels: PixelArray, *, media_type: str, quality: int | None = None, icc_profile: bytes | None = None
) -> Asset:
    """`pixels` encoded, with no metadata but their colour profile.

    Args:
        pixels: uint8, shape (height, width, 3), or (height, width, 4) with alpha, not premultiplied, where the format holds it.
        media_type: One of `ENCODABLE_MEDIA_TYPES`.
        quality: 1 to 100 for lossy formats; by default 95 for JPEG (4:4:4) and WebP, 90 for AVIF (4:4:4) and HEIC.
        icc_profile: Colour profile the pixels are in; none: sRGB is assumed by whoever looks.

    Raises:
        AssetUnsupported: `media_type` is not encoded here, or cannot hold so large a picture, or no alpha channel.
        ValueError: `pixels` or `quality` are not as described.
    """
    if pixels.ndim != 3 or pixels.shape[2] not in (3, 4) or pixels.dtype.name != "uint8" or not pixels.size:
        raise ValueError(f"pixels must be uint8 of shape (height, width, 3 or 4), got {pixels.dtype} {pixels.shape}")
    if media_type not in ENCODABLE_MEDIA_TYPES:
        raise AssetUnsupported(f"pixels are not encoded as {media_type}; choose one of {', '.join(ENCODABLE_MEDIA_TYPES)}")
    if pixels.shape[2] == 4 and media_type not in TRANSPARENT_MEDIA_TYPES:
        raise AssetUnsupported(f"{media_type} holds no alpha channel")
    if quality is not None and not 1 <= quality <= 100:
        raise ValueError(f"quality must lie between 1 and 100, got {quality}")
    if media_type == "image/png":
        data = encode_png(pixels, icc_profile=icc_profile)
        return Asset.from_bytes(data, max_bytes=len(data))
    name, options = _ENCODERS[media_type]
    if quality is not None and media_type not in _LOSSLESS:
        options = {**options, "quality": quality}
    if icc_profile is not None:
        options = {**options, "icc_profile": icc_profile}
    if name == "HEIF":
        pillow_heif.register_heif_opener()
    out = io.BytesIO()
    try:
        Image.fromarray(pixels).save(out, name, **options)
    except (OSError, ValueError, RuntimeError) as err:
        size = f"{pixels.shape[1]} x {pixels.shape[0]}"
        raise AssetUnsupported(f"{size} pixels cannot be encoded as {media_type}: {err}") from err
    data = out.getvalue()
    return Asset.from_bytes(data, max_bytes=len(data))
