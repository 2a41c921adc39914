"""An asset: bytes, what they are, and their digest.

The media type comes from the bytes, never from a file name. An asset knows nothing of pixels (see
`provenance.pixels`) and nothing of where it came from. Of sounds and films the container is told, not the codec inside.

Source: magic numbers as in the PNG, JFIF, RIFF, TIFF 6.0, GIF89a, ISO/IEC 14496-12 (ISO base media) and ISO/IEC 23008-12 (HEIF)
specifications.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from provenance.errors import AssetEmpty, AssetTooLarge, AssetUnsupported
from provenance.mpeg_audio import is_mp3, tag_announced_length

MAX_ASSET_BYTES = 32 * 2**20
"""Default limit of an asset, in bytes."""

IMAGE_MEDIA_TYPES: Final[dict[str, str]] = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/avif": ".avif",
    "image/heic": ".heic",
    "image/heif": ".heif",
    "image/tiff": ".tiff",
    "image/gif": ".gif",
}
"""Media types of still images, each with its usual file suffix."""

TIMED_MEDIA_TYPES: Final[dict[str, str]] = {
    "video/mp4": ".mp4",
    "video/quicktime": ".mov",
    "audio/mp4": ".m4a",
    "audio/wav": ".wav",
    "audio/mpeg": ".mp3",
}
"""Media types of sounds and films, whose manifests are read and written; nobody looks at their content here."""

MEDIA_TYPES: Final[dict[str, str]] = {**IMAGE_MEDIA_TYPES, **TIMED_MEDIA_TYPES}
"""Media types Assay takes, each with its usual file suffix."""

_BEGINNINGS: Final = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"II*\x00": "image/tiff",
    b"MM\x00*": "image/tiff",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
_RIFF_FORMS: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_HEIF_BRANDS: Final = {
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
_TIMED_BRANDS: Final = {
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"M4V ": "video/mp4",
    b"avc1": "video/mp4",
    b"dash": "video/mp4",
    b"mp41": "video/mp4",
    b"mp42": "video/mp4",
    b"isom": "video/mp4",
    **{b"iso" + digit.encode(): "video/mp4" for digit in "23456789"},
}
_MAX_BRANDS: Final = 64


@dataclass(frozen=True, slots=True)
class Asset:
    """Bytes of one image, sound or film, with their media type and digest; build with `Asset.from_bytes`."""

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
            AssetTooLarge: `data` is longer than `max_bytes`, or its ID3 tag announces a compressed frame of more than
                `MAX_ASSET_BYTES`.
            AssetUnsupported: The first bytes are of no format in `MEDIA_TYPES`.
        """
        if not data:
            raise AssetEmpty("the asset is empty (0 bytes)")
        if len(data) > max_bytes:
            raise AssetTooLarge(f"the asset has {len(data)} bytes, the limit is {max_bytes}")
        media_type = media_type_of(data)
        # The C2PA SDK allocates what a compressed ID3 frame announces, gigabytes if it says so, and aborts the process.
        announced = tag_announced_length(data) if media_type == "audio/mpeg" else 0
        if announced > MAX_ASSET_BYTES:
            raise AssetTooLarge(f"the ID3 tag announces a frame of {announced} bytes, the limit is {MAX_ASSET_BYTES}")
        return cls(data=data, media_type=media_type, sha256=hashlib.sha256(data).hexdigest())

    @property
    def has_pixels(self) -> bool:
        """Whether it is a still image, whose pixels can be decoded here."""
        return self.media_type in IMAGE_MEDIA_TYPES


def media_type_of(data: bytes) -> str:
    """Media type of `data`, one of `MEDIA_TYPES`, from its first bytes; of an MP3 also from its first two frames.

    Raises:
        AssetUnsupported: The first bytes are of no format in `MEDIA_TYPES`.
    """
    head = bytes(data[:12])
    for beginning, media_type in _BEGINNINGS.items():
        if head.startswith(beginning):
            return media_type
    if head[:4] == b"RIFF" and head[8:] in _RIFF_FORMS:
        return _RIFF_FORMS[head[8:]]
    if head[4:8] == b"ftyp":
        return _bmff_media_type(bytes(data[: 16 + 4 * _MAX_BRANDS]))
    if is_mp3(data):
        return "audio/mpeg"
    raise AssetUnsupported(f"the first bytes are of no format taken here: {head[:8].hex(' ')}")


def _bmff_media_type(head: bytes) -> str:
    """By major brand where that one tells; otherwise by the first compatible brand that does."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    major, compatible = head[8:12], [head[at : at + 4] for at in range(16, size - 3, 4)]
    if major in _TIMED_BRANDS:
        return _TIMED_BRANDS[major]
    named = [_HEIF_BRANDS[brand] for brand in [major, *compatible] if brand in _HEIF_BRANDS]
    # Files of brand `mif1` usually repeat it among the compatible ones, before the brand that tells.
    specific = next((media_type for media_type in named if media_type != "image/heif"), None)
    if specific is not None:
        return specific
    if major in _HEIF_BRANDS:
        return "image/heif"
    timed = next((_TIMED_BRANDS[brand] for brand in compatible if brand in _TIMED_BRANDS), None)
    if timed is not None:
        return timed
    raise AssetUnsupported(f"an ISO base media file of brand {major!r} is no image, sound or film taken here")
