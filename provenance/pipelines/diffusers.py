"""A diffusers pipeline from which only stamped images come.

    pipeline = stamped(StableDiffusionPipeline.from_pretrained(directory), stamper, model="acme/fox-1")
    pipeline("a red fox").images[0].save("fox.png")       # stamped bytes
    pipeline("a red fox", num_images_per_prompt=4).assets # for whoever publishes them

No hook inside a pipeline sees every exit: `postprocess` is bypassed by latent output and step callbacks never see pixels. So
the whole call is wrapped: arguments are bound to the pipeline's signature, other exits are refused, a seed is drawn where none
is given, what was in force is recorded, and pictures leave as stamped assets. If one image of a batch cannot be stamped, none
leaves.

What this does not do: Python can always reach inside an object of its own process (`pipeline._pipeline`, the garbage collector,
a patched library), as can whoever still holds the pipeline that was handed in. The wrapper stops honest code from letting an
unstamped image out by accident. Where the caller is not trusted, the boundary is a process: the service's worker, which gives
out stamped bytes only.

Source: diffusers 0.42.
"""

from __future__ import annotations

import dataclasses
import threading
import traceback
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from provenance.asset import Asset
from provenance.errors import AssayError, GenerationInvalid, PipelineError, PipelineRefused
from provenance.generation import GenerationRecord
from provenance.pipelines import seeds, sources
from provenance.pipelines.calls import BoundCall, argument_names, bind, input_names, mode_of, required, source_names
from provenance.pipelines.drafts import finished, mode_with_parents, prompts_of, recorded_parameters
from provenance.pipelines.libraries import Foreign, diffusers
from provenance.pipelines.pending import PendingImages
from provenance.pipelines.progress import Progress, StepCounter
from provenance.pipelines.weights import active_adapters, networks_of, weights_sha256
from provenance.pixels import PixelArray
from provenance.stamp import ENCODABLE_MEDIA_TYPES

STAMPING_THREADS: Final = 2
"""Stamping encodes, hashes and signs outside the interpreter lock, so that two threads keep up with a fast generator."""
_BATCHES_WAITING: Final = 2
"""Batches that may wait for their stamp before the next is generated; bounds the raw pixels held in memory."""


class ImageStamper(Protocol):
    """What a pipeline needs of `provenance.stamp.Stamper`; called by several threads at once."""

    def stamp(self, pixels: PixelArray, record: GenerationRecord, *, media_type: str = "image/png") -> Asset:
        """Encode `pixels`, shape (H, W, 3), declare `record`, sign, and read back."""
        ...


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Identity:
    """Who generates, and with what."""

    model: str
    provider: str
    media_type: str
    clock: Callable[[], datetime]


@dataclasses.dataclass(frozen=True, slots=True)
class _Generated:
    """Raw pictures of one batch; they never leave this module but to the stamper."""

    pictures: tuple[PixelArray, ...]
    nsfw: tuple[bool, ...] | None
    reports_safety: bool
    at: datetime


