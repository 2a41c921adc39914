"""The record of each image of a call, drawn up before anything is generated, so that a bad one costs nothing.

Kept are scalars that were in force, the pipeline's defaults included; lists of numbers as text; of everything else that steers
the result (embeddings, latents, control pictures) that it was supplied.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from provenance.errors import GenerationInvalid
from provenance.generation import GenerationMode, GenerationRecord, SafetyResult, Scalar
from provenance.pipelines.calls import BoundCall
from provenance.pipelines.libraries import Foreign
from provenance.pixels import PixelArray

_RENAMED: Final = {"num_inference_steps": "steps"}
_APART: Final = frozenset({"prompt", "negative_prompt", "generator", "output_type", "return_dict", "width", "height"})
"""In fields of their own, of no meaning to a reader, or better read from the pixels."""
_MAX_LISTED: Final = 128
"""Longest list of numbers that is spelled out, such as custom time steps."""


def prompts_of(value: Foreign, *, count: int, per_prompt: int) -> list[str | None]:
    """The prompt of each of `count` images; diffusers makes all images of one prompt before the next."""
    if value is None or isinstance(value, str):
        return [value] * count
    if not isinstance(value, Sequence):
        return [str(value)] * count
    texts = [None if text is None else str(text) for text in value]
    if not texts:
        return [None] * count
    return [texts[min(index // per_prompt, len(texts) - 1)] for index in range(count)]


def recorded_parameters(call: BoundCall, *, sources: Sequence[str]) -> dict[str, Scalar]:
    """What of a call's arguments goes into the record; further prompts under names that hold "prompt", as the record needs."""
    parameters: dict[str, Scalar] = {}
    for name, value in call.in_force.items():
        if name in _APART or name in sources or "callback" in name or value is None:
            continue
        parameters |= _recorded(_RENAMED.get(name, name), value)
    return parameters


def _recorded(name: str, value: Foreign) -> dict[str, Scalar]:
    if isinstance(value, str) or (isinstance(value, list | tuple) and any(isinstance(item, str) for item in value)):
        return {name: value if isinstance(value, str) else "\n".join(str(item) for item in value)}
    if isinstance(value, bool | int | float):
        return {name: value}
    if isinstance(value, Mapping):
        nested: dict[str, Scalar] = {}
        for key, item in value.items():
            nested |= _recorded(f"{name}.{key}", item)
        return nested
    if isinstance(value, list | tuple) and all(isinstance(item, int | float) for item in value):
        return {name: ",".join(str(item) for item in value)} if 0 < len(value) <= _MAX_LISTED else {}
    return {name: "supplied"}


def finished(draft: GenerationRecord, pixels: PixelArray, *, at: datetime, flagged: bool | None) -> GenerationRecord:
    """`draft` with what is known once the image is there: its size in pixels, its time, and what the safety checker said."""
    height, width = pixels.shape[:2]
    return dataclasses.replace(
        draft,
        created_at=at,
        parameters={**draft.parameters, "width": width, "height": height},
        safety=SafetyResult(checked=flagged is not None, flagged=flagged),
    )


def mode_with_parents(mode: GenerationMode, *, has_parents: bool) -> GenerationMode:
    """What a call is, now that its parents are known.

    Raises:
        GenerationInvalid: It starts from a picture that nobody named.
    """
    if mode is GenerationMode.TEXT_TO_IMAGE:
        return GenerationMode.IMAGE_TO_IMAGE if has_parents else mode
    if not has_parents:
        raise GenerationInvalid(f"{mode} needs the picture it starts from, as image= or parents=")
    return mode
