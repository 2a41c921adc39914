"""Small real classes that stand in for something slow, remote or hard to break."""

from __future__ import annotations

import io
import threading

from PIL import Image, PngImagePlugin

from provenance.asset import Asset
from provenance.errors import SignerUnavailable
from provenance.generation import GenerationRecord
from provenance.pixels import PixelArray


class FakeStamper:
    """Writes a PNG with a text chunk instead of a signature; remembers what it was given; fails and waits when told to."""

    def __init__(self, *, fail_at: int | None = None, error: Exception | None = None) -> None:
        self.records: list[GenerationRecord] = []
        self.gate = threading.Event()
        """Nothing is stamped while it is cleared."""
        self.gate.set()
        self._fail_at = fail_at
        self._error = error or SignerUnavailable("the key is out of reach")
        self._lock = threading.Lock()

    def stamp(self, pixels: PixelArray, record: GenerationRecord, *, media_type: str = "image/png") -> Asset:
        with self._lock:
            self.records.append(record)
            number = len(self.records) - 1
        if not self.gate.wait(timeout=60):
            raise TimeoutError("nobody opened the gate")
        if number == self._fail_at:
            raise self._error
        out = io.BytesIO()
        if media_type == "image/png":
            text = PngImagePlugin.PngInfo()
            text.add_text("stamped", record.model)
            Image.fromarray(pixels).save(out, "PNG", pnginfo=text)
        else:
            Image.fromarray(pixels).save(out, media_type.removeprefix("image/"))
        return Asset.from_bytes(out.getvalue())
