"""CBOR, as far as manifests and their signatures need it, read strictly and written shortest.

Source: RFC 8949.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

CborItem: TypeAlias = "int | str | bytes | Sequence[CborItem] | Mapping[int | str, CborItem] | None"

_MAX_DEPTH: Final = 16
_BREAK: Final = object()


def decode_cbor(data: bytes) -> object:
    """One CBOR item, whole.

    Tags are dropped. A map becomes a tuple of pairs, so that a repeated key stays visible.

    Raises:
        ValueError: It is malformed, nested too deeply, or something follows it.
    """
    item, end = _item(data, 0, _MAX_DEPTH)
    if end != len(data) or item is _BREAK:
        raise ValueError("not one whole CBOR item")
    return item


def _item(data: bytes, at: int, depth: int) -> tuple[object, int]:  # noqa: PLR0911  # one for each major type
    if depth == 0:
        raise ValueError("CBOR is nested too deeply")
    major, argument, at = _head(data, at)
    match major:
        case 0:
            return _definite(argument), at
        case 1:
            return -1 - _definite(argument), at
        case 2 | 3 if argument is None:
            chunks, at = _items(data, at, None, depth)
            if not all(isinstance(chunk, bytes if major == 2 else str) for chunk in chunks):
                raise ValueError("a CBOR string has a chunk of another kind")
            return (b"" if major == 2 else "").join(chunks), at  # type: ignore[arg-type]  # checked above
        case 2 | 3:
            end = at + _definite(argument)
            if end > len(data):
                raise ValueError("a CBOR string ends outside the data")
            return (data[at:end] if major == 2 else data[at:end].decode()), end
        case 4:
            return _items(data, at, argument, depth)
        case 5:
            flat, at = _items(data, at, None if argument is None else 2 * argument, depth)
            if len(flat) % 2:
                raise ValueError("a CBOR map has a key without a value")
            return tuple(zip(flat[::2], flat[1::2], strict=True)), at
        case 6:
            return _item(data, at, depth - 1)
    return (_BREAK if argument is None else argument), at


def _items(data: bytes, at: int, count: int | None, depth: int) -> tuple[list[object], int]:
    """`count` items, or those up to a break."""
    found: list[object] = []
    while count is None or len(found) < count:
        item, at = _item(data, at, depth - 1)
        if item is _BREAK:
            if count is None:
                break
            raise ValueError("a CBOR break where an item is needed")
        found.append(item)
    return found, at


def _head(data: bytes, at: int) -> tuple[int, int | None, int]:
    """Major type, argument (None when indefinite) and where the content starts."""
    if at >= len(data):
        raise ValueError("CBOR ends too early")
    major, low = data[at] >> 5, data[at] & 31
    if low < 24:
        return major, low, at + 1
    if low == 31:
        return major, None, at + 1
    width = {24: 1, 25: 2, 26: 4, 27: 8}.get(low, 0)
    if not width or at + 1 + width > len(data):
        raise ValueError("a CBOR argument is malformed")
    return major, int.from_bytes(data[at + 1 : at + 1 + width], "big"), at + 1 + width


def _definite(argument: int | None) -> int:
    if argument is None:
        raise ValueError("a CBOR number of indefinite length")
    return argument


def encode_cbor(item: CborItem) -> bytes:
    """`item` with the shortest length fields, map entries in the order given."""
    match item:
        case None:
            return b"\xf6"
        case int():
            return initial_bytes(0, item) if item >= 0 else initial_bytes(1, -1 - item)
        case bytes():
            return initial_bytes(2, len(item)) + item
        case str():
            encoded = item.encode()
            return initial_bytes(3, len(encoded)) + encoded
        case Mapping():
            return initial_bytes(5, len(item)) + b"".join(encode_cbor(key) + encode_cbor(value) for key, value in item.items())
        case _:
            return initial_bytes(4, len(item)) + b"".join(map(encode_cbor, item))


def initial_bytes(major: int, argument: int) -> bytes:
    """What an item of this major type starts with: its type and its argument, in the fewest bytes.

    Raises:
        ValueError: The argument is too large.
    """
    if argument < 24:
        return bytes([major << 5 | argument])
    for code, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << 8 * width:
            return bytes([major << 5 | code]) + argument.to_bytes(width, "big")
    raise ValueError("a number too large for CBOR")
