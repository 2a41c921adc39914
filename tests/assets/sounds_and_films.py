"""Small sounds and films in every container Assay takes, written by hand: sound boxes, chunks and frames around a little noise.

The sounds can be played. The films have the tables of one video track with uncompressed ("raw ") samples, so that every offset
in them points to something; players may decline them.
"""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

import numpy as np

from provenance.asset import Asset

FRAME_BYTES: Final = 417
"""An MPEG-1 layer III frame of 128 kbit/s at 44.1 kHz, without padding."""


def wav(seconds: float = 0.1, seed: int = 0) -> bytes:
    """Mono, 16 bits, 8 kHz: a tone and a little noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(8000 * seconds)) / 8000
    samples = (8000 * np.sin(2 * np.pi * 440 * time) + rng.integers(-200, 200, time.shape)).astype("<i2")
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.tobytes())
    return out.getvalue()


def mp3(frames: int = 6) -> bytes:
    """Layer III frames of silence, without a tag."""
    return (b"\xff\xfb\x90\x00" + bytes(FRAME_BYTES - 4)) * frames


def id3(*frames: bytes, version: int = 4, padding: int = 0) -> bytes:
    """An ID3v2 tag around these frames."""
    body = b"".join(frames) + bytes(padding)
    return b"ID3" + bytes([version, 0, 0]) + syncsafe(len(body)) + body


def id3_frame(kind: bytes, payload: bytes, *, version: int = 4) -> bytes:
    size = syncsafe(len(payload)) if version == 4 else len(payload).to_bytes(4, "big")
    return kind + size + b"\0\0" + payload


def syncsafe(value: int) -> bytes:
    return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0))


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + kind + body


def full_box(kind: bytes, *parts: bytes, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", flags), *parts)


def film(major: bytes = b"mp42", compatible: tuple[bytes, ...] = (b"mp42", b"isom"), *, sound: bool = False) -> bytes:
    """An ISO base media file of one track with three samples of 64 bytes, movie box first, as for streaming."""
    head = box(b"ftyp", major, bytes(4), *compatible)
    samples = np.random.default_rng(1).integers(0, 256, 192, dtype=np.uint8).tobytes()
    # The offsets are known once the size of the movie box is, and that does not depend on them.
    at = len(head) + len(_movie(0, sound=sound)) + 8
    return head + _movie(at, sound=sound) + box(b"mdat", samples)


def _movie(at: int, *, sound: bool) -> bytes:
    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    movie = struct.pack(">5IHH", 0, 0, 1000, 300, 0x10000, 0x100, 0) + bytes(8) + matrix + bytes(24) + struct.pack(">I", 2)
    volume, edge = (0x100, 0) if sound else (0, 8 << 16)
    track = struct.pack(">5I", 0, 0, 1, 0, 300) + bytes(8) + struct.pack(">4H", 0, 0, volume, 0) + matrix
    track += struct.pack(">2I", edge, edge)
    media = struct.pack(">4I2H", 0, 0, 1000, 300, 0x55C4, 0)
    if sound:
        header = full_box(b"smhd", bytes(4))
        entry = box(b"sowt", bytes(6), struct.pack(">H", 1), bytes(8), struct.pack(">4HI", 1, 16, 0, 0, 8000 << 16))
    else:
        header = full_box(b"vmhd", bytes(8), flags=1)
        picture = struct.pack(">2H3IH", 8, 8, 0x480000, 0x480000, 0, 1) + bytes(32) + struct.pack(">Hh", 24, -1)
        entry = box(b"raw ", bytes(6), struct.pack(">H", 1), bytes(16), picture)
    table = box(
        b"stbl",
        full_box(b"stsd", struct.pack(">I", 1), entry),
        full_box(b"stts", struct.pack(">3I", 1, 3, 100)),
        full_box(b"stsc", struct.pack(">4I", 1, 1, 1, 1)),
        full_box(b"stsz", struct.pack(">2I", 64, 3)),
        full_box(b"stco", struct.pack(">4I", 3, at, at + 64, at + 128)),
    )
    data = box(b"dinf", full_box(b"dref", struct.pack(">I", 1), full_box(b"url ", flags=1)))
    handler = full_box(b"hdlr", bytes(4), b"soun" if sound else b"vide", bytes(12), b"made by hand\0")
    minf = box(b"minf", header, data, table)
    return box(
        b"moov",
        full_box(b"mvhd", movie),
        box(b"trak", full_box(b"tkhd", track, flags=3), box(b"mdia", full_box(b"mdhd", media), handler, minf)),
    )


def chunk_offsets(data: bytes) -> tuple[int, ...]:
    """Offsets of the samples, as the file says."""
    at = data.index(b"stco") + 8
    count = int.from_bytes(data[at : at + 4], "big")
    return struct.unpack(f">{count}I", data[at + 4 : at + 4 + 4 * count])


_MAKERS: Final[Mapping[str, Callable[[], bytes]]] = {
    "video/mp4": film,
    "video/quicktime": lambda: film(b"qt  ", (b"qt  ",)),
    "audio/mp4": lambda: film(b"M4A ", (b"M4A ", b"mp42", b"isom"), sound=True),
    "audio/wav": wav,
    "audio/mpeg": mp3,
}


@cache
def encoded_timed(media_type: str) -> Asset:
    """A sound or film of this media type, unsigned and without metadata."""
    return Asset.from_bytes(_MAKERS[media_type]())
