"""Read the public watermarks that Stable Diffusion and FLUX code puts into pixels (`dwtDct` of invisible-watermark).

The encoder takes the low band of a Haar wavelet of the U channel, and moves the largest coefficient of each block of 4 x 4 to a
quarter or three quarters of a step of 36: one bit a block, the message over and over. Two things are read differently than by
the original decoder, which misses half of what is there:

- SDXL's and FLUX's code hands the encoder floating-point pixels, for which U is centred on 0.5 instead of 128. Both are tried.
- Every block votes with how clearly it says a bit, and as many bits are taken for ones as the message has: a picture's own
  colours push all bits the same way.

Anybody can put these messages on any picture, and nothing is written here: the encoder loses a band on the way.

Source: ShieldMnt/invisible-watermark, `imwatermark/maxDct.py`; CompVis/stable-diffusion, `scripts/txt2img.py`;
Stability-AI/generative-models and diffusers, `stable_diffusion_xl/watermark.py`; black-forest-labs/flux, `src/flux/util.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from provenance.pixels import PixelArray

HIT_AGREEMENT: Final = 0.90
"""Share of bits from which a message counts as found; benchmarks/pixel_marks.py says how far unmarked pictures stay below."""
WEAK_AGREEMENT: Final = 0.77
"""Share of bits from which an agreement is worth showing, and nothing more."""
MIN_PIXELS: Final = 256 * 256
"""The encoder refuses smaller pictures."""
MAX_PIXELS_READ: Final = 2_000_000
"""Pixels read from the top: the message repeats, and 230 votes a bit are plenty."""

_STEP: Final = 36.0
_BLOCK: Final = 4
_MIN_VOTES: Final = 4
"""Fewest blocks a bit is read from."""
_OFFSETS: Final = (256.0, 1.0)
"""What the centre of U, 128 or 0.5, adds to a coefficient of the low band."""

_FloatArray: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Message:
    """A known message."""

    name: str
    generator: str
    bits: str
    """Of 0 and 1, in the order they are embedded."""
    suffices: bool = True
    """False for one so short that unmarked pictures come near it: it is shown, and declares nothing."""


@dataclass(frozen=True, slots=True)
class Match:
    """How well a picture agrees with a message."""

    message: Message
    agreeing: int
    """Bits that are as in the message."""

    @property
    def agreement(self) -> float:
        """Share of bits that agree, between 0 and 1; about a half where there is no message."""
        return self.agreeing / len(self.message.bits)


def _text_bits(text: str) -> str:
    return "".join(f"{byte:08b}" for byte in text.encode("ascii"))


_FLUX: Final = "1010101111111010000111100111001111010100101110"
MESSAGES: Final = (
    Message("StableDiffusionV1", "Stable Diffusion 1", _text_bits("StableDiffusionV1")),
    Message("SDV2", "Stable Diffusion 2", _text_bits("SDV2"), suffices=False),
    Message("SDXL", "Stable Diffusion XL", f"{0xB3EC907BB19E:048b}"),
    # The constant has 48 bits, and `bin()` drops the two zeros it begins with: 46 are embedded. Careful copies embed all.
    Message("FLUX", "Black Forest Labs FLUX", _FLUX),
    Message("FLUX (48 bits)", "Black Forest Labs FLUX", "00" + _FLUX),
)


def best_matches(pixels: PixelArray, messages: Sequence[Message] = MESSAGES) -> tuple[Match, ...]:
    """The agreement of `pixels` with each message, in order; none for a picture the encoder would have refused.

    Args:
        pixels: RGB, shape (height, width, 3), uint8, not resampled or cropped since the message was embedded.
        messages: What to look for.
    """
    height, width = pixels.shape[:2]
    if height * width < MIN_PIXELS:
        return ()
    band = _low_band(pixels[: max(8, MAX_PIXELS_READ // width)])
    votes = [_votes(band + np.float32(offset)) for offset in _OFFSETS]
    wanted = [message for message in messages if votes[0].size >= _MIN_VOTES * len(message.bits)]
    return tuple(max((_match(v, message) for v in votes), key=lambda match: match.agreeing) for message in wanted)


def _low_band(pixels: PixelArray) -> _FloatArray:
    """Low band of a one-level Haar wavelet of U, for U centred on 0, in whole blocks."""
    height, width = (side // (2 * _BLOCK) * 2 * _BLOCK for side in pixels.shape[:2])
    red, green, blue = (_quad_sums(pixels[:height, :width, channel]) for channel in range(3))
    luma = np.float32(0.299) * red + np.float32(0.587) * green + np.float32(0.114) * blue
    return np.asarray((blue - luma) * np.float32(0.492 / 2), dtype=np.float32)


def _quad_sums(channel: NDArray[np.uint8]) -> _FloatArray:
    """Sums of 2 x 2 samples. In 16 bits, rows before columns: twice as fast as one sum over two axes."""
    rows = np.add(channel[0::2], channel[1::2], dtype=np.uint16)
    return np.asarray(rows[:, 0::2] + rows[:, 1::2], dtype=np.float32)


def _votes(band: _FloatArray) -> _FloatArray:
    """One vote a block, row by row: +1 for a clear one, -1 for a clear zero."""
    rows, columns = (side // _BLOCK for side in band.shape)
    magnitudes = np.abs(band).reshape(rows, _BLOCK, columns, _BLOCK)
    magnitudes[:, 0, :, 0] = -1.0  # the first coefficient is never used
    largest = magnitudes.max(axis=1).max(axis=2).reshape(-1)
    return np.asarray(-np.sin(largest * np.float32(2 * np.pi / _STEP)), dtype=np.float32)


def _match(votes: _FloatArray, message: Message) -> Match:
    count = len(message.bits)
    wanted = np.frombuffer(message.bits.encode("ascii"), dtype=np.uint8) == ord("1")
    places = np.arange(votes.size) % count
    means = np.bincount(places, weights=votes, minlength=count) / np.bincount(places, minlength=count)
    if np.ptp(means) < 1e-3:
        return Match(message, 0)  # a picture of one colour says the same everywhere, which is nothing
    ones = np.zeros(count, dtype=np.bool_)
    ones[np.argsort(means, kind="stable")[count - int(wanted.sum()) :]] = True
    return Match(message, int((ones == wanted).sum()))
