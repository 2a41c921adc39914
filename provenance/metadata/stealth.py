"""Text hidden in the lowest bits of pixels: the stealth PNG info of web interfaces, which NovelAI uses as well.

Bits run down the columns, from the left: of the alpha channel, or of red, green and blue of each pixel in turn. A magic word of
15 bytes says which, and whether what follows is compressed; then a length in bits (32 bits, big-endian), then the text.

Anybody can hide such a text in any picture, and it survives nothing that touches a pixel.

Source: ashen-sensored/sd_webui_stealth_pnginfo, `scripts/stealth_pnginfo.py`; NovelAI/novelai-image-metadata, `nai_meta.py`.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from provenance.errors import AssetUnreadable
from provenance.metadata.embedded import MAX_FIELD_BYTES
from provenance.metadata.stored_samples import SampleArray

_MAGIC_BYTES: Final = 15
_LENGTH_BYTES: Final = 4
_ALPHA: Final = {b"stealth_pnginfo": False, b"stealth_pngcomp": True}
_COLOURS: Final = {b"stealth_rgbinfo": False, b"stealth_rgbcomp": True}
_GZIP: Final = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class HiddenText:
    """A text found in the lowest bits."""

    magic: str
    """The word before it, such as "stealth_pngcomp"."""
    text: str


def hidden_text(samples: SampleArray) -> HiddenText | None:
    """The text hidden in `samples`; None when neither alpha nor colours begin with a magic word.

    Args:
        samples: As stored, shape (height, width, 3) or (height, width, 4).

    Raises:
        AssetUnreadable: A magic word is there, and what follows is no text within the limits.
    """
    planes = [(samples[..., :3], _COLOURS)]
    if samples.shape[2] == 4:
        planes.insert(0, (samples[..., 3:], _ALPHA))
    for plane, magics in planes:
        if plane.size < 8 * (_MAGIC_BYTES + _LENGTH_BYTES):
            continue
        magic = _bytes(plane, 0, _MAGIC_BYTES)
        if magic in magics:
            return HiddenText(magic.decode("ascii"), _text(plane, compressed=magics[magic]))
    return None


def _text(plane: NDArray[np.uint8], *, compressed: bool) -> str:
    length = int.from_bytes(_bytes(plane, _MAGIC_BYTES, _LENGTH_BYTES), "big") // 8
    start = _MAGIC_BYTES + _LENGTH_BYTES
    if 8 * (start + length) > plane.size:
        raise AssetUnreadable(f"the hidden text announces {length} bytes, more than the picture has bits for")
    if length > MAX_FIELD_BYTES:
        raise AssetUnreadable(f"a hidden text of {length} bytes, the limit is {MAX_FIELD_BYTES}")
    payload = _bytes(plane, start, length)
    try:
        return (_inflated(payload) if compressed else payload).decode("utf-8")
    except UnicodeDecodeError as err:
        raise AssetUnreadable(f"the hidden text is no UTF-8: {err.reason}") from err


def _bytes(plane: NDArray[np.uint8], start: int, count: int) -> bytes:
    """`count` bytes from byte `start` on; only the columns they are in are touched."""
    height, _, channels = plane.shape
    first, last = 8 * start, 8 * (start + count)
    left, right = first // (height * channels), -(-last // (height * channels))
    bits = plane[:, left:right].transpose(1, 0, 2).reshape(-1) & 1
    at = first - left * height * channels
    return np.packbits(bits[at : at + last - first]).tobytes()


def _inflated(payload: bytes) -> bytes:
    stream = zlib.decompressobj(_GZIP)
    try:
        # One byte more than allowed tells "exactly at the limit" from "beyond it".
        inflated = stream.decompress(payload, MAX_FIELD_BYTES + 1)
    except zlib.error as err:
        raise AssetUnreadable(f"the hidden text is no gzip: {err}") from err
    if len(inflated) > MAX_FIELD_BYTES:
        raise AssetUnreadable(f"the hidden text inflates to more than {MAX_FIELD_BYTES} bytes")
    if not stream.eof:
        raise AssetUnreadable("the hidden text ends too early")
    return inflated
