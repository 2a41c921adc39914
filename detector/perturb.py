"""Seeded degradations that look like delivery: JPEG and WebP passes, grid shifts, resizing.

`align` gives every image the same kind of encoding history, whatever it arrived as. Without it a detector learns that
photographs are JPEG and generated images are PNG, which is true of data sets and of nothing else. No screenshots, noise
or social presets yet.

Source: Grommelt et al., Fake or JPEG?, 2024; Dual Data Alignment, NeurIPS 2025 (same encoding history for both classes).
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from provenance.pixels import PixelArray

_GRID = 8  # a JPEG block


@dataclass(frozen=True, slots=True)
class History:
    """What encoding histories are drawn from. Qualities are on Pillow's 0 to 100 scales, both ends included."""

    first_jpeg_quality: tuple[int, int] = (75, 95)
    """For inputs that were never lossy-coded: the first JPEG that a camera or an upload would have made."""
    pass_weights: tuple[float, ...] = (0.5, 0.35, 0.15)
    """Probabilities of one, two, three further passes."""
    webp_share: float = 0.25
    jpeg_quality: tuple[int, int] = (60, 95)
    webp_quality: tuple[int, int] = (60, 90)
    subsampled_share: float = 0.8
    """Share of JPEG passes with 4:2:0 chroma; the others keep 4:4:4."""
    resize_share: float = 0.0
    """Share of images resized once, before the last pass."""
    resize_scale: tuple[float, float] = (0.7, 1.3)
    resize_floor: int = 224
    """Resizing never takes the shorter side below this, so that size says nothing about the class."""


ALIGNED = History()
"""For evaluation and calibration: recompressed, never resampled."""
AUGMENTED = History(resize_share=0.3)
"""For training: as `ALIGNED`, and some of the images resized on the way."""


def jpeg(pixels: PixelArray, quality: int, *, subsampled: bool = True) -> PixelArray:
    """`pixels` (H, W, 3) after one JPEG round trip; `subsampled` means 4:2:0 chroma."""
    return _round_trip(pixels, "JPEG", quality=quality, subsampling=2 if subsampled else 0)


def webp(pixels: PixelArray, quality: int) -> PixelArray:
    """`pixels` (H, W, 3) after one lossy WebP round trip."""
    return _round_trip(pixels, "WEBP", quality=quality, method=2)


def resize(pixels: PixelArray, scale: float, *, filter_: Image.Resampling = Image.Resampling.BICUBIC) -> PixelArray:
    """`pixels` (H, W, 3) resampled by `scale`, at least one pixel a side."""
    height, width = pixels.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(pixels).resize(size, filter_))


def shift_grid(pixels: PixelArray, right: int, down: int) -> PixelArray:
    """Mirror `right` columns and `down` rows in at the left and the top, so that the next pass meets another block grid.

    The caller cuts them off again; nothing of the picture is lost, which matters when it is as small as one view.
    """
    return np.pad(pixels, ((down, 0), (right, 0), (0, 0)), mode="symmetric")


def align(pixels: PixelArray, rng: np.random.Generator, *, lossless: bool, history: History = ALIGNED) -> PixelArray:
    """`pixels` after one encoding history drawn from `history`: the same distribution for both classes.

    Args:
        pixels: RGB, shape (H, W, 3).
        rng: All randomness; equal state gives equal pixels.
        lossless: Whether `pixels` were never lossy-coded, so that a first JPEG is owed.
        history: What to draw from.

    Returns:
        RGB of the same size, unless `history` resizes.
    """
    if lossless:
        quality = int(rng.integers(*history.first_jpeg_quality, endpoint=True))
        pixels = jpeg(pixels, quality, subsampled=bool(rng.random() < history.subsampled_share))
    passes = 1 + int(rng.choice(len(history.pass_weights), p=history.pass_weights))
    for index in range(passes):
        if index == passes - 1 and rng.random() < history.resize_share:
            pixels = _drawn_resize(pixels, rng, history)
        pixels = _drawn_pass(pixels, rng, history)
    return pixels


def _drawn_pass(pixels: PixelArray, rng: np.random.Generator, history: History) -> PixelArray:
    right, down = (int(offset) for offset in rng.integers(0, _GRID, size=2))
    shifted = shift_grid(pixels, right, down)
    if rng.random() < history.webp_share:
        coded = webp(shifted, int(rng.integers(*history.webp_quality, endpoint=True)))
    else:
        quality = int(rng.integers(*history.jpeg_quality, endpoint=True))
        coded = jpeg(shifted, quality, subsampled=bool(rng.random() < history.subsampled_share))
    return coded[down:, right:]


def _drawn_resize(pixels: PixelArray, rng: np.random.Generator, history: History) -> PixelArray:
    smallest, largest = history.resize_scale
    floor = min(1.0, history.resize_floor / min(pixels.shape[:2]))
    scale = float(rng.uniform(max(smallest, floor), largest))
    filters = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
    return resize(pixels, scale, filter_=filters[int(rng.integers(len(filters)))])


def _round_trip(pixels: PixelArray, codec: str, **options: int) -> PixelArray:
    coded = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(coded, codec, **options)
    return np.asarray(Image.open(coded).convert("RGB"))
