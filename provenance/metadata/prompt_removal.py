"""Take the words people typed out of metadata: ours, and what other generators are known to leave.

Emptied are PNG text under the keywords generators use, EXIF UserComment, titles and descriptions in EXIF, tags that ComfyUI
keeps a graph in, and in XMP the AI Prompt Information, titles and descriptions. What names the generator or says that the image
is synthetic stays. Pixels stay too, so an image that hides a text in their lowest bits, where NovelAI repeats the prompt, is
refused. Keywords, IPTC-IIM blocks and properties of unknown XMP namespaces are not looked at.

Source: provenance.metadata.mark_registry, for who writes what where.
"""

from __future__ import annotations

from typing import Final

import piexif

from provenance.asset import Asset
from provenance.errors import AssetUnreadable, RecordInvalid
from provenance.metadata import container, exif, xmp
from provenance.metadata.embedded import Embedded, TextField
from provenance.metadata.mark_readers import comfyui
from provenance.metadata.png_text import as_text
from provenance.metadata.stealth import hidden_text
from provenance.metadata.stored_samples import stored_rgba
from provenance.metadata.tiff_structure import Structure
from provenance.metadata.xmp import Property
from provenance.pixels import decode

PROMPT_PROPERTIES: Final = frozenset(
    {
        (xmp.IPTC_EXTENSION, "AIPromptInformation"),
        (xmp.IPTC_EXTENSION, "AIPromptWriterName"),
        (xmp.DUBLIN_CORE, "description"),
        (xmp.DUBLIN_CORE, "title"),
        (xmp.PHOTOSHOP, "Headline"),
        ("http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/", "AltTextAccessibility"),
        ("http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/", "ExtDescrAccessibility"),
        ("http://ns.adobe.com/exif/1.0/", "UserComment"),
        ("http://ns.adobe.com/tiff/1.0/", "ImageDescription"),
    }
)
"""XMP properties that hold a prompt, or may."""
_KEYWORDS: Final = frozenset(
    {
        *("parameters", "postprocessing", "extras", "generation_data"),
        *("invokeai_metadata", "invokeai_graph", "sd-metadata", "dream"),
        *("comment", "description", "title", "usercomment"),
    }
)
"""In lower case."""
_IN_KEYWORDS: Final = ("prompt", "workflow", "caption")
"""Words that tell in any keyword, such as "Negative Prompt" and "invokeai_workflow"."""
_XP_TAGS: Final = frozenset({40091, 40092, 40095})
"""XPTitle, XPComment and XPSubject, in which Windows repeats what ImageDescription says."""
_DESCRIBING_TAGS: Final = _XP_TAGS | {piexif.ImageIFD.ImageDescription, piexif.ImageIFD.DocumentName}
_ASCII: Final = 2
_GRAPH_BEGINS: Final = ("prompt:", "workflow:")
_BITS_SURVIVE: Final = frozenset({"image/png", "image/webp", "image/tiff"})
"""Formats that can keep the lowest bit of a sample."""
_NO_COMMENT: Final = b"ASCII\x00\x00\x00"


def emptied_text(asset: Asset, embedded: Embedded) -> tuple[TextField, ...]:
    """The PNG text fields that may hold a prompt, with nothing in them.

    Raises:
        RecordInvalid: The text is in a comment of another format, which stays as it is.
    """
    found = tuple(TextField(field.keyword, "") for field in embedded.text if _may_hold_prompt(field.keyword))
    if found and asset.media_type != "image/png":
        raise RecordInvalid(f"a comment in this {asset.media_type} may hold a prompt and is not rewritten: take it out first")
    return found


def emptied_tags(embedded: Embedded) -> frozenset[int]:
    """Tags of the first EXIF directory that may hold a prompt.

    Raises:
        AssetUnreadable: The block is malformed.
    """
    if not embedded.exif:
        return frozenset()
    structure = Structure(embedded.exif[0])
    entries = structure.directory(structure.first_offset).entries
    graphs = {tag for tag, entry in entries.items() if entry.kind == _ASCII and _is_graph(structure.value(entry))}
    return frozenset(graphs | (entries.keys() & _DESCRIBING_TAGS))


def require_none_that_stays(asset: Asset, embedded: Embedded) -> None:
    """Return only if no prompt may stand where writing metadata leaves everything as it is: in pixels and extended XMP.

    Raises:
        RecordInvalid: The lowest bits of the pixels hide a text, or a JPEG's extended XMP holds a description.
        AssetError: The pixels cannot be decoded, or what they hide is damaged.
    """
    # The first packet is edited, and everywhere but in JPEG it takes the place of all others.
    further = embedded.xmp[1:] if asset.media_type == "image/jpeg" else ()
    if any((p.namespace, p.name) in PROMPT_PROPERTIES for packet in further for p in xmp.read(packet)):
        raise RecordInvalid("the extended XMP of this JPEG may hold a prompt and is not rewritten: take it out first")
    if asset.media_type not in _BITS_SURVIVE:
        return
    samples = stored_rgba(asset)
    hidden = hidden_text(decode(asset) if samples is None else samples)
    if hidden is not None:
        raise RecordInvalid(f"the pixels hide a text ({hidden.magic}) that may hold a prompt, and pixels stay: clear it first")


def without_prompts(asset: Asset, *, instance_id: str) -> Asset:
    """`asset` with the prompts in its metadata emptied; encoded pixels and everything else stay.

    Args:
        asset: An image without a manifest: metadata is bound by one.
        instance_id: Unique id of the new file, such as "xmp.iid:" and a UUID.

    Raises:
        AssetUnsupported: The format takes no metadata here.
        RecordInvalid: A prompt may stand where it cannot be taken out.
        AssetAnimated, PixelsTooMany: Its pixels cannot be searched.
        AssetUnreadable: The container, its EXIF or its XMP is malformed, so that a prompt in it could be missed.
    """
    embedded = container.read(asset)
    if embedded.flaws:
        raise AssetUnreadable(f"a prompt could be missed in {embedded.flaws[0].locator}: {embedded.flaws[0].reason}")
    require_none_that_stays(asset, embedded)
    tags = dict.fromkeys(emptied_tags(embedded), b"")
    emptied = exif.merged(exif.EMPTY, piexif.dump({"0th": tags, "Exif": {piexif.ExifIFD.UserComment: _NO_COMMENT}})[6:])
    # A TIFF is an EXIF structure itself: its container merges the tags.
    if embedded.exif and asset.media_type != "image/tiff":
        emptied = exif.merged(embedded.exif[0], emptied)
    put = [Property(xmp.XMP_MEDIA, "InstanceID", instance_id)]
    packet = xmp.edited(embedded.xmp[0], put, PROMPT_PROPERTIES) if embedded.xmp else xmp.packet(put)
    return container.write(asset, exif=emptied, xmp=packet, text=emptied_text(asset, embedded))


def _may_hold_prompt(keyword: str) -> bool:
    folded = keyword.lower()
    return folded in _KEYWORDS or any(word in folded for word in _IN_KEYWORDS)


def _is_graph(value: bytes) -> bool:
    text = as_text(value.partition(b"\x00")[0])
    return text.startswith(_GRAPH_BEGINS) or comfyui(text) is not None
