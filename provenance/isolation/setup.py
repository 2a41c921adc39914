"""What a parser builds before it is confined: examiners, by name, and everything they will ever import.

The parent says which, in plain data. A library that loads a part of itself when it is first needed would find every file out of
reach by then, so each road through the examiners is walked once, over small pictures made here.
"""

from __future__ import annotations

import codecs
import datetime
import importlib
import io
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from provenance.pixels import MAX_ASSET_PIXELS
from provenance.trust.revocation import Revocations
from provenance.trust.store import TrustStore

if TYPE_CHECKING:
    from provenance.evidence import Examiner

EXAMINERS: Final = ("c2pa", "marks", "pixel-marks")
"""Examiners that parse the asset's bytes, and therefore live in parsers."""
_TEXT_ENCODINGS: Final = (
    "ascii",
    "latin-1",
    "utf-8",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "shift_jis",
    "cp1252",
    "idna",
)
"""Those that readers of metadata use; Python loads each when it is first asked for."""


_LOADED_LATE: Final = (
    "cryptography.hazmat.backends.openssl.backend",
    "PIL.ImageCms",
    "PIL.ImageColor",
    "PIL.ImageFilter",
    "PIL.ImagePalette",
)
"""Modules that libraries load within functions."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What parsers are built with."""

    examiners: tuple[str, ...]
    """Some of `EXAMINERS`, in the order they look."""
    trust: TrustStore
    revocations: Revocations = field(default_factory=Revocations)
    """The operator's own list."""
    at: datetime.datetime | None = None
    """Time credentials must be valid at; None: that of each look."""
    max_pixels: int = MAX_ASSET_PIXELS


def build(setup: Setup, *, sidecar: bytes | None = None) -> Mapping[str, Examiner]:
    """The examiners of `setup`, by name; with a `sidecar`, a manifest that came beside the asset."""
    from provenance.metadata.marks import MarksExaminer
    from provenance.metadata.pixel_marks import PixelMarksExaminer
    from provenance.reader import C2paExaminer

    builders: dict[str, Callable[[], Examiner]] = {
        "c2pa": lambda: C2paExaminer(setup.trust, sidecar=sidecar, at=setup.at, revocations=setup.revocations),
        "marks": MarksExaminer,
        "pixel-marks": lambda: PixelMarksExaminer(max_pixels=setup.max_pixels),
    }
    return {name: builders[name]() for name in setup.examiners}


def warm(examiners: Mapping[str, Examiner]) -> None:
    """Load whatever looking at an asset will need."""
    import traceback

    from PIL import Image

    from provenance.asset import Asset
    from provenance.errors import AssetError
    from provenance.pixels import decode

    for name in _LOADED_LATE:
        importlib.import_module(name)
    for name in _TEXT_ENCODINGS:
        codecs.lookup(name)
    datetime.datetime.strptime("2026+0000", "%Y%z")
    _ = traceback.format_exc()
    Image.init()
    for data in _pictures():
        asset = Asset.from_bytes(data)
        decode(asset)
        for examiner in examiners.values():
            with suppress(AssetError):  # limits may be set so low that even these are too large
                examiner.examine(asset)


def _pictures() -> list[bytes]:
    import pillow_heif
    from PIL import Image, PngImagePlugin

    image = Image.new("RGB", (16, 16), (120, 130, 140))
    found = []
    for name in ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "AVIF"):
        if name in Image.SAVE:
            out = io.BytesIO()
            image.save(out, name)
            found.append(out.getvalue())
    pillow_heif.register_heif_opener()
    out = io.BytesIO()
    image.save(out, "HEIF")
    signed = PngImagePlugin.PngInfo()
    signed.add_text("Comment", json.dumps({"signed_hash": "AAAA"}))  # as NovelAI writes it
    transparent = io.BytesIO()
    Image.new("RGBA", (256, 256), (9, 9, 9, 254)).save(transparent, "PNG", pnginfo=signed)
    return [*found, out.getvalue(), transparent.getvalue()]
