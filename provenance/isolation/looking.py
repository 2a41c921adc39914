"""What a parser does with one request: read the header, let examiners look, decode once for everyone.

Whatever a request does stays in the process: an error is answered, and memory that ran out ends it, because nobody knows what
it was needed for.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, Final

from provenance.asset import Asset
from provenance.errors import AssayError
from provenance.evidence import DeclarationEvidence, Evidence, Examiner
from provenance.isolation.frames import Frame, Stream, send
from provenance.isolation.setup import Setup, build
from provenance.isolation.wire import to_plain
from provenance.pixels import PixelArray, decode, open_image

_MAX_TRACE_CHARACTERS: Final = 4000


def answer(channel: Stream, request: Frame, setup: Setup, examiners: Mapping[str, Examiner]) -> None:
    """Send the answer to `request`."""
    try:
        found, pixels = _look(request, setup, examiners)
    except MemoryError:
        send(channel, {"out_of_memory": True})
        os._exit(0)
    send(channel, found, [pixels.data] if pixels is not None else [])


def _look(request: Frame, setup: Setup, examiners: Mapping[str, Examiner]) -> tuple[dict[str, Any], PixelArray | None]:
    asked = request.document
    size = asked["asset_bytes"]
    asset = Asset(bytes(request.blob[:size]), asked["media_type"], asked["sha256"])
    if asked["sidecar"]:
        examiners = build(setup, sidecar=bytes(request.blob[size:]))
    request.blob.clear()
    pixels = _Pixels(asset, asked["max_pixels"])
    if asset.has_pixels:
        try:
            open_image(asset, max_pixels=asked["max_pixels"]).close()
        except AssayError as err:
            return {"refused": _error(err)}, None
    found: dict[str, Any] = {"found": {name: _examined(examiners[name], asset, pixels) for name in asked["examiners"]}}
    if asked["pixels"] == "none":
        return found, None
    try:
        array = pixels.get()
    except AssayError as err:
        return {**found, "pixels": {"error": _error(err)}}, None
    height, width, _ = array.shape
    return {**found, "pixels": {"height": height, "width": width}}, array if asked["pixels"] == "send" else None


class _Pixels:
    """Decoded when first asked for, once."""

    def __init__(self, asset: Asset, max_pixels: int) -> None:
        self._asset = asset
        self._max_pixels = max_pixels
        self._found: PixelArray | AssayError | None = None

    def get(self) -> PixelArray:
        if self._found is None:
            try:
                self._found = decode(self._asset, max_pixels=self._max_pixels)
            except AssayError as err:
                self._found = err
        if isinstance(self._found, AssayError):
            raise self._found
        return self._found


def _examined(examiner: Examiner, asset: Asset, pixels: _Pixels) -> dict[str, Any]:
    on_pixels = getattr(examiner, "examine_pixels", None) if asset.has_pixels else None
    try:
        evidence: Sequence[Evidence] = on_pixels(asset, pixels.get()) if on_pixels else examiner.examine(asset)
    except MemoryError:
        raise
    except AssayError as err:
        return {"error": _error(err)}
    except Exception as err:
        return {"defect": {"type": type(err).__name__, "trace": traceback.format_exc()[-_MAX_TRACE_CHARACTERS:]}}
    kinds = [["declaration" if isinstance(item, DeclarationEvidence) else "status", to_plain(item)] for item in evidence]
    return {"evidence": kinds}


def _error(err: AssayError) -> dict[str, str]:
    return {"code": err.code, "message": str(err)}
