"""Declare a generation in a file's own metadata: EXIF, XMP and, in PNG, text.

`encode` makes an asset from pixels, encoding once; `write` adds the declaration to an asset without touching its encoded
pixels. The C2PA store comes after, from `provenance.signing`: a store that is already there no longer matches once metadata
is written, so take it out with `without_manifest` and sign the old asset as the parent.

Nothing here is signed. It is for readers that know no C2PA, and for files whose store gets stripped.
"""

from __future__ import annotations

from typing import Final

from provenance.asset import Asset
from provenance.errors import AssetUnreadable, RecordInvalid
from provenance.generation import GenerationRecord
from provenance.metadata import container, disclosure, exif, prompt_removal, xmp
from provenance.metadata.container import without_manifest
from provenance.metadata.containers import jpeg
from provenance.metadata.embedded import Embedded, TextField
from provenance.metadata.encoding import ENCODABLE_MEDIA_TYPES, encode_pixels
from provenance.metadata.parameters import parameters_text
from provenance.pixels import PixelArray

__all__ = ["MEDIA_TYPES", "encode", "without_manifest", "write"]

MEDIA_TYPES: Final = ENCODABLE_MEDIA_TYPES
"""Media types `encode` makes. `write` takes these, image/heif, sounds and films."""

_OURS: Final = frozenset({(xmp.IPTC_EXTENSION, "AIPromptInformation"), (xmp.IPTC_EXTENSION, "AISystemVersionUsed")})
"""Properties that go even where the record has nothing in their place: a prompt was to be dropped, a version is another's."""
_WISHES: Final = frozenset({(xmp.PLUS, "DataMining"), (xmp.PLUS, "OtherConstraints")})
"""Properties that stay where the record has no wish of its own: a rights holder's refusal is not ours to take out."""


def encode(
    pixels: PixelArray,
    record: GenerationRecord,
    *,
    media_type: str,
    instance_id: str,
    software: str,
    quality: int | None = None,
) -> Asset:
    """Encode `pixels` once and declare `record` in the result.

    Args:
        pixels: uint8, shape (height, width, 3), or (height, width, 4) with alpha where the format holds it.
        record: What made them.
        media_type: One of `MEDIA_TYPES`.
        instance_id: Unique id of this very file, such as "xmp:iid:" and a UUID.
        software: Name and version of what writes the file, such as "assay 0.1.0".
        quality: 1 to 100 for lossy formats; by default 95 for JPEG (4:4:4) and WebP, 90 for AVIF (4:4:4) and HEIC.

    Raises:
        AssetUnsupported: `media_type` is not encoded here, or cannot hold so large a picture.
        RecordInvalid: The declaration does not fit (JPEG, see `write`).
        ValueError: `pixels` or `quality` are not as described.
    """
    bare = encode_pixels(pixels, media_type=media_type, quality=quality)
    return _written(bare, Embedded(), record, instance_id=instance_id, software=software)


def write(asset: Asset, record: GenerationRecord, *, instance_id: str, software: str) -> Asset:
    """Declare `record` in an asset that is already encoded.

    The encoded pixels stay, byte for byte. EXIF tags, XMP properties and PNG text of other names stay; of the same names ours
    replace them, so that writing twice leaves one declaration. Of several EXIF blocks or XMP packets, which no sound file has,
    the first is kept. Where a JPEG's EXIF would not fit one segment, ImageDescription is left out (UserComment and XMP hold the
    same prompt); where the asset's own EXIF leaves no room even then, it stays as it is and XMP alone declares. Where a record
    withholds its prompts, those that other generators left go as well.

    Raises:
        AssetUnsupported: The format takes no metadata here (GIF, image sequences).
        AssetUnreadable: The container, its EXIF or its XMP is malformed, so that what it says could not be kept.
        RecordInvalid: The declaration does not fit into the segments of a JPEG, or a withheld prompt may stay in the asset.
    """
    embedded = container.read(asset)
    kept = record.withheld is None  # a text that cannot be read may hold a prompt
    lost = [f for f in embedded.flaws if not (kept and f.locator.startswith("PNG:") and not f.locator.endswith("xmp"))]
    if lost:
        raise AssetUnreadable(f"the metadata of this asset cannot be kept: {lost[0].locator}: {lost[0].reason}")
    if not kept:
        prompt_removal.require_none_that_stays(asset, embedded)
    return _written(asset, embedded, record, instance_id=instance_id, software=software)


def _written(asset: Asset, embedded: Embedded, record: GenerationRecord, *, instance_id: str, software: str) -> Asset:
    exif_block = _exif(asset, embedded, record, instance_id=instance_id, software=software)
    declared = disclosure.properties(record, instance_id=instance_id, software=software)
    replaced = _OURS | (_WISHES if record.wishes else set())
    if record.withheld is not None:
        replaced |= prompt_removal.PROMPT_PROPERTIES
    packet = xmp.edited(embedded.xmp[0], declared, replaced) if embedded.xmp else xmp.packet(declared)
    emptied = () if record.withheld is None else prompt_removal.emptied_text(asset, embedded)
    text = (
        *(field for field in emptied if field.keyword != "parameters"),
        TextField("parameters", parameters_text(record, software=software)),
        TextField("Software", exif.software_text(record, software=software)),
        TextField(disclosure.AIGC_KEYWORD, disclosure.aigc_label(record, instance_id=instance_id)),
    )
    return container.write(asset, exif=exif_block, xmp=packet, text=text)


def _exif(asset: Asset, embedded: Embedded, record: GenerationRecord, *, instance_id: str, software: str) -> bytes:
    # A TIFF is an EXIF structure itself: its container merges the tags.
    existing = embedded.exif[0] if embedded.exif and asset.media_type != "image/tiff" else None
    emptied = frozenset[int]() if record.withheld is None else prompt_removal.emptied_tags(embedded)
    for describe in (True, False):
        declared = exif.block(record, instance_id=instance_id, software=software, describe=describe, emptied=emptied)
        block = exif.merged(existing, declared) if existing else declared
        if asset.media_type != "image/jpeg" or jpeg.fits(block, jpeg.EXIF_PREFIX):
            return block
    if existing is not None and record.withheld is not None:
        raise RecordInvalid("the EXIF of this JPEG leaves no room for a declaration, and may hold a prompt that is withheld")
    return existing or block
