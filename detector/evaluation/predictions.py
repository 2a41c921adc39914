"""Prediction rows on disk: one line per image, written before anything is measured.

An image without a score keeps its line, with the reason: dropping it would flatter every rate.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from provenance.errors import DetectorError

_HEADER = ("sha256", "source", "generator", "label", "fold", "logit", "llr", "reason")
_LABELS = {True: "synthetic", False: "not_synthetic"}


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one detector said of one labelled image."""

    sha256: str
    source: str
    generator: str
    synthetic: bool
    """The label, not the answer."""
    fold: int | None
    """The fold whose training left this image out; none when no fold was involved."""
    logit: float | None
    llr: float | None
    """Calibrated; none with a `reason`."""
    reason: str = ""
    """Why there is no score: an abstention's reason or an error's code."""


def write_predictions(rows: Iterable[Prediction], path: Path) -> None:
    """Write `rows` sorted by digest, so that two runs over one table write the same file; all of it or nothing."""
    partial = path.with_suffix(".partial")
    with partial.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(_HEADER)
        for row in sorted(rows, key=lambda row: row.sha256):
            numbers = ["" if value is None else f"{value:.9g}" for value in (row.logit, row.llr)]
            fold = "" if row.fold is None else row.fold
            label = _LABELS[row.synthetic]
            writer.writerow((row.sha256, row.source, row.generator, label, fold, *numbers, row.reason))
    os.replace(partial, path)


def read_predictions(path: Path) -> list[Prediction]:
    """Rows as written, in the file's order.

    Raises:
        DetectorError: The file is missing or is not one of ours.
    """
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            return [_parse(record) for record in csv.DictReader(stream)]
    except (OSError, KeyError, ValueError) as err:
        raise DetectorError(f"could not read predictions from {path}: {type(err).__name__}: {err}") from err


def _parse(record: dict[str, str]) -> Prediction:
    if record["label"] not in _LABELS.values():
        raise ValueError(f"unknown label {record['label']!r}")
    return Prediction(
        sha256=record["sha256"],
        source=record["source"],
        generator=record["generator"],
        synthetic=record["label"] == _LABELS[True],
        fold=int(record["fold"]) if record["fold"] else None,
        logit=float(record["logit"]) if record["logit"] else None,
        llr=float(record["llr"]) if record["llr"] else None,
        reason=record["reason"],
    )
