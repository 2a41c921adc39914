"""Tags and frames at the beginning of an MP3, as lengths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.mpeg_audio import id3_tag_length, is_mp3, tag_announced_length
from tests.assets.sounds_and_films import FRAME_BYTES, id3, id3_frame, mp3, syncsafe


def compressed(announced: int, version: int) -> bytes:
    """A frame of one byte that says it inflates to so many."""
    if version == 4:
        return b"TIT2" + syncsafe(5) + b"\0\x09" + syncsafe(announced) + b"d"
    return b"TIT2" + (5).to_bytes(4, "big") + b"\0\x80" + announced.to_bytes(4, "big") + b"d"


@pytest.mark.parametrize("version", [3, 4])
@pytest.mark.parametrize("announced", [5, 900, 2**27])
def test_what_a_compressed_frame_announces(version: int, announced: int) -> None:
    before = id3_frame(b"TALB", b"\3album", version=version)
    assert tag_announced_length(id3(before, compressed(announced, version), version=version) + mp3()) == announced


def test_a_stored_length_counts_as_well() -> None:
    frame = b"TIT2" + (2**30).to_bytes(4, "big") + b"\0\x80" + (100).to_bytes(4, "big") + b"d"
    assert tag_announced_length(id3(frame, version=3) + mp3()) == 2**30


def test_the_largest_of_several() -> None:
    frames = [compressed(announced, 3) for announced in (8, 900, 7)]
    assert tag_announced_length(id3(*frames, version=3)) == 900


def test_behind_zeros_put_in_against_false_sync() -> None:
    body = (id3_frame(b"TIT2", b"\1\xff\xfe", version=3) + compressed(2**30, 3)).replace(b"\xff", b"\xff\0")
    assert tag_announced_length(b"ID3\3\0\x80" + syncsafe(len(body)) + body) == 2**30


def test_behind_an_extended_header() -> None:
    body = b"\0\0\0\6" + bytes(6) + compressed(2**30, 3)
    assert tag_announced_length(b"ID3\3\0\x40" + syncsafe(len(body)) + body) == 2**30


@pytest.mark.parametrize("data", [b"", mp3(), id3(), id3(version=2), id3(id3_frame(b"TIT2", b"\3a")) + mp3()])
def test_nothing_compressed_announces_nothing(data: bytes) -> None:
    assert tag_announced_length(data) == 0


@given(st.binary(max_size=60))
def test_any_tag_has_lengths(tail: bytes) -> None:
    data = b"ID3" + tail
    length = id3_tag_length(data)
    assert length == 0 or 10 <= length <= 20 + 2**28
    assert 0 <= tag_announced_length(data) < 2**32


@given(st.integers(0, FRAME_BYTES), st.integers(0, 255))
def test_frames_need_every_byte_of_their_headers(at: int, value: int) -> None:
    data = bytearray(mp3(2))
    data[at] = value
    # The second frame is where the first one says it ends, or this is no MP3; content between does not matter.
    assert is_mp3(bytes(data)) or at < 4 or at == FRAME_BYTES
