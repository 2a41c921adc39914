from __future__ import annotations

import socket
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.isolation.frames import FrameError, Timed, receive, send


class Memory:
    """A stream of fixed bytes, a few at a time."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray(data)

    def read_into(self, view: memoryview) -> int:
        count = min(len(view), len(self.data), 7)
        view[:count] = self.data[:count]
        del self.data[:count]
        return count

    def write(self, view: memoryview) -> int:
        self.data += view[:7]
        return min(7, len(view))


def framed(text: bytes, blob: bytes = b"") -> bytes:
    return struct.pack("!II", len(text), len(blob)) + text + blob


@given(st.dictionaries(st.text(max_size=9), st.integers() | st.text(max_size=9)), st.lists(st.binary(max_size=40), max_size=3))
def test_a_frame_arrives_as_it_left(document, blobs):
    stream = Memory()
    send(stream, document, blobs)
    frame = receive(stream, max_document_bytes=10**4, max_blob_bytes=120)
    assert (frame.document, bytes(frame.blob)) == (document, b"".join(blobs))
    assert not stream.data


@given(st.binary(max_size=200))
def test_anything_else_is_refused(data):
    with pytest.raises((FrameError, EOFError)):
        receive(Memory(framed(data)[:-1] if data else b""), max_document_bytes=150, max_blob_bytes=10)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"1",
        b"{",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b"\xff",
        b'{"a":' + b"[" * 100_000,
        b'{"a":' + b"9" * 5000 + b"}",
    ],
    ids=lambda text: repr(text[:12]),
)
def test_what_is_no_json_object_is_refused(text):
    with pytest.raises(FrameError, match="no JSON"):
        receive(Memory(framed(text)), max_document_bytes=10**6, max_blob_bytes=0)


def test_lengths_are_refused_before_anything_is_read():
    for lengths in ((101, 0), (2, 11), (2**32 - 1, 2**32 - 1)):
        with pytest.raises(FrameError, match="at most"):
            receive(Memory(struct.pack("!II", *lengths)), max_document_bytes=100, max_blob_bytes=10)


def test_a_silent_end_is_given_up_at_the_deadline():
    here, there = socket.socketpair()
    with here, there:
        there.send(framed(b"{}")[:9])
        with pytest.raises(TimeoutError):
            receive(Timed(here, time.monotonic() + 0.1), max_document_bytes=10, max_blob_bytes=0)
        with pytest.raises(TimeoutError):
            send(Timed(here, time.monotonic() + 0.1), {}, [bytes(2**24)])
