"""PNG encoders: time and bytes against Pillow's fastest level, on the same pictures in one run.

    python -m benchmarks.png_encoders --pictures DIR [--pictures DIR ...] [--count N] [--sizes 512 1024] [--out FILE]

Candidates that are not installed are named and left out; OpenCV, imagecodecs, pyvips, fpng and deflate are no dependencies of
Assay, so measure in an environment of its own. Pictures are montages of full-resolution crops, so that the finest detail is
a camera's or a generator's and not a resampler's. Every encoder's output is decoded and compared before it is timed.
"""

from __future__ import annotations

import argparse
import importlib
import io
import statistics
import struct
import time
import zlib
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from benchmarks.machine import publish
from provenance.metadata.png_encoding import encode_png
from provenance.pixels import PixelArray

Encode = Callable[[PixelArray], bytes]
_BASELINE: Final = "Pillow level 1"
_TILE: Final = 128  # pixels; the smallest pictures here have 128


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, action="append", required=True, help="folder; searched through")
    parser.add_argument("--count", type=int, default=12, help="montages of each size and folder")
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024], help="pixels a side")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    encoders, missing = _encoders()
    result: dict[str, Any] = {"baseline": _BASELINE, "not_installed": missing}
    for folder in options.pictures:
        for size in options.sizes:
            pictures = _montages(folder, size, options.count)
            result[f"{folder.name} {size} px"] = _measured(encoders, pictures)
    publish("png_encoders", result, options.out)


def _measured(encoders: dict[str, Encode], pictures: Sequence[PixelArray]) -> dict[str, Any]:
    seconds: dict[str, list[float]] = {name: [] for name in encoders}
    sizes = dict.fromkeys(encoders, 0)
    for name, encode in encoders.items():
        with Image.open(io.BytesIO(encode(pictures[0]))) as image:
            if not np.array_equal(np.asarray(image.convert("RGB")), pictures[0]):
                raise SystemExit(f"{name} does not keep the pixels")
    for picture in pictures:
        for name, encode in encoders.items():
            begun = time.perf_counter()
            sizes[name] += len(encode(picture))
            seconds[name].append(time.perf_counter() - begun)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        name: {
            "n": len(pictures),
            "median_ms": round(medians[name] * 1e3, 2),
            "times_as_fast": round(medians[_BASELINE] / medians[name], 2),
            "bytes_ratio": round(sizes[name] / sizes[_BASELINE], 3),
        }
        for name in sorted(medians, key=medians.__getitem__)
    }


def _montages(folder: Path, size: int, count: int) -> list[PixelArray]:
    """RGB, shape (size, size, 3) each: tiles of full-resolution crops, every file used once."""
    files = iter(sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".png", ".webp")))
    montages = []
    for _ in range(count):
        canvas = np.empty((size, size, 3), np.uint8)
        for top in range(0, size, 2 * _TILE):
            for left in range(0, size, 2 * _TILE):
                canvas[top : top + 2 * _TILE, left : left + 2 * _TILE] = _crop(files, 2 * _TILE)
        montages.append(canvas)
    return montages


def _crop(files: Any, side: int) -> PixelArray:  # noqa: ANN401  # an iterator that the montages share
    for path in files:
        with Image.open(path) as image:
            if min(image.size) >= side:
                return np.asarray(image.convert("RGB"))[:side, :side]
    raise SystemExit("not enough pictures for so many montages")


def _encoders() -> tuple[dict[str, Encode], list[str]]:
    found: dict[str, Encode] = {
        "Pillow default": _pillow(),
        _BASELINE: _pillow(compress_level=1),
        "Pillow level 1, RLE": _pillow(compress_level=1, compress_type=3),
        "Assay (Up filter, ISA-L level 2)": encode_png,
        "Up filter, zlib RLE (standard library)": _up_filtered(_zlib_rle),
    }
    missing = []
    for module, add in (
        ("cv2", _opencv),
        ("imagecodecs", _imagecodecs),
        ("pyvips", _vips),
        ("fpng", _fpng),
        ("deflate", _deflate),
    ):
        try:
            found |= add(importlib.import_module(module))
        except ImportError:
            missing.append(module)
    return found, missing


def _pillow(**options: int) -> Encode:
    def encode(pixels: PixelArray) -> bytes:
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "PNG", **options)
        return out.getvalue()

    return encode


def _opencv(cv2: Any) -> dict[str, Encode]:  # noqa: ANN401  # not a dependency, no types
    def encoder(*options: int) -> Encode:
        return lambda pixels: bytes(cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), list(options))[1])

    level_one = (cv2.IMWRITE_PNG_COMPRESSION, 1)
    rle = (cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE)
    name = f"OpenCV {version('opencv-python-headless')}"
    return {f"{name} default": encoder(), f"{name} level 1, RLE": encoder(*level_one, *rle)}


def _imagecodecs(codecs: Any) -> dict[str, Encode]:  # noqa: ANN401
    name = f"imagecodecs {version('imagecodecs')}"
    return {
        f"{name} libpng level 1": lambda pixels: bytes(codecs.png_encode(pixels, level=1)),
        f"{name} libspng level 1": lambda pixels: bytes(codecs.spng_encode(pixels, level=1)),
    }


def _vips(pyvips: Any) -> dict[str, Encode]:  # noqa: ANN401
    def encode(pixels: PixelArray) -> bytes:
        return bytes(pyvips.Image.new_from_array(pixels).pngsave_buffer(compression=1, filter=0xF8))

    return {f"pyvips {version('pyvips')} level 1, all filters": encode}


def _fpng(fpng: Any) -> dict[str, Encode]:  # noqa: ANN401
    return {f"fpng {version('fpng')}": lambda pixels: bytes(fpng.from_ndarray(pixels))}


def _deflate(deflate: Any) -> dict[str, Encode]:  # noqa: ANN401
    compressed: Callable[[bytes], bytes] = lambda rows: bytes(deflate.zlib_compress(rows, 1))  # noqa: E731
    return {f"Up filter, libdeflate level 1 (deflate {version('deflate')})": _up_filtered(compressed)}


def _zlib_rle(rows: bytes) -> bytes:
    compressor = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
    return compressor.compress(rows) + compressor.flush()


def _up_filtered(compress: Callable[[bytes], bytes]) -> Encode:
    """The same writer as Assay's, around another compressor."""

    def encode(pixels: PixelArray) -> bytes:
        height, width, _ = pixels.shape
        rows = pixels.reshape(height, -1)
        filtered = np.full((height, 1 + rows.shape[1]), 2, np.uint8)
        filtered[0, 1:] = rows[0]
        np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        chunks = [(b"IHDR", header), (b"IDAT", compress(filtered.tobytes())), (b"IEND", b"")]
        parts = [struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(c, zlib.crc32(n))) for n, c in chunks]
        return b"\x89PNG\r\n\x1a\n" + b"".join(parts)

    return encode


if __name__ == "__main__":
    main()
