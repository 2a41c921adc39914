"""Mutations of files, seeded, and where in a file they fell: pure functions on bytes.

A mutant differs from its original; where both have one length that is known of each byte, else by what they have in common at
both ends.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Final

_EXTREMES: Final = (b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00", b"\x00\x00\x00\x01")
"""Lengths and counts that parsers have stumbled over."""
_MARKER: Final = b"jumb"  # every part of a manifest store is a box of this type


def mutated(data: bytes, others: Sequence[bytes], rng: random.Random) -> tuple[str, bytes]:
    """The kind and the bytes of one mutant of `data`, different from it.

    Args:
        data: The original, at least 17 bytes.
        others: Files to splice from.
        rng: Decides everything.
    """
    while True:
        kind = rng.choice(tuple(KINDS))
        found = KINDS[kind](data, others, rng)
        if found != data and found:
            return kind, found


def _flip(data: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    found = bytearray(data)
    for _flipped in range(rng.choice((1, 1, 1, 2, 8))):
        found[_place(data, rng)] ^= 1 << rng.randrange(8)
    return bytes(found)


def _extreme(data: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    at, value = _place(data, rng), rng.choice(_EXTREMES)
    return (data[:at] + value + data[at + 4 :])[: len(data)]


def _truncate(data: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    return data[: rng.choice((rng.randrange(16, len(data)), max(16, len(data) - rng.randrange(1, 64)), _place(data, rng) | 16))]


def _splice(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """A piece of this file or another, put over or between the bytes at some place."""
    source = rng.choice((data, rng.choice(others)))
    start, size = _place(source, rng), rng.choice((1, 4, 16, 100, 1000, 20_000))
    at = _place(data, rng)
    over = rng.choice((0, size))
    return data[:at] + source[start : start + size] + data[at + over :]


def _cut(data: bytes, _: Sequence[bytes], rng: random.Random) -> bytes:
    at = _place(data, rng)
    return data[:at] + data[at + rng.choice((1, 2, 4, 16, 100, 1000)) :]


def _append(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    tail = rng.choice((bytes(rng.randrange(1, 64)), rng.randbytes(rng.randrange(1, 64)), rng.choice(others)))
    return data + tail


KINDS: Final[dict[str, Callable[[bytes, Sequence[bytes], random.Random], bytes]]] = {
    "bit flips": _flip,
    "extreme number": _extreme,
    "truncation": _truncate,
    "splice": _splice,
    "cut": _cut,
    "appended": _append,
}


def _place(data: bytes, rng: random.Random) -> int:
    """Half of the time anywhere, else near the start, where the structure is, or inside the manifest."""
    choice = rng.randrange(4)
    if choice == 0:
        return rng.randrange(min(len(data), 512))
    first, last = data.find(_MARKER), data.rfind(_MARKER)
    if choice == 1 and first >= 0:
        return rng.randrange(max(0, first - 64), min(len(data), last + 4000))
    return rng.randrange(len(data))


def differences(original: bytes, mutant: bytes) -> list[tuple[int, int]]:
    """Ranges of `original`, first byte and one past the last, that are not the same in `mutant`.

    Byte by byte where both have one length; else the one range between what they have in common at both ends.
    """
    most = min(len(original), len(mutant))
    if len(original) == len(mutant):
        return [(at, at + 1) for at in range(most) if original[at] != mutant[at]]
    start = next((at for at in range(most) if original[at] != mutant[at]), most)
    same_end = next((at for at in range(most - start) if original[-1 - at] != mutant[-1 - at]), most - start)
    return [(start, len(original) - same_end)]


def regions(data: bytes, media_type: str, ranges: Sequence[tuple[int, int]]) -> set[str]:
    """Names of the parts of the container that `ranges` reach into.

    An empty range, where something was put in, reaches into the part that begins or goes on there.
    """
    parts = list(_parts(data, media_type))
    found = set()
    for start, end in ranges:
        touched = {name for name, first, last in parts if first < max(end, start + 1) and start < last}
        found |= touched or {"after the end" if start >= len(data) else "unknown"}
    return found


def _parts(data: bytes, media_type: str) -> Iterator[tuple[str, int, int]]:
    walkers = {"image/png": _png, "image/jpeg": _jpeg, "image/webp": _riff, "audio/wav": _riff}
    if media_type in walkers:
        return walkers[media_type](data)
    return _bmff(data) if data[4:8] == b"ftyp" else _around_manifest(data)


def _png(data: bytes) -> Iterator[tuple[str, int, int]]:
    yield "signature", 0, 8
    at = 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 8].decode("latin-1"), at, end
        at = end


def _jpeg(data: bytes) -> Iterator[tuple[str, int, int]]:
    yield "SOI", 0, 2
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        yield f"marker {data[at + 1]:02X}", at, end
        at = end
    yield "scan", at, len(data)


def _riff(data: bytes) -> Iterator[tuple[str, int, int]]:
    yield "RIFF header", 0, 12
    at = 12
    while at + 8 <= len(data):
        end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4].decode("latin-1"), at, end + end % 2
        at = end + end % 2


def _bmff(data: bytes) -> Iterator[tuple[str, int, int]]:
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big") or len(data) - at
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        yield data[at + 4 : at + 8].decode("latin-1"), at, at + max(size, 8)
        at += max(size, 8)


def _around_manifest(data: bytes) -> Iterator[tuple[str, int, int]]:
    """TIFF, GIF, MP3: the manifest store, found by its first box, and everything else."""
    first = data.find(_MARKER) - 4
    if first >= 0:
        size = int.from_bytes(data[first : first + 4], "big")
        yield "manifest store", first, first + size
        yield "before the manifest store", 0, first
        yield "behind the manifest store", first + size, len(data)
