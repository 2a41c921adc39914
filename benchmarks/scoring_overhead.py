"""Scoring from file bytes (decode, views, model, calibration) against the raw ONNX session on the same ready tensors.

    python -m benchmarks.scoring_overhead [--repeats 20] [--threads 2] [--memory-rounds 1000] [--out FILE]

Both sides take turns on the same images in one process. Resident memory is read before loading, after loading, and
before and after `--memory-rounds` further scores. The images are made here, textured and seeded.
"""

from __future__ import annotations

import argparse
import io
import resource
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.machine import interleaved, publish, summary
from detector.engines import OnnxRuntimeEngine
from detector.scoring import Detector, Prepared, load_detector
from provenance.asset import Asset
from provenance.pixels import decode

SIZES = ((320, 320), (1024, 768), (1920, 1080))
LIMIT = 1.25


def measure(repeats: int, threads: int, memory_rounds: int) -> dict[str, Any]:
    """Medians, ratios and resident memory."""
    start = _resident_mb()
    detector = load_detector(engine="onnxruntime", threads=threads)
    loaded = _resident_mb()
    assets = {f"{width}x{height}": _photo_like(width, height, seed) for seed, (width, height) in enumerate(SIZES)}
    images = {name: _compared(detector, asset, repeats) for name, asset in assets.items()}
    before = _resident_mb()
    cycle = list(assets.values())
    for index in range(memory_rounds):
        detector.score(decode(cycle[index % len(cycle)]))
    return {
        "claim": f"scoring at most {LIMIT} x the raw ONNX session on the same ready tensors",
        "detector": detector.name,
        "engine": detector.engine.name,
        "threads": threads,
        "images": images,
        "largest_ratio_of_medians": max(image["ratio_of_medians"] for image in images.values()),
        "resident_mb": {
            "before_loading": start,
            "loaded": loaded,
            "after_timing": before,
            f"after_{memory_rounds}_more_scores": _resident_mb(),
            "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        },
    }


def _compared(detector: Detector, asset: Asset, repeats: int) -> dict[str, Any]:
    prepared = detector.prepare(decode(asset))
    assert isinstance(prepared, Prepared)
    assert isinstance(detector.engine, OnnxRuntimeEngine)
    session = detector.engine.session
    seconds = interleaved(
        {
            "raw_session": lambda: session.run(["logits"], {"images": prepared.images}),
            "scoring": lambda: detector.score(decode(asset)),
        },
        repeats=repeats,
    )
    found = {name: summary(values) for name, values in seconds.items()}
    ratio = found["scoring"]["median_ms"] / found["raw_session"]["median_ms"]
    return {"views": len(prepared.views), **found, "ratio_of_medians": ratio}


def _photo_like(width: int, height: int, seed: int) -> Asset:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (height // 32, width // 32, 3), dtype=np.uint8)).resize((width, height))
    noisy = np.asarray(coarse).astype(np.int16) + rng.integers(-12, 13, (height, width, 3))
    coded = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(coded, "JPEG", quality=88)
    return Asset.from_bytes(coded.getvalue())


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    """Print the result, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory-rounds", type=int, default=0)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    publish("scoring_overhead", measure(given.repeats, given.threads, given.memory_rounds), given.out)


if __name__ == "__main__":
    main()
