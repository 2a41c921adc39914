"""How often marks in pixels are found where they are, and where they are not, and what looking costs.

    python -m benchmarks.pixel_marks --material DIR [--marked N] [--out FILE]

`DIR` holds `data/images_dev/manifest.csv`. Unmarked: every photograph of at least 256 x 256 pixels, as it is, mirrored, and
resized to 512 x 512 with another filter than any encoder used; its agreement with each message is the better of the two ways to
read it. Marked: photographs that carry each message, embedded both ways and saved in several formats, read by Assay and, for
comparison, by counting hard bits as the original decoder does. The survey tells what both mark examiners say of every file.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track

from benchmarks.dwt_dct_encoder import embedded
from benchmarks.machine import interleaved, publish, summary
from detector.evaluation.metrics import clopper_pearson
from provenance.asset import Asset
from provenance.evidence import Evidence, declarations
from provenance.metadata.dwt_dct import HIT_AGREEMENT, MESSAGES, MIN_PIXELS, WEAK_AGREEMENT, Message, best_matches
from provenance.metadata.marks import MarksExaminer
from provenance.metadata.pixel_marks import PixelMarksExaminer
from provenance.pixels import PixelArray, decode
from provenance.verdict import VerdictPolicy

PATHS: Final = ("bytes", "floats")
FORMATS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "PNG": ("PNG", {"compress_level": 1}),
    "JPEG 98 4:4:4": ("JPEG", {"quality": 98, "subsampling": 0}),
    "JPEG 95 4:4:4": ("JPEG", {"quality": 95, "subsampling": 0}),
    "JPEG 95 4:2:0": ("JPEG", {"quality": 95, "subsampling": 2}),
    "JPEG 90 4:4:4": ("JPEG", {"quality": 90, "subsampling": 0}),
    "JPEG 90 4:2:0": ("JPEG", {"quality": 90, "subsampling": 2}),
    "WebP 95": ("WEBP", {"quality": 95}),
    "WebP 80": ("WEBP", {"quality": 80}),
}
COST_SIDES: Final = (512, 1024, 2048)
DECLARING: Final = tuple(message for message in MESSAGES if message.suffices)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--material", type=Path, required=True)
    parser.add_argument("--marked", type=int, default=100, help="photographs that get every message")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    folder = options.material / "data" / "images_dev"
    rows = list(csv.DictReader((folder / "manifest.csv").read_text(encoding="utf-8").splitlines()))
    real = [folder / row["path"] for row in rows if row["label"] == "real"]
    result = {
        "thresholds": {"hit": HIT_AGREEMENT, "weak": WEAK_AGREEMENT},
        "unmarked": _unmarked(real),
        "marked": _marked(real, options.marked),
        "survey": _survey(folder, rows),
        "cost_ms": _cost(),
    }
    publish("pixel_marks", result, options.out)


def _unmarked(files: Sequence[Path]) -> dict[str, Any]:
    """Agreement of photographs with every message; an image counts once, by its worst view."""
    worst: dict[str, list[float]] = defaultdict(list)
    views = 0
    for path in track(files, "unmarked"):
        agreements: dict[str, float] = defaultdict(float)
        for pixels in _views(path):
            views += 1
            for match in best_matches(pixels):
                agreements[match.message.name] = max(agreements[match.message.name], match.agreement)
        for name, agreement in agreements.items():
            worst[name].append(agreement)
    images = len(worst[DECLARING[0].name])
    declaring = np.max([worst[message.name] for message in DECLARING], axis=0)
    hits, weak = int((declaring >= HIT_AGREEMENT).sum()), int((declaring >= WEAK_AGREEMENT).sum())
    return {
        "images": images,
        "views": views,
        "highest_agreement": {name: round(max(values), 4) for name, values in worst.items()},
        "images_hit": hits,
        "images_hit_rate_95": clopper_pearson(hits, images),
        "images_weak_or_hit": weak,
        "images_weak_or_hit_rate_95": clopper_pearson(weak, images),
    }


def _views(path: Path) -> Iterator[PixelArray]:
    image = Image.open(path).convert("RGB")
    if image.width * image.height < MIN_PIXELS:
        return
    yield np.asarray(image)
    yield np.asarray(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    yield np.asarray(image.resize((512, 512), Image.Resampling.LANCZOS))


def _marked(files: Sequence[Path], count: int) -> dict[str, Any]:
    """Share of marked pictures that are found, by message, way of embedding and format."""
    photographs = [np.asarray(image) for image in _large_enough(files, count)]
    found: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for pixels in track(photographs, "marked"):
        for message in DECLARING[:3]:
            for path in PATHS:
                marked = embedded(pixels, message.bits, path=path)
                for name, (pillow, settings) in FORMATS.items():
                    out = io.BytesIO()
                    Image.fromarray(marked).save(out, pillow, **settings)
                    stored = np.asarray(Image.open(out).convert("RGB"))
                    match = next(m for m in best_matches(stored) if m.message == message)
                    found[name][f"{message.name}, {path}"].append(match.agreement >= HIT_AGREEMENT)
                    original = _hard_agreement(stored, message) >= HIT_AGREEMENT
                    found[name][f"{message.name}, {path}, original decoder"].append(original)
    shares = {name: {key: round(float(np.mean(hits)), 4) for key, hits in by.items()} for name, by in found.items()}
    return {"images": len(photographs), "share_found": shares}


def _large_enough(files: Sequence[Path], count: int) -> Iterator[Image.Image]:
    for path in files[:: max(1, len(files) // (2 * count))]:
        image = Image.open(path).convert("RGB")
        if count and image.width * image.height >= MIN_PIXELS:
            count -= 1
            yield image


def _hard_agreement(pixels: PixelArray, message: Message) -> float:
    """Agreement as the original decoder has it: U centred on 128, one bit a block, and the majority."""
    red, green, blue = (pixels[..., channel].astype(np.float64) for channel in range(3))
    luma = np.round(0.299 * red + 0.587 * green + 0.114 * blue)
    u = np.clip(np.round((blue - luma) * 0.492 + 128), 0, 255)
    height, width = (side // 8 * 8 for side in u.shape)
    u = u[:height, :width]
    low = (u[0::2, 0::2] + u[0::2, 1::2] + u[1::2, 0::2] + u[1::2, 1::2]) / 2
    blocks = low.reshape(height // 8, 4, width // 8, 4).transpose(0, 2, 1, 3).reshape(-1, 16)
    says: NDArray[np.bool_] = np.abs(blocks[:, 1:]).max(axis=1) % 36 > 18
    places = np.arange(says.size) % len(message.bits)
    share = np.bincount(places, weights=says) / np.bincount(places)
    return float(np.mean((share * 255 > 127) == [bit == "1" for bit in message.bits]))


def _survey(folder: Path, rows: Sequence[dict[str, str]]) -> dict[str, Any]:
    """What the examiners of marks declare, and would conclude alone, by label."""
    examiners, policy = (MarksExaminer(), PixelMarksExaminer()), VerdictPolicy()
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in track(rows, "survey"):
        asset = Asset.from_bytes((folder / row["path"]).read_bytes())
        evidence: list[Evidence] = [e for examiner in examiners for e in examiner.examine(asset)]
        counts[row["label"]][str(policy.decide(evidence).conclusion)] += 1
        counts[row["label"]].update(f"mark of {d.generator}" for d in declarations(evidence))
    return {label: dict(counter) for label, counter in counts.items()}


def _cost() -> dict[str, Any]:
    """Milliseconds for a noisy PNG: decoding it, and what looking for marks in its pixels adds."""
    costs = {}
    examiner = PixelMarksExaminer()
    for side in COST_SIDES:
        rng = np.random.default_rng(side)
        smooth = Image.fromarray(rng.integers(0, 256, (side // 16, side // 16, 3), dtype=np.uint8)).resize((side, side))
        noisy = np.clip(np.asarray(smooth) + rng.normal(0, 3, (side, side, 3)), 0, 255).astype(np.uint8)
        plain, opaque = _png(noisy), _png(np.dstack([noisy, np.full((side, side), 255, np.uint8)]))
        pixels = decode(plain)
        seconds = interleaved(
            {
                "decode": partial(decode, plain),
                "watermarks": partial(best_matches, pixels),
                "examine_pixels RGB": partial(examiner.examine_pixels, plain, pixels),
                "examine_pixels RGBA": partial(examiner.examine_pixels, opaque, pixels),
            },
            repeats=15,
        )
        costs[f"{side} px"] = {name: summary(values) for name, values in seconds.items()}
    return costs


def _png(pixels: NDArray[np.uint8]) -> Asset:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return Asset.from_bytes(out.getvalue())


if __name__ == "__main__":
    main()
