"""Pixels of an asset at another size: upright, in colours and transparency as they were.

Shrinking is Lanczos; a JPEG that is far too large is decoded at a half, a quarter or an eighth by its own transform first. RGB
pixels keep their colour profile; grey and CMYK ones, whose profile would not fit RGB pixels, are converted to sRGB through it.
16 bits become 8, and of a phone's multi-picture JPEG the still is taken without its gain map: the result is the picture in
standard range.

Source: Pillow; ICC.1:2022 through Little CMS.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from PIL import Image, ImageCms, ImageOps

from provenance.asset import Asset
from provenance.errors import AssayError, AssetUnreadable
from provenance.pixels import MAX_ASSET_PIXELS, PixelArray, decoding_turn, open_image, to_rgb

_ORIENTATION: Final = 0x0112
_SIDEWAYS: Final = frozenset({5, 6, 7, 8})
"""EXIF orientations that swap width and height."""
_TRANSPARENT: Final = frozenset({"LA", "PA", "RGBA", "La", "RGBa"})
_SHRUNK_AHEAD: Final = 2
"""How much larger than wanted a JPEG may come from its own transform: below twice, Lanczos would have too little to work on."""


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Rendition:
    """A picture at the size asked for."""

    pixels: PixelArray
    """uint8, shape (height, width, 3), or (height, width, 4) with alpha that is not 255 everywhere."""
    icc_profile: bytes | None
    """Colour profile the pixels are in; none: sRGB, or nothing was said."""
    source_size: Size
    """Of the asset, upright."""
    flattened: bool
    """Whether transparency was laid on white, because there was no room for it."""

    @property
    def size(self) -> Size:
        """Of the picture as it is now."""
        return Size(self.pixels.shape[1], self.pixels.shape[0])


def render(asset: Asset, fit: Callable[[Size], Size], *, transparency: bool, max_pixels: int = MAX_ASSET_PIXELS) -> Rendition:
    """`asset` decoded, upright, at the size that `fit` makes of its own.

    Args:
        asset: A still image.
        fit: From the upright size of the asset to the size wanted; what it raises of `provenance.errors` is passed on.
        transparency: Whether the result may have an alpha channel; otherwise it is laid on white.
        max_pixels: Limit of decoded pixels.

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
            source_size, wanted = _sizes(image, fit)
            image.draft(image.mode, (_SHRUNK_AHEAD * wanted.width, _SHRUNK_AHEAD * wanted.height))
            image.load()
            coloured, profile = _in_rgb(image)
            if coloured.size != wanted:
                coloured = coloured.resize(wanted, Image.Resampling.LANCZOS)
            _keep_orientation(image, coloured)
            ImageOps.exif_transpose(coloured, in_place=True)
            opaque = coloured.mode == "RGB" or coloured.getchannel("A").getextrema() == (255, 255)
            flattened = not opaque and not transparency
            if coloured.mode == "RGBA" and (opaque or flattened):
                coloured = coloured.convert("RGB") if opaque else to_rgb(coloured)
            pixels = np.asarray(coloured, dtype=np.uint8)
    except (MemoryError, AssayError):  # the latter from `fit`
        raise
    except Exception as err:  # Pillow's plug-ins raise OSError, ValueError, SyntaxError, struct.error and more
        raise AssetUnreadable(f"could not decode this {asset.media_type}: {err}") from err
    return Rendition(pixels, profile, source_size, flattened)


def _sizes(image: Image.Image, fit: Callable[[Size], Size]) -> tuple[Size, Size]:
    """The upright size of the asset, and the size wanted as it lies in the file."""
    sideways = image.getexif().get(_ORIENTATION) in _SIDEWAYS
    upright = Size(*image.size[::-1]) if sideways else Size(*image.size)
    wanted = fit(upright)
    return upright, Size(wanted.height, wanted.width) if sideways else wanted


def _keep_orientation(image: Image.Image, made: Image.Image) -> None:
    exif = Image.Exif()
    exif[_ORIENTATION] = image.getexif().get(_ORIENTATION, 1)
    made.info = {"exif": exif.tobytes()}


def _in_rgb(image: Image.Image) -> tuple[Image.Image, bytes | None]:
    """RGB or RGBA, and the profile it is in."""
    embedded = image.info.get("icc_profile")
    space = _colour_space(embedded)
    if space == "RGB":
        return _expanded(image), embedded
    grey = space == "GRAY" and image.mode in ("L", "LA", "1", "I;16", "I;16B", "I;16L")
    if embedded and (grey or (space == "CMYK" and image.mode == "CMYK")):
        plain = image
        if grey:
            plain = image.getchannel("L") if image.mode == "LA" else to_rgb(image).convert("L")
        try:
            converted = ImageCms.profileToProfile(plain, io.BytesIO(embedded), ImageCms.createProfile("sRGB"), outputMode="RGB")
        except ImageCms.PyCMSError:
            converted = None  # a profile that cannot be used says nothing
        if converted is not None:
            if image.mode == "LA":
                converted.putalpha(image.getchannel("A"))
            return converted, None
    return _expanded(image), None


def _expanded(image: Image.Image) -> Image.Image:
    if image.mode in ("RGB", "RGBA") and "transparency" not in image.info:
        return image
    if image.mode in _TRANSPARENT or ("transparency" in image.info and not image.mode.startswith("I")):
        return image.convert("RGBA")
    return to_rgb(image)


def _colour_space(profile: bytes | None) -> str | None:
    if not profile:
        return None
    try:
        return str(ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.xcolor_space).strip()
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None
