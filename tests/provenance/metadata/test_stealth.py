"""Texts hidden in lowest bits: found where the magic word is, bounded, and never taken for one."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import AssetUnreadable
from provenance.metadata.embedded import MAX_FIELD_BYTES
from provenance.metadata.stealth import HiddenText, hidden_text
from tests.provenance.metadata.hidden_marks import compressed, photograph, with_hidden

RGB = photograph(40, 61)


@pytest.mark.parametrize("magic", ["stealth_pnginfo", "stealth_rgbinfo", "stealth_pngcomp", "stealth_rgbcomp"])
@pytest.mark.parametrize("text", ["a", "Steps: 20, Sampler: Euler a, Seed: 1, é", "x" * 37])
def test_a_hidden_text_is_read_back(magic, text):
    payload = compressed(text) if magic.endswith("comp") else text.encode()
    assert hidden_text(with_hidden(RGB, magic, payload)) == HiddenText(magic, text)


def test_alpha_is_looked_at_before_colours():
    both = with_hidden(with_hidden(RGB, "stealth_rgbinfo", b"in colours"), "stealth_pnginfo", b"in alpha")
    assert hidden_text(both) == HiddenText("stealth_pnginfo", "in alpha")


@pytest.mark.parametrize(
    "samples",
    [RGB, np.dstack([RGB, RGB[..., :1]]), np.zeros((40, 61, 4), np.uint8), np.full((1, 1, 4), 255, np.uint8), RGB[:1, :50]],
)
def test_pixels_without_a_magic_word_hide_nothing(samples):
    assert hidden_text(samples) is None


def test_a_word_of_the_other_channel_is_no_magic_word():
    assert hidden_text(with_hidden(RGB, "stealth_rgbXXXX", b"a")) is None
    samples = with_hidden(RGB, "stealth_pnginfo", b"a")
    assert hidden_text(samples[..., :3]) is None


@pytest.mark.parametrize(
    ("magic", "payload", "announced", "reason"),
    [
        ("stealth_pnginfo", b"abc", 2**32 - 1, "more than the picture has bits for"),
        ("stealth_pnginfo", b"abc", 40 * 61, "more than the picture has bits for"),
        ("stealth_pngcomp", b"abc", None, "no gzip"),
        ("stealth_pngcomp", gzip.compress(b"abc" * 50)[:-9], None, "ends too early"),
        ("stealth_pnginfo", b"\xff\xfe\xff", None, "no UTF-8"),
        ("stealth_pngcomp", gzip.compress(b"\xff\xfe\xff"), None, "no UTF-8"),
    ],
)
def test_what_follows_a_magic_word_and_is_no_text_is_said(magic, payload, announced, reason):
    with pytest.raises(AssetUnreadable, match=reason):
        hidden_text(with_hidden(RGB, magic, payload, announced=announced))


def test_a_gzip_bomb_is_refused_at_the_limit():
    bomb = gzip.compress(bytes(64 * 2**20), 9)
    side = photograph(700, 800)
    with pytest.raises(AssetUnreadable, match=f"inflates to more than {MAX_FIELD_BYTES}"):
        hidden_text(with_hidden(side, "stealth_pngcomp", bomb))
    exact = gzip.compress(bytes(MAX_FIELD_BYTES), 9)
    found = hidden_text(with_hidden(side, "stealth_pngcomp", exact))
    assert found is not None
    assert len(found.text) == MAX_FIELD_BYTES


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["stealth_pnginfo", "stealth_pngcomp"]), st.binary(max_size=60), st.integers(0, 2**32 - 1))
def test_any_payload_is_read_or_refused(magic, payload, announced):
    for length in (announced, 8 * len(payload)):
        try:
            found = hidden_text(with_hidden(RGB[:, :30], magic, payload, announced=length))
        except AssetUnreadable:
            continue
        assert found is not None
