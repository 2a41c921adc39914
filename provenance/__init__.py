"""The mark: read it, judge it, strike it.

The names below are the public ones; others may change. They are loaded when first used, so that importing the package for one
of them does not load the C2PA SDK for all. `__init__.pyi` tells type checkers where they live.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "AssayError": "errors",
    "Asset": "asset",
    "C2paExaminer": "reader",
    "Conclusion": "verdict",
    "DeclarationEvidence": "evidence",
    "Derivation": "derivation",
    "Deriver": "derivation",
    "DigitalSourceType": "digital_source_type",
    "Evidence": "evidence",
    "Examiner": "evidence",
    "GenerationMode": "generation",
    "GenerationRecord": "generation",
    "MarksExaminer": "metadata.marks",
    "NamedActor": "sealing.identity",
    "OperatingPoint": "evidence",
    "PixelMarksExaminer": "metadata.pixel_marks",
    "PromptPolicy": "prompt_policy",
    "PromptRule": "prompt_policy",
    "ProvenanceState": "verdict",
    "Permission": "evidence",
    "RedactionReason": "amendment",
    "Report": "inspection",
    "Role": "evidence",
    "ScoreEvidence": "evidence",
    "Signatory": "sealing.cose_signature",
    "Stamper": "stamp",
    "StatusEvidence": "evidence",
    "TimestampPolicy": "sealing.timestamps",
    "Timestamper": "sealing.timestamps",
    "TrustStore": "trust.store",
    "UsageWish": "evidence",
    "Use": "evidence",
    "Verdict": "verdict",
    "VerdictPolicy": "verdict",
    "create_development_credential": "keys",
    "decode": "pixels",
    "inspect": "inspection",
    "prove": "proof",
    "redact": "amendment",
    "require_trusted": "verdict",
    "signer_from_uri": "keys",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605  # a list, made from the one place that says where each name lives


def __getattr__(name: str) -> Any:  # noqa: ANN401  # whatever the name stands for
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
