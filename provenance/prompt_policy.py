"""Whether what a person typed is declared: plainly, as a keyed commitment, or not at all.

The stamper applies the rule to a record before any layer is written, so that no layer can let a text slip that another one
keeps. A commitment lets whoever holds the key show later which prompt made an image; to everyone else it says nothing, not
even that two images share a prompt, because every record draws its own nonce.

Source: RFC 2104 (HMAC), FIPS 180-4 (SHA-256).
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from provenance.errors import RecordInvalid

MIN_KEY_BYTES: Final = 32
"""Shortest key: prompts are guessable, so the key must not be."""
ALGORITHM: Final = "HMAC-SHA-256"


class PromptPolicy(StrEnum):
    """What becomes of prompts in a stamp."""

    PLAIN = "plain"
    KEYED = "keyed"
    """The text goes nowhere; a commitment to it does."""
    OMITTED = "omitted"


@dataclass(frozen=True, slots=True)
class WithheldPrompts:
    """Stands in a record for prompts that are not declared: that there were some, and under `keyed` the commitment to each."""

    nonce: bytes = b""
    """16 random bytes, of this record alone; empty when nothing is committed to."""
    commitments: Mapping[str, str] = field(default_factory=dict)
    """HMAC-SHA-256 of nonce, name, NUL and text, in hexadecimal, by name such as "prompt" or "negative_prompt"."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "commitments", MappingProxyType(dict(self.commitments)))

    def holds(self, key: bytes, name: str, text: str) -> bool:
        """Whether the text called `name` was `text`, as far as the holder of `key` is believed."""
        return hmac.compare_digest(self.commitments.get(name, ""), _commitment(key, self.nonce, name, text))


@dataclass(frozen=True, slots=True)
class PromptRule:
    """A policy, with the key that `keyed` needs.

    Raises:
        RecordInvalid: `keyed` without a key of at least `MIN_KEY_BYTES` bytes.
    """

    policy: PromptPolicy = PromptPolicy.PLAIN
    key: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if self.policy is PromptPolicy.KEYED and (self.key is None or len(self.key) < MIN_KEY_BYTES):
            raise RecordInvalid(f"the prompt policy `keyed` needs a key of at least {MIN_KEY_BYTES} bytes")

    def withheld(self, texts: Mapping[str, str]) -> WithheldPrompts | None:
        """What is declared in place of these texts, by name; None when they are declared themselves, or there are none."""
        if self.policy is PromptPolicy.PLAIN or not texts:
            return None
        if self.key is None or self.policy is PromptPolicy.OMITTED:
            return WithheldPrompts()
        nonce = secrets.token_bytes(16)
        return WithheldPrompts(nonce, {name: _commitment(self.key, nonce, name, text) for name, text in texts.items()})


def _commitment(key: bytes, nonce: bytes, name: str, text: str) -> str:
    return hmac.digest(key, nonce + name.encode() + b"\x00" + text.encode(), "sha256").hex()
