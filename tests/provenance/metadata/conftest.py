"""Small pictures, records and containers for the metadata tests."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from provenance.generation import GenerationRecord
from provenance.pixels import PixelArray

pillow_heif.register_heif_opener()


@pytest.fixture(scope="session")
def pixels() -> PixelArray:
    rows, columns = np.mgrid[0:48, 0:64]
    picture = np.stack([rows * 5, columns * 3, rows + columns], axis=-1)
    return (picture % 256).astype(np.uint8)


@pytest.fixture
def record() -> GenerationRecord:
    return GenerationRecord(
        model="acme/model-1",
        created_at=datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC),
        model_version="1.2",
        model_sha256="ab" * 32,
        prompt="a lighthouse, dusk",
        negative_prompt="blurry",
        seed=7,
        scheduler="EulerDiscreteScheduler",
        parameters={"steps": 20, "guidance_scale": 7.5, "width": 64, "height": 48},
    )


@pytest.fixture(scope="session")
def plain(pixels: PixelArray) -> dict[str, bytes]:
    """The picture in every format that takes metadata, with none in it, as other software writes it."""
    image = Image.fromarray(pixels)
    made = {}
    for media_type, name, options in [
        ("image/png", "PNG", {}),
        ("image/jpeg", "JPEG", {"quality": 90}),
        ("image/webp", "WEBP", {"quality": 80}),
        ("image/avif", "AVIF", {"speed": 10}),
        ("image/heic", "HEIF", {"enc_params": {"preset": "ultrafast"}}),
        ("image/tiff", "TIFF", {"compression": "tiff_adobe_deflate"}),
    ]:
        out = io.BytesIO()
        image.save(out, name, **options)
        made[media_type] = out.getvalue()
    return made
