"""Reports to test documents, signatures and the command line with, built by the real `inspect` from fixed evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from provenance.asset import Asset
from provenance.evidence import (
    DeclarationEvidence,
    Evidence,
    Forgeability,
    Layer,
    OperatingPoint,
    Outcome,
    ScoreEvidence,
    StatusEvidence,
    TileScore,
)
from provenance.inspection import Report, inspect
from provenance.verdict import VerdictPolicy
from tests.assets.pictures import encoded

AT = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
SYNTHETIC = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
CAPTURE = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
POINT = OperatingPoint("fpr-1%", threshold_llr=2.0, target_fpr=0.01, fpr_interval=(0.005, 0.018), n_real=1000)
DETECTOR = "detector:fixed@1"

VALIDATED = StatusEvidence("c2pa", "claimSignature.validated", Outcome.SUCCESS)
BOUND = StatusEvidence("c2pa", "assertion.dataHash.match", Outcome.SUCCESS)
TRUSTED = StatusEvidence("c2pa", "signingCredential.trusted", Outcome.SUCCESS)
DEVELOPMENT_TIER = StatusEvidence("c2pa", "manifest.tier.development", Outcome.INFORMATIONAL)
ABSENT = StatusEvidence("c2pa", "manifest.absent", Outcome.INFORMATIONAL)
MISMATCH = StatusEvidence("c2pa", "assertion.dataHash.mismatch", Outcome.FAILURE, locator="self#jumbf=x")
ABSTAINED = StatusEvidence(DETECTOR, "detector.abstained", Outcome.NOT_APPLICABLE, explanation="too_small: 20 x 20 pixels")
UNAVAILABLE = StatusEvidence("detector", "examiner.unavailable", Outcome.UNAVAILABLE, explanation="detector.failed: no weights")


def declares(source_type: str, **values: object) -> DeclarationEvidence:
    """A manifest's declaration."""
    fixed = {"generator": "a model", "signer": "A signer", "actions": ("c2pa.created",), "signed_at": AT}
    return DeclarationEvidence(
        "c2pa",
        Layer.METADATA,
        Forgeability.SIGNED,
        source_type,
        **{**fixed, **values},  # type: ignore[arg-type]
    )


def measures(llr: float, *, examiner: str = DETECTOR) -> ScoreEvidence:
    """A detector's score."""
    return ScoreEvidence(examiner, llr, 0.25, 0.01, POINT, tiles=(TileScore(0, 0, 32, 32, llr),))


@dataclass(frozen=True, slots=True)
class FixedExaminer:
    """Finds the same on every asset."""

    evidence: Sequence[Evidence]
    name: str = "fixed"

    def examine(self, asset: Asset) -> Sequence[Evidence]:
        return self.evidence


def report_of(*evidence: Evidence) -> Report:
    """What `inspect` makes of this evidence."""
    return inspect(encoded(), [FixedExaminer(evidence)], VerdictPolicy(), at=AT, versions={"assay": "0.1.0"})


TRUSTED_SYNTHETIC = (TRUSTED, VALIDATED, BOUND, declares(SYNTHETIC))
