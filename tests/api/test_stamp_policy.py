"""The rule for prompts, from settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.settings import Settings
from api.stamp_policy import prompt_rule
from provenance.errors import CredentialMissing
from provenance.prompt_policy import PromptPolicy


def keyed(key_file: Path | None) -> Settings:
    return Settings(prompt_policy=PromptPolicy.KEYED, prompt_key_file=key_file)


def test_the_key_is_every_byte_of_its_file(tmp_path: Path) -> None:
    key = b" " + b"k" * 30 + b"\n"  # 32 random bytes begin or end in white space once in twenty times
    (tmp_path / "key").write_bytes(key)
    assert prompt_rule(keyed(tmp_path / "key")).key == key


def test_a_key_that_is_short_or_missing_is_refused(tmp_path: Path) -> None:
    short, missing = tmp_path / "key", tmp_path / "none"
    short.write_bytes(b"k" * 31)
    for file, why in ((short, "at least 32 bytes"), (missing, "No such file"), (None, "set prompt_key_file")):
        with pytest.raises(CredentialMissing, match=why):
            prompt_rule(keyed(file))