def stamped(
    pipeline: Foreign,
    stamper: ImageStamper,
    *,
    model: str | None = None,
    model_sha256: str | None = None,
    provider: str = "unnamed provider",
    media_type: str = "image/png",
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> StampedPipeline:
    """Wrap `pipeline` so that only stamped images come from it. Configure it first, then keep no reference to it.

    Args:
        pipeline: An image pipeline of diffusers, or an object called like one with a `components` mapping.
        stamper: Strikes the stamps, from two threads at once; it decides what becomes of prompts.
        model: Model id to declare; by default the hub id or the name of the directory the pipeline was loaded from.
        model_sha256: Digest of the weights to declare; by default read from the weights, once, in the background.
        provider: Who runs the generator, to declare.
        media_type: Format of the stamped images.
        clock: Time of generation.

    Raises:
        PipelineError: torch or diffusers is missing.
        PipelineRefused: What is handed in is no pipeline.
    """
    if not callable(pipeline) or not hasattr(pipeline, "components"):
        raise PipelineRefused(f"{type(pipeline).__name__} is no diffusers pipeline")
    if media_type not in ENCODABLE_MEDIA_TYPES:
        raise GenerationInvalid(f"{media_type!r} is no format that is stamped here")
    named = model or _name_of(pipeline)
    identity = _Identity(model=named, provider=provider, media_type=media_type, clock=clock)
    return StampedPipeline(pipeline, stamper, identity, model_sha256)


class StampedPipeline:
    """A pipeline whose only exit is stamped images; made by `stamped`. Threads may share it: they generate in turn.

    It passes nothing through but what is named here, so that components (`vae`, `unet`, a multi-step scheduler with the last
    latents in it) are not reached in passing.
    """

    def __init__(self, pipeline: Foreign, stamper: ImageStamper, identity: _Identity, model_sha256: str | None) -> None:
        self._pipeline = pipeline
        self._stamper = stamper
        self._identity = identity
        self._turn = threading.Lock()
        self._waiting: deque[PendingImages] = deque()
        self._pool = ThreadPoolExecutor(STAMPING_THREADS, thread_name_prefix="stamp")
        self._sha256 = _digest_in(self._pool, pipeline) if model_sha256 is None else _known(model_sha256)

    def __call__(self, *args: Foreign, parents: Sequence[Asset] | None = None, **kwargs: Foreign) -> Foreign:
        """Generate and stamp; arguments as of the wrapped pipeline, except where that would let unstamped data out.

        Args:
            *args: As of the pipeline.
            parents: What the pictures in `image=` came from, in the same order, when they were prepared before (cropped,
                resized). Without it an `Asset` or a `StampedImage` given as `image=` is its own parent, and keeps its
                manifest; anything else is kept as a PNG of its pixels.
            **kwargs: As of the pipeline. Pictures may be given as `Asset`.

        Returns:
            `StampedImages`; with `return_dict=False` the tuple the pipeline would return: images, and the safety checker's list
            where there is one.

        Raises:
            PipelineRefused: `output_type` other than "pil", a callback, latents as `image`, or outputs without certain parents.
            GenerationInvalid: The pipeline takes no such arguments.
            PipelineError: Generating failed.
            AssayError: One image could not be stamped; none leaves.
        """
        call, pending = self._generate(args, kwargs, parents, progress=None)
        result = pending.result()
        if call.return_dict:
            return result
        nsfw = None if result.nsfw_content_detected is None else list(result.nsfw_content_detected)
        return (result.images, nsfw) if pending.reports_safety else (result.images,)

    def submit(
        self, *args: Foreign, parents: Sequence[Asset] | None = None, progress: Progress | None = None, **kwargs: Foreign
    ) -> PendingImages:
        """Generate now, stamp in the background, so that the next batch can be generated meanwhile.

        Args:
            *args: As of `__call__`.
            parents: As of `__call__`.
            progress: Called with (steps done, steps in all) after each step, in this thread; what it raises ends the call
                and comes out unchanged.
            **kwargs: As of `__call__`.

        Raises:
            PipelineRefused, GenerationInvalid, PipelineError: As of `__call__`.
        """
        return self._generate(args, kwargs, parents, progress)[1]

    @property
    def device(self) -> str:
        """Where it runs, such as "cuda:0"."""
        return str(self._pipeline.device)

    @property
    def scheduler_config(self) -> Mapping[str, Foreign]:
        """A copy of the scheduler's configuration."""
        return dict(self._pipeline.scheduler.config)

    def takes(self, name: str) -> bool:
        """Whether the pipeline takes an argument of this name."""
        return name in argument_names(self._pipeline)

    def needs(self, name: str) -> bool:
        """Whether the pipeline cannot work without the picture `name`."""
        return required(self._pipeline, name)

    def to(self, device: str) -> StampedPipeline:
        """Move to "cpu", "cuda" or "cuda:N"."""
        with self._turn:
            self._pipeline.to(device)
        return self

    def use_scheduler(self, name: str, **options: Foreign) -> StampedPipeline:
        """Replace the scheduler by diffusers' class `name`, with the present configuration and `options` over it.

        Raises:
            GenerationInvalid: There is no such scheduler.
        """
        kind = getattr(diffusers(), name, None)
        if not isinstance(kind, type) or not issubclass(kind, diffusers().SchedulerMixin):
            raise GenerationInvalid(f"diffusers has no scheduler {name!r}")
        with self._turn:
            self._pipeline.scheduler = kind.from_config(self._pipeline.scheduler.config, **options)  # type: ignore[attr-defined]
        return self

    def set_adapters(self, names: str | Sequence[str], weights: float | Sequence[float] | None = None) -> StampedPipeline:
        """Choose among the adapters that were loaded before wrapping, with a weight each (1 by default)."""
        with self._turn:
            chosen = [names] if isinstance(names, str) else list(names)
            each = list(weights) if isinstance(weights, Sequence) else weights
            self._pipeline.set_adapters(chosen, each)
        return self

    def close(self) -> None:
        """Finish the stamps under way and release the threads; calling afterwards raises `PipelineError`."""
        self._pool.shutdown(wait=True)

    def __enter__(self) -> StampedPipeline:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"StampedPipeline({type(self._pipeline).__name__}, model={self._identity.model!r})"

    def _generate(
        self,
        args: tuple[Foreign, ...],
        kwargs: Mapping[str, Foreign],
        parents: Sequence[Asset] | None,
        progress: Progress | None,
    ) -> tuple[BoundCall, PendingImages]:
        call = bind(self._pipeline, args, kwargs)
        with self._turn:
            drafts = self._drafts(call, parents)
            while len(self._waiting) >= _BATCHES_WAITING:
                self._waiting.popleft().wait()
            pending = self._stamp(self._run(call, len(drafts), progress), drafts)
            self._waiting.append(pending)
        return call, pending

    def _drafts(self, call: BoundCall, parents: Sequence[Asset] | None) -> list[GenerationRecord]:
        """The record of each image to come; replaces pictures and randomness in `call.arguments` by what the pipeline takes."""
        sha256 = self._sha256.result()  # first of all: weights that cannot be named must not cost a generation
        names = source_names(self._pipeline, call)
        inputs = _inputs(call, input_names(self._pipeline, call))
        assets = _take_sources(call, names, parents)
        mode = mode_with_parents(mode_of(self._pipeline, call), has_parents=bool(assets))
        count = call.count(len(assets))
        if count < 1:
            raise GenerationInvalid(f"{count} images are asked for")
        drawn = _randomness(call, count)
        shared = recorded_parameters(call, sources=names)
        prompts = self._texts(call, "prompt", count)
        negatives = self._texts(call, "negative_prompt", count)
        scheduler = getattr(self._pipeline, "scheduler", None)
        adapters = active_adapters(self._pipeline)
        return [
            GenerationRecord(
                model=self._identity.model,
                model_sha256=sha256,
                created_at=self._identity.clock(),
                mode=mode,
                provider=self._identity.provider,
                prompt=prompts[index],
                negative_prompt=negatives[index],
                seed=drawn.seeds[index] if drawn else None,
                scheduler=type(scheduler).__name__ if scheduler is not None else None,
                parameters={**shared, **(drawn.notes[index] if drawn else {})},
                adapters=adapters,
                inputs=inputs,
                parents=sources.parents_of(index, assets, count=count, prompts=count // call.images_per_prompt),
            )
            for index in range(count)
        ]

    def _texts(self, call: BoundCall, name: str, count: int) -> list[str | None]:
        return prompts_of(call.in_force.get(name), count=count, per_prompt=call.images_per_prompt)

    def _run(self, call: BoundCall, count: int, progress: Progress | None) -> _Generated:
        counter = StepCounter(self._pipeline, progress)
        fixed = {"output_type": "pil", "return_dict": True}
        arguments = {**call.arguments, **{name: value for name, value in fixed.items() if name in call.names}}
        try:
            result = self._pipeline(**arguments, **counter.arguments(call.names))
        except Exception as err:
            # Frames keep their locals: latents would stay in GPU memory, and in whatever reports errors with their variables.
            traceback.clear_frames(err.__traceback__)
            if isinstance(err, AssayError) or counter.raised is err:
                raise
            raise PipelineError(f"{type(self._pipeline).__name__} failed: {type(err).__name__}: {err}") from err
        images = getattr(result, "images", None)
        if not isinstance(images, list) or len(images) != count:
            raise PipelineRefused(
                f"{type(self._pipeline).__name__} gave something else than {count} images: nothing of it leaves"
            )
        flags = getattr(result, "nsfw_content_detected", None)
        return _Generated(
            pictures=tuple(_pixels(image) for image in images),
            nsfw=tuple(map(bool, flags)) if isinstance(flags, list | tuple) else None,
            reports_safety=hasattr(result, "nsfw_content_detected"),
            at=self._identity.clock(),
        )

    def _stamp(self, made: _Generated, drafts: list[GenerationRecord]) -> PendingImages:
        flags = made.nsfw if made.nsfw is not None else (None,) * len(drafts)
        records = tuple(
            finished(draft, pixels, at=made.at, flagged=flagged)
            for draft, pixels, flagged in zip(drafts, made.pictures, flags, strict=True)
        )
        try:
            futures = tuple(
                self._pool.submit(self._stamper.stamp, pixels, record, media_type=self._identity.media_type)
                for pixels, record in zip(made.pictures, records, strict=True)
            )
        except RuntimeError as err:
            raise PipelineError(f"this pipeline is closed: {err}") from err
        return PendingImages(futures, records, made.nsfw, made.reports_safety)


def _take_sources(call: BoundCall, names: Sequence[str], parents: Sequence[Asset] | None) -> tuple[Asset, ...]:
    """Parents of the call; pictures given as assets are replaced in `call.arguments` by what the pipeline takes."""
    assets: list[Asset] = []
    for name, value in call.arguments.items():
        if name not in names or value is None:
            call.arguments[name] = sources.decoded(value)
        elif parents is None:
            taken = sources.take(value)
            call.arguments[name] = taken.argument
            assets += taken.assets
        else:
            call.arguments[name] = sources.decoded(value)
    return tuple(assets) if parents is None else tuple(parents)


def _inputs(call: BoundCall, names: Sequence[str]) -> tuple[Asset, ...]:
    """What steered the call: pipelines differ in how they spread it over their outputs, so each output names all of it."""
    given = (call.arguments.get(name) for name in names)
    return tuple(dict.fromkeys(asset for value in given if value is not None for asset in sources.steering(value)))


def _randomness(call: BoundCall, count: int) -> seeds.Seeds | None:
    if "generator" not in call.names:
        return None
    generator = call.arguments.get("generator")
    drawn = seeds.draw(count) if generator is None else seeds.given(generator, count)
    if len(drawn.seeds) != count:
        raise GenerationInvalid(f"a list of generators needs one for each of {count} images")
    call.arguments["generator"] = drawn.generator if len(drawn.seeds) > 1 or generator is not None else drawn.generator[0]
    return drawn


def _pixels(image: Foreign) -> PixelArray:
    if getattr(image, "mode", None) not in ("RGB", "L"):
        raise PipelineRefused(f"an image of mode {getattr(image, 'mode', type(image).__name__)} cannot be stamped as it is")
    return np.asarray(image.convert("RGB"), dtype=np.uint8)


def _name_of(pipeline: Foreign) -> str:
    named = getattr(pipeline, "name_or_path", None)
    if not named:
        return type(pipeline).__name__
    # The name of a directory, not where it lies: a path would tell the user's name to every reader.
    return Path(named).resolve().name if Path(named).is_dir() else str(named)


def _digest_in(pool: ThreadPoolExecutor, pipeline: Foreign) -> Future[str | None]:
    return pool.submit(weights_sha256, networks_of(pipeline))


def _known(sha256: str) -> Future[str | None]:
    known: Future[str | None] = Future()
    known.set_result(sha256)
    return known
