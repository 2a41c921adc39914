"""Whether an EXIF block says that a camera took the picture.

Make and Model alone are written by anything. Beside an exposure, a lens or a position they claim a capture; it is text, and
anybody can copy it from another file.

Source: Exif 3.0 (CIPA DC-008), 4.6.4 to 4.6.6.
"""

from __future__ import annotations

from typing import Final

from provenance.errors import AssetUnreadable
from provenance.metadata.mark_readers import make
from provenance.metadata.png_text import as_text
from provenance.metadata.tiff_structure import Directory, Structure

_MAKE, _MODEL, _GPS_POINTER = 271, 272, 34853
_LENS_MAKE, _LENS_MODEL = 42035, 42036
_CAPTURE: Final = frozenset({33434, 33437, 34855, 37386, _LENS_MAKE, _LENS_MODEL})
"""ExposureTime, FNumber, PhotographicSensitivity, FocalLength and the lens."""
_LATITUDE, _LONGITUDE = 2, 4
_ASCII_KINDS: Final = frozenset({2, 129})


def camera(exif: bytes) -> str | None:
    """The camera an EXIF block names, with lens and position, such as "Acme One; lens Acme 50mm; GPS position"; None for none.

    A block that cannot be read names none: that it cannot be read is said elsewhere.
    """
    try:
        structure = Structure(exif)
        first = structure.directory(structure.first_offset)
        nested = structure.exif_directory(first)
        has_position = _has_position(structure, first)
    except AssetUnreadable:
        return None
    maker, model = _text(structure, first, _MAKE), _text(structure, first, _MODEL)
    if not maker or not model or make(maker) is not None:
        return None
    if not has_position and not (nested and _CAPTURE & nested.entries.keys()):
        return None
    lens = " ".join(filter(None, (_text(structure, nested, tag) for tag in (_LENS_MAKE, _LENS_MODEL)))) if nested else ""
    name = model if model.startswith(maker) else f"{maker} {model}"
    return "; ".join([name, *([f"lens {lens}"] if lens else []), *(["GPS position"] if has_position else [])])


def _has_position(structure: Structure, first: Directory) -> bool:
    pointer = first.entries.get(_GPS_POINTER)
    if pointer is None:
        return False
    return {_LATITUDE, _LONGITUDE} <= structure.directory(structure.integer(pointer.field)).entries.keys()


def _text(structure: Structure, directory: Directory, tag: int) -> str:
    entry = directory.entries.get(tag)
    if entry is None or entry.kind not in _ASCII_KINDS:
        return ""
    try:
        return as_text(structure.value(entry).partition(b"\x00")[0]).strip()
    except AssetUnreadable:
        return ""
