"""How well a correlation of luminance tells a picture's own thumbnail from another's.

    python -m benchmarks.thumbnail_likeness --pictures FOLDER [--count N] [--out FILE]

Each picture gets a thumbnail of 160 to 1024 px at JPEG quality 40 to 90, both at random from a seed; it is compared with its
own picture and with 25 others. The claim: at the threshold in force no right thumbnail is called another's, and at most 2 in
1,000 of others' pass for right.
"""

from __future__ import annotations

import argparse
import io
import random
import statistics
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from benchmarks.machine import publish
from provenance.asset import Asset
from provenance.validation.thumbnails import SAME_PICTURE, likeness

_OTHERS = 25


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--pictures", type=Path, required=True)
    arguments.add_argument("--count", type=int, default=400)
    arguments.add_argument("--out", type=Path)
    options = arguments.parse_args()
    paths = sorted(path for path in options.pictures.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))
    publish("thumbnail_likeness", _measure(paths, options.count), options.out)


def _measure(paths: list[Path], count: int) -> dict[str, Any]:
    rng = random.Random(0)  # noqa: S311  # a choice of pictures, no secret
    assets = [Asset.from_bytes(path.read_bytes()) for path in rng.sample(paths, min(count, len(paths)))]
    thumbnails = [_thumbnail(asset, rng.choice([160, 256, 512, 1024]), rng.randint(40, 90)) for asset in assets]
    right = [likeness(asset, thumbnail) for asset, thumbnail in zip(assets, thumbnails, strict=True)]
    pairs = [(i, j) for i in range(len(assets)) for j in rng.sample(range(len(assets)), min(_OTHERS, len(assets))) if i != j]
    # Only pictures of one shape are compared at all, as in a check.
    wrong = [likeness(assets[i], thumbnails[j]) for i, j in pairs]
    own = [value for value in right if value is not None]
    others = [value for value in wrong if value is not None]
    return {
        "pictures": len(assets),
        "threshold": SAME_PICTURE,
        "right": {
            "compared": len(own),
            "lowest": min(own),
            "median": statistics.median(own),
            "called_another": sum(value < SAME_PICTURE for value in own),
        },
        "others": {
            "pairs": len(pairs),
            "compared": len(others),
            "highest": max(others),
            "passing": sum(value >= SAME_PICTURE for value in others),
        },
    }


def _thumbnail(asset: Asset, size: int, quality: int) -> bytes:
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(asset.data)).convert("RGB"))
    image.thumbnail((size, size))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


if __name__ == "__main__":
    main()
