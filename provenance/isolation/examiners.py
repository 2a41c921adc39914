"""Examiners and pixels out of a parser, as the rest of Assay knows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from provenance.asset import Asset
from provenance.errors import AssayError, ExaminerError
from provenance.evidence import Evidence, Examiner
from provenance.isolation.answers import Look
from provenance.isolation.parsers import Parsers
from provenance.pixels import MAX_ASSET_PIXELS, PixelArray


@dataclass(frozen=True, slots=True)
class IsolatedExaminer:
    """An examiner that looks from within a parser."""

    name: str
    parsers: Parsers

    def examine(self, asset: Asset) -> Sequence[Evidence]:
        """As the examiner of this name, in a trip of its own; `gathered` takes all of a check in one.

        Raises:
            AssetError, ExaminerError, IsolationUnavailable: As `Parsers.look` and as the examiner.
        """
        return self.parsers.look(asset, (self.name,)).evidence(self.name)


@runtime_checkable
class PixelExaminer(Protocol):
    """An examiner of this process that is content with pixels."""

    @property
    def name(self) -> str:
        """As `Examiner`."""
        ...

    def examine(self, asset: Asset) -> Sequence[Evidence]:
        """As `Examiner`."""
        ...

    def examine_pixels(self, asset: Asset, pixels: PixelArray) -> Sequence[Evidence]:
        """As `Examiner.examine`, of an asset that is decoded already."""
        ...


def gathered(
    asset: Asset,
    examiners: Sequence[Examiner],
    parsers: Parsers,
    *,
    max_pixels: int = MAX_ASSET_PIXELS,
    sidecar: bytes | None = None,
) -> list[Examiner]:
    """`examiners`, in their order, for this one asset: what needs its bytes parsed has been done in one trip to a parser.

    What was too much for the parser becomes a failure of each examiner that depended on it.

    Raises:
        PixelsTooMany, AssetAnimated, AssetUnreadable: The header says so.
        IsolationUnavailable: There is no parser.
    """
    isolated = [examiner for examiner in examiners if isinstance(examiner, IsolatedExaminer)]
    wants_pixels = asset.has_pixels and any(isinstance(examiner, PixelExaminer) for examiner in examiners)
    names = [examiner.name for examiner in isolated]
    look: Look | ExaminerError
    try:
        look = parsers.look(asset, names, max_pixels=max_pixels, pixels="send" if wants_pixels else "none", sidecar=sidecar)
    except ExaminerError as err:
        look = err
    return [_of_this(examiner, look) for examiner in examiners]


def _of_this(examiner: Examiner, look: Look | ExaminerError) -> Examiner:
    if isinstance(examiner, IsolatedExaminer):
        return _Found(examiner.name, look)
    if isinstance(examiner, PixelExaminer):
        return _OnPixels(examiner, look)
    return examiner


@dataclass(frozen=True, slots=True)
class _Found:
    name: str
    look: Look | ExaminerError

    def examine(self, asset: Asset) -> Sequence[Evidence]:
        return _arrived(self.look).evidence(self.name)


@dataclass(frozen=True, slots=True)
class _OnPixels:
    examiner: PixelExaminer
    look: Look | ExaminerError

    @property
    def name(self) -> str:
        return self.examiner.name

    def examine(self, asset: Asset) -> Sequence[Evidence]:
        if not asset.has_pixels:
            return self.examiner.examine(asset)  # which says so
        return self.examiner.examine_pixels(asset, _arrived(self.look).pixels())


def _arrived(look: Look | AssayError) -> Look:
    if isinstance(look, AssayError):
        raise look
    return look
