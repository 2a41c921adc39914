"""Every row of the policy, and what no evidence may do to it."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.basis import Weight
from provenance.digital_source_type import DigitalSourceType
from provenance.errors import NotTrusted
from provenance.evidence import (
    DeclarationEvidence,
    Evidence,
    Forgeability,
    Layer,
    OperatingPoint,
    Outcome,
    Relationship,
    ScoreEvidence,
    StatusEvidence,
    Tier,
)
from provenance.status_codes import HARD_BINDING_MATCHES, MISMATCHES
from provenance.verdict import Conclusion, ExitCode, ProvenanceState, Verdict, VerdictPolicy, provenance_state, require_trusted

POINT = OperatingPoint("fpr-1%", threshold_llr=2.0, target_fpr=0.01, fpr_interval=(0.005, 0.018), n_real=1000)
FULL, PARTIAL = DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA, DigitalSourceType.COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA
CAPTURE = DigitalSourceType.DIGITAL_CAPTURE


def status(code: str, outcome: Outcome = Outcome.SUCCESS, examiner: str = "c2pa") -> StatusEvidence:
    return StatusEvidence(examiner, code, outcome)


def failure(code: str) -> StatusEvidence:
    return status(code, Outcome.FAILURE)


def score(llr: float) -> ScoreEvidence:
    return ScoreEvidence("detector:test@1", llr=llr, p_synthetic=0.5, prior=0.5, operating_point=POINT)


def declares(
    term: DigitalSourceType | None,
    forgeability: Forgeability = Forgeability.SIGNED,
    examiner: str = "c2pa",
    relationship: Relationship = Relationship.ASSET,
) -> DeclarationEvidence:
    return DeclarationEvidence(
        examiner,
        Layer.METADATA,
        forgeability,
        term and term.value,
        generator="tiny",
        signer="CN=Signer" if examiner == "c2pa" else None,
        relationship=relationship,
        locator=f"urn:{relationship}" if examiner == "c2pa" else "",
    )


def parent(term: DigitalSourceType | None) -> DeclarationEvidence:
    return declares(term, relationship=Relationship.PARENT)


def component(term: DigitalSourceType | None) -> DeclarationEvidence:
    return declares(term, relationship=Relationship.COMPONENT)


def marked(term: DigitalSourceType, forgeability: Forgeability) -> DeclarationEvidence:
    return declares(term, forgeability, examiner="marks")


INTACT = (status("claimSignature.validated"), status("assertion.dataHash.match"), status("assertion.hashedURI.match"))
TRUSTED = (*INTACT, status("signingCredential.trusted"), status("manifest.tier.current", Outcome.INFORMATIONAL))
UNKNOWN = (*INTACT, failure("signingCredential.untrusted"))
ABSENT = (status("manifest.absent", Outcome.INFORMATIONAL),)
UNAVAILABLE = status("examiner.unavailable", Outcome.UNAVAILABLE, examiner="detector:test@1")
LOUD, QUIET = score(5.0), score(-5.0)


def decide(*evidence: Evidence) -> Verdict:
    return VerdictPolicy().decide(evidence)


def summary(verdict: Verdict) -> tuple[str, str | None, str | None, int]:
    return (
        verdict.conclusion.value,
        verdict.state and verdict.state.value,
        verdict.extent and verdict.extent.value,
        int(verdict.exit_code),
    )


ROWS: dict[str, tuple[tuple[Evidence, ...], tuple[str, str | None, str | None, int]]] = {
    "hash mismatch": ((*INTACT, failure("assertion.dataHash.mismatch")), ("altered", "invalid", None, 1)),
    "hash mismatch of a trusted signer": ((*TRUSTED, failure("assertion.dataHash.mismatch")), ("altered", "invalid", None, 1)),
    "ingredient mismatch": (
        (*TRUSTED, declares(FULL), failure("ingredient.manifest.mismatch")),
        ("altered", "invalid", None, 1),
    ),
    "pixels left out": ((*TRUSTED, declares(CAPTURE), failure("manifest.content_excluded")), ("altered", "invalid", None, 1)),
    "trusted, synthetic": ((*TRUSTED, declares(FULL)), ("declared_synthetic", "trusted", "full", 1)),
    "trusted, composite": ((*TRUSTED, declares(PARTIAL)), ("declared_synthetic", "trusted", "partial", 1)),
    "trusted, part generated of a capture": (
        (*TRUSTED, declares(CAPTURE), declares(PARTIAL)),
        ("declared_synthetic", "trusted", "partial", 1),
    ),
    "trusted, capture": ((*TRUSTED, declares(CAPTURE)), ("trusted_origin", "trusted", None, 0)),
    "trusted, no source type": ((*TRUSTED, declares(None)), ("trusted_origin", "trusted", None, 0)),
    "trusted, loud detector": ((*TRUSTED, declares(CAPTURE), LOUD), ("trusted_origin", "trusted", None, 1)),
    "trusted, marks disagree": (
        (*TRUSTED, declares(CAPTURE), marked(FULL, Forgeability.TEXT)),
        ("trusted_origin", "trusted", None, 0),
    ),
    "trusted, silent, mark says synthetic": (
        (*TRUSTED, declares(None), marked(FULL, Forgeability.TEXT)),
        ("trusted_origin", "trusted", None, 1),
    ),
    "trusted, silent, capture before, mark says synthetic": (
        (*TRUSTED, declares(None), parent(CAPTURE), marked(FULL, Forgeability.TEXT)),
        ("trusted_origin", "trusted", None, 0),
    ),
    "trusted, silent, generated before": (
        (*TRUSTED, declares(None), parent(FULL)),
        ("declared_synthetic", "trusted", "full", 1),
    ),
    "trusted, silent, generated in part": (
        (*TRUSTED, declares(None), component(FULL)),
        ("declared_synthetic", "trusted", "partial", 1),
    ),
    "trusted, generated over a capture": (
        (*TRUSTED, declares(FULL), parent(CAPTURE)),
        ("declared_synthetic", "trusted", "partial", 1),
    ),
    "unknown signer, silent, generated before": (
        (*UNKNOWN, declares(None), parent(FULL)),
        ("declared_synthetic", "unknown_signer", "full", 1),
    ),
    "altered before": (
        (*TRUSTED, declares(None), parent(FULL), failure("assertion.dataHash.mismatch")),
        ("altered", "invalid", None, 1),
    ),
    "revoked": ((*INTACT, declares(FULL), failure("manifest.signer_revoked")), ("inconclusive", "invalid", None, 0)),
    "two stores": ((*TRUSTED, declares(FULL), failure("manifest.duplicate_store")), ("inconclusive", "invalid", None, 0)),
    "history cut": ((*TRUSTED, declares(CAPTURE), failure("manifest.history_cut")), ("inconclusive", "invalid", None, 0)),
    "thumbnail of another picture": (
        (*TRUSTED, declares(CAPTURE), status("manifest.thumbnail_differs", Outcome.INFORMATIONAL)),
        ("trusted_origin", "trusted", None, 0),
    ),
    "unknown signer, synthetic": ((*UNKNOWN, declares(FULL)), ("declared_synthetic", "unknown_signer", "full", 1)),
    "unknown signer, capture": ((*UNKNOWN, declares(CAPTURE)), ("inconclusive", "unknown_signer", None, 0)),
    "unknown signer, capture, loud detector": (
        (*UNKNOWN, declares(CAPTURE), LOUD),
        ("likely_synthetic", "unknown_signer", None, 1),
    ),
    "no manifest, keyed mark": ((*ABSENT, marked(FULL, Forgeability.KEYED)), ("declared_synthetic", "absent", "full", 1)),
    "no manifest, signed mark": (
        (*ABSENT, marked(PARTIAL, Forgeability.SIGNED)),
        ("declared_synthetic", "absent", "partial", 1),
    ),
    "no manifest, public mark": ((*ABSENT, marked(FULL, Forgeability.PUBLIC)), ("likely_synthetic", "absent", None, 1)),
    "no manifest, text mark": ((*ABSENT, marked(FULL, Forgeability.TEXT)), ("likely_synthetic", "absent", None, 1)),
    "no manifest, mark of a camera": ((*ABSENT, marked(CAPTURE, Forgeability.TEXT)), ("inconclusive", "absent", None, 0)),
    "no manifest, loud detector": ((*ABSENT, LOUD), ("likely_synthetic", "absent", None, 1)),
    "no manifest, quiet detector": ((*ABSENT, QUIET), ("inconclusive", "absent", None, 0)),
    "threshold is not flagged": ((*ABSENT, score(2.0)), ("inconclusive", "absent", None, 0)),
    "nothing at all": ((), ("inconclusive", None, None, 0)),
    "examiner out": ((*ABSENT, UNAVAILABLE), ("inconclusive", "absent", None, 2)),
    "c2pa out": ((status("examiner.unavailable", Outcome.UNAVAILABLE),), ("inconclusive", None, None, 2)),
    "examiner out, but found otherwise": (
        (*ABSENT, UNAVAILABLE, marked(FULL, Forgeability.TEXT)),
        ("likely_synthetic", "absent", None, 1),
    ),
    "examiner out, trusted": ((*TRUSTED, declares(CAPTURE), UNAVAILABLE), ("trusted_origin", "trusted", None, 0)),
    "remote manifest": ((status("manifest.remote_reference", Outcome.INFORMATIONAL),), ("inconclusive", "absent", None, 0)),
    "malformed": ((failure("manifest.malformed"),), ("inconclusive", "invalid", None, 0)),
    "expired": ((*INTACT, declares(FULL), failure("signingCredential.expired")), ("inconclusive", "invalid", None, 0)),
    "expired, loud detector": ((*INTACT, failure("signingCredential.expired"), LOUD), ("likely_synthetic", "invalid", None, 1)),
    "no hard binding": (
        (status("claimSignature.validated"), status("signingCredential.trusted"), declares(FULL)),
        ("inconclusive", "invalid", None, 0),
    ),
    "no signature": (
        (status("assertion.dataHash.match"), status("signingCredential.trusted")),
        ("inconclusive", "invalid", None, 0),
    ),
    "nobody said trusted": ((*INTACT, declares(CAPTURE)), ("inconclusive", "unknown_signer", None, 0)),
    "identity assertion fails": (
        (*TRUSTED, declares(CAPTURE), failure("cawg.x509.signature.mismatch")),
        ("trusted_origin", "trusted", None, 0),
    ),
    "another examiner's codes are not the manifest's": (
        (*ABSENT, *(dataclasses.replace(e, examiner="sidecar") for e in TRUSTED)),
        ("inconclusive", "absent", None, 0),
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_row_of_the_policy(row: str) -> None:
    evidence, expected = ROWS[row]
    assert summary(decide(*evidence)) == expected


@pytest.mark.parametrize("code", sorted(MISMATCHES))
def test_every_mismatch_means_altered(code: str) -> None:
    verdict = decide(*TRUSTED, declares(FULL), LOUD, failure(code))
    assert verdict.conclusion is Conclusion.ALTERED
    assert verdict.reasons == (failure(code),)


@pytest.mark.parametrize("code", sorted(HARD_BINDING_MATCHES))
def test_every_hard_binding_will_do(code: str) -> None:
    evidence = (status("claimSignature.validated"), status("signingCredential.trusted"), status(code))
    assert provenance_state(evidence) is ProvenanceState.TRUSTED


@pytest.mark.parametrize("code", ["claimSignature.validated", "assertion.dataHash.match", "signingCredential.trusted"])
def test_trusted_needs_every_one_of_its_codes(code: str) -> None:
    rest = [e for e in TRUSTED if not (isinstance(e, StatusEvidence) and e.code == code)]
    assert provenance_state(rest) is not ProvenanceState.TRUSTED
    with pytest.raises(NotTrusted) as caught:
        require_trusted(rest)
    assert code in caught.value.missing
    assert caught.value.failures == frozenset()


def test_a_success_code_with_another_outcome_is_no_success() -> None:
    evidence = [*INTACT, status("signingCredential.trusted", Outcome.INFORMATIONAL)]
    assert provenance_state(evidence) is ProvenanceState.UNKNOWN_SIGNER


@pytest.mark.parametrize(
    ("named", "tier"),
    [
        (("current",), Tier.CURRENT),
        (("legacy",), Tier.LEGACY),
        (("development",), Tier.DEVELOPMENT),
        (("current", "development"), Tier.DEVELOPMENT),
        (("legacy", "current"), Tier.LEGACY),
        ((), None),
    ],
)
def test_tier_is_the_weakest_named(named: tuple[str, ...], tier: Tier | None) -> None:
    tiers = [status(f"manifest.tier.{name}", Outcome.INFORMATIONAL) for name in named]
    assert decide(*INTACT, status("signingCredential.trusted"), *tiers).tier is tier


def test_only_a_trusted_manifest_has_a_tier() -> None:
    assert decide(*UNKNOWN, status("manifest.tier.current", Outcome.INFORMATIONAL)).tier is None


def test_require_trusted_passes_a_trusted_manifest() -> None:
    require_trusted(TRUSTED)


def test_require_trusted_names_what_is_missing_and_what_failed() -> None:
    with pytest.raises(NotTrusted) as caught:
        require_trusted([*UNKNOWN, LOUD])
    assert caught.value.missing == {"signingCredential.trusted"}
    assert caught.value.failures == {"signingCredential.untrusted"}
    assert caught.value.code == "manifest.not_trusted"


def test_require_trusted_without_any_evidence_misses_everything() -> None:
    with pytest.raises(NotTrusted) as caught:
        require_trusted([])
    assert caught.value.missing == {"claimSignature.validated", "signingCredential.trusted"} | HARD_BINDING_MATCHES


def test_require_trusted_does_not_take_another_examiners_word() -> None:
    with pytest.raises(NotTrusted) as caught:
        require_trusted([dataclasses.replace(e, examiner="marks") for e in TRUSTED])
    assert "signingCredential.trusted" in caught.value.missing


def test_loud_detector_is_dissent_from_a_trusted_capture() -> None:
    verdict = decide(*TRUSTED, declares(CAPTURE), LOUD)
    assert verdict.dissent == (LOUD,)
    assert [(item.layer, item.weight) for item in verdict.basis if item.weight is Weight.DISAGREES] == [
        (Layer.FORENSIC, Weight.DISAGREES)
    ]


def test_synthetic_mark_is_dissent_from_a_trusted_capture() -> None:
    mark = marked(FULL, Forgeability.TEXT)
    assert decide(*TRUSTED, declares(CAPTURE), mark).dissent == (mark,)


def test_camera_mark_is_dissent_from_a_synthetic_declaration() -> None:
    mark = marked(CAPTURE, Forgeability.TEXT)
    assert decide(*TRUSTED, declares(FULL), mark).dissent == (mark,)


def test_capture_of_the_same_manifest_does_not_contradict_a_composite() -> None:
    assert decide(*TRUSTED, declares(CAPTURE), declares(PARTIAL)).dissent == ()


def test_capture_of_the_same_manifest_contradicts_a_full_generation() -> None:
    assert decide(*TRUSTED, declares(CAPTURE), declares(FULL)).dissent == (declares(CAPTURE),)


CAMERA = status("marks.camera", Outcome.INFORMATIONAL, examiner="marks")
OTHER_THUMBNAIL = status("manifest.thumbnail_differs", Outcome.INFORMATIONAL)


@pytest.mark.parametrize(
    "evidence",
    [
        (*TRUSTED, declares(FULL)),
        (*UNKNOWN, declares(FULL)),
        (*ABSENT, marked(FULL, Forgeability.KEYED)),
        (*ABSENT, marked(FULL, Forgeability.TEXT)),
        (*ABSENT, LOUD),
    ],
)
def test_a_camera_contradicts_what_is_called_generated(evidence: tuple[Evidence, ...]) -> None:
    before, after = decide(*evidence), decide(*evidence, CAMERA)
    assert after.dissent == (CAMERA,)
    assert summary(after) == summary(before)


@pytest.mark.parametrize("evidence", [(*TRUSTED, declares(PARTIAL)), (*TRUSTED, declares(CAPTURE)), ABSENT])
def test_a_camera_contradicts_nothing_else(evidence: tuple[Evidence, ...]) -> None:
    assert decide(*evidence, CAMERA).dissent == ()


@pytest.mark.parametrize("term", [FULL, PARTIAL, CAPTURE])
def test_a_thumbnail_of_another_picture_is_dissent(term: DigitalSourceType) -> None:
    assert decide(*TRUSTED, declares(term), OTHER_THUMBNAIL).dissent == (OTHER_THUMBNAIL,)


def test_what_an_asset_was_made_from_may_have_been_anything() -> None:
    assert decide(*TRUSTED, declares(FULL), component(CAPTURE)).dissent == ()
    assert decide(*TRUSTED, declares(None), parent(FULL), parent(DigitalSourceType.HUMAN_EDITS)).dissent == ()


def test_a_parents_declaration_is_named_among_the_reasons() -> None:
    verdict = decide(*TRUSTED, declares(None), parent(FULL))
    assert verdict.reasons[0] == parent(FULL)
    assert "what it was made from" in verdict.basis[0].statement


def test_loud_detector_supports_a_declaration() -> None:
    weights = [(item.layer, item.weight) for item in decide(*TRUSTED, declares(FULL), LOUD).basis]
    assert (Layer.FORENSIC, Weight.SUPPORTS) in weights
    assert weights[0] == (Layer.METADATA, Weight.DECIDED)


def test_basis_of_a_mark_says_how_forgeable_it_is() -> None:
    (item,) = decide(*ABSENT, marked(FULL, Forgeability.TEXT)).basis
    assert (item.layer, item.forgeable, item.weight) == (Layer.METADATA, Forgeability.TEXT, Weight.DECIDED)
    assert item.statement == "a mark (marks) declares trainedAlgorithmicMedia by tiny"


def test_basis_of_a_score_states_threshold_and_rate() -> None:
    (item,) = decide(*ABSENT, LOUD).basis
    assert item.statement == "the detector's log-likelihood ratio +5.00 exceeds +2.00, set for a false-positive rate of 1.0%"
    assert (item.layer, item.forgeable) == (Layer.FORENSIC, None)


@pytest.mark.parametrize(
    ("tier", "words"),
    [
        ("current", "(trusted)"),
        ("legacy", "(trusted through the legacy interim list)"),
        ("development", "(a development credential of this installation, which proves nothing to others)"),
    ],
)
def test_basis_says_what_the_signer_is_worth(tier: str, words: str) -> None:
    evidence = (
        *INTACT,
        status("signingCredential.trusted"),
        status(f"manifest.tier.{tier}", Outcome.INFORMATIONAL),
        declares(FULL),
    )
    assert words in decide(*evidence).basis[0].statement


def test_basis_of_an_unknown_signer_says_so() -> None:
    assert decide(*UNKNOWN, declares(FULL)).basis[0].statement == (
        "a manifest signed by CN=Signer (an unknown signer) declares trainedAlgorithmicMedia by tiny"
    )


def test_inconclusive_has_no_basis() -> None:
    verdict = decide(*ABSENT, QUIET)
    assert (verdict.basis, verdict.reasons, verdict.dissent) == ((), (), ())


CODES = sorted(
    {
        *(e.code for e in (*TRUSTED, *UNKNOWN, *ABSENT)),
        "signingCredential.expired",
        "manifest.malformed",
        "manifest.thumbnail_differs",
        "marks.camera",
        "manifest.tier.legacy",
        "manifest.tier.development",
        "cawg.x509.credential.untrusted",
        "timeStamp.untrusted",
        *MISMATCHES,
        *HARD_BINDING_MATCHES,
    }
)
EVIDENCE = st.one_of(
    st.builds(StatusEvidence, st.sampled_from(["c2pa", "marks"]), st.sampled_from(CODES), st.sampled_from(Outcome)),
    st.builds(
        declares,
        st.none() | st.sampled_from(DigitalSourceType),
        st.sampled_from(Forgeability),
        st.sampled_from(["c2pa", "marks"]),
        st.sampled_from(Relationship),
    ),
    st.builds(score, st.floats(-20, 20)),
)
SOME = st.lists(EVIDENCE, max_size=10).flatmap(
    lambda extra: st.sampled_from([(), INTACT, TRUSTED, UNKNOWN, ABSENT]).map(lambda base: [*base, *extra])
)


def substance(verdict: Verdict) -> tuple[object, ...]:
    return (
        *summary(verdict),
        verdict.tier,
        frozenset(verdict.reasons),
        frozenset(verdict.dissent),
        frozenset(verdict.basis),
    )


@settings(max_examples=50)
@given(SOME.flatmap(lambda evidence: st.tuples(st.just(evidence), st.permutations(evidence))))
def test_order_of_the_evidence_does_not_matter(pair: tuple[list[Evidence], list[Evidence]]) -> None:
    assert substance(decide(*pair[0])) == substance(decide(*pair[1]))


@settings(max_examples=50)
@given(SOME, st.floats(-50, 2.0))
def test_quiet_detector_never_changes_anything(evidence: list[Evidence], llr: float) -> None:
    assert decide(*evidence, score(llr)) == decide(*evidence)


@settings(max_examples=50)
@given(SOME, st.sampled_from(sorted(MISMATCHES)))
def test_a_mismatch_always_gives_altered(evidence: list[Evidence], code: str) -> None:
    verdict = decide(*evidence, failure(code))
    assert (verdict.conclusion, verdict.exit_code, verdict.state) == (
        Conclusion.ALTERED,
        ExitCode.FINDING,
        ProvenanceState.INVALID,
    )


@settings(max_examples=50)
@given(SOME)
def test_unavailable_matters_only_when_nothing_was_found(evidence: list[Evidence]) -> None:
    before, after = decide(*evidence), decide(*evidence, UNAVAILABLE)
    if before.conclusion is Conclusion.INCONCLUSIVE:
        assert after == dataclasses.replace(before, exit_code=ExitCode.UNAVAILABLE)
    else:
        assert after == before


@settings(max_examples=50)
@given(SOME)
def test_never_trusted_without_signature_binding_and_trust(evidence: list[Evidence]) -> None:
    if decide(*evidence).state is not ProvenanceState.TRUSTED:
        return
    own = {e.code for e in evidence if isinstance(e, StatusEvidence) and e.examiner == "c2pa" and e.outcome is Outcome.SUCCESS}
    assert own >= {"claimSignature.validated", "signingCredential.trusted"}
    assert own & HARD_BINDING_MATCHES
    require_trusted(evidence)


@settings(max_examples=50)
@given(SOME)
def test_a_loud_detector_is_never_hidden(evidence: list[Evidence]) -> None:
    verdict = decide(*evidence, LOUD)
    if verdict.conclusion is not Conclusion.ALTERED:
        assert verdict.exit_code is ExitCode.FINDING
        assert any(item.layer is Layer.FORENSIC for item in verdict.basis)


@settings(max_examples=50)
@given(SOME)
def test_reasons_and_dissent_never_overlap(evidence: list[Evidence]) -> None:
    verdict = decide(*evidence)
    assert not set(verdict.reasons) & set(verdict.dissent)
    assert set(verdict.reasons) | set(verdict.dissent) <= set(evidence)


def test_policy_has_a_version() -> None:
    assert VerdictPolicy().version == "2"
