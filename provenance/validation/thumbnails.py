"""Whether a manifest's thumbnail shows the picture it comes with.

A signer may hash one picture and show another beside it; whoever looks at the thumbnail in a viewer sees the other one. Both
are shrunk to 16 x 16 grey cells and correlated, in all four quarter turns, because programs differ in whether they turn a
picture before they shrink it. A picture without structure is not judged, nor is a thumbnail cropped to another shape.

Measured over 400 pictures of a labelled collection (`benchmarks.thumbnail_likeness`), thumbnails of 160 to 1024 px at JPEG
quality 40 to 90: right ones correlate at 0.97 and more, 12 of 9,632 of another picture's at 0.8 and more.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from provenance.asset import Asset
from provenance.errors import AssetError
from provenance.pixels import decode, open_image

SAME_PICTURE: Final = 0.8
"""Correlation from which two pictures count as the same."""
MAX_THUMBNAIL_BYTES: Final = 4 * 2**20
_MAX_THUMBNAIL_PIXELS: Final = 4_000_000
_CELLS: Final = 16
_DRAFT_PIXELS: Final = 256
"""Longest side a JPEG is decoded at: its format can do so at an eighth of the cost."""
_MIN_CONTRAST: Final = 2.0
"""Standard deviation of the cells, 0 to 255, below which there is nothing to compare."""
_SAME_SHAPE: Final = 1.1
"""Two shapes are the same up to this factor: a 160 x 120 thumbnail of a 3:2 picture is cropped, or has bars."""


def likeness(asset: Asset, thumbnail: bytes) -> float | None:
    """Correlation of the two pictures' luminance, -1 to 1; None where they cannot be compared.

    Args:
        asset: The picture.
        thumbnail: A still image, as the manifest holds it.
    """
    try:
        shown = _cells(Asset.from_bytes(thumbnail, max_bytes=MAX_THUMBNAIL_BYTES), max_pixels=_MAX_THUMBNAIL_PIXELS)
        hashed = _cells(asset)
    except AssetError:
        return None  # what cannot be decoded is for those to report who look at pixels
    ratio = shown.shape_ratio / hashed.shape_ratio
    turned = shown.shape_ratio * hashed.shape_ratio
    turns = [k for k in range(4) if 1 / _SAME_SHAPE <= (turned if k % 2 else ratio) <= _SAME_SHAPE]
    if not turns or min(shown.grey.std(), hashed.grey.std()) < _MIN_CONTRAST:
        return None
    return max(float(np.corrcoef(np.rot90(shown.grey, k).ravel(), hashed.grey.ravel())[0, 1]) for k in turns)


class _Cells:
    """A picture as grey cells."""

    def __init__(self, image: Image.Image) -> None:
        self.shape_ratio = image.width / image.height
        """Width over height."""
        self.grey: NDArray[np.float64] = np.asarray(
            image.convert("L").resize((_CELLS, _CELLS), Image.Resampling.BOX), dtype=np.float64
        )


def _cells(asset: Asset, **limits: int) -> _Cells:
    if asset.media_type != "image/jpeg":
        return _Cells(Image.fromarray(decode(asset, **limits)))
    image = open_image(asset, **limits)
    try:
        image.draft("L", (_DRAFT_PIXELS, _DRAFT_PIXELS))
        return _Cells(ImageOps.exif_transpose(image))
    except MemoryError:
        raise
    except Exception:  # a draft is not for every JPEG: the plain road says why, if there is a reason
        return _Cells(Image.fromarray(decode(asset, **limits)))
