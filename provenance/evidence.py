"""What examiners return: a closed union of checked facts, declarations and measurements.

Values only. What they add up to is the policy's business (`provenance.verdict`); where they come from is the examiners'.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

from provenance.asset import Asset


class Outcome(StrEnum):
    """How a check ended."""

    SUCCESS = "success"
    INFORMATIONAL = "informational"
    FAILURE = "failure"
    UNAVAILABLE = "unavailable"
    """Could not run. Never counted as "nothing found"."""
    NOT_APPLICABLE = "not_applicable"
    """There is nothing to run on, such as an image too small to judge."""


class Layer(StrEnum):
    """Where a piece of evidence lives; a reader is owed the layer that decided."""

    METADATA = "metadata"
    WATERMARK = "watermark"
    FINGERPRINT = "fingerprint"
    FORENSIC = "forensic"


class Forgeability(StrEnum):
    """What it takes to forge a declaration, hardest first."""

    SIGNED = "signed"
    """A private key."""
    KEYED = "keyed"
    """A secret key shared with the verifier."""
    PUBLIC = "public"
    """A public encoder: anyone can put it on any picture."""
    TEXT = "text"
    """A text editor."""


class Tier(StrEnum):
    """Which kind of trust list a trusted signer is on."""

    CURRENT = "current"
    LEGACY = "legacy"
    """The interim list, frozen on 1 January 2026."""
    DEVELOPMENT = "development"
    """An authority of this installation: proves nothing to anyone else."""


class Relationship(StrEnum):
    """Which asset a declaration speaks of, seen from the one examined."""

    ASSET = "asset"
    """The one examined."""
    PARENT = "parent"
    """What it was made from as a whole (C2PA `parentOf`), or that one's own parent."""
    COMPONENT = "component"
    """Something placed into it (C2PA `componentOf`)."""


class Use(StrEnum):
    """What a rights holder may allow or refuse; the values are the CAWG entry keys."""

    DATA_MINING = "cawg.data_mining"
    AI_INFERENCE = "cawg.ai_inference"
    AI_GENERATIVE_TRAINING = "cawg.ai_generative_training"
    AI_TRAINING = "cawg.ai_training"


class Permission(StrEnum):
    """The answer; the values are CAWG's."""

    ALLOWED = "allowed"
    NOT_ALLOWED = "notAllowed"
    CONSTRAINED = "constrained"


class Role(StrEnum):
    """What a named actor, who vouches beside a manifest's signer, has to do with the asset; the values are CAWG's."""

    CREATOR = "cawg.creator"
    CONTRIBUTOR = "cawg.contributor"
    EDITOR = "cawg.editor"
    PRODUCER = "cawg.producer"
    PUBLISHER = "cawg.publisher"
    SPONSOR = "cawg.sponsor"
    TRANSLATOR = "cawg.translator"


@dataclass(frozen=True, slots=True)
class UsageWish:
    """What a rights holder wishes for one use. A wish, and never evidence of how the asset was made.

    Source: CAWG Training and Data Mining Assertion 1.1; PLUS Data Mining vocabulary; W3C TDM Reservation Protocol.
    """

    use: Use
    permission: Permission
    constraint: str = ""
    """Terms in words or as a URL, for `constrained`."""


C2PA_EXAMINER: Final = "c2pa"
"""Name of the examiner whose statuses and declarations are the embedded manifest's own."""


IDENTITY_EXAMINER: Final = "identity"
"""Name beside what a named actor, who is not the manifest's signer, vouches for."""


