"""From evidence to a verdict: precedence, not arithmetic.

The first row of `VerdictPolicy.decide` that applies decides; whatever says otherwise is shown as dissent
(`provenance.contradictions`). Evidence is never averaged across kinds. A quiet detector is not evidence that an image is a
photograph, so `inconclusive` is the default.

    altered               a hash, signature or ingredient does not match, or content lies outside the hard binding
    declared synthetic    a trusted manifest, or its history, declares it: own manifest, parents, components; the table of
                          `provenance.declared_extent` says how much
    trusted origin        a trusted manifest, and nothing in its history is synthetic
    declared synthetic    the same by an intact manifest of an unknown signer, or by a signed or keyed mark
    likely synthetic      public or text marks say so; then: a detector flags it
    inconclusive          nothing of this

Pure: no I/O, no clock, no settings. Which bytes were looked at and by whom is `provenance.inspection`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from provenance.basis import BasisItem, Weight, basis_item
from provenance.contradictions import contradicting
from provenance.declared_extent import deciding, declared_extent
from provenance.digital_source_type import Extent, synthetic_extent
from provenance.errors import NotTrusted
from provenance.evidence import (
    C2PA_EXAMINER,
    DeclarationEvidence,
    Evidence,
    Forgeability,
    Outcome,
    Relationship,
    StatusEvidence,
    Tier,
    declarations,
    failure_codes,
    scores,
    statuses,
    success_codes,
)
from provenance.status_codes import (
    CLAIM_SIGNATURE_VALIDATED,
    CONTENT_EXCLUDED,
    CREDENTIAL_UNTRUSTED,
    HARD_BINDING_MATCHES,
    IDENTITY_CODES_PREFIX,
    MANIFEST_ABSENT,
    MANIFEST_REMOTE,
    MANIFEST_TIER_CURRENT,
    MANIFEST_TIER_DEVELOPMENT,
    MANIFEST_TIER_LEGACY,
    MISMATCHES,
    TRUSTED_CODES,
)


class Conclusion(StrEnum):
    """What a verdict concludes. There is no "real"."""

    TRUSTED_ORIGIN = "trusted_origin"
    DECLARED_SYNTHETIC = "declared_synthetic"
    ALTERED = "altered"
    RECOVERED_SYNTHETIC = "recovered_synthetic"
    LIKELY_SYNTHETIC = "likely_synthetic"
    INCONCLUSIVE = "inconclusive"


class ProvenanceState(StrEnum):
    """What became of the asset's manifest."""

    TRUSTED = "trusted"
    UNKNOWN_SIGNER = "unknown_signer"
    INVALID = "invalid"
    ABSENT = "absent"
    RECOVERED = "recovered"


class ExitCode(IntEnum):
    """Exit codes of `assay check`."""

    NO_FINDING = 0
    FINDING = 1
    UNAVAILABLE = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """A conclusion that states its basis."""

    conclusion: Conclusion
    state: ProvenanceState | None
    """What became of the manifest; None when nobody could look, which is not the same as absent."""
    tier: Tier | None = None
    extent: Extent | None = None
    """How much is declared synthetic; only with `declared_synthetic` and `recovered_synthetic`."""
    reasons: tuple[Evidence, ...] = ()
    """Evidence that decided."""
    dissent: tuple[Evidence, ...] = ()
    """Evidence that disagrees."""
    basis: tuple[BasisItem, ...] = ()
    exit_code: ExitCode = ExitCode.NO_FINDING


@dataclass(frozen=True, slots=True)
class _Ruling:
    conclusion: Conclusion
    reasons: tuple[Evidence, ...] = ()
    extent: Extent | None = None


_SYNTHETIC_CONCLUSIONS: Final = frozenset(
    {Conclusion.DECLARED_SYNTHETIC, Conclusion.RECOVERED_SYNTHETIC, Conclusion.LIKELY_SYNTHETIC}
)
_TIERS: Final = {  # weakest first
    MANIFEST_TIER_DEVELOPMENT: Tier.DEVELOPMENT,
    MANIFEST_TIER_LEGACY: Tier.LEGACY,
    MANIFEST_TIER_CURRENT: Tier.CURRENT,
}


