"""PNG text chunks: tEXt, zTXt and iTXt payloads to text fields and back, with bounded inflation.

Source: PNG Specification, Third Edition, 11.3.3 "Textual information". Deviation on purpose when reading: UTF-8 is tried
before Latin-1 in tEXt, because generators write UTF-8 there.
"""

from __future__ import annotations

import zlib

from provenance.errors import AssetUnreadable
from provenance.metadata.embedded import TextField

TEXT_CHUNKS = frozenset({b"tEXt", b"zTXt", b"iTXt"})


def inflate(data: bytes, *, limit: int) -> bytes:
    """Inflate a zlib stream to at most `limit` bytes.

    Raises:
        AssetUnreadable: It is no complete zlib stream, or inflates to more.
    """
    stream = zlib.decompressobj()
    try:
        # One byte more than allowed tells "exactly at the limit" from "beyond it". 0 would mean no limit at all.
        inflated = stream.decompress(data, max(limit, 0) + 1)
    except zlib.error as err:
        raise AssetUnreadable(f"not a zlib stream: {err}") from err
    if len(inflated) > limit:
        raise AssetUnreadable(f"inflates to more than {max(limit, 0)} bytes")
    if not stream.eof:
        raise AssetUnreadable("the zlib stream ends too early")
    return inflated


def decode_text(kind: bytes, payload: bytes, *, limit: int) -> TextField:
    """Field of one text chunk.

    Args:
        kind: b"tEXt", b"zTXt" or b"iTXt".
        payload: The chunk's data.
        limit: Most bytes the text may have, inflated.

    Raises:
        AssetUnreadable: The payload is malformed or the text longer than `limit`.
    """
    keyword_bytes, separator, rest = payload.partition(b"\x00")
    if not separator or not 1 <= len(keyword_bytes) <= 79:
        raise AssetUnreadable("a text chunk needs a keyword of 1 to 79 bytes and a NUL after it")
    keyword = keyword_bytes.decode("latin-1")
    if kind == b"tEXt":
        body = rest
    elif kind == b"zTXt":
        if rest[:1] != b"\x00":
            raise AssetUnreadable("unknown compression method in zTXt")
        body = inflate(rest[1:], limit=limit)
    else:
        body = _international_body(rest, limit)
    if len(body) > limit:
        raise AssetUnreadable(f"a text of {len(body)} bytes is over the limit of {max(limit, 0)}")
    return TextField(keyword, as_text(body), f"PNG:{keyword}")


def keyword_of(payload: bytes) -> str:
    """Keyword of a text chunk, however malformed the rest is."""
    return payload[:80].partition(b"\x00")[0].decode("latin-1")


def encode_text(keyword: str, text: str) -> tuple[bytes, bytes]:
    """Chunk type and payload: tEXt where Latin-1 can say it, else uncompressed iTXt.

    Args:
        keyword: 1 to 79 Latin-1 characters.
        text: Without NUL; lone surrogates become U+FFFD.
    """
    key = keyword.encode("latin-1")
    try:
        return b"tEXt", key + b"\x00" + text.encode("latin-1")
    except UnicodeEncodeError:
        return b"iTXt", key + b"\x00\x00\x00\x00\x00" + utf8(text)


def utf8(text: str) -> bytes:
    """UTF-8, with U+FFFD for the lone surrogates that UTF-8 cannot say."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode("utf-8")


def as_text(body: bytes) -> str:
    """UTF-8 where it is that, else Latin-1, which takes any bytes."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _international_body(rest: bytes, limit: int) -> bytes:
    if len(rest) < 2:
        raise AssetUnreadable("an iTXt chunk ends before its compression flag")
    _, language_end, after_language = rest[2:].partition(b"\x00")
    _, keyword_end, body = after_language.partition(b"\x00")
    if not language_end or not keyword_end:
        raise AssetUnreadable("an iTXt chunk ends before its text")
    if rest[0] == 0:
        return body
    if rest[0] != 1 or rest[1] != 0:
        raise AssetUnreadable("unknown compression in iTXt")
    return inflate(body, limit=limit)
