"""One call of a pipeline: bound to its signature, and refused where it would let pixels or latents out.

A pipeline of diffusers has three kinds of exit besides its pictures: latent or array output, callbacks that are handed latents
at every step, and arguments that no signature names. All three are refused here, before anything is generated.

Source: diffusers 0.42, `DiffusionPipeline` subclasses; `inspect.signature` sees through their `torch.no_grad` decorator.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from provenance.errors import GenerationInvalid, PipelineRefused
from provenance.generation import GenerationMode
from provenance.pipelines.libraries import Foreign

_PROMPT_NAMES: Final = ("prompt", "prompt_embeds", "class_labels")


@dataclass(frozen=True, slots=True)
class BoundCall:
    """What a pipeline is about to be called with."""

    arguments: dict[str, Foreign]
    """By name: what the caller gave, without `output_type` and `return_dict`, which the proxy sets itself."""
    in_force: Mapping[str, Foreign]
    """The same with the pipeline's defaults filled in."""
    names: frozenset[str]
    """Every argument the pipeline takes."""
    return_dict: bool
    """False when the caller asked for a plain tuple."""

    @property
    def images_per_prompt(self) -> int:
        """Pictures made of each prompt, at least 1."""
        return int(self.in_force.get("num_images_per_prompt") or 1)

    def count(self, pictures: int) -> int:
        """Pictures this call will make, given the number of source pictures in it."""
        return self._prompts(pictures) * self.images_per_prompt

    def _prompts(self, pictures: int) -> int:
        for name in _PROMPT_NAMES:
            value = self.in_force.get(name)
            if isinstance(value, str | int):
                return 1
            if value is not None:
                return len(value)
        if "batch_size" in self.in_force:  # pipelines without any condition
            return int(self.in_force["batch_size"])
        return max(pictures, 1)


def bind(pipeline: Foreign, args: tuple[Foreign, ...], kwargs: Mapping[str, Foreign]) -> BoundCall:
    """Bind a call to the signature of `pipeline`.

    Raises:
        PipelineRefused: It asks for something else than pictures, or for a callback.
        GenerationInvalid: The pipeline takes no such argument, or not so many.
    """
    signature, names = inspect.signature(pipeline.__call__), argument_names(pipeline)
    for name, value in kwargs.items():
        _refuse_exit(name, value)
        if name not in names:
            raise GenerationInvalid(f"{type(pipeline).__name__} takes no argument {name!r}")
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as err:
        raise GenerationInvalid(f"{type(pipeline).__name__} cannot be called so: {err}") from err
    given = {name: value for name, value in bound.arguments.items() if name in names}
    for name, value in given.items():
        _refuse_exit(name, value)
    bound.apply_defaults()
    in_force = {name: value for name, value in bound.arguments.items() if name in names}
    arguments = {
        name: value for name, value in given.items() if name not in ("output_type", "return_dict") and "callback" not in name
    }
    return BoundCall(arguments, in_force, names, return_dict=bool(given.get("return_dict", True)))


def argument_names(pipeline: Foreign) -> frozenset[str]:
    """Every argument `pipeline` names in its signature."""
    parameters = inspect.signature(pipeline.__call__).parameters.items()
    return frozenset(name for name, p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL))


def required(pipeline: Foreign, name: str) -> bool:
    """Whether `pipeline` cannot work without the picture `name`: diffusers gives source pictures a default and then fails."""
    if name not in argument_names(pipeline):
        return False
    kind = type(pipeline).__name__
    if name == "mask_image":
        return True
    return name == "image" and any(word in kind for word in ("Img2Img", "Inpaint", "Upscal", "SuperResolution", "Pix2Pix"))


def _refuse_exit(name: str, value: Foreign) -> None:
    if name == "output_type" and value != "pil":
        raise PipelineRefused(f"output_type={value!r} would let unstamped data out: only 'pil' can be stamped")
    if "callback" in name and value is not None:
        raise PipelineRefused(
            f"{name} would be handed latents, which no stamp reaches: use progress= of submit() to count steps"
        )


def mode_of(pipeline: Foreign, call: BoundCall) -> GenerationMode:
    """What `pipeline` is asked to do, from its class and from what it is given."""
    kind = type(pipeline).__name__
    if "mask_image" in call.names:
        return GenerationMode.INPAINTING
    if "Upscal" in kind or "SuperResolution" in kind:
        return GenerationMode.UPSCALING
    starts_from_image = required(pipeline, "image") or any(
        call.in_force.get(name) is not None for name in source_names(pipeline, call)
    )
    return GenerationMode.IMAGE_TO_IMAGE if starts_from_image else GenerationMode.TEXT_TO_IMAGE


def source_names(pipeline: Foreign, call: BoundCall) -> tuple[str, ...]:
    """Arguments that hold pictures the output is made from.

    In ControlNet and T2I-Adapter pipelines that start from text, `image` is a control map and not a source.
    """
    kind = type(pipeline).__name__
    controlled = ("ControlNet" in kind or "Adapter" in kind) and "control_image" not in call.names
    if controlled and "Img2Img" not in kind and "Inpaint" not in kind:
        return ()
    return tuple(name for name in ("image", "images", "input_images", "original_image") if name in call.names)


def input_names(pipeline: Foreign, call: BoundCall) -> tuple[str, ...]:
    """Arguments that hold pictures which steer the output and are no part of it: control maps, reference pictures, masks."""
    sources = source_names(pipeline, call)
    steering = ("image", "control_image", "ip_adapter_image", "mask_image")
    return tuple(name for name in steering if name in call.names and name not in sources)