@dataclass(frozen=True, slots=True)
class VerdictPolicy:
    """The precedence of evidence. Its version changes whenever a verdict could."""

    version: str = "2"

    def decide(self, evidence: Sequence[Evidence]) -> Verdict:
        """The verdict on one asset, from everything its examiners found, in any order."""
        state = provenance_state(evidence)
        rows: tuple[Callable[[Sequence[Evidence], ProvenanceState | None], _Ruling | None], ...] = (
            _altered,
            _trusted,
            _declared_synthetic,
            _marked_synthetic,
            _flagged,
        )
        ruling = next((r for row in rows if (r := row(evidence, state)) is not None), _Ruling(Conclusion.INCONCLUSIVE))
        dissent = _dissent(evidence, ruling)
        tier = _tier(evidence) if state is ProvenanceState.TRUSTED else None
        return Verdict(
            conclusion=ruling.conclusion,
            state=state,
            tier=tier,
            extent=ruling.extent,
            reasons=ruling.reasons,
            dissent=dissent,
            basis=_basis(evidence, ruling, dissent, _signer_standing(state, tier)),
            exit_code=_exit_code(evidence, ruling.conclusion, dissent),
        )


def provenance_state(evidence: Sequence[Evidence]) -> ProvenanceState | None:
    """State of the embedded manifest; None when it was not looked for or could not be."""
    manifest = _manifest_statuses(evidence)
    succeeded, failed = success_codes(manifest), failure_codes(manifest)
    codes = {e.code for e in manifest}
    if not succeeded and not failed:
        return ProvenanceState.ABSENT if codes & {MANIFEST_ABSENT, MANIFEST_REMOTE} else None
    if failed - {CREDENTIAL_UNTRUSTED}:
        return ProvenanceState.INVALID
    if CLAIM_SIGNATURE_VALIDATED not in succeeded or not succeeded & HARD_BINDING_MATCHES:
        return ProvenanceState.INVALID
    return ProvenanceState.TRUSTED if succeeded >= TRUSTED_CODES and not failed else ProvenanceState.UNKNOWN_SIGNER


def require_trusted(evidence: Sequence[Evidence]) -> None:
    """Return only if the manifest is intact and its signer trusted.

    Raises:
        NotTrusted: With the success codes that are missing and the failures that were found.
    """
    if provenance_state(evidence) is ProvenanceState.TRUSTED:
        return
    manifest = _manifest_statuses(evidence)
    succeeded, failed = success_codes(manifest), failure_codes(manifest)
    missing = TRUSTED_CODES - succeeded
    if not succeeded & HARD_BINDING_MATCHES:
        missing |= HARD_BINDING_MATCHES
    raise NotTrusted(missing=missing, failures=failed)


def _altered(evidence: Sequence[Evidence], state: ProvenanceState | None) -> _Ruling | None:
    broken = tuple(e for e in statuses(evidence, Outcome.FAILURE) if e.code in MISMATCHES or e.code == CONTENT_EXCLUDED)
    return _Ruling(Conclusion.ALTERED, broken) if broken else None


def _trusted(evidence: Sequence[Evidence], state: ProvenanceState | None) -> _Ruling | None:
    if state is not ProvenanceState.TRUSTED:
        return None
    proof = tuple(e for e in statuses(evidence, Outcome.SUCCESS) if e.code in TRUSTED_CODES | HARD_BINDING_MATCHES)
    declared = _manifest_declarations(evidence)
    synthetic = deciding(declared)
    if synthetic:
        return _Ruling(Conclusion.DECLARED_SYNTHETIC, (*synthetic, *proof), declared_extent(declared))
    own = tuple(d for d in declared if d.relationship is Relationship.ASSET)
    return _Ruling(Conclusion.TRUSTED_ORIGIN, (*own, *proof))


def _declared_synthetic(evidence: Sequence[Evidence], state: ProvenanceState | None) -> _Ruling | None:
    intact = _manifest_declarations(evidence) if state is ProvenanceState.UNKNOWN_SIGNER else ()
    marks = tuple(d for d in _marks(evidence) if d.forgeability in (Forgeability.SIGNED, Forgeability.KEYED))
    synthetic = deciding((*intact, *marks))
    return _Ruling(Conclusion.DECLARED_SYNTHETIC, synthetic, declared_extent((*intact, *marks))) if synthetic else None


