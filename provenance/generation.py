"""What made an image: the record a generator hands in to be declared.

Values only. How the record becomes a manifest is `provenance.manifest`; how it becomes EXIF, XMP and PNG text is
`provenance.metadata`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from provenance.asset import Asset
from provenance.digital_source_type import DigitalSourceType
from provenance.errors import RecordInvalid
from provenance.evidence import UsageWish
from provenance.prompt_policy import PromptRule, WithheldPrompts

Scalar = str | int | float | bool
"""A parameter's value; finite when it is a number."""

MAX_TEXT_CHARACTERS = 16_384
"""Longest prompt, negative prompt or parameter, in characters."""


_TYPED: Final = ("prompt", "phrase", "caption", "instruction", "lyrics")
"""Words in the names of parameters whose text a person typed: prompt_2 (SDXL), gligen_phrases, lyrics."""


class GenerationMode(StrEnum):
    """What the generator was asked to do."""

    TEXT_TO_IMAGE = "text-to-image"
    IMAGE_TO_IMAGE = "image-to-image"
    INPAINTING = "inpainting"
    UPSCALING = "upscaling"
    TEXT_TO_VIDEO = "text-to-video"
    IMAGE_TO_VIDEO = "image-to-video"
    TEXT_TO_AUDIO = "text-to-audio"

    @property
    def starts_from_asset(self) -> bool:
        """Whether there is nothing to generate without a parent."""
        return not self.startswith("text-")

    @classmethod
    def usual(cls, media_type: str, *, has_parents: bool) -> GenerationMode:
        """What was most likely asked for, where nobody says: made from its parents if there are any, else from text."""
        kind = media_type.partition("/")[0]
        fitting = [mode for mode in cls if mode.makes == kind]
        return next(
            (mode for mode in fitting if mode.starts_from_asset is has_parents), fitting[0] if fitting else cls.TEXT_TO_IMAGE
        )

    @property
    def makes(self) -> str:
        """First half of the media type of what comes out: image, video or audio."""
        return {"video": "video", "audio": "audio"}.get(self.rpartition("-")[2], "image")


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA or the like that was active."""

    name: str
    weight: float | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class SafetyResult:
    """What the pipeline's own safety checker said."""

    checked: bool
    """False when the pipeline has no checker."""
    flagged: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRecord:
    """Everything that is declared about how one image was made.

    Raises:
        RecordInvalid: A parent is missing for a mode that starts from an image, a text is too long, a time has no zone, or a
            parameter is no finite scalar.
    """

    model: str
    """Model id, such as "stabilityai/sdxl-turbo"."""
    created_at: datetime
    """When the pixels were made, with a time zone."""
    mode: GenerationMode = GenerationMode.TEXT_TO_IMAGE
    provider: str = "unnamed provider"
    """Who runs the generator."""
    model_version: str | None = None
    model_sha256: str | None = None
    """SHA-256 of the weights, lower-case hexadecimal."""
    prompt: str | None = None
    negative_prompt: str | None = None
    seed: int | None = None
    scheduler: str | None = None
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    """Such as steps, guidance_scale, width and height in pixels, strength."""
    adapters: tuple[Adapter, ...] = ()
    safety: SafetyResult = SafetyResult(checked=False)
    parents: tuple[Asset, ...] = ()
    """Images this one was made from; the first is what was opened."""
    parents_synthetic: bool = False
    """Whether every parent is itself declared wholly generated; the stamper reads it off their manifests."""
    inputs: tuple[Asset, ...] = ()
    """Images that steered the generator and are no part of the picture, such as control maps and reference pictures."""
    wishes: tuple[UsageWish, ...] = ()
    """What the rights holder allows others to do with the image; at most one for each use."""
    withheld: WithheldPrompts | None = None
    """Set in place of prompts that are not declared."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))
        if self.created_at.tzinfo is None:
            raise RecordInvalid("created_at needs a time zone")
        object.__setattr__(self, "created_at", self.created_at.astimezone(UTC))
        if not self.model.strip():
            raise RecordInvalid("a record needs the model's id")
        if self.mode.starts_from_asset and not self.parents:
            raise RecordInvalid(f"{self.mode} starts from an image: name it as parent")
        texts = [self.model, self.provider, self.model_version, self.prompt, self.negative_prompt, self.scheduler]
        texts += [text for pair in self.parameters.items() for text in pair if isinstance(text, str)]
        texts += [adapter.name for adapter in self.adapters]
        texts += [wish.constraint for wish in self.wishes]
        for text in texts:
            if text is not None:
                _require_writable(text)
        try:
            json.dumps(dict(self.parameters), allow_nan=False)
        except (TypeError, ValueError) as err:
            raise RecordInvalid(f"parameters must be finite scalars: {err}") from err
        if self.model_sha256 is not None and not _is_sha256(self.model_sha256):
            raise RecordInvalid("model_sha256 must be 64 lower-case hexadecimal digits")
        if len({wish.use for wish in self.wishes}) != len(self.wishes):
            raise RecordInvalid("two wishes for the same use")
        if self.withheld is not None and self.prompts:
            raise RecordInvalid("a prompt is both declared and withheld")

    @property
    def prompts(self) -> Mapping[str, str]:
        """Every text a person typed, by name: prompt, negative prompt, and parameters called like one, such as "prompt_2"."""
        named = {"prompt": self.prompt, "negative_prompt": self.negative_prompt}
        typed = {name: value for name, value in self.parameters.items() if isinstance(value, str) and _is_typed(name)}
        return {name: text for name, text in named.items() if text is not None} | typed

    def under(self, rule: PromptRule) -> GenerationRecord:
        """The record as it may be declared under `rule`: itself, or without any prompt and with what stands in for them."""
        withheld = rule.withheld(self.prompts)
        if withheld is None:
            return self
        others = {name: value for name, value in self.parameters.items() if name not in self.prompts}
        return replace(self, prompt=None, negative_prompt=None, parameters=others, withheld=withheld)

    @property
    def digital_source_type(self) -> DigitalSourceType:
        """A composite if any part of it may come from something else than a generator, wholly generated otherwise."""
        if self.parents and not self.parents_synthetic:
            return DigitalSourceType.COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA
        return DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA


def _is_typed(name: str) -> bool:
    return any(word in name.lower() for word in _TYPED)


def _require_writable(text: str) -> None:
    if len(text) > MAX_TEXT_CHARACTERS:
        raise RecordInvalid(f"a text has {len(text)} characters, the limit is {MAX_TEXT_CHARACTERS}")
    if "\x00" in text:
        raise RecordInvalid("a text holds a NUL character, which EXIF and PNG text would cut at")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise RecordInvalid("a text holds half of a surrogate pair, which no file can carry")


def _is_sha256(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")
