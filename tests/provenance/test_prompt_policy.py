from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from provenance.errors import RecordInvalid
from provenance.generation import GenerationRecord
from provenance.prompt_policy import PromptPolicy, PromptRule, WithheldPrompts

KEY = bytes(range(32))
KEYED = PromptRule(PromptPolicy.KEYED, KEY)
RECORD = GenerationRecord(
    model="m",
    created_at=datetime(2026, 11, 22, tzinfo=UTC),
    prompt="a fox",
    negative_prompt="blur",
    parameters={"prompt_2": "an owl", "gligen_phrases": "a cat\na dog", "prompts": 2, "steps": 4},
)


def test_every_typed_text_has_a_name() -> None:
    typed = {"prompt": "a fox", "negative_prompt": "blur", "prompt_2": "an owl", "gligen_phrases": "a cat\na dog"}
    assert dict(RECORD.prompts) == typed


def test_plain_changes_nothing() -> None:
    assert RECORD.under(PromptRule()) is RECORD


def test_omitted_leaves_no_text() -> None:
    told = RECORD.under(PromptRule(PromptPolicy.OMITTED))
    assert (told.prompt, told.negative_prompt, dict(told.parameters)) == (None, None, {"prompts": 2, "steps": 4})
    assert told.withheld == WithheldPrompts()


def test_nothing_typed_is_nothing_withheld() -> None:
    bare = GenerationRecord(model="m", created_at=RECORD.created_at)
    assert bare.under(KEYED) is bare


def test_a_commitment_is_the_hmac_of_nonce_name_and_text() -> None:
    withheld = RECORD.under(KEYED).withheld
    assert withheld is not None
    assert set(withheld.commitments) == set(RECORD.prompts)
    expected = hmac.new(KEY, withheld.nonce + b"prompt\x00a fox", hashlib.sha256).hexdigest()
    assert (len(withheld.nonce), withheld.commitments["prompt"]) == (16, expected)


@pytest.mark.parametrize(
    ("key", "name", "text", "holds"),
    [
        (KEY, "prompt", "a fox", True),
        (KEY, "prompt", "a fox ", False),
        (KEY, "negative_prompt", "a fox", False),
        (KEY, "prompt_3", "a fox", False),
        (KEY[::-1], "prompt", "a fox", False),
    ],
)
def test_only_the_key_and_the_text_open_a_commitment(key: bytes, name: str, text: str, holds: bool) -> None:
    withheld = RECORD.under(KEYED).withheld
    assert withheld is not None
    assert withheld.holds(key, name, text) is holds


def test_two_images_of_one_prompt_cannot_be_linked() -> None:
    first, second = (RECORD.under(KEYED).withheld for _ in range(2))
    assert first is not None
    assert second is not None
    assert not set(first.commitments.values()) & set(second.commitments.values())


@pytest.mark.parametrize("key", [None, b"", b"k" * 31])
def test_keyed_without_a_long_key_is_refused(key: bytes | None) -> None:
    with pytest.raises(RecordInvalid, match="at least 32 bytes"):
        PromptRule(PromptPolicy.KEYED, key)


def test_the_key_is_in_no_text_of_the_rule() -> None:
    assert "secret" not in repr(PromptRule(PromptPolicy.KEYED, b"secret" * 8))


def test_a_prompt_is_not_both_told_and_withheld() -> None:
    with pytest.raises(RecordInvalid, match="both declared and withheld"):
        GenerationRecord(model="m", created_at=RECORD.created_at, prompt="a fox", withheld=WithheldPrompts())
