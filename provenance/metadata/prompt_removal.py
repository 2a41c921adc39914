"""Take the words people typed out of metadata: ours, and what other generators are known to leave.

Emptied are PNG text under the keywords generators use, EXIF ImageDescription and UserComment, tags that ComfyUI keeps a graph
in, and in XMP the AI Prompt Information, titles and descriptions. What names the generator or says that the image is synthetic
stays.

Source: provenance.metadata.mark_registry, for who writes what where.
"""

from __future__ import annotations

from typing import Final

import piexif

from provenance.asset import Asset
from provenance.errors import AssetUnreadable, RecordInvalid
from provenance.metadata import container, exif, xmp
from provenance.metadata.embedded import Embedded, TextField
from provenance.metadata.xmp import Property

PROMPT_PROPERTIES: Final = frozenset(
    {
        (xmp.IPTC_EXTENSION, "AIPromptInformation"),
        (xmp.DUBLIN_CORE, "description"),
        (xmp.DUBLIN_CORE, "title"),
        ("http://ns.adobe.com/exif/1.0/", "UserComment"),
        ("http://ns.adobe.com/tiff/1.0/", "ImageDescription"),
    }
)
"""XMP properties that hold a prompt, or may."""
_KEYWORDS: Final = frozenset(
    {
        *("parameters", "postprocessing", "extras", "prompt", "negative_prompt", "workflow", "generation_data"),
        *("invokeai_metadata", "invokeai_graph", "invokeai_workflow", "sd-metadata", "Dream"),
        *("Comment", "Description", "Title", "UserComment"),
    }
)
_GRAPH_TAGS: Final = {"Make": piexif.ImageIFD.Make, "Model": piexif.ImageIFD.Model}
_GRAPH_BEGINS: Final = ("prompt:", "workflow:")
_NO_COMMENT: Final = b"ASCII\x00\x00\x00"


def emptied_text(asset: Asset, embedded: Embedded) -> tuple[TextField, ...]:
    """The PNG text fields that may hold a prompt, with nothing in them.

    Raises:
        RecordInvalid: The text is in a comment of another format, which stays as it is.
    """
    found = tuple(TextField(field.keyword, "") for field in embedded.text if field.keyword in _KEYWORDS)
    if found and asset.media_type != "image/png":
        raise RecordInvalid(f"a comment in this {asset.media_type} may hold a prompt and is not rewritten: take it out first")
    return found


def emptied_tags(embedded: Embedded) -> frozenset[int]:
    """Tags of the first EXIF directory that may hold a prompt."""
    texts = dict(exif.read(embedded.exif[0]).texts) if embedded.exif else {}
    graphs = {tag for name, tag in _GRAPH_TAGS.items() if texts.get(name, "").startswith(_GRAPH_BEGINS)}
    described = {piexif.ImageIFD.ImageDescription} if "ImageDescription" in texts else set()
    return frozenset(graphs | described)


def without_prompts(asset: Asset, *, instance_id: str) -> Asset:
    """`asset` with the prompts in its metadata emptied; encoded pixels and everything else stay.

    Args:
        asset: An image without a manifest: metadata is bound by one.
        instance_id: Unique id of the new file, such as "xmp.iid:" and a UUID.

    Raises:
        AssetUnsupported: The format takes no metadata here.
        RecordInvalid: A prompt may stand where it cannot be taken out.
        AssetUnreadable: The container, its EXIF or its XMP is malformed, so that a prompt in it could be missed.
    """
    embedded = container.read(asset)
    if embedded.flaws:
        raise AssetUnreadable(f"a prompt could be missed in {embedded.flaws[0].locator}: {embedded.flaws[0].reason}")
    tags = dict.fromkeys(emptied_tags(embedded), b"")
    emptied = exif.merged(exif.EMPTY, piexif.dump({"0th": tags, "Exif": {piexif.ExifIFD.UserComment: _NO_COMMENT}})[6:])
    # A TIFF is an EXIF structure itself: its container merges the tags.
    if embedded.exif and asset.media_type != "image/tiff":
        emptied = exif.merged(embedded.exif[0], emptied)
    put = [Property(xmp.XMP_MEDIA, "InstanceID", instance_id)]
    packet = xmp.edited(embedded.xmp[0], put, PROMPT_PROPERTIES) if embedded.xmp else xmp.packet(put)
    return container.write(asset, exif=emptied, xmp=packet, text=emptied_text(asset, embedded))
