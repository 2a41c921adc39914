"""Varied stamped images: every format, pixel layout, size, road and parentage that `Stamper` takes, the same ones for a seed.

Photographs are read from a folder if one is given; the rest is painted. Which image gets what is a fixed rota, so that two runs
differ in keys and times only.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import pillow_heif
from PIL import Image, ImageFilter

from provenance.asset import Asset
from provenance.generation import GenerationMode, GenerationRecord, SafetyResult
from provenance.pixels import PixelArray
from provenance.stamp import Stamper

SIZES: Final = ((512, 512), (1024, 768), (320, 320), (257, 131), (64, 48), (17, 33), (768, 1024), (1, 1), (640, 480))
"""Width and height in pixels; odd and tiny ones among them."""
ROADS: Final = ("pixels", "asset", "edit of a plain image", "edit of a stamped image", "two parents", "stamped again")
_ENCODERS: Final[dict[str, tuple[tuple[str, str, dict[str, Any]], ...]]] = {
    "image/png": (("RGB", "PNG", {}), ("L", "PNG", {}), ("P", "PNG", {}), ("RGBA", "PNG", {}), ("I;16", "PNG", {})),
    "image/jpeg": (
        ("RGB", "JPEG", {"quality": 92}),
        ("RGB", "JPEG", {"quality": 80, "progressive": True}),
        ("L", "JPEG", {"quality": 90}),
        ("CMYK", "JPEG", {"quality": 90}),
    ),
    "image/webp": (("RGB", "WEBP", {}), ("RGBA", "WEBP", {"lossless": True}), ("RGB", "WEBP", {"lossless": True})),
    "image/avif": (("RGB", "AVIF", {"speed": 10}), ("RGBA", "AVIF", {"speed": 10})),
    "image/heic": (("RGB", "HEIF", {}), ("RGBA", "HEIF", {})),
    "image/tiff": (("RGB", "TIFF", {}), ("L", "TIFF", {"compression": "tiff_lzw"}), ("RGBA", "TIFF", {})),
}
_MODES: Final = (GenerationMode.IMAGE_TO_IMAGE, GenerationMode.INPAINTING, GenerationMode.UPSCALING)
_PROMPTS: Final = ("a lighthouse at dusk", "Ein Ölgemälde, 雪の灯台, מגדלור 🗼", "x" * 4000, None)


@dataclass(frozen=True, slots=True)
class VariedImage:
    """A stamped image and what is special about it."""

    asset: Asset
    traits: str
    """Such as "L PNG 17x33, edit of a plain image, inpainting"."""


def stamped_images(stamper: Stamper, count: int, *, photographs: Sequence[Path] = (), seed: int = 0) -> Iterator[VariedImage]:
    """`count` stamped images, the formats in turn."""
    pillow_heif.register_heif_opener()
    rng = np.random.default_rng(seed)
    files = cycle(photographs) if photographs else None
    rota = ((layout, road) for road in cycle(ROADS) for layout in _one_of_each_format(rng))
    for number, ((media_type, (mode, name, options)), road) in enumerate(islice(rota, count)):
        width, height = SIZES[number % len(SIZES)] if name != "HEIF" else SIZES[number % 5]  # its encoder wants 16 px
        picture = _photograph(next(files), width, height) if files and number % 2 else painted(width, height, rng)
        source = Asset.from_bytes(_saved(picture, mode, name, options))
        parents = _parents(road, stamper, picture)
        record = _record(number, parents)
        if road == "pixels":
            asset = stamper.stamp(np.asarray(picture), record, media_type=media_type)
            layout = f"RGB {media_type}"
        else:
            asset, layout = stamper.stamp_asset(source, record), f"{mode} {name}"
        if road == "stamped again":
            asset = stamper.stamp_asset(asset, _record(number + 1, ()))
        yield VariedImage(asset, f"{layout} {width}x{height} {options}, {road}, {record.mode}")


def painted(width: int, height: int, rng: np.random.Generator) -> Image.Image:
    """Smooth colour with some grain: neither flat nor noise."""
    coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    grain = rng.normal(0, 4, (height, width, 3))
    smooth = np.asarray(coarse.filter(ImageFilter.GaussianBlur(2)), dtype=np.float64)
    return Image.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8))


def _one_of_each_format(rng: np.random.Generator) -> list[tuple[str, tuple[str, str, dict[str, Any]]]]:
    return [(media_type, layouts[rng.integers(len(layouts))]) for media_type, layouts in _ENCODERS.items()]


def _photograph(path: Path, width: int, height: int) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)


def _saved(picture: Image.Image, mode: str, name: str, options: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    grey = picture.convert("L")
    converted = Image.fromarray(np.asarray(grey).astype(np.uint16) << 8) if mode == "I;16" else picture.convert(mode)
    converted.save(out, name, **options)
    return out.getvalue()


def _parents(road: str, stamper: Stamper, picture: Image.Image) -> tuple[Asset, ...]:
    plain = Asset.from_bytes(_saved(picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "RGB", "JPEG", {}))
    if road == "edit of a plain image":
        return (plain,)
    if road == "edit of a stamped image":
        return (stamper.stamp_asset(plain, _record(0, ())),)
    if road == "two parents":
        return stamper.stamp_asset(plain, _record(0, ())), Asset.from_bytes(_saved(picture, "RGB", "PNG", {}))
    return ()


def _record(number: int, parents: tuple[Asset, ...]) -> GenerationRecord:
    return GenerationRecord(
        model="example/model",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        mode=_MODES[number % 3] if parents else GenerationMode.TEXT_TO_IMAGE,
        provider="Example Studio",
        model_version="1.0",
        model_sha256="ab" * 32,
        prompt=_PROMPTS[number % 4],
        seed=number,
        parameters={"steps": 4, "guidance_scale": 7.5},
        safety=SafetyResult(checked=True, flagged=False),
        parents=parents,
    )


def pixels_of(picture: Image.Image) -> PixelArray:
    """RGB, shape (height, width, 3)."""
    return np.asarray(picture.convert("RGB"))
