"""What comes out of a stamped pipeline: assets first, and pictures that keep their stamp when they are saved.

`pipeline(...).images[0].save("fox.png")` is the line everybody writes. On an ordinary PIL image it encodes the pixels anew and
the stamp is gone; a `StampedImage` writes the stamped bytes instead, or refuses. Its derivatives (`copy`, `resize`, `crop`) are
ordinary images and carry no stamp.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Final

import numpy as np
from PIL import Image

from provenance.asset import Asset
from provenance.errors import PipelineRefused, StorageError
from provenance.generation import GenerationRecord
from provenance.pipelines.libraries import Foreign
from provenance.pixels import decode

_FORMATS: Final = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/avif": "AVIF",
    "image/tiff": "TIFF",
    "image/heic": "HEIF",
    "image/heif": "HEIF",
    "image/gif": "GIF",
}


class StampedImage(Image.Image):
    """A picture decoded from a stamped asset; RGB, upright.

    Raises:
        AssetError: The asset does not decode.
    """

    def __init__(self, asset: Asset) -> None:
        super().__init__()
        picture = Image.fromarray(decode(asset))
        self.asset: Final = asset
        self.im = picture.im
        self._mode = picture.mode
        self._size = picture.size
        self.format = _FORMATS[asset.media_type]

    def __reduce__(self) -> tuple[object, ...]:
        # Pixels alone would arrive without the stamp.
        return (Image.fromarray, (np.asarray(self),)) if self.modified else (StampedImage, (self.asset,))

    @property
    def modified(self) -> bool:
        """Whether the pixels were changed in place since: the stamp is then of another picture."""
        return not np.array_equal(np.asarray(self), decode(self.asset))

    def save(
        self, fp: str | bytes | os.PathLike[str] | os.PathLike[bytes] | IO[bytes], format: str | None = None, **_: Foreign
    ) -> None:
        """Write the stamped bytes as they are; encoding options have no effect.

        Raises:
            PipelineRefused: The format asked for is another than the stamped one, or the pixels were changed: encoding anew
                would drop the stamp. `copy()` gives an ordinary image.
            StorageError: The file could not be written; nothing is left of it.
        """
        path = Path(os.fsdecode(fp)) if isinstance(fp, str | bytes | os.PathLike) else None
        wanted = (format or self._format_of(path)).upper()
        if wanted != self.format:
            raise PipelineRefused(
                f"saving as {wanted} would drop the stamp of this {self.format}: stamp with that media_type instead"
            )
        if self.modified:
            raise PipelineRefused("the pixels were changed after stamping: copy() gives an ordinary image, without a stamp")
        if path is None:
            fp.write(self.asset.data)  # type: ignore[union-attr]  # not a path, so a file
            return
        try:
            path.write_bytes(self.asset.data)
        except OSError as err:
            if path.is_file():
                path.unlink()
            raise StorageError(f"could not write {path}: {err}") from err

    def _format_of(self, path: Path | None) -> str:
        if path is None:
            return str(self.format)
        return Image.registered_extensions().get(path.suffix.lower(), path.suffix.lstrip(".") or "a file without suffix")


@dataclass(frozen=True)
class StampedImages:
    """The stamped pictures of one call, in the order of the pipeline."""

    assets: tuple[Asset, ...]
    """What to keep, send and publish."""
    records: tuple[GenerationRecord, ...]
    """What is known of each; the stamper declares it under its prompt rule."""
    nsfw_content_detected: tuple[bool, ...] | None
    """What the pipeline's safety checker said of each (a flagged picture is black); None without a checker."""

    @cached_property
    def images(self) -> list[StampedImage]:
        """The pictures, decoded from the stamped bytes when first asked for."""
        return [StampedImage(asset) for asset in self.assets]

    def __len__(self) -> int:
        return len(self.assets)
