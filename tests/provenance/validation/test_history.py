"""What a store's other manifests declare: in files built for it, and in stores no sound program writes."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.asset import Asset
from provenance.digital_source_type import DigitalSourceType, Extent
from provenance.evidence import DeclarationEvidence, Evidence, Relationship, StatusEvidence, declarations
from provenance.reader import C2paExaminer
from provenance.validation.history import MAX_MANIFESTS, declared
from provenance.verdict import Conclusion, ProvenanceState, Verdict, VerdictPolicy
from tests.assets import attacks
from tests.assets.chains import chain, sound_chain
from tests.assets.claims import claimed, created, edited, generated
from tests.assets.pictures import encoded

CAPTURE, COMPOSITE = DigitalSourceType.DIGITAL_CAPTURE, DigitalSourceType.COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA
EXAMINER = C2paExaminer(sound_chain().trust())


def judged(asset: Asset) -> Verdict:
    return VerdictPolicy().decide(EXAMINER.examine(asset))


def resized(parent: Asset) -> Asset:
    """What a platform does: says that it resized, and nothing of what."""
    return claimed(actions=edited(action="c2pa.resized"), parents=(parent,))


def outcome(verdict: Verdict) -> tuple[Conclusion, ProvenanceState | None, Extent | None]:
    return verdict.conclusion, verdict.state, verdict.extent


def test_a_resized_generated_picture_is_generated() -> None:
    verdict = judged(resized(generated()))
    assert outcome(verdict) == (Conclusion.DECLARED_SYNTHETIC, ProvenanceState.TRUSTED, Extent.FULL)
    first = verdict.reasons[0]
    assert isinstance(first, DeclarationEvidence)
    assert first.relationship is Relationship.PARENT


def test_politeness_repeated_washes_no_cleaner() -> None:
    asset = generated()
    for _ in range(3):
        asset = resized(asset)
    assert outcome(judged(asset)) == (Conclusion.DECLARED_SYNTHETIC, ProvenanceState.TRUSTED, Extent.FULL)
    found = declarations(EXAMINER.examine(asset))
    assert [d.relationship for d in found] == [Relationship.ASSET, *[Relationship.PARENT] * 3]
    assert len({d.locator for d in found}) == 4


def test_a_resized_capture_is_of_trusted_origin() -> None:
    capture = claimed(actions=created(CAPTURE))
    assert judged(resized(capture)).conclusion is Conclusion.TRUSTED_ORIGIN


def test_a_generators_edit_of_a_capture_is_partial() -> None:
    capture = claimed(actions=created(CAPTURE))
    edit = claimed(actions=edited(DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA), parents=(capture,))
    for asset in (edit, resized(edit)):
        assert outcome(judged(asset)) == (Conclusion.DECLARED_SYNTHETIC, ProvenanceState.TRUSTED, Extent.PARTIAL)


def test_something_generated_placed_into_a_picture_is_partial() -> None:
    asset = claimed(actions=created(CAPTURE), components=(generated(),))
    assert outcome(judged(asset)) == (Conclusion.DECLARED_SYNTHETIC, ProvenanceState.TRUSTED, Extent.PARTIAL)
    assert {d.relationship for d in declarations(EXAMINER.examine(asset))} == {Relationship.ASSET, Relationship.COMPONENT}


def test_the_parent_of_a_component_is_a_component() -> None:
    asset = claimed(actions=created(CAPTURE), components=(resized(generated()),))
    found = declarations(EXAMINER.examine(asset))
    assert [d.relationship for d in found] == [Relationship.ASSET, Relationship.COMPONENT, Relationship.COMPONENT]
    assert judged(asset).extent is Extent.PARTIAL


def test_what_was_put_into_a_generator_is_no_part_of_the_picture() -> None:
    asset = claimed(actions=created(CAPTURE), inputs=(generated(),))
    assert [d.relationship for d in declarations(EXAMINER.examine(asset))] == [Relationship.ASSET]
    assert judged(asset).conclusion is Conclusion.TRUSTED_ORIGIN


def test_a_strangers_declaration_further_up_is_believed_against_the_interest() -> None:
    strangers = generated(signer=chain(name="Stranger").signer)
    assert outcome(judged(resized(strangers))) == (Conclusion.DECLARED_SYNTHETIC, ProvenanceState.TRUSTED, Extent.FULL)


def test_an_altered_parent_is_altered_whatever_it_declares() -> None:
    altered = Asset.from_bytes(attacks.pixel_flipped(generated().data))
    assert judged(resized(altered)).conclusion is Conclusion.ALTERED


def test_an_altered_input_is_altered_too() -> None:
    altered = Asset.from_bytes(attacks.pixel_flipped(generated().data))
    assert judged(claimed(actions=created(CAPTURE), inputs=(altered,))).conclusion is Conclusion.ALTERED


def test_wishes_of_the_active_manifest_are_read() -> None:
    entries = {"cawg.ai_training": {"use": "notAllowed"}}
    asset = claimed(actions=created(CAPTURE), assertions=({"label": "cawg.training-mining", "data": {"entries": entries}},))
    (declaration,) = declarations(EXAMINER.examine(asset))
    assert [(wish.use, wish.permission) for wish in declaration.wishes] == [("cawg.ai_training", "notAllowed")]


def manifest(*ingredients: tuple[str, str], term: str | None = None) -> dict[str, Any]:
    actions = [{"action": "c2pa.created", **({"digitalSourceType": term} if term else {})}]
    return {
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": actions}}],
        "ingredients": [{"relationship": role, "active_manifest": label} for role, label in ingredients],
    }


def history(manifests: dict[str, Any], active: str = "a") -> list[Evidence]:
    return list(declared({"active_manifest": active, "manifests": manifests}, signed_at=None))


def test_a_circle_ends() -> None:
    found = history({"a": manifest(("parentOf", "b")), "b": manifest(("parentOf", "a"), ("componentOf", "b"))})
    assert [(d.locator, d.relationship) for d in declarations(found)] == [("a", Relationship.ASSET), ("b", Relationship.PARENT)]


def test_a_parent_that_is_a_component_as_well_is_a_parent() -> None:
    found = history({"a": manifest(("componentOf", "b"), ("parentOf", "b")), "b": manifest()})
    assert [d.relationship for d in declarations(found)] == [Relationship.ASSET, Relationship.PARENT]


def test_decoys_do_not_push_the_parent_out() -> None:
    decoys = {f"d{i}": manifest() for i in range(300)}
    last = "https://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    manifests = {"a": manifest(*(("componentOf", d) for d in decoys), ("parentOf", "p")), "p": manifest(term=last), **decoys}
    found = history(manifests)
    assert last in {d.digital_source_type for d in declarations(found) if d.relationship is Relationship.PARENT}
    assert len(declarations(found)) == MAX_MANIFESTS
    assert [e.code for e in found if isinstance(e, StatusEvidence)] == ["manifest.history_cut"]


def test_a_chain_longer_than_anyone_edits_is_a_failure() -> None:
    labels = [f"m{i}" for i in range(MAX_MANIFESTS + 1)]
    manifests = {label: manifest(("parentOf", above)) for label, above in itertools.pairwise([*labels, "none"])}
    found = history(manifests, active="m0")
    assert [(e.code, e.outcome.value) for e in found if isinstance(e, StatusEvidence)] == [("manifest.history_cut", "failure")]
    manifests.pop(labels[-1])
    assert not [e for e in history(manifests, active="m0") if isinstance(e, StatusEvidence)]


def test_the_synthetic_one_of_many_source_types_is_kept() -> None:
    terms = [f"https://example.org/{i}" for i in range(40)] + ["trainedAlgorithmicMedia"]
    actions = [{"action": "c2pa.edited", "digitalSourceType": term} for term in terms]
    store = {"a": {"assertions": [{"label": "c2pa.actions", "data": {"actions": actions}}]}}
    found = declarations(history(store))
    assert len(found) == 16
    assert "trainedAlgorithmicMedia" in {d.digital_source_type for d in found}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["a", "b", "parentOf", "componentOf"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "a",
                    "b",
                    "ingredients",
                    "active_manifest",
                    "relationship",
                    "assertions",
                    "data",
                    "actions",
                    "signature_info",
                    "label",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON, JSON)
def test_a_store_of_any_shape_is_read_without_an_error(manifests: Any, active: Any) -> None:
    for evidence in declared({"active_manifest": active, "manifests": manifests}, signed_at=None):
        assert isinstance(evidence, (DeclarationEvidence, StatusEvidence))


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/webp"])
def test_histories_are_read_from_other_formats_too(media_type: str) -> None:
    parent = generated(asset=encoded(media_type))
    asset = claimed(encoded(media_type), actions=edited(action="c2pa.resized"), parents=(parent,))
    assert judged(asset).extent is Extent.FULL
