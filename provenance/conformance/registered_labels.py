"""Labels the C2PA specification registers, those it has withdrawn, and which actions need no digital source type.

Source: C2PA Technical Specification 2.4, "Standard C2PA Assertions", "Actions", "Deprecated".
"""

from __future__ import annotations

from typing import Final

HARD_BINDINGS: Final = frozenset({"c2pa.hash.data", "c2pa.hash.bmff.v3", "c2pa.hash.boxes", "c2pa.hash.collection.data"})

ASSERTIONS: Final = HARD_BINDINGS | frozenset(
    f"c2pa.{name}"
    for name in [
        "actions.v2",
        "ai-disclosure",
        "alternative-content-representation",
        "asset-ref",
        "asset-type.v2",
        "assertion.metadata",
        "certificate-status",
        "cloud-data",
        "depthmap.GDepth",
        "embedded-data",
        "environmental-sustainability",
        "external-reference",
        "hash.data.part",
        "hash.multi-asset",
        "icon",
        "ingredient.v3",
        "metadata",
        "repository-receipt",
        "session-keys",
        "soft-binding",
        "thumbnail.claim",
        "thumbnail.ingredient",
        "time-stamp",
    ]
)
"""Assertions of the specification; other parties' labels have a namespace of their own."""
WITHDRAWN_ASSERTIONS: Final = frozenset(
    f"c2pa.{name}"
    for name in [
        "actions",
        "asset-type",
        "claim",
        "hash.bmff",
        "hash.bmff.v2",
        "ingredient",
        "ingredient.v2",
        "training-mining",
    ]
)

UNSEEN_ACTIONS: Final = frozenset(
    f"c2pa.{name}"
    for name in [
        "converted",
        "edited.metadata",
        "enhanced",
        "published",
        "redacted",
        "repackaged",
        "resized.proportional",
        "transcoded",
        "watermarked.bound",
        "watermarked.unbound",
    ]
)
"""Actions that change nothing a person perceives."""
INCEPTIONS: Final = frozenset({"c2pa.created", "c2pa.opened"})
"""Actions a history starts with."""
ACTIONS: Final = (
    UNSEEN_ACTIONS
    | INCEPTIONS
    | frozenset(
        f"c2pa.{name}"
        for name in [
            "addedText",
            "adjustedColor",
            "changedSpeed",
            "cropped",
            "deleted",
            "drawing",
            "dubbed",
            "edited",
            "filtered",
            "mastered",
            "mixed",
            "orientation",
            "placed",
            "remixed",
            "removed",
            "resized",
            "translated",
            "trimmed",
            "unknown",
        ]
    )
)
WITHDRAWN_ACTIONS: Final = frozenset(
    f"c2pa.{name}"
    for name in [
        "color_adjustments",
        "copied",
        "formatted",
        "managed",
        "printed",
        "produced",
        "saved",
        "version_updated",
        "watermarked",
    ]
)
PARAMETERS: Final = frozenset(
    [
        "redacted",
        "ingredients",
        "ingredient",
        "description",
        "relatedAssertions",
        "sourceLanguage",
        "targetLanguage",
        "multipleInstances",
        "ranges",
        "weight",
        "width",
        "italic",
        "slant",
        "optical-size",
    ]
)
"""Parameters of actions that the specification names; others carry a namespace."""
SIGNATURE_ALGORITHMS: Final = frozenset({"es256", "es384", "es512", "ps256", "ps384", "ps512", "ed25519"})
