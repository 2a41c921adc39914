"""Small pictures in every format and pixel layout Assay takes, and a few it must refuse."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image

from provenance.asset import Asset
from provenance.pixels import PixelArray

pillow_heif.register_heif_opener()

WIDTH, HEIGHT = 64, 48
_ENCODERS: dict[str, tuple[str, dict[str, Any]]] = {
    "image/png": ("PNG", {}),
    "image/jpeg": ("JPEG", {"quality": 92}),
    "image/webp": ("WEBP", {"lossless": True}),
    "image/avif": ("AVIF", {"quality": 90, "speed": 10}),
    "image/heic": ("HEIF", {"quality": 90}),
    "image/tiff": ("TIFF", {}),
    "image/gif": ("GIF", {}),
}


@cache
def picture(width: int = WIDTH, height: int = HEIGHT, seed: int = 0) -> PixelArray:
    """A colour ramp with noise, so that no two rows, columns or corners are alike. Shape (height, width, 3)."""
    rng = np.random.default_rng(seed)
    ramp = np.stack(
        [
            np.tile(np.linspace(0, 220, width), (height, 1)),
            np.tile(np.linspace(0, 220, height)[:, None], (1, width)),
            np.full((height, width), 90.0 + 10 * (seed % 8)),
        ],
        axis=-1,
    )
    pixels = (ramp + rng.integers(0, 32, ramp.shape)).clip(0, 255).astype(np.uint8)
    pixels.setflags(write=False)
    return pixels


@cache
def encoded(media_type: str = "image/png", seed: int = 0) -> Asset:
    """`picture` in one of seven formats, unsigned and without metadata."""
    name, options = _ENCODERS[media_type]
    return Asset.from_bytes(saved(Image.fromarray(picture(seed=seed)), name, **options))


def saved(image: Image.Image, name: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, name, **options)
    return out.getvalue()


def animated(name: str) -> bytes:
    """Two different frames, as "PNG" (APNG), "GIF" or "WEBP"."""
    frames = [Image.fromarray(picture(seed=seed)) for seed in (0, 1)]
    return saved(frames[0], name, save_all=True, append_images=frames[1:], duration=100)


def multi_picture_jpeg() -> bytes:
    """A phone's JPEG: the still that is meant, and a second picture behind it (MPO)."""
    frames = [Image.fromarray(picture(seed=seed)) for seed in (0, 1)]
    return saved(frames[0], "MPO", save_all=True, append_images=frames[1:])


def png_of(
    *, width: int, height: int, bit_depth: int, colour_type: int, rows: bytes, extra: tuple[tuple[bytes, bytes], ...] = ()
) -> bytes:
    """A PNG written by hand, for layouts Pillow does not write. `rows` starts each line with filter byte 0."""
    header = struct.pack(">IIBBBBB", width, height, bit_depth, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, data) for name, data in chunks)


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_announcing(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header announces any size: a decompression bomb, were it believed."""
    return png_of(width=width, height=height, bit_depth=8, colour_type=2, rows=b"\x00" * 16)
