"""Labelled-image tables: which files, which class, from whom, under which terms, and what may not be split apart.

Reads the manifest of a data folder; checks the bytes against the manifest's digests when asked. No image is copied.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

from provenance.asset import Asset
from provenance.errors import DetectorError
from provenance.pixels import PixelArray, decode

_COLUMNS = ("path", "label", "generator", "kind", "source", "licence", "format", "sha256", "group")
_LABELS = {"real": False, "generated": True}


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled image."""

    path: Path
    synthetic: bool
    """The positive class, everywhere."""
    generator: str
    """What made it; for the others, what kind of picture it is."""
    kind: str
    source: str
    """Who collected it: the unit of splitting and resampling of real images."""
    licence: str
    lossless: bool
    """Whether the pixels were never lossy-coded."""
    sha256: str
    group: str
    """Near-duplicates share it."""


def read_table(folder: Path) -> tuple[Row, ...]:
    """Rows of `folder`/manifest.csv, in the order of their digests.

    Raises:
        DetectorError: The manifest is missing, or lacks a column, or has a label other than `real` and `generated`.
    """
    manifest = folder / "manifest.csv"
    try:
        with manifest.open(newline="", encoding="utf-8") as stream:
            records = list(csv.DictReader(stream))
    except OSError as err:
        raise DetectorError(f"could not read the table {manifest}: {err}") from err
    missing = [name for name in _COLUMNS if records and name not in records[0]]
    if missing or not records:
        raise DetectorError(f"{manifest} has no rows" if not records else f"{manifest} lacks the columns {missing}")
    unknown = {record["label"] for record in records} - set(_LABELS)
    if unknown:
        raise DetectorError(f"{manifest} has labels other than {sorted(_LABELS)}: {sorted(unknown)}")
    rows = [_row(folder, record) for record in records]
    return tuple(sorted(rows, key=lambda row: row.sha256))  # independent of the order the table was written in


def judged(row: Row) -> bool:
    """Whether a row has one label for all of its pixels. Edits of photographs do not; they belong to region tests."""
    return row.kind != "edit"


def load_pixels(row: Row, *, check: bool = False) -> PixelArray:
    """RGB pixels of `row`, shape (H, W, 3), decoded as everywhere else.

    Raises:
        DetectorError: `check` is set and the file's digest differs from the table's.
    """
    data = row.path.read_bytes()
    if check and hashlib.sha256(data).hexdigest() != row.sha256:
        raise DetectorError(f"{row.path} is not the file its table describes")
    return decode(Asset.from_bytes(data))


def _row(folder: Path, record: dict[str, str]) -> Row:
    return Row(
        path=folder / record["path"],
        synthetic=_LABELS[record["label"]],
        generator=record["generator"],
        kind=record["kind"],
        source=record["source"],
        licence=record["licence"],
        lossless=record["format"] == "WEBP",  # in these tables WebP is only ever lossless; see their README
        sha256=record["sha256"],
        group=record["group"],
    )
