"""RIFF: the chunks of a WebP or a WAV.

Source: Multimedia Programming Interface and Data Specifications 1.0 (Microsoft, IBM), "Resource Interchange File Format".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from provenance.errors import AssetUnreadable
from provenance.metadata.embedded import MAX_PARTS, take


class Chunk(NamedTuple):
    """A chunk: four bytes that name it, and what is in it."""

    kind: bytes
    payload: bytes


def chunks(data: bytes, form: bytes) -> Iterator[Chunk]:
    """The chunks of a RIFF file of this form, such as b"WAVE"; what follows the RIFF container is not part of it.

    Raises:
        AssetUnreadable: It is of another form, or a chunk runs past the end.
    """
    head = take(data, 0, 12)
    if head[:4] != b"RIFF" or head[8:] != form:
        raise AssetUnreadable(f"not a {form.decode('latin-1')} header")
    end = 8 + int.from_bytes(head[4:8], "little")
    if end > len(data):
        raise AssetUnreadable(f"RIFF announces {end} bytes, there are {len(data)}")
    yield from chunks_between(data, 12, end)


def chunks_between(data: bytes, start: int, end: int) -> Iterator[Chunk]:
    """The chunks between two offsets, not looking into any of them.

    Raises:
        AssetUnreadable: A chunk runs past the end, or there are too many.
    """
    at = start
    for _ in range(MAX_PARTS):
        if at >= end:
            return
        chunk = take(data[:end] if at + 8 > end else data, at, 8)
        size = int.from_bytes(chunk[4:], "little")
        if at + 8 + size > end:
            raise AssetUnreadable(f"chunk {chunk[:4]!r} at {at} runs past the end of the data")
        yield Chunk(chunk[:4], data[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    raise AssetUnreadable(f"more than {MAX_PARTS} chunks")


def encode(form: bytes, parts: Sequence[Chunk]) -> bytes:
    """A RIFF file of these chunks."""
    out = [form]
    for chunk in parts:
        out += [chunk.kind, len(chunk.payload).to_bytes(4, "little"), chunk.payload, b"\x00" * (len(chunk.payload) % 2)]
    body = b"".join(out)
    return b"RIFF" + len(body).to_bytes(4, "little") + body