def _marked_synthetic(evidence: Sequence[Evidence], state: ProvenanceState | None) -> _Ruling | None:
    synthetic = _synthetic(_marks(evidence))
    return _Ruling(Conclusion.LIKELY_SYNTHETIC, synthetic) if synthetic else None


def _flagged(evidence: Sequence[Evidence], state: ProvenanceState | None) -> _Ruling | None:
    flagged = tuple(s for s in scores(evidence) if s.flagged)
    return _Ruling(Conclusion.LIKELY_SYNTHETIC, flagged) if flagged else None


def _dissent(evidence: Sequence[Evidence], ruling: _Ruling) -> tuple[Evidence, ...]:
    synthetic = ruling.conclusion in _SYNTHETIC_CONCLUSIONS
    if not synthetic and ruling.conclusion is not Conclusion.TRUSTED_ORIGIN:
        return ()
    return contradicting(evidence, ruling.reasons, synthetic=synthetic, extent=ruling.extent)


def _basis(
    evidence: Sequence[Evidence], ruling: _Ruling, dissent: tuple[Evidence, ...], standing: str
) -> tuple[BasisItem, ...]:
    weights = [(e, Weight.DECIDED) for e in ruling.reasons] + [(e, Weight.DISAGREES) for e in dissent]
    if ruling.conclusion in _SYNTHETIC_CONCLUSIONS:
        agreeing: list[Evidence] = [*_synthetic(declarations(evidence)), *(s for s in scores(evidence) if s.flagged)]
        weights += [(e, Weight.SUPPORTS) for e in agreeing if e not in ruling.reasons]
    return tuple(dict.fromkeys(basis_item(e, weight, standing) for e, weight in weights))


def _signer_standing(state: ProvenanceState | None, tier: Tier | None) -> str:
    if state is ProvenanceState.UNKNOWN_SIGNER:
        return "an unknown signer"
    if state is not ProvenanceState.TRUSTED:
        return "not verified"
    if tier is Tier.DEVELOPMENT:
        return "a development credential of this installation, which proves nothing to others"
    return "trusted through the legacy interim list" if tier is Tier.LEGACY else "trusted"


def _exit_code(evidence: Sequence[Evidence], conclusion: Conclusion, dissent: tuple[Evidence, ...]) -> ExitCode:
    if conclusion is Conclusion.INCONCLUSIVE:
        return ExitCode.UNAVAILABLE if statuses(evidence, Outcome.UNAVAILABLE) else ExitCode.NO_FINDING
    if conclusion is Conclusion.TRUSTED_ORIGIN:
        # A mark that says synthetic weighs nothing against a signer who says otherwise, but something against silence.
        silent = not any(d.digital_source_type for d in _manifest_declarations(evidence))
        said = scores(dissent) or (silent and _synthetic(declarations(dissent)))
        return ExitCode.FINDING if said else ExitCode.NO_FINDING
    return ExitCode.FINDING


def _manifest_statuses(evidence: Sequence[Evidence]) -> tuple[StatusEvidence, ...]:
    """Statuses of the embedded manifest itself, without those of identity assertions in it."""
    found = (e for e in evidence if isinstance(e, StatusEvidence) and e.examiner == C2PA_EXAMINER)
    return tuple(e for e in found if not e.code.startswith(IDENTITY_CODES_PREFIX))


def _manifest_declarations(evidence: Sequence[Evidence]) -> tuple[DeclarationEvidence, ...]:
    return tuple(d for d in declarations(evidence) if d.examiner == C2PA_EXAMINER)


def _marks(evidence: Sequence[Evidence]) -> tuple[DeclarationEvidence, ...]:
    return tuple(d for d in declarations(evidence) if d.examiner != C2PA_EXAMINER)


def _synthetic(declared: Iterable[DeclarationEvidence]) -> tuple[DeclarationEvidence, ...]:
    return tuple(d for d in declared if synthetic_extent(d.digital_source_type) is not None)


def _tier(evidence: Sequence[Evidence]) -> Tier | None:
    """The weakest tier named, whatever the order: the manifest's own and no other is expected."""
    named = {e.code for e in _manifest_statuses(evidence)}
    return next((tier for code, tier in _TIERS.items() if code in named), None)
