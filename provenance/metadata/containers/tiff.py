"""TIFF: the file is one TIFF structure; XMP is tag 700, the C2PA store tag 52545.

Only the first directory is read and written: it is the picture, or the first page.

Source: TIFF 6.0; XMP Specification Part 3, "TIFF"; C2PA 2.3, "Embedding manifests into TIFF".
"""

from __future__ import annotations

from typing import Final

from provenance.errors import AssetUnreadable
from provenance.metadata.embedded import Embedded, Findings
from provenance.metadata.exif import merged
from provenance.metadata.tiff_structure import Structure, Value, with_tags

_XMP_TAG: Final = 700
_C2PA_TAG: Final = 52545
_BYTE: Final = 1


def read(data: bytes) -> Embedded:
    """The file itself as an EXIF block, and its XMP packet."""
    findings = Findings()
    findings.add_exif(data, "TIFF")
    try:
        structure = Structure(data)
        entry = structure.directory(structure.first_offset).entries.get(_XMP_TAG)
        if entry is not None:
            findings.add_xmp(structure.value(entry), "TIFF:700")
    except AssetUnreadable as err:
        findings.add_flaw("TIFF:700", str(err))
    return findings.embedded()


def write(data: bytes, *, exif: bytes, xmp: bytes) -> bytes:
    """The same TIFF with the tags of the block `exif` and the XMP packet set; strips and tiles stay where they are.

    Raises:
        AssetUnreadable: The TIFF structure is malformed.
    """
    return merged(data, exif, {_XMP_TAG: Value(_BYTE, xmp)})


def without_manifest(data: bytes) -> bytes:
    """The same TIFF with no tag that points to a C2PA store; the store's bytes become zeros that nothing points to.

    Raises:
        AssetUnreadable: The TIFF structure is malformed.
    """
    structure = Structure(data)
    if _C2PA_TAG not in structure.directory(structure.first_offset).entries:
        return data
    return with_tags(data, {}, {}, remove={_C2PA_TAG})