@dataclass(frozen=True, slots=True)
class StatusEvidence:
    """A checked fact with a code."""

    examiner: str
    code: str
    """A C2PA status code verbatim, or one of ours (`provenance.status_codes`)."""
    outcome: Outcome
    locator: str = ""
    """Where: a JUMBF URI, a metadata field; empty for the asset as a whole."""
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class DeclarationEvidence:
    """What a manifest or a mark says of the asset; worth only what the statuses beside it allow."""

    examiner: str
    layer: Layer
    forgeability: Forgeability
    digital_source_type: str | None = None
    """IPTC digital source type URI, when one is declared or implied by the mark."""
    generator: str | None = None
    """What made the asset, in the declarer's words."""
    signer: str | None = None
    """Subject of the signing certificate, for signed declarations."""
    signed_at: datetime | None = None
    """Time-stamped signing time, if there is one that was checked."""
    actions: tuple[str, ...] = ()
    """C2PA action labels, in order."""
    relationship: Relationship = Relationship.ASSET
    """Which asset it speaks of."""
    wishes: tuple[UsageWish, ...] = ()
    """What the rights holder wishes."""
    roles: tuple[str, ...] = ()
    """What a named actor has to do with the asset, such as "cawg.publisher"."""
    locator: str = ""


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold on the LLR and what was measured when it was chosen; a plain record."""

    name: str
    """Such as "fpr-1%"."""
    threshold_llr: float
    """Flagged means an LLR strictly greater than this."""
    target_fpr: float
    """False-positive rate it was chosen for, between 0 and 1."""
    fpr_interval: tuple[float, float]
    """95 % Clopper-Pearson interval of the measured false-positive rate."""
    n_real: int
    """Images that set it."""


@dataclass(frozen=True, slots=True)
class TileScore:
    """LLR of one view of the asset, in pixels of the decoded image."""

    left: int
    top: int
    width: int
    height: int
    llr: float


@dataclass(frozen=True, slots=True)
class ScoreEvidence:
    """What one detector measured on one asset."""

    examiner: str
    """Detector and version, such as "detector:clip-linear@3"."""
    llr: float
    """Calibrated log-likelihood ratio, natural log; positive favours synthetic."""
    p_synthetic: float
    """Posterior probability at `prior`."""
    prior: float
    """Share of synthetic images assumed for `p_synthetic`."""
    operating_point: OperatingPoint
    """Threshold in force, and the false-positive rate it was chosen for."""
    tiles: tuple[TileScore, ...] = ()
    """Where in the picture, if the detector says."""

    @property
    def flagged(self) -> bool:
        """Whether the LLR exceeds the operating point's threshold."""
        return self.llr > self.operating_point.threshold_llr


Evidence: TypeAlias = StatusEvidence | DeclarationEvidence | ScoreEvidence


class Examiner(Protocol):
    """The one plug-in point: looks at an asset and says what it found."""

    @property
    def name(self) -> str:
        """Stable name and version, such as "c2pa" or "detector:clip-linear@3"."""
        ...

    def examine(self, asset: Asset) -> Sequence[Evidence]:
        """Evidence found on `asset`.

        Raises:
            ExaminerError, AssetError, DetectorError: It could not run; `inspect` turns this into "unavailable" evidence.
        """
        ...


def statuses(evidence: Iterable[Evidence], outcome: Outcome) -> tuple[StatusEvidence, ...]:
    """The statuses with this outcome, in order."""
    return tuple(e for e in evidence if isinstance(e, StatusEvidence) and e.outcome is outcome)


def success_codes(evidence: Iterable[Evidence]) -> frozenset[str]:
    """Codes of all checks that succeeded."""
    return frozenset(e.code for e in statuses(evidence, Outcome.SUCCESS))


def failure_codes(evidence: Iterable[Evidence]) -> frozenset[str]:
    """Codes of all checks that failed."""
    return frozenset(e.code for e in statuses(evidence, Outcome.FAILURE))


def declarations(evidence: Iterable[Evidence]) -> tuple[DeclarationEvidence, ...]:
    """The declarations, in order."""
    return tuple(e for e in evidence if isinstance(e, DeclarationEvidence))


def scores(evidence: Iterable[Evidence]) -> tuple[ScoreEvidence, ...]:
    """The scores, in order."""
    return tuple(e for e in evidence if isinstance(e, ScoreEvidence))
