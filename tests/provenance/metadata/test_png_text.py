"""PNG text chunks, one lie at a time."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import AssetUnreadable
from provenance.metadata.png_text import decode_text, encode_text, inflate, utf8

KEYWORD = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=79)


@given(KEYWORD, st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
def test_text_round_trips(keyword, text):
    kind, payload = encode_text(keyword, text)
    field = decode_text(kind, payload, limit=10**6)
    # Latin-1 text whose bytes happen to be UTF-8 as well reads as UTF-8; nobody writes that by accident.
    if kind == b"iTXt" or text.isascii():
        assert (field.keyword, field.text) == (keyword, text)


def test_latin_1_is_text_and_the_rest_is_itxt():
    assert encode_text("Title", "café") == (b"tEXt", b"Title\x00caf\xe9")
    assert encode_text("Title", "灯塔") == (b"iTXt", b"Title\x00\x00\x00\x00\x00" + "灯塔".encode())
    assert decode_text(b"tEXt", b"Title\x00caf\xe9", limit=10).text == "café"


def test_compressed_kinds_are_read():
    packed = zlib.compress(b"parameters")
    assert decode_text(b"zTXt", b"key\x00\x00" + packed, limit=10).text == "parameters"
    assert decode_text(b"iTXt", b"key\x00\x01\x00en\x00k\x00" + packed, limit=10).text == "parameters"


def test_inflation_stops_at_the_limit():
    packed = zlib.compress(bytes(1001))
    assert len(inflate(packed, limit=1001)) == 1001
    with pytest.raises(AssetUnreadable, match="more than 1000"):
        inflate(packed, limit=1000)
    with pytest.raises(AssetUnreadable, match="more than 0"):
        inflate(packed, limit=-5)


@pytest.mark.parametrize(
    ("kind", "payload", "reason"),
    [
        (b"tEXt", b"no separator", "keyword"),
        (b"tEXt", b"\x00text", "keyword"),
        (b"tEXt", b"k" * 80 + b"\x00", "keyword"),
        (b"tEXt", b"k\x00" + b"t" * 11, "over the limit"),
        (b"zTXt", b"k\x00\x01abc", "compression method"),
        (b"zTXt", b"k\x00\x00abc", "zlib"),
        (b"zTXt", b"k\x00\x00" + zlib.compress(b"abc")[:-2], "ends too early"),
        (b"iTXt", b"k\x00\x00", "compression flag"),
        (b"iTXt", b"k\x00\x00\x00en", "before its text"),
        (b"iTXt", b"k\x00\x02\x00\x00\x00t", "compression"),
    ],
)
def test_malformed_chunks_are_refused(kind, payload, reason):
    with pytest.raises(AssetUnreadable, match=reason):
        decode_text(kind, payload, limit=10)


def test_lone_surrogates_become_replacement_characters():
    assert utf8("a\ud800b") == "a\ufffdb".encode()
