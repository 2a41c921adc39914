"""Our own manifests meet every requirement, and every requirement can be missed: one thing is broken at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.asset import Asset
from provenance.conformance.requirements import Standing
from provenance.conformance.rubric import REQUIREMENTS, evaluate
from provenance.digital_source_type import DigitalSourceType
from provenance.evidence import Permission, UsageWish, Use
from provenance.generation import GenerationMode, GenerationRecord
from provenance.reader import C2paExaminer
from provenance.stamp import Stamper
from tests.assets.chains import NOW, sound_chain
from tests.assets.pictures import encoded, picture

CREATED, EDITED = "created", "edited"
Document = dict[str, Any]


def record(**changes: Any) -> GenerationRecord:
    wishes = (UsageWish(Use.AI_TRAINING, Permission.NOT_ALLOWED),)
    fields = {"model": "tests/tiny", "created_at": NOW, "prompt": "a lighthouse", "wishes": wishes}
    return GenerationRecord(**(fields | changes))


def crjson(asset: Asset) -> Document:
    document = C2paExaminer(sound_chain().trust()).crjson(asset)
    assert document is not None
    return document


@cache
def _sound(kind: str) -> Document:
    stamper = Stamper(sound_chain().signer)
    if kind == CREATED:
        return crjson(stamper.stamp(picture(), record()))
    parents = (stamper.stamp(picture(seed=1), record()), encoded("image/jpeg", seed=2))
    return crjson(stamper.stamp(picture(), record(mode=GenerationMode.INPAINTING, parents=parents)))


def sound(kind: str) -> Document:
    return copy.deepcopy(_sound(kind))


def standings(document: Document) -> dict[str, Standing]:
    return {result.id: result.standing for result in evaluate(document)}


def failed(document: Document) -> set[str]:
    return {name for name, standing in standings(document).items() if standing is Standing.FAILED}


# --- what is right


@pytest.mark.parametrize("kind", [CREATED, EDITED])
def test_our_manifests_meet_every_requirement(kind: str) -> None:
    assert {r.id: r.found for r in evaluate(sound(kind)) if r.standing is Standing.FAILED} == {}


def test_what_does_not_arise_is_said_and_not_passed() -> None:
    open_questions = {name: standing for name, standing in standings(sound(CREATED)).items() if standing is not Standing.PASSED}
    assert open_questions == {
        "opened.parent": Standing.NOT_APPLICABLE,
        "placed.components": Standing.NOT_APPLICABLE,
        "signature.time_stamp": Standing.NOT_APPLICABLE,
        "soft_binding.bound": Standing.PENDING,
    }
    remaining = {name for name, standing in standings(sound(EDITED)).items() if standing is not Standing.PASSED}
    assert remaining == {"signature.time_stamp", "soft_binding.bound"}


def test_silence_on_training_is_no_failure() -> None:
    document = sound(CREATED)
    assertions(document).pop("cawg.training-mining")
    assert standings(document)["rights.wishes"] is Standing.NOT_APPLICABLE


def test_without_a_generator_its_requirements_do_not_arise() -> None:
    document = sound(CREATED)
    created(document)["digitalSourceType"] = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
    of_generators = {n: s for n, s in standings(document).items() if n.startswith(("generator.", "disclosure.", "rights."))}
    assert set(of_generators.values()) == {Standing.NOT_APPLICABLE}


@pytest.mark.parametrize("mode", [GenerationMode.IMAGE_TO_IMAGE, GenerationMode.UPSCALING])
def test_an_edit_of_a_generated_picture_may_declare_it_whole(mode: GenerationMode) -> None:
    stamper = Stamper(sound_chain().signer)
    parent = stamper.stamp(picture(seed=1), record())
    document = crjson(stamper.stamp(picture(), record(mode=mode, parents=(parent,), prompt=None)))
    assert failed(document) == set()
    assert standings(document)["generator.prompt"] is Standing.NOT_APPLICABLE


# --- one thing broken at a time


def active(document: Document) -> Document:
    found: Document = document["manifests"][0]
    return found


def claim(document: Document) -> Document:
    found: Document = active(document)["claim.v2"]
    return found


def assertions(document: Document) -> Document:
    found: Document = active(document)["assertions"]
    return found


def actions(document: Document) -> list[Document]:
    found: list[Document] = assertions(document)["c2pa.actions.v2"]["actions"]
    return found


def created(document: Document) -> Document:
    return actions(document)[0]


def edit(document: Document) -> Document:
    return actions(document)[-1]


def ingredients(document: Document, relationship: str) -> Iterator[Document]:
    return (value for value in assertions(document).values() if value.get("relationship") == relationship)


def results(document: Document) -> Document:
    found: Document = active(document)["validationResults"]
    return found


def without_type(document: Document, kind: str) -> None:
    for value in ingredients(document, "inputTo"):
        value["dataTypes"] = [entry for entry in value["dataTypes"] if entry["type"] != kind]


def drop(document: Document, code: str) -> None:
    results(document)["success"] = [status for status in results(document)["success"] if status["code"] != code]


Break = Callable[[Document], Any]
BROKEN: dict[str, list[tuple[str, Break]]] = {
    "manifest.label": [(CREATED, lambda d: active(d).update(label="urn:uuid:1"))],
    "claim.generator": [(CREATED, lambda d: claim(d)["claim_generator_info"].pop("version"))],
    "claim.spec_version": [
        (CREATED, lambda d: claim(d)["claim_generator_info"].update(specVersion="2.3.0")),
        (CREATED, lambda d: claim(d)["claim_generator_info"].update(specVersion="2.4")),
        (CREATED, lambda d: claim(d)["claim_generator_info"].update(specVersion=2.4)),
        (CREATED, lambda d: claim(d)["claim_generator_info"].pop("specVersion")),
    ],
    "claim.no_moved_field": [(CREATED, lambda d: claim(d).update(specVersion="2.4.0"))],
    "assertions.registered": [(CREATED, lambda d: assertions(d).update({"c2pa.novelty": {}}))],
    "assertions.current": [
        (CREATED, lambda d: assertions(d).update({"stds.schema-org.CreativeWork": {}})),
        (CREATED, lambda d: assertions(d).update({"c2pa.training-mining": {}})),
    ],
    "assertions.namespaced": [(CREATED, lambda d: assertions(d).update(remarks={}))],
    "assertions.ratings": [
        (
            CREATED,
            lambda d: assertions(d).update(
                {"org.assay.x": {"reviewRatings": [{"value": 1}], "dataSource": {"type": "humanEntry.anonymous"}}}
            ),
        )
    ],
    "assertions.external": [
        (CREATED, lambda d: assertions(d).update({"c2pa.external-reference": {"label": "c2pa.hash.data", "url": "https://x"}}))
    ],
    "assertions.alternative": [
        (
            CREATED,
            lambda d: assertions(d).update(
                {"c2pa.alternative-content-representation": {"type": "exif.originalPreservationImage", "parameters": {}}}
            ),
        )
    ],
    "binding.one": [(CREATED, lambda d: assertions(d).update({"c2pa.hash.boxes": {}}))],
    "binding.no_url": [(CREATED, lambda d: assertions(d)["c2pa.hash.data"].update(url="https://x"))],
    "actions.first_assertion": [(CREATED, lambda d: claim(d)["created_assertions"].reverse())],
    "actions.inception": [
        (EDITED, lambda d: actions(d).insert(1, {"action": "c2pa.created", "digitalSourceType": "https://x"})),
        (CREATED, lambda d: actions(d).insert(0, {"action": "c2pa.published"})),
    ],
    "actions.complete": [
        (CREATED, lambda d: assertions(d)["c2pa.actions.v2"].pop("allActionsIncluded")),
        (CREATED, lambda d: assertions(d)["c2pa.actions.v2"].update(allActionsIncluded=False)),
    ],
    "actions.registered": [
        (CREATED, lambda d: actions(d).append({"action": "c2pa.invented", "digitalSourceType": "https://x"}))
    ],
    "actions.current": [(CREATED, lambda d: actions(d).append({"action": "c2pa.saved", "digitalSourceType": "https://x"}))],
    "actions.namespaced": [(CREATED, lambda d: actions(d).append({"action": "blessed"}))],
    "actions.parameters_namespaced": [(CREATED, lambda d: created(d)["parameters"].update(mood="calm"))],
    "actions.parameters_current": [(CREATED, lambda d: created(d)["parameters"].update(description="calm"))],
    "actions.source_types": [(CREATED, lambda d: actions(d).append({"action": "c2pa.cropped"}))],
    "actions.ingredients": [(CREATED, lambda d: actions(d).append({"action": "c2pa.transcoded"}))],
    "opened.no_source_type": [(EDITED, lambda d: actions(d)[0].update(digitalSourceType=""))],
    "opened.parent": [
        (EDITED, lambda d: actions(d)[0]["parameters"]["ingredients"].clear()),
        (EDITED, lambda d: actions(d)[0]["parameters"]["ingredients"].append(edit(d)["parameters"]["ingredients"][0])),
    ],
    "placed.components": [
        (EDITED, lambda d: actions(d)[1]["parameters"].update(ingredients=actions(d)[0]["parameters"]["ingredients"]))
    ],
    "ingredients.relationship": [
        (CREATED, lambda d: assertions(d).update({"c2pa.ingredient.v3__9": {"relationship": "friendOf"}}))
    ],
    "ingredients.resolved": [
        (
            CREATED,
            lambda d: created(d)["parameters"]["ingredients"].append(
                {"url": "self#jumbf=c2pa.assertions/c2pa.ingredient.v3__9"}
            ),
        )
    ],
    "ingredients.validated": [
        (EDITED, lambda d: next(ingredients(d, "parentOf")).pop("validationResults")),
        (EDITED, lambda d: next(ingredients(d, "inputTo")).update(validationResults={})),
    ],
    "ingredients.source_type": [(EDITED, lambda d: next(ingredients(d, "parentOf")).update(digitalSourceType="https://x"))],
    "validation.sound": [
        (CREATED, lambda d: results(d)["failure"].append({"code": "assertion.dataHash.mismatch"})),
        (CREATED, lambda d: results(d)["failure"].append({"code": "assertion.action.malformed"})),
        (
            EDITED,
            lambda d: active(d)["ingredientDeltas"][0]["validationDeltas"]["failure"].append(
                {"code": "ingredient.manifest.mismatch"}
            ),
        ),
    ],
    "validation.signature": [(CREATED, lambda d: drop(d, "claimSignature.validated"))],
    "validation.binding": [(CREATED, lambda d: drop(d, "assertion.dataHash.match"))],
    "validation.assertions": [(CREATED, lambda d: drop(d, "assertion.hashedURI.match"))],
    "signature.algorithm": [(CREATED, lambda d: active(d)["signature"].update(algorithm="rs256"))],
    "signature.time_stamp": [(CREATED, lambda d: active(d)["signature"].update(timeStampInfo={}))],
    "generator.agent": [(CREATED, lambda d: created(d).update(softwareAgent="tests/tiny"))],
    "generator.source_type": [
        (CREATED, lambda d: created(d).update(digitalSourceType=DigitalSourceType.COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA)),
        (EDITED, lambda d: edit(d).update(digitalSourceType=DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA)),
    ],
    "generator.edit": [(EDITED, lambda d: edit(d).update(action="c2pa.enhanced"))],
    "generator.model": [(CREATED, lambda d: without_type(d, "c2pa.types.model"))],
    "generator.prompt": [(CREATED, lambda d: without_type(d, "c2pa.types.generator.prompt"))],
    "generator.inputs": [(CREATED, lambda d: created(d)["parameters"]["ingredients"].pop())],
    "disclosure.present": [(CREATED, lambda d: claim(d)["gathered_assertions"].append(claim(d)["created_assertions"].pop(1)))],
    "disclosure.model": [
        (CREATED, lambda d: assertions(d)["c2pa.ai-disclosure"].pop("modelName")),
        (CREATED, lambda d: assertions(d)["c2pa.ai-disclosure"].update(modelType="model")),
    ],
    "disclosure.oversight": [(CREATED, lambda d: assertions(d)["c2pa.ai-disclosure"].pop("contentProfile"))],
    "rights.wishes": [
        (CREATED, lambda d: assertions(d)["cawg.training-mining"]["entries"].clear()),
        (CREATED, lambda d: assertions(d)["cawg.training-mining"]["entries"].update({"cawg.ai_training": {"use": "maybe"}})),
    ],
    "soft_binding.bound": [
        (CREATED, lambda d: assertions(d).update({"c2pa.soft-binding": {}})),
        (CREATED, lambda d: actions(d).append({"action": "c2pa.watermarked.bound"})),
    ],
}
"""For each requirement, what makes a sound document miss it and nothing else."""


@pytest.mark.parametrize(
    ("requirement", "kind", "break_"), [(name, kind, break_) for name, ways in BROKEN.items() for kind, break_ in ways]
)
def test_each_requirement_fails_alone(requirement: str, kind: str, break_: Break) -> None:
    document = sound(kind)
    break_(document)
    assert failed(document) == {requirement}


SEVERAL: dict[str, tuple[str, Break]] = {
    "claim.version": (CREATED, lambda d: active(d).update({"claim": active(d).pop("claim.v2")})),
    "binding.no_boxes_of_tiff": (
        CREATED,
        lambda d: assertions(d).update({"c2pa.asset-type.v2": {"dc:format": "image/tiff"}, "c2pa.hash.boxes": {}}),
    ),
    "validation.present": (CREATED, lambda d: active(d).pop("validationResults")),
}
"""Requirements that cannot be missed alone."""


@pytest.mark.parametrize("requirement", SEVERAL)
def test_a_requirement_that_is_missed_with_others(requirement: str) -> None:
    kind, break_ = SEVERAL[requirement]
    document = sound(kind)
    break_(document)
    assert requirement in failed(document)


def test_every_requirement_was_broken() -> None:
    assert set(BROKEN) | set(SEVERAL) == set(REQUIREMENTS)


# --- documents of strangers

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["label", "assertions", "claim.v2", "actions", "url"]), inner)
    ),
)


@given(document=st.fixed_dictionaries({"manifests": JSON | st.lists(JSON)}))
def test_any_document_is_judged_and_never_passes(document: Document) -> None:
    assert len(failed(document)) > 10


@given(path=st.lists(st.integers(0, 9), min_size=1, max_size=6), value=JSON)
def test_any_part_may_be_anything(path: list[int], value: Any) -> None:
    document = sound(EDITED)
    part: Any = document["manifests"]
    for step in path[:-1]:
        following = part[list(part)[step % len(part)]] if isinstance(part, dict) and part else None
        following = part[step % len(part)] if isinstance(part, list) and part else following
        if not isinstance(following, dict | list) or not following:
            break
        part = following
    key = list(part)[path[-1] % len(part)] if isinstance(part, dict) else path[-1] % len(part)
    part[key] = value
    assert len(evaluate(document)) == len(REQUIREMENTS)
