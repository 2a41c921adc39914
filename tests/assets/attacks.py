"""Signed assets with one lie each. Every function takes a sound asset and returns bytes that differ in one stated way."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterator

from provenance.asset import Asset
from provenance.generation import GenerationRecord
from provenance.keys import Credential, KeySigner, Signer
from provenance.manifest import Software, manifest_for
from provenance.signing import ManifestSigner
from tests.assets.chains import NOW, Chain, sound_chain
from tests.assets.pictures import encoded, png_chunk

SOFTWARE = Software("Assay tests", "1")
RECORD = GenerationRecord(model="tests/tiny", created_at=NOW, prompt="a lighthouse at dusk", seed=2**63 + 1)
_PNG_START = 8


def signed(asset: Asset | None = None, *, chain: Chain | None = None, signer: Signer | None = None, **changes: object) -> Asset:
    """`asset` (a small PNG) signed by a sound throw-away chain, declaring `RECORD` with `changes`."""
    asset = asset or encoded()
    fields = {name: getattr(RECORD, name) for name in RECORD.__dataclass_fields__} | changes
    record = GenerationRecord(**fields)
    manifest = manifest_for(record, media_type=asset.media_type, instance_id="xmp.iid:tests", software=SOFTWARE)
    return ManifestSigner(signer or (chain or sound_chain()).signer).sign(asset, manifest)


def flipped(data: bytes, at: int, bit: int = 0) -> bytes:
    """One bit of one byte flipped."""
    at %= len(data)
    return data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = _PNG_START
    while at < len(data):
        (size,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        at += 12 + size


def png_with(data: bytes, change: Callable[[bytes, bytes], list[tuple[bytes, bytes]]]) -> bytes:
    """A PNG with `change` applied to each of its chunks and every CRC right again."""
    chunks = [new for name, content in png_chunks(data) for new in change(name, content)]
    return data[:_PNG_START] + b"".join(png_chunk(name, content) for name, content in chunks)


def pixel_flipped(png: bytes) -> bytes:
    """One bit of one colour sample changed, the PNG itself sound."""

    def change(name: bytes, content: bytes) -> list[tuple[bytes, bytes]]:
        return [(name, zlib.compress(flipped(zlib.decompress(content), -1)) if name == b"IDAT" else content)]

    return png_with(png, change)


def store_flipped(png: bytes, needle: bytes, offset: int = 0) -> bytes:
    """One bit changed in the manifest store, at the last `needle` in it; the PNG itself sound."""

    def change(name: bytes, content: bytes) -> list[tuple[bytes, bytes]]:
        return [(name, flipped(content, content.rindex(needle) + offset) if name == b"caBX" else content)]

    return png_with(png, change)


def stripped(png: bytes) -> bytes:
    return png_with(png, lambda name, content: [] if name == b"caBX" else [(name, content)])


def transplanted(png: bytes, onto: bytes) -> bytes:
    """The manifest of `png` in another PNG."""
    store = dict(png_chunks(png))[b"caBX"]
    return png_with(
        stripped(onto), lambda name, content: [(name, content), (b"caBX", store)] if name == b"IHDR" else [(name, content)]
    )


def with_second_store(png: bytes, store: bytes) -> bytes:
    """`png` with another manifest store behind its own."""
    return png_with(png, lambda name, content: [(name, content), (b"caBX", store)] if name == b"caBX" else [(name, content)])


def text_added(png: bytes) -> bytes:
    """A text chunk put in after signing, as many tools do."""
    return png_with(
        png, lambda name, content: [(b"tEXt", b"Comment\0hello"), (name, content)] if name == b"IEND" else [(name, content)]
    )


class RecordingSigner:
    """Signs, and keeps the last payload and signature, so that a dishonest signer's file can be built from an honest one."""

    def __init__(self, chain: Chain) -> None:
        self._signer = chain.signer
        self.payload = b""
        self.signature = b""

    @property
    def credential(self) -> Credential:
        return self._signer.credential

    def sign(self, payload: bytes) -> bytes:
        self.payload, self.signature = payload, self._signer.sign(payload)
        return self.signature


class WrongKeySigner:
    """Shows one credential and signs with another key."""

    def __init__(self, shown: Chain, used: KeySigner) -> None:
        self.credential = shown.signer.credential
        self._used = used

    def sign(self, payload: bytes) -> bytes:
        return self._used.sign(payload)


def pixels_excluded(png: Asset, *, chain: Chain, ranges: int) -> bytes:
    """A PNG whose own signer leaves the pixels out of the hard binding, so that they can be swapped and every hash holds.

    Args:
        png: Unsigned, with one IDAT chunk.
        chain: Who signs, dishonestly.
        ranges: 1 to stretch the manifest's own range over the pixels, 2 to leave them out in a range of their own.
    """
    signer = RecordingSigner(chain)
    data = signed(png, signer=signer).data
    at = data.index(b"jexclusions\x81")
    manifest_start, store = data.index(b"caBX") - 4, dict(png_chunks(data))[b"caBX"]
    pixels_start = data.index(b"IDAT") - 4
    pixels_size = 12 + len(dict(png_chunks(data))[b"IDAT"])
    manifest_size = 12 + len(store)
    hash_at = data.index(b"dhashX ", at) + 7
    if ranges == 1:
        kept = data[:manifest_start] + data[pixels_start + pixels_size :]
        length_at = data.index(b"flength\x19", at) + 8
        evil = data[:length_at] + struct.pack(">H", manifest_size + pixels_size) + data[length_at + 2 :]
    else:
        kept = data[:manifest_start] + data[pixels_start + pixels_size :]
        first_end = data.index(b"dnamenjumbf manifest", at)
        second = b"\xa2estart\x19" + struct.pack(">H", pixels_start) + b"flength\x19" + struct.pack(">H", pixels_size)
        evil = data[: at - 1] + b"\xa4jexclusions\x82" + data[at + 12 : first_end] + second + data[first_end + 20 :]
    evil = evil[:hash_at] + hashlib.sha256(kept).digest() + evil[hash_at + 32 :]
    # The claim names the assertion's digest and the signature covers the claim: replace both, as the holder of the key can.
    box_at = data.rindex(b"jumb", 0, data.rindex(b"c2pa.hash.data", 0, at)) - 4
    size = int.from_bytes(data[box_at : box_at + 4], "big")
    old, new = (hashlib.sha256(d[box_at + 8 : box_at + size]).digest() for d in (data, evil))
    assert len(evil) == len(data)
    assert evil.count(old) == 1
    assert signer.payload.count(old) == 1
    evil = evil.replace(old, new).replace(signer.signature, chain.signer.sign(signer.payload.replace(old, new)))
    return png_with(evil, lambda name, content: [(name, content)])
