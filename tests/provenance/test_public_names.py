"""The public names are these, and the interpreter and type checkers agree on where they live."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import provenance

PUBLIC = {
    "AssayError", "Asset", "C2paExaminer", "Conclusion", "DeclarationEvidence", "Derivation", "Deriver",
    "DigitalSourceType", "Evidence", "Examiner", "GenerationMode", "GenerationRecord", "MarksExaminer", "NamedActor",
    "OperatingPoint", "PixelMarksExaminer", "Permission", "PromptPolicy", "PromptRule", "ProvenanceState",
    "RedactionReason", "Report", "Role", "ScoreEvidence", "Signatory", "Stamper", "StatusEvidence", "TimestampPolicy",
    "Timestamper", "TrustStore", "UsageWish", "Use", "Verdict", "VerdictPolicy", "create_development_credential", "decode",
    "inspect", "prove", "redact", "require_trusted", "signer_from_uri",
}  # fmt: skip
STUB = Path(provenance.__file__).with_suffix(".pyi").read_text(encoding="utf-8")


def test_the_list_is_pinned() -> None:
    assert set(provenance.__all__) == PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_the_stub_names_the_same_object(name: str) -> None:
    home = re.search(rf"^from (\S+) import {name} as {name}$", STUB, re.MULTILINE)
    assert home is not None
    assert getattr(importlib.import_module(home[1]), name) is getattr(provenance, name)


def test_the_stub_names_nothing_else() -> None:
    assert set(re.findall(r" as (\w+)$", STUB, re.MULTILINE)) == PUBLIC


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        provenance.nothing  # noqa: B018
