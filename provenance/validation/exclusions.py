"""What a hard binding leaves out of its hash, and whether any of it is content.

A signer writes the list of exclusions. Whatever is on it can be swapped after signing while every hash still matches.

Source: C2PA Technical Specification 2.3, "Data hash", "BMFF-based hash", "General box hash".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

_STRUCTURAL_BYTES: Final = {"image/tiff": 4}
"""Bytes a data hash leaves out besides the manifest in a sound file: a TIFF's length of the manifest. Nothing elsewhere."""
_ROOMY_BOXES: Final = frozenset({"/free", "/skip", "/emsg", "/uuid"})
"""Boxes that hold no media and have room for some; `/uuid` unless only the C2PA one is meant."""
_C2PA_IDENTIFIER: Final = {"offset": 8, "value": "2P7D1hsOSDySl1goh37EgQ=="}
_POINTING_BOXES: Final = frozenset(
    {"/moof/traf/tfhd", "/moof/traf/trun"} | {f"/moov/trak/mdia/minf/stbl/{table}" for table in ("stco", "co64")}
)
"""Boxes that say where the media of a film or sound are. Left out beside a roomy one, they could be pointed into it."""
_STRUCTURAL_BOXES: Final = frozenset({"/ftyp", "/mfra", "/mfra/tfra"}) | _ROOMY_BOXES | _POINTING_BOXES
"""Boxes that hold no media."""
_MOST_FILLING: Final = 1024
"""Bytes other than zero that a program may leave in boxes of no use, such as its name. Beyond that they may be the pixels:
where those are is said elsewhere in the file, and decoders read them wherever they are."""
_ITEM_LOCATIONS: Final = "/meta/iloc"
"""Says where a still's pixels are, and could point into a box that is left out; of a film or sound it holds nothing seen."""


def content_left_out(binding: object, media_type: str, data: bytes) -> str:
    """What of the content a binding leaves out, in words; empty if nothing.

    Args:
        binding: The assertion's data as the SDK shows it: a data hash, BMFF hash or box hash.
        media_type: The asset's.
        data: The asset.
    """
    if not isinstance(binding, Mapping):
        return "what cannot be told"
    exclusions = binding.get("exclusions")
    if not isinstance(exclusions, list) or not all(isinstance(e, Mapping) for e in exclusions):
        return "what cannot be told"  # of a box hash the SDK says only that there are some
    named = {str(e["xpath"]) for e in exclusions if "xpath" in e}
    boxes = named - _STRUCTURAL_BOXES
    if not media_type.startswith("image/"):
        boxes -= {_ITEM_LOCATIONS}
    pointing, roomy = named & _POINTING_BOXES, {b for b in named & _ROOMY_BOXES if not _only_c2pa(b, exclusions)}
    if pointing and roomy:
        boxes |= pointing | roomy
    if boxes:
        return f"boxes {', '.join(sorted(boxes))}"
    filled = sum(len(content) - content.count(0) for kind, content in _top_boxes(data) if kind in roomy) if roomy else 0
    if filled > _MOST_FILLING:
        return f"{filled} bytes in {', '.join(sorted(roomy))}"
    # The longest range is the manifest's own: the SDK checks that one of them is just that.
    beside = sum(sorted((_length(e) for e in exclusions if "xpath" not in e), reverse=True)[1:])
    return f"{beside} bytes" if beside > _STRUCTURAL_BYTES.get(media_type, 0) else ""


def _only_c2pa(box: str, exclusions: list[Mapping[str, Any]]) -> bool:
    """Whether `/uuid` is left out only where it starts with the C2PA identifier, and not with one of the signer's own."""
    return box == "/uuid" and all(e.get("data") == [_C2PA_IDENTIFIER] for e in exclusions if e.get("xpath") == box)


def _top_boxes(data: bytes) -> Iterator[tuple[str, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, kind, header = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, header = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        elif size == 0:
            size = len(data) - at
        if size < header:
            return
        yield f"/{kind.decode('latin-1')}", data[at + header : at + size]
        at += size


def _length(exclusion: Mapping[str, Any]) -> int:
    length = exclusion.get("length")
    return length if isinstance(length, int) and length >= 0 else 2**63  # unreadable is as good as everything
