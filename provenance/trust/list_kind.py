"""Kinds of published trust lists; apart, so that the command line can name them without loading what reads certificates."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class ListKind(StrEnum):
    """What the certificates of a published list are trusted for."""

    SIGNERS = "signers"
    LEGACY = "legacy"
    """Signers of the interim list, frozen on 1 January 2026: it does not get older."""
    TIMESTAMPS = "timestamps"
    IDENTITIES = "identities"


NAMES: Final[Mapping[ListKind, str]] = {
    ListKind.SIGNERS: "c2pa-trust-list",
    ListKind.LEGACY: "interim-trust-list",
    ListKind.TIMESTAMPS: "c2pa-tsa-trust-list",
    ListKind.IDENTITIES: "identity-trust-list",
}
"""One published list of each kind is in force; an operator's own lists go to HOME/trust/KIND."""
