"""An asset: bytes, what they are, and their digest.

The media type comes from the bytes, never from a file name. An asset knows nothing of pixels (see
`provenance.pixels`) and nothing of where it came from.

Source: magic numbers as in the PNG, JFIF, RIFF, TIFF 6.0, GIF89a and ISO/IEC 23008-12 (HEIF) specifications.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from provenance.errors import AssetEmpty, AssetTooLarge, AssetUnsupported

MAX_ASSET_BYTES = 32 * 2**20
"""Default limit of an asset, in bytes."""

MEDIA_TYPES: dict[str, str] = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/avif": ".avif",
    "image/heic": ".heic",
    "image/heif": ".heif",
    "image/tiff": ".tiff",
    "image/gif": ".gif",
}
"""Media types Assay takes, each with its usual file suffix."""

_HEIF_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"hevc": "image/heic",
    b"hevx": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """Bytes of one image, with their media type and digest; build with `Asset.from_bytes`."""

    data: bytes = field(repr=False)
    media_type: str
    """One of `MEDIA_TYPES`, read from the bytes."""
    sha256: str
    """Lower-case hexadecimal digest of `data`."""

    @classmethod
    def from_bytes(cls, data: bytes, *, max_bytes: int = MAX_ASSET_BYTES) -> Asset:
        """Sniff and digest `data`.

        Raises:
            AssetEmpty: There is nothing in `data`.
            AssetTooLarge: `data` is longer than `max_bytes`.
            AssetUnsupported: The first bytes are of no format in `MEDIA_TYPES`.
        """
        if not data:
            raise AssetEmpty("the asset is empty (0 bytes)")
        if len(data) > max_bytes:
            raise AssetTooLarge(f"the asset has {len(data)} bytes, the limit is {max_bytes}")
        return cls(data=data, media_type=media_type_of(data), sha256=hashlib.sha256(data).hexdigest())


def media_type_of(data: bytes) -> str:
    """Media type of `data`, one of `MEDIA_TYPES`, from its first bytes.

    Raises:
        AssetUnsupported: The first bytes are of no format in `MEDIA_TYPES`.
    """
    head = bytes(data[:64])
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[:4] in (b"II*\x00", b"MM\x00*"):
        return "image/tiff"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "image/gif"
    if head[4:8] == b"ftyp":
        return _heif_media_type(head)
    raise AssetUnsupported(f"the first bytes are of no image format taken here: {head[:8].hex(' ')}")


def _heif_media_type(head: bytes) -> str:
    """AVIF, HEIC or HEIF by major brand; by compatible brands when the major one is the generic `mif1`."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    major, compatible = head[8:12], [head[at : at + 4] for at in range(16, size - 3, 4)]
    named = [_HEIF_BRANDS[brand] for brand in [major, *compatible] if brand in _HEIF_BRANDS]
    # Files of brand `mif1` usually repeat it among the compatible ones, before the brand that tells.
    specific = next((media_type for media_type in named if media_type != "image/heif"), None)
    if specific is not None:
        return specific
    if major in _HEIF_BRANDS:
        return "image/heif"
    raise AssetUnsupported(f"an ISO base media file of brand {major!r} is not a still image taken here")
