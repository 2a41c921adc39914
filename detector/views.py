"""Cut an image into the views a model sees: native crops at fixed places, never a resample.

Resampling would erase or imitate the traces the detector reads, so a view is always the picture's own pixels. Images
smaller than a view are mirrored out to its size. No full view: every image of the training data is itself a crop, so a
shrunken whole has never been learned, and its scale would tell the sizes of the data set's sources apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from provenance.pixels import PixelArray


class View(NamedTuple):
    """Where a view lies, in pixels of the decoded image. It may exceed an image smaller than the view."""

    left: int
    top: int


@dataclass(frozen=True, slots=True)
class ViewPolicy:
    """How many views, how large and where."""

    size: int = 224
    """Side of a view, in pixels."""
    places: tuple[tuple[float, float], ...] = ((0.5, 0.5),)
    """Relative (x, y) of each view within the room the image leaves it: 0 is the left or top edge, 1 the other."""

    def views(self, width: int, height: int) -> tuple[View, ...]:
        """Distinct views of an image of this size, in the order of `places`."""
        room_x, room_y = max(0, width - self.size), max(0, height - self.size)
        found = (View(round(x * room_x), round(y * room_y)) for x, y in self.places)
        return tuple(dict.fromkeys(found))  # an image no larger than a view has one, not the same one several times


def cut(pixels: PixelArray, views: Sequence[View], size: int) -> NDArray[np.uint8]:
    """The views' pixels, shape (len(views), size, size, 3); what an image lacks is mirrored in.

    Args:
        pixels: RGB, shape (H, W, 3).
        views: Where to cut.
        size: Side of each view, in pixels.
    """
    height, width = pixels.shape[:2]
    if height < size or width < size:
        missing = ((0, max(0, size - height)), (0, max(0, size - width)), (0, 0))
        pixels = np.pad(pixels, missing, mode="symmetric")
    return np.stack([pixels[view.top : view.top + size, view.left : view.left + size] for view in views])


def normalise(crops: NDArray[np.uint8], mean: Sequence[float], std: Sequence[float]) -> NDArray[np.float32]:
    """Model input from crops.

    Args:
        crops: RGB, shape (N, S, S, 3), 0 to 255.
        mean: Per channel, on the 0 to 1 scale.
        std: Per channel, on the 0 to 1 scale.

    Returns:
        Shape (N, 3, S, S), contiguous.
    """
    scale: NDArray[np.float32] = (1.0 / (255.0 * np.asarray(std))).astype(np.float32)
    offset: NDArray[np.float32] = (np.asarray(mean) / np.asarray(std)).astype(np.float32)
    values = crops.astype(np.float32)
    values *= scale
    values -= offset
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2))
