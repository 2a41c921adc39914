"""NovelAI's signature: over exactly these pixels and this comment, by exactly this key.

No file of NovelAI is at hand: signatures are made here, with a key made here, as NovelAI's own checker wants them.
"""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from provenance.metadata.novelai_signature import NOVELAI_KEY, signature_holds, signed_comment
from tests.provenance.metadata import hidden_marks
from tests.provenance.metadata.hidden_marks import photograph

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
RGB = photograph(32, 48)
COMMENT = {
    "prompt": "a lighthouse, déjà vu, 灯台",
    "steps": 28,
    "scale": 5.0,
    "seed": 4161372,
    "sm": False,
    "uc": None,
    "b": [1, {}],
}


def check(text: str, samples: np.ndarray = RGB, key: bytes = PUBLIC) -> bool:
    comment = signed_comment(text)
    assert comment is not None
    return signature_holds(comment, samples, key)


def test_the_public_key_is_novelais():
    assert base64.b64encode(NOVELAI_KEY) == b"Y2JcQAOhLwzwSDUJPNgL04nS0Tbqm7cSRc4xk0vRMic="
    Ed25519PublicKey.from_public_bytes(NOVELAI_KEY)


def test_a_signature_over_pixels_and_comment_holds():
    assert check(hidden_marks.signed_comment(RGB, COMMENT, KEY))


def test_alpha_is_not_signed():
    alpha = np.dstack([RGB, np.full(RGB.shape[:2], 254, np.uint8)])
    assert check(hidden_marks.signed_comment(RGB, COMMENT, KEY), alpha)


def test_a_comment_within_a_comment_is_unwrapped():
    inner = hidden_marks.signed_comment(RGB, COMMENT, KEY)
    assert check(hidden_marks.hidden_metadata(inner))


def test_other_spacing_in_the_file_is_the_same_comment():
    text = hidden_marks.signed_comment(RGB, COMMENT, KEY)
    assert check(json.dumps(json.loads(text), indent=2, ensure_ascii=False))


def test_one_changed_sample_breaks_it():
    changed = RGB.copy()
    changed[31, 47, 2] ^= 1
    assert not check(hidden_marks.signed_comment(RGB, COMMENT, KEY), changed)


def test_the_same_samples_in_another_shape_hold_only_if_their_bytes_are_the_same():
    text = hidden_marks.signed_comment(RGB, COMMENT, KEY)
    assert not check(text, RGB.transpose(1, 0, 2))


@pytest.mark.parametrize("change", [{"seed": 4161373}, {"added": 1}, {"steps": "28"}])
def test_a_changed_comment_breaks_it(change):
    signed = json.loads(hidden_marks.signed_comment(RGB, COMMENT, KEY))
    assert not check(json.dumps({**signed, **change}))


def test_members_in_another_order_break_it():
    signed = json.loads(hidden_marks.signed_comment(RGB, COMMENT, KEY))
    assert not check(json.dumps(dict(sorted(signed.items()))))


def test_another_key_does_not_hold():
    assert not check(hidden_marks.signed_comment(RGB, COMMENT, KEY), key=NOVELAI_KEY)


@pytest.mark.parametrize("signature", ["", "AAAA", "no base64 at all", "é", base64.b64encode(bytes(64)).decode()])
def test_what_is_no_signature_does_not_hold(signature):
    assert not check(json.dumps({**COMMENT, "signed_hash": signature}))


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"signed_hash": 7}', '{"Comment": "no"}', '{"Comment": {"signed_hash": "AAAA"}}', "{" * 9999]
)
def test_a_text_without_a_signature_is_no_signed_comment(text):
    assert signed_comment(text) is None


@given(st.text(max_size=80))
def test_any_text_is_read(text):
    signed_comment(text)
    signed_comment(json.dumps({"Comment": text}))
