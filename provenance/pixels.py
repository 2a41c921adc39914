"""Decode an asset to RGB once, within limits, the same way for everyone who looks at pixels.

Orientation from EXIF is applied, palettes and grey are expanded, 16-bit is scaled to 8-bit, CMYK is converted without colour
management, alpha is composited on white. Nothing is resampled. Animations are refused: no frame stands for the others.

A few kilobytes may announce 50 megapixels, so memory is spent once: rows are converted a strip at a time into the array that is
returned, and large images are decoded one at a time in a process.

Source: Pillow's decoders; HEIC through pillow-heif (libheif).
"""

from __future__ import annotations

import io
import threading
import warnings
from contextlib import AbstractContextManager, nullcontext
from typing import TypeAlias

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from provenance.asset import Asset
from provenance.errors import AssetAnimated, AssetUnreadable, AssetUnsupported, PixelsTooMany

MAX_ASSET_PIXELS = 50_000_000
"""Default limit of decoded pixels (width times height). RGB is 3 bytes a pixel: 150 MB."""

LARGE_IMAGE_PIXELS = 12_000_000
"""Images with more pixels take turns: beside its array, decoding needs up to 8 bytes a pixel for a moment."""
_STRIP_PIXELS = 2_000_000

PixelArray: TypeAlias = NDArray[np.uint8]
"""RGB pixels, shape (height, width, 3), 0 to 255; those of `decode` are read-only."""

_PILLOW_FORMATS = {
    "image/png": ("PNG",),
    "image/jpeg": ("JPEG",),  # which opens multi-picture files as well; "MPO" is no decoder of its own
    "image/webp": ("WEBP",),
    "image/avif": ("AVIF",),
    "image/heic": ("HEIF",),
    "image/heif": ("HEIF", "AVIF"),
    "image/tiff": ("TIFF",),
    "image/gif": ("GIF",),
}
_heif_lock = threading.Lock()
_large_image_lock = threading.Lock()


def decode(asset: Asset, *, max_pixels: int = MAX_ASSET_PIXELS) -> PixelArray:
    """RGB pixels of `asset`, upright, shape (height, width, 3).

    Raises:
        AssetUnsupported: It is a sound or a film.
        PixelsTooMany: The header announces more than `max_pixels`; nothing is decoded then.
        AssetAnimated: There is more than one frame.
        AssetUnreadable: The decoder refused, for example because the file is truncated.
    """
    image = open_image(asset, max_pixels=max_pixels)
    try:
        with decoding_turn(image.width * image.height), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ImageOps.exif_transpose(image, in_place=True)
            return _rgb_array(image)
    except MemoryError:
        raise
    except Exception as err:  # Pillow's plug-ins raise OSError, ValueError, SyntaxError, struct.error and more
        raise AssetUnreadable(f"could not decode this {asset.media_type}: {err}") from err


def decoding_turn(pixels: int) -> AbstractContextManager[object]:
    """Held while an image of so many pixels is decoded: large ones take turns."""
    return _large_image_lock if pixels > LARGE_IMAGE_PIXELS else nullcontext()


def open_image(asset: Asset, *, max_pixels: int = MAX_ASSET_PIXELS) -> Image.Image:
    """The asset opened by the decoder of its own media type only, its header checked and no pixel decoded.

    Raises:
        AssetUnsupported: It is a sound or a film.
        PixelsTooMany: The header announces more than `max_pixels`.
        AssetAnimated: There is more than one frame.
        AssetUnreadable: The header cannot be read.
    """
    if not asset.has_pixels:
        raise AssetUnsupported(f"{asset.media_type} is no still image: there are no pixels to decode")
    _register_heif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # size is checked below, against our own limit
            image = Image.open(io.BytesIO(asset.data), formats=_PILLOW_FORMATS[asset.media_type])
            # Counting walks the file. A phone's multi-picture JPEG has a gain map or a depth picture beside the still meant.
            frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    except MemoryError:
        raise
    except Image.DecompressionBombError as err:
        raise PixelsTooMany(f"{err}; the limit is {max_pixels}") from err
    except UnidentifiedImageError as err:  # whose own message is the address of a buffer
        raise AssetUnreadable(f"no decoder recognises this {asset.media_type}") from err
    except Exception as err:  # Pillow's plug-ins raise OSError, RuntimeError, TypeError, IndexError and more
        raise AssetUnreadable(f"could not read the header of this {asset.media_type}: {err}") from err
    width, height = image.size
    if width * height > max_pixels:
        raise PixelsTooMany(f"the image has {width} x {height} pixels, the limit is {max_pixels} in all")
    if frames > 1:
        raise AssetAnimated(f"the image has {frames} frames, one is taken")
    return image


def _rgb_array(image: Image.Image) -> PixelArray:
    # Every conversion is pixel by pixel. Whole, a 50-megapixel RGBA picture passed through five copies and peaked at 1.1 GB.
    width, height = image.size
    pixels = np.empty((height, width, 3), dtype=np.uint8)
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        pixels[top:bottom] = np.asarray(to_rgb(image.crop((0, top, width, bottom))), dtype=np.uint8)
    pixels.flags.writeable = False
    return pixels


def to_rgb(image: Image.Image) -> Image.Image:
    """`image` in 8-bit RGB: transparency laid on white, 16 bits scaled to 8.

    Raises:
        ValueError: Its pixels are 32-bit, which have no stated range.
    """
    keyed = "transparency" in image.info
    if image.mode == "RGB" and not keyed:
        return image
    if image.mode.startswith("I;16"):
        # 65535 / 255 = 257 exactly, so that black and white stay black and white.
        values = np.asarray(image).astype(np.uint16)
        grey = (values // 257).astype(np.uint8)
        if keyed:
            grey[values == image.info["transparency"]] = 255
        return Image.fromarray(grey).convert("RGB")
    if image.mode in ("I", "F"):
        raise ValueError("32-bit pixels have no stated range")
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or keyed:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _register_heif() -> None:
    with _heif_lock:
        if "HEIF" not in Image.OPEN:
            pillow_heif.register_heif_opener()
