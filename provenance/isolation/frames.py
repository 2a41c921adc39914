"""How parent and child talk: a frame is a JSON object and bytes, each with its length in front and a limit on it.

The parent reads with a deadline, and never more than it expects: the other end may have been taken over. Nothing is ever
unpickled.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn, Protocol

_LENGTHS: Final = struct.Struct("!II")


class FrameError(ValueError):
    """What arrived is no frame, or more than was asked for."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message."""

    document: Mapping[str, Any]
    blob: bytearray


class Stream(Protocol):
    """Bytes in order, both ways."""

    def read_into(self, view: memoryview) -> int:
        """Fill some of `view`; how much, 0 at the end."""
        ...

    def write(self, view: memoryview) -> int:
        """Take some of `view`; how much."""
        ...


class Descriptor:
    """A file descriptor, read and written for as long as it takes: the child's end."""

    def __init__(self, number: int) -> None:
        self._number = number

    def read_into(self, view: memoryview) -> int:
        """As `Stream`; by system calls that a filter lets through, unlike those of `socket`."""
        return os.readv(self._number, [view])

    def write(self, view: memoryview) -> int:
        """As `Stream`."""
        return os.write(self._number, view)


class Timed:
    """A socket with a deadline: the parent's end."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        """Read and write `connection` until `deadline` of `time.monotonic`; TimeoutError then."""
        self._connection = connection
        self._deadline = deadline

    def read_into(self, view: memoryview) -> int:
        """As `Stream`."""
        self._arm()
        return self._connection.recv_into(view)

    def write(self, view: memoryview) -> int:
        """As `Stream`."""
        self._arm()
        return self._connection.send(view)

    def _arm(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)


def send(stream: Stream, document: Mapping[str, Any], blobs: Iterable[bytes | memoryview] = ()) -> None:
    """Send `document` with `blobs`, one after the other."""
    text = json.dumps(document, allow_nan=False).encode("ascii")
    views = [memoryview(blob).cast("B") for blob in blobs]
    for view in (memoryview(_LENGTHS.pack(len(text), sum(map(len, views))) + text), *views):
        sent = 0
        while sent < len(view):
            sent += stream.write(view[sent : sent + 2**20])


def receive(stream: Stream, *, max_document_bytes: int, max_blob_bytes: int) -> Frame:
    """The next frame.

    Raises:
        EOFError: The other end is gone.
        FrameError: It is too large, or holds no JSON object.
    """
    document_bytes, blob_bytes = _LENGTHS.unpack(_exactly(stream, _LENGTHS.size))
    if document_bytes > max_document_bytes or blob_bytes > max_blob_bytes:
        raise FrameError(f"{document_bytes} and {blob_bytes} bytes, {max_document_bytes} and {max_blob_bytes} at most")
    text = _exactly(stream, document_bytes)
    try:
        document = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as err:
        raise FrameError("no JSON") from err
    if not isinstance(document, dict):
        raise FrameError("no JSON object")
    return Frame(document, _exactly(stream, blob_bytes))


def _exactly(stream: Stream, size: int) -> bytearray:
    data = bytearray(size)
    with memoryview(data) as view:
        got = 0
        while got < size:
            count = stream.read_into(view[got : got + 2**20])
            if count == 0:
                raise EOFError("the other end is gone")
            got += count
    return data


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
