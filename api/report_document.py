"""A report as JSON: the one shape that the command line, HTTP and stored results share, with a published schema.

Reasons and dissent name evidence by its index in `evidence`, so that nothing is said twice. `provenance` and `detection`
repeat, for a reader in a hurry, what the evidence says of the manifest and of the detector. Deciding is not done here: every
value comes from `provenance.inspection.Report`. Signing is in `api.report_signature`.

The schema, docs/report.schema.json, is made from these models: `python -m api.report_document > docs/report.schema.json`.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from provenance.basis import Weight
from provenance.digital_source_type import Extent
from provenance.evidence import (
    DeclarationEvidence,
    Evidence,
    Forgeability,
    Layer,
    Outcome,
    Permission,
    Relationship,
    ScoreEvidence,
    StatusEvidence,
    Tier,
    Use,
    scores,
)
from provenance.inspection import Report
from provenance.status_codes import DETECTOR_ABSTAINED, EXAMINER_UNAVAILABLE
from provenance.verdict import Conclusion, ProvenanceState

REPORT_SCHEMA: Final = "assay.report/1"
"""Changes whenever a reader written for the old shape could misread the new one."""

Finite = Annotated[float, Field(allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
EvidenceIndex = Annotated[int, Field(ge=0)]


def _with_zone(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time without a zone is no time")
    return value.astimezone(UTC)


def _encodable(value: object) -> object:
    # A file name that is not UTF-8 reaches Python with lone surrogates, which JSON in UTF-8 cannot carry.
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


ZonedTime = Annotated[datetime, AfterValidator(_with_zone)]
Text = Annotated[str, BeforeValidator(_encodable)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class AssetPart(_Part):
    """What was looked at."""

    sha256: Sha256
    media_type: str
    """Read from the bytes, never from a name."""
    bytes: Annotated[int, Field(ge=1)]


class BasisPart(_Part):
    """One line of what the verdict rests on."""

    layer: Layer
    statement: Text
    forgeable: Forgeability | None
    """What it takes to forge it; null for measurements and checks, which declare nothing."""
    weight: Weight


class VerdictPart(_Part):
    """The conclusion and its basis."""

    conclusion: Conclusion
    extent: Extent | None
    """How much is declared synthetic; null where nothing is."""
    basis: tuple[BasisPart, ...]
    reasons: tuple[EvidenceIndex, ...]
    """Indices into `evidence`: what decided."""
    dissent: tuple[EvidenceIndex, ...]
    """Indices into `evidence`: what disagrees."""


class ProvenancePart(_Part):
    """What became of the manifest."""

    state: ProvenanceState | None
    """Null where nobody could look, which is not the same as absent."""
    tier: Tier | None
    """Kind of trust list a trusted signer is on. "development" proves nothing outside the installation that made it."""


class OperatingPointPart(_Part):
    """A threshold and what was measured when it was chosen."""

    name: str
    threshold_llr: Finite
    target_fpr: Probability
    fpr_interval: tuple[Probability, Probability]
    """95 % Clopper-Pearson interval."""
    n_real: Annotated[int, Field(ge=0)]


class DetectionPart(_Part):
    """What the detector said; all null where none was asked or none could answer."""

    examiner: str | None
    llr: Finite | None
    """Calibrated log-likelihood ratio, natural log; positive favours synthetic."""
    p_synthetic: Probability | None
    """Posterior probability at `prior`."""
    prior: Probability | None
    operating_point: OperatingPointPart | None
    flagged: bool | None
    abstained: bool | None
    """True when the detector ran and declined to judge."""
    reason: Text | None
    """Why there is no score, starting with a stable code."""


class StatusPart(_Part):
    """A checked fact with a code."""

    kind: Literal["status"]
    examiner: str
    code: str
    outcome: Outcome
    locator: Text
    explanation: Text


class WishPart(_Part):
    """What a rights holder wishes for one use."""

    use: Use
    permission: Permission
    constraint: Text


class DeclarationPart(_Part):
    """What a manifest or a mark says; worth only what the statuses beside it allow."""

    kind: Literal["declaration"]
    examiner: str
    layer: Layer
    forgeability: Forgeability
    digital_source_type: str | None
    generator: Text | None
    signer: Text | None
    signed_at: ZonedTime | None
    actions: tuple[Text, ...]
    relationship: Relationship
    """Which asset it speaks of: the one examined, its parent, or a component of it."""
    wishes: tuple[WishPart, ...]
    """What the rights holder wishes; never evidence of how the asset was made."""
    roles: tuple[Text, ...]
    """What a named actor, such as the user who asked for the image, has to do with it: only with examiner "identity"."""
    locator: Text


class TilePart(_Part):
    """LLR of one view, in pixels of the decoded image."""

    left: int
    top: int
    width: int
    height: int
    llr: Finite


class ScorePart(_Part):
    """A measurement."""

    kind: Literal["score"]
    examiner: str
    llr: Finite
    p_synthetic: Probability
    prior: Probability
    operating_point: OperatingPointPart
    flagged: bool
    tiles: tuple[TilePart, ...]


EvidencePart = Annotated[StatusPart | DeclarationPart | ScorePart, Field(discriminator="kind")]


class ReportDocument(_Part):
    """A report on one asset: what was looked at, by whom, what they found and what follows."""

    model_config = ConfigDict(title="Assay report", frozen=True, extra="forbid", use_attribute_docstrings=True)

    schema_: Literal["assay.report/1"] = Field(alias="schema")
    inspected_at: ZonedTime
    path: Text | None = None
    """What the caller named the asset; evidence of nothing. Absent where it had no name."""
    asset: AssetPart
    verdict: VerdictPart
    provenance: ProvenancePart
    detection: DetectionPart
    evidence: tuple[EvidencePart, ...]
    policy: str
    """Version of the verdict policy."""
    examiners: tuple[str, ...]
    """Name and version of every examiner that was asked."""
    versions: dict[str, str]
    """Everything else that took part, such as trust lists and libraries."""
    signature: str | None = None
    """Compact JWS with detached payload over the canonical JSON of the report without this member. Absent when unsigned."""

    @classmethod
    def from_report(cls, report: Report, *, path: str | None = None) -> ReportDocument:
        """The document that says `report`, unsigned.

        Args:
            report: From `provenance.inspection.inspect`.
            path: What the caller named the asset.
        """
        verdict = report.verdict
        return cls(
            schema=REPORT_SCHEMA,
            inspected_at=report.inspected_at,
            path=path,
            asset=AssetPart(sha256=report.asset_sha256, media_type=report.media_type, bytes=report.asset_bytes),
            verdict=VerdictPart(
                conclusion=verdict.conclusion,
                extent=verdict.extent,
                basis=tuple(
                    BasisPart(layer=b.layer, statement=b.statement, forgeable=b.forgeable, weight=b.weight)
                    for b in verdict.basis
                ),
                reasons=_indices(verdict.reasons, report.evidence),
                dissent=_indices(verdict.dissent, report.evidence),
            ),
            provenance=ProvenancePart(state=verdict.state, tier=verdict.tier),
            detection=_detection(report.evidence),
            evidence=tuple(_evidence_part(e) for e in report.evidence),
            policy=report.policy_version,
            examiners=report.examiners,
            versions=dict(report.versions),
        )

    def as_dict(self) -> dict[str, Any]:
        """The document as JSON values; `path` and `signature` only where there is one."""
        values = self.model_dump(mode="json", by_alias=True)
        for name in ("path", "signature"):
            if values[name] is None:
                del values[name]
        return values

    def to_json(self) -> str:
        """The document as one line of JSON."""
        return json.dumps(self.as_dict(), ensure_ascii=False, allow_nan=False)


def report_schema() -> dict[str, Any]:
    """The JSON schema of a report, as published in docs/report.schema.json."""
    schema = ReportDocument.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _indices(chosen: tuple[Evidence, ...], evidence: tuple[Evidence, ...]) -> tuple[int, ...]:
    # Equal pieces of evidence say the same, so the first of them stands for all.
    return tuple(dict.fromkeys(evidence.index(e) for e in chosen))


def _detection(evidence: tuple[Evidence, ...]) -> DetectionPart:
    """A flagged score before a quiet one, a score before an abstention, an abstention before a detector that could not run."""
    nothing = DetectionPart(
        examiner=None,
        llr=None,
        p_synthetic=None,
        prior=None,
        operating_point=None,
        flagged=None,
        abstained=None,
        reason=None,
    )
    measured = sorted(scores(evidence), key=lambda score: not score.flagged)
    if measured:
        score = measured[0]
        return DetectionPart(
            examiner=score.examiner,
            llr=score.llr,
            p_synthetic=score.p_synthetic,
            prior=score.prior,
            operating_point=OperatingPointPart(**asdict(score.operating_point)),
            flagged=score.flagged,
            abstained=False,
            reason=None,
        )
    for code in (DETECTOR_ABSTAINED, EXAMINER_UNAVAILABLE):
        for e in evidence:
            if isinstance(e, StatusEvidence) and e.code == code and e.examiner.startswith("detector"):
                abstained = code == DETECTOR_ABSTAINED
                return nothing.model_copy(
                    update={"examiner": e.examiner, "abstained": abstained, "reason": e.explanation or code}
                )
    return nothing


def _evidence_part(evidence: Evidence) -> StatusPart | DeclarationPart | ScorePart:
    """The part of the same fields; one that a part lacks, or has too many, is refused."""
    match evidence:
        case StatusEvidence():
            return StatusPart(kind="status", **asdict(evidence))
        case DeclarationEvidence():
            return DeclarationPart(kind="declaration", **asdict(evidence))
        case ScoreEvidence():
            return ScorePart(kind="score", flagged=evidence.flagged, **asdict(evidence))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(report_schema(), indent=2) + "\n")
