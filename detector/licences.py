"""Which rows of a table may train a model under permissive terms only.

Rule: the terms name a licence that lets anyone use, change and redistribute the pictures for any purpose without asking
for the same terms in return (CC0, CC BY, MIT, ISC, Apache-2.0, or words to that effect), and nothing in the statement
says that the pictures fall outside it. Unstated, non-commercial, research-only and share-alike terms (GPL, CC BY-SA, OSL)
are out; so is a repository's licence over pictures that others made or that another licence governs.
"""

from __future__ import annotations

_PERMISSIVE = (
    "CC0-1.0",
    "CC-BY-4.0",
    "MIT",
    "ISC-like",
    "Apache-2.0",
    "Kodak: unrestricted use",
    "README: free to use however you wish",
)
_DOUBTS = ("none-stated", "NC", "sourced from", "claim", "research", "SA-", "FFHQ")


def permissive(licence: str) -> bool:
    """Whether a row under these terms may train the permissive variant."""
    return licence.startswith(_PERMISSIVE) and not any(doubt in licence for doubt in _DOUBTS)
