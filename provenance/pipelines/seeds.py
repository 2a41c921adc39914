"""One seed for every image, drawn when the caller gives none, so that each image can be made again.

Seeds are drawn from the operating system and kept to 32 bits, which every interface for typing a seed takes. Generators live on
the CPU: the same seed then gives the same noise on every device.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from provenance.generation import Scalar
from provenance.pipelines.libraries import Foreign, torch

SEED_BITS = 32
"""Size of a drawn seed."""


@dataclass(frozen=True, slots=True)
class Seeds:
    """The randomness of one call."""

    generator: Foreign
    """One torch generator for each image, or the caller's own; None when the pipeline takes none."""
    seeds: tuple[int | None, ...]
    """The seed of each image."""
    notes: tuple[dict[str, Scalar], ...]
    """What else it takes to repeat each image, as parameters."""


def generators(seeds: list[int]) -> list[Foreign]:
    """A fresh CPU generator for each seed."""
    return [torch().Generator("cpu").manual_seed(seed) for seed in seeds]


def draw(count: int) -> Seeds:
    """Seeds for `count` images, from the operating system's randomness."""
    seeds = [secrets.randbits(SEED_BITS) for _ in range(count)]
    return Seeds(generators(seeds), tuple(seeds), ({},) * count)


def given(generator: Foreign, count: int) -> Seeds:
    """Seeds of the caller's own generator or list of one for each image."""
    if isinstance(generator, list | tuple):
        # A list of the wrong length is diffusers' own error; here it must only not be taken for something else.
        each = [generator[min(index, len(generator) - 1)] for index in range(count)] if generator else []
        notes = tuple(_note(one) for one in each)
        return Seeds(list(generator), tuple(_seed(one) for one in each), notes)
    note = _note(generator)
    notes = tuple({**note, "batch_index": index} if count > 1 else note for index in range(count))
    return Seeds(generator, (_seed(generator),) * count, notes)


def _seed(generator: Foreign) -> int:
    return int(generator.initial_seed())


def _note(generator: Foreign) -> dict[str, Scalar]:
    """Say so when the generator was used before: its seed alone does not repeat the image."""
    torch_ = torch()
    fresh = torch_.Generator(generator.device).manual_seed(generator.initial_seed())
    return {} if torch_.equal(fresh.get_state(), generator.get_state()) else {"generator_reused": True}
