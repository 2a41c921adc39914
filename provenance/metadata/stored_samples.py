"""Samples as the file stores them, for what hides in their lowest bits.

Unlike `provenance.pixels.decode`, no orientation is applied and alpha stays beside the colours instead of being composited:
either would change the bits looked for.
"""

from __future__ import annotations

import warnings
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from provenance.asset import Asset
from provenance.errors import AssetUnreadable
from provenance.pixels import MAX_ASSET_PIXELS, decoding_turn, open_image

SampleArray: TypeAlias = NDArray[np.uint8]
"""RGB or RGBA samples, shape (height, width, 3) or (height, width, 4), 0 to 255."""

_STRIP_PIXELS: Final = 2_000_000


def stored_rgba(asset: Asset, *, max_pixels: int = MAX_ASSET_PIXELS) -> SampleArray | None:
    """Samples of `asset`, shape (height, width, 4); None when it is not stored as 8-bit RGBA, and nothing is decoded then.

    Raises:
        AssetUnsupported, PixelsTooMany, AssetAnimated, AssetUnreadable: As `provenance.pixels.decode` does.
    """
    with open_image(asset, max_pixels=max_pixels) as image:
        if image.mode != "RGBA":
            return None
        width, height = image.size
        rows = max(1, _STRIP_PIXELS // width)
        try:
            with decoding_turn(width * height), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                samples = np.empty((height, width, 4), dtype=np.uint8)
                for top in range(0, height, rows):  # whole, the copies between Pillow and NumPy would add 8 bytes a pixel
                    bottom = min(top + rows, height)
                    samples[top:bottom] = np.asarray(image.crop((0, top, width, bottom)), dtype=np.uint8)
        except MemoryError:
            raise
        except Exception as err:  # Pillow's plug-ins raise OSError, ValueError, SyntaxError, struct.error and more
            raise AssetUnreadable(f"could not decode this {asset.media_type}: {err}") from err
    samples.flags.writeable = False
    return samples
