"""Hide texts and sign pixels the way generators do, to be read back: independent of the readers."""

from __future__ import annotations

import base64
import gzip
import io
import json

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from provenance.asset import Asset


def photograph(height: int, width: int, *, seed: int = 0) -> np.ndarray:
    """Something with the smoothness and the noise of a photograph: RGB, uint8."""
    rng = np.random.default_rng(seed)
    small = rng.uniform(0, 255, (height // 32 + 2, width // 32 + 2, 3)).astype(np.uint8)
    smooth = np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)).astype(float)
    return np.clip(smooth + rng.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)


def with_hidden(rgb: np.ndarray, magic: str, payload: bytes, *, announced: int | None = None) -> np.ndarray:
    """RGBA (magic "stealth_png...") or RGB ("stealth_rgb...") with the payload in its lowest bits, bit by bit."""
    length = 8 * len(payload) if announced is None else announced
    stream = magic.encode() + length.to_bytes(4, "big") + payload
    bits = [byte >> shift & 1 for byte in stream for shift in range(7, -1, -1)]
    in_alpha = "png" in magic
    height, width = rgb.shape[:2]
    pixels = np.dstack([rgb, np.full((height, width), 255, np.uint8)]) if in_alpha else rgb.copy()
    channels = [3] if in_alpha else [0, 1, 2]
    places = ((y, x, c) for x in range(width) for y in range(height) for c in channels)
    for bit, place in zip(bits, places, strict=False):
        pixels[place] = pixels[place] & 0xFE | bit
    return pixels


def compressed(text: str) -> bytes:
    return gzip.compress(text.encode())


def png(pixels: np.ndarray, **text: str) -> Asset:
    info = PngInfo()
    for keyword, value in text.items():
        info.add_text(keyword, value)
    return saved(pixels, "PNG", pnginfo=info)


def saved(pixels: np.ndarray, name: str, **options: object) -> Asset:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, name, **options)
    return Asset.from_bytes(out.getvalue())


def signed_comment(rgb: np.ndarray, comment: dict[str, object], key: Ed25519PrivateKey) -> str:
    """The comment with NovelAI's kind of signature over pixels and comment."""
    signature = key.sign(rgb.tobytes() + json.dumps(comment).encode("utf-8"))
    return json.dumps({**comment, "signed_hash": base64.b64encode(signature).decode()})


def hidden_metadata(comment: str) -> str:
    """What NovelAI hides in alpha: its text fields as JSON, the comment being JSON in JSON."""
    fields = {
        "Description": "a lighthouse",
        "Software": "NovelAI",
        "Source": "NovelAI Diffusion V4 37442FCA",
        "Comment": comment,
    }
    return json.dumps(fields)
