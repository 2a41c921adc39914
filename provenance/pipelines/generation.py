"""A request for pictures, within limits, and the one function that answers it: for the command line and for the worker.

The pictures of a request are generated in batches; each batch is stamped while the next is generated. Every picture has its own
seed, so that one of them can be made again alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from provenance.asset import Asset
from provenance.errors import GenerationInvalid
from provenance.generation import MAX_TEXT_CHARACTERS
from provenance.pipelines.diffusers import StampedPipeline
from provenance.pipelines.libraries import Foreign
from provenance.pipelines.pending import PendingImages
from provenance.pipelines.progress import Progress
from provenance.pipelines.seeds import draw, generators
from provenance.pipelines.stamped_images import StampedImages

MAX_SEED: Final = 2**53 - 1
"""Largest whole number that every JSON reader keeps."""
MAX_STEPS: Final = 500
MAX_GUIDANCE_SCALE: Final = 100.0
MIN_SIDE: Final = 64
"""Smallest width or height, in pixels."""
MAX_SIDE: Final = 4096
"""Largest width or height, in pixels."""
SIDE_MULTIPLE: Final = 8
"""Sides are multiples of this: the autoencoders shrink by it."""
MAX_COUNT: Final = 64
"""Most pictures of one request."""
MAX_BATCH: Final = 8
"""Most pictures generated at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """What is asked of a generator; None leaves a choice to the pipeline.

    Raises:
        GenerationInvalid: A value is outside its range.
    """

    prompt: str
    """1 to `MAX_TEXT_CHARACTERS` characters, not only blanks."""
    negative_prompt: str | None = None
    seed: int | None = None
    """Of the first picture, 0 to `MAX_SEED`; the next have the following numbers. None draws one for each."""
    steps: int | None = None
    """Denoising steps, 1 to `MAX_STEPS`."""
    guidance_scale: float | None = None
    """0 to `MAX_GUIDANCE_SCALE`."""
    width: int | None = None
    """In pixels, `MIN_SIDE` to `MAX_SIDE`, a multiple of `SIDE_MULTIPLE`."""
    height: int | None = None
    """In pixels, as `width`."""
    count: int = 1
    """Pictures, 1 to `MAX_COUNT`."""
    batch_size: int = 1
    """Pictures generated at once, 1 to `MAX_BATCH`; more needs more memory."""
    image: Asset | None = None
    """The picture to start from; it becomes the parent."""
    mask: Asset | None = None
    """For inpainting: white where `image` is painted anew."""
    strength: float | None = None
    """How much of `image` is replaced, above 0 and at most 1."""

    def __post_init__(self) -> None:
        if not self.prompt.strip():
            raise GenerationInvalid("the prompt is empty")
        for name in ("prompt", "negative_prompt"):
            text = getattr(self, name) or ""
            if len(text) > MAX_TEXT_CHARACTERS or "\x00" in text:
                raise GenerationInvalid(f"{name} has more than {MAX_TEXT_CHARACTERS} characters, or a NUL among them")
        for name, low, high in (
            ("seed", 0, MAX_SEED),
            ("steps", 1, MAX_STEPS),
            ("width", MIN_SIDE, MAX_SIDE),
            ("height", MIN_SIDE, MAX_SIDE),
            ("count", 1, MAX_COUNT),
            ("batch_size", 1, MAX_BATCH),
        ):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high):
                raise GenerationInvalid(f"{name} must be a whole number from {low} to {high}, got {value!r}")
        for name in ("width", "height"):
            if (getattr(self, name) or 0) % SIDE_MULTIPLE:
                raise GenerationInvalid(f"{name} must be a multiple of {SIDE_MULTIPLE}, got {getattr(self, name)}")
        if self.guidance_scale is not None and not _within(self.guidance_scale, 0.0, MAX_GUIDANCE_SCALE):
            raise GenerationInvalid(f"guidance_scale must lie from 0 to {MAX_GUIDANCE_SCALE:g}, got {self.guidance_scale}")
        if self.strength is not None and not (_within(self.strength, 0.0, 1.0) and self.strength > 0):
            raise GenerationInvalid(f"strength must lie above 0 and not above 1, got {self.strength}")
        if self.image is None and (self.mask is not None or self.strength is not None):
            raise GenerationInvalid("mask and strength need an image to start from")
        if self.seed is not None and self.seed + self.count - 1 > MAX_SEED:
            raise GenerationInvalid(f"the last of {self.count} pictures would have a seed above {MAX_SEED}")


def generate(pipeline: StampedPipeline, request: GenerationRequest, progress: Progress | None = None) -> StampedImages:
    """The stamped pictures of `request`, in the order of their seeds.

    Args:
        pipeline: Several threads may share it.
        request: What to make.
        progress: Called in this thread with (steps done, steps in all) over the whole request. What it raises ends the
            request and comes out unchanged: the way to cancel.

    Raises:
        GenerationInvalid: The pipeline does not take what the request asks for, or needs what it lacks.
        PipelineError: Generating failed.
        AssayError: A picture could not be stamped; none leaves.
    """
    arguments = _arguments(pipeline, request)
    batches = _batches(request)
    pending: list[PendingImages] = []
    for number, seeds in enumerate(batches):
        batch = {**arguments, "generator": generators(seeds)} if pipeline.takes("generator") else dict(arguments)
        if pipeline.takes("num_images_per_prompt"):
            batch["num_images_per_prompt"] = len(seeds)
        pending.append(pipeline.submit(**batch, progress=_of_batch(progress, number, len(batches))))
    parts = [batch.result() for batch in pending]
    flags = [part.nsfw_content_detected for part in parts]
    return StampedImages(
        assets=tuple(asset for part in parts for asset in part.assets),
        records=tuple(record for part in parts for record in part.records),
        nsfw_content_detected=None if any(f is None for f in flags) else tuple(flag for f in flags if f for flag in f),
    )


def _arguments(pipeline: StampedPipeline, request: GenerationRequest) -> dict[str, Foreign]:
    wanted = {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "num_inference_steps": request.steps,
        "guidance_scale": request.guidance_scale,
        "width": request.width,
        "height": request.height,
        "image": request.image,
        "mask_image": request.mask,
        "strength": request.strength,
    }
    arguments = {name: value for name, value in wanted.items() if value is not None}
    for name in arguments:
        if not pipeline.takes(name):
            raise GenerationInvalid(f"this model takes no {name}")
    for name, what in (("image", "an image to start from"), ("mask_image", "a mask")):
        if name not in arguments and pipeline.needs(name):
            raise GenerationInvalid(f"this model needs {what}")
    if request.batch_size > 1 and not pipeline.takes("num_images_per_prompt"):
        raise GenerationInvalid("this model makes one picture at a time: batch_size must be 1")
    return arguments


def _batches(request: GenerationRequest) -> list[list[int]]:
    """The seeds of each batch."""
    if request.seed is None:
        seeds = [seed for seed in draw(request.count).seeds if seed is not None]
    else:
        seeds = [request.seed + index for index in range(request.count)]
    return [seeds[at : at + request.batch_size] for at in range(0, len(seeds), request.batch_size)]


def _of_batch(progress: Progress | None, number: int, batches: int) -> Callable[[int, int], None] | None:
    """Steps of one batch as steps of the request, all batches having as many."""
    if progress is None:
        return None
    return lambda done, total: progress(number * total + done, batches * total)


def _within(value: float, low: float, high: float) -> bool:
    return math.isfinite(value) and low <= value <= high
