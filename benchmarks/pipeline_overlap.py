"""What stamping adds to generating, waited for and hidden behind the next image.

    python -m benchmarks.pipeline_overlap [--model DIR] [--device cpu] [--side 256] [--steps 4] [--images 24] [--repeats N]

Three ways to make the same number of images with one pipeline, taking turns within one run:

    raw          the pipeline alone, nothing stamped
    one_by_one   each image stamped before the next is generated
    overlapped   `submit`: each image stamped while the next is generated

Ratios are medians of the ratios within each turn. Claim: overlapped at most 1.1 x raw. Two generators:

    waiting      a stand-in for a fast GPU: 512 px in 1/24 s, during which the CPU is free
    diffusers    the real code: `--model`, or a tiny random-weight Stable Diffusion. On the CPU torch is held to one thread, so
                 that a core is left for stamping; where all cores are busy nothing can be hidden (see the load average)
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.machine import interleaved, publish, summary
from provenance.keys import create_development_credential, signer_from_uri
from provenance.pipelines import load_pipeline, stamped
from provenance.pipelines.libraries import Foreign, torch
from provenance.stamp import Stamper


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--model", type=Path, help="a local model directory; a tiny one is built without it")
    arguments.add_argument("--device", choices=("auto", "cpu", "cuda"), default="cpu")
    arguments.add_argument("--side", type=int, default=256, help="pixels")
    arguments.add_argument("--steps", type=int, default=4)
    arguments.add_argument("--images", type=int, default=24, help="images in each turn")
    arguments.add_argument("--media-type", default="image/jpeg")
    arguments.add_argument("--repeats", type=int, default=10)
    arguments.add_argument("--out", type=Path)
    options = arguments.parse_args()
    torch().set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        create_development_credential(home, now=datetime.now(UTC))
        directory = options.model or _tiny_model(home / "tiny")
        pipeline = load_pipeline(directory, device=options.device)
        stamper = Stamper(signer_from_uri("development:", home=home))
        settings: dict[str, Foreign] = {"num_inference_steps": options.steps, "height": options.side, "width": options.side}
        result = {
            "claim": "overlapped at most 1.1 x raw",
            "media_type": options.media_type,
            "images_per_turn": options.images,
            "waiting": _measure(WaitingPipeline(), {}, stamper, options),
            "diffusers": {
                **_measure(pipeline, settings, stamper, options),
                "device": str(pipeline.device),
                "side_pixels": options.side,
                "steps": options.steps,
            },
        }
        publish("pipeline_overlap", result, options.out)


class WaitingPipeline:
    """Called like a pipeline; gives a picture of 512 px after 1/24 s, the speed of distilled models on a fast GPU."""

    seconds_per_image = 1 / 24

    def __init__(self) -> None:
        self.components: dict[str, Foreign] = {}
        coarse = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        self._picture = Image.fromarray(coarse).resize((512, 512), Image.Resampling.BICUBIC)

    def __call__(self, prompt: str) -> SimpleNamespace:
        """The same picture for every prompt."""
        time.sleep(self.seconds_per_image)
        return SimpleNamespace(images=[self._picture])


def _measure(pipeline: Foreign, call: dict[str, Foreign], stamper: Stamper, options: argparse.Namespace) -> dict[str, Any]:
    prompts = [f"a red fox, {number}" for number in range(options.images)]

    with stamped(pipeline, stamper, media_type=options.media_type) as hallmarked:

        def raw() -> object:
            return [pipeline(prompt, **call).images[0] for prompt in prompts]

        def one_by_one() -> object:
            return [hallmarked(prompt, **call).assets[0] for prompt in prompts]

        def overlapped() -> object:
            return [batch.result().assets[0] for batch in [hallmarked.submit(prompt, **call) for prompt in prompts]]

        subjects: dict[str, Callable[[], object]] = {"raw": raw, "one_by_one": one_by_one, "overlapped": overlapped}
        seconds = interleaved(subjects, repeats=options.repeats)
    waited, hidden = _ratio(seconds, "one_by_one"), _ratio(seconds, "overlapped")
    return {
        "one_by_one_over_raw": waited,
        "overlapped_over_raw": hidden,
        "hidden_share_of_stamping": (waited - hidden) / (waited - 1.0) if waited > 1.0 else None,
        "turns": {name: summary(each) for name, each in seconds.items()},
    }


def _ratio(seconds: dict[str, list[float]], name: str) -> float:
    """Median over the turns of one way's time to the raw one's of the same turn."""
    pairs: Sequence[tuple[float, float]] = list(zip(seconds[name], seconds["raw"], strict=True))
    return statistics.median(one / raw for one, raw in pairs)


def _tiny_model(directory: Path) -> Path:
    # By name, because the tests' modules are no package that the benchmarks are type-checked with.
    tiny = importlib.import_module("tests.tiny_pipelines")
    return Path(tiny.save(tiny.sd15(), directory))


if __name__ == "__main__":
    main()
