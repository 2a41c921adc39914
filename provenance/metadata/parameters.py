"""The one-text description of a generation that AUTOMATIC1111 and its kin put into images, written and recognised.

    a lighthouse at dusk
    Negative prompt: blurry
    Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, Model hash: 6ce0161689, Model: sd15, Version: v1.10

Source: AUTOMATIC1111/stable-diffusion-webui, `modules/infotext_utils.py`: values with comma, colon or line feed are JSON
strings, and a last line counts as parameters from three pairs on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from provenance.generation import GenerationRecord

_KEYS: Final = (
    "Steps", "Sampler", "Schedule type", "CFG scale", "Seed", "Size", "Model hash", "Model", "Mode", "Denoising strength",
    "Version",
)  # fmt: skip
_PAIR: Final = re.compile(r"(?:^|, )(" + "|".join(_KEYS) + r'): ("(?:[^"\\]|\\.)*"|[^,\n]*)')
_PAIRS_NEEDED: Final = 3
_MAX_LINE: Final = 64 * 1024
_MAX_LINES: Final = 64
_NAMED_PARAMETERS: Final = {"steps", "num_inference_steps", "guidance_scale", "width", "height", "strength"}


def parameters_text(record: GenerationRecord, *, software: str) -> str:
    """The text for one image; without a prompt in the record, only the last line."""
    lines = [] if record.prompt is None else [record.prompt]
    if record.negative_prompt is not None:
        lines.append(f"Negative prompt: {record.negative_prompt}")
    values = record.parameters
    pairs: dict[str, object] = {
        "Steps": values.get("steps", values.get("num_inference_steps")),
        "Sampler": record.scheduler,
        "CFG scale": values.get("guidance_scale"),
        "Seed": record.seed,
        "Size": f"{values['width']}x{values['height']}" if {"width", "height"} <= values.keys() else None,
        "Model hash": record.model_sha256[:10] if record.model_sha256 else None,
        "Model": record.model,
        "Mode": str(record.mode),
        "Denoising strength": values.get("strength"),
        "Version": software,
        **{key: value for key, value in values.items() if key not in _NAMED_PARAMETERS},
    }
    lines.append(", ".join(f"{key}: {_quoted(value)}" for key, value in pairs.items() if value is not None))
    return "\n".join(lines)


def read_parameters(text: str) -> Mapping[str, str] | None:
    r"""The known pairs of the line that holds at least three of them; None when there is no such line.

    >>> read_parameters("a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1")["Sampler"]
    'Euler a'
    >>> read_parameters("Steps: many, and none of them easy") is None
    True
    """
    # From the end: the line is the last one, but extensions append lines of their own. Split from the right, so that a
    # text of a million line feeds costs 64 pieces.
    for line in reversed(text.rstrip().rsplit("\n", _MAX_LINES)):
        pairs = {key: _unquoted(value) for key, value in _PAIR.findall(line.strip()[:_MAX_LINE])}
        if len(pairs) >= _PAIRS_NEEDED:
            return pairs
    return None


def _quoted(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if any(mark in text for mark in ',:\n"') else text


def _unquoted(value: str) -> str:
    try:
        return str(json.loads(value)) if value.startswith('"') else value
    except ValueError:
        return value
