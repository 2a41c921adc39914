"""Put a `dwtDct` message into pixels, as invisible-watermark does it, to measure and test the reader.

Assay never writes this mark into anything that leaves it: the original swaps two bands on the way back, which costs quality.
The swap is kept here, because pictures in the wild have it.

Source: ShieldMnt/invisible-watermark, `imwatermark/maxDct.py`, and OpenCV's conversion between RGB and YUV.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_STEP = 36.0
_CENTRES = {"bytes": 128.0, "floats": 0.5}


def embedded(pixels: NDArray[np.uint8], bits: str, *, path: str) -> NDArray[np.uint8]:
    """`pixels` with `bits` in them, one a block, over and over.

    Args:
        pixels: RGB, shape (height, width, 3), uint8.
        bits: Of 0 and 1.
        path: "bytes" as the first Stable Diffusion scripts hand pixels over, "floats" as SDXL's and FLUX's code does.
    """
    red, green, blue = (pixels[..., channel].astype(np.float64) for channel in range(3))
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    u, v = (blue - luma) * 0.492 + _CENTRES[path], (red - luma) * 0.877
    if path == "bytes":
        luma, u = np.round(luma), np.clip(np.round(u), 0, 255)
    height, width = (side // 4 * 4 for side in u.shape)
    u[:height, :width] = _with_bits(u[:height, :width], bits)
    if path == "bytes":
        u = u.astype(np.int64).astype(np.uint8).astype(np.float64)  # what an assignment into a byte array does
    u -= _CENTRES[path]
    coloured = np.stack([luma + 1.14 * v, luma - 0.395 * u - 0.581 * v, luma + 2.032 * u], axis=-1)
    rounded = np.round(coloured) if path == "bytes" else coloured
    return np.asarray(np.clip(rounded, 0, 255).astype(np.uint8))


def _with_bits(u: NDArray[np.float64], bits: str) -> NDArray[np.float64]:
    a, b, c, d = u[0::2, 0::2], u[0::2, 1::2], u[1::2, 0::2], u[1::2, 1::2]
    low, rows, columns, diagonal = (a + b + c + d) / 2, (a + b - c - d) / 2, (a - b + c - d) / 2, (a - b - c + d) / 2
    number = 0
    for top in range(0, low.shape[0] - 3, 4):
        for left in range(0, low.shape[1] - 3, 4):
            block = low[top : top + 4, left : left + 4]
            place = np.unravel_index(int(np.abs(block.reshape(-1)[1:]).argmax()) + 1, (4, 4))
            level = abs(block[place]) // _STEP + 0.25 + 0.5 * int(bits[number % len(bits)])
            block[place] = (level if block[place] >= 0 else -level) * _STEP
            number += 1
    back = np.empty_like(u)
    rows, columns = columns, rows  # the swap
    back[0::2, 0::2], back[0::2, 1::2] = (low + rows + columns + diagonal) / 2, (low + rows - columns - diagonal) / 2
    back[1::2, 0::2], back[1::2, 1::2] = (low - rows + columns - diagonal) / 2, (low - rows - columns + diagonal) / 2
    return back
