from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from provenance.evidence import Permission, UsageWish, Use
from provenance.generation import Adapter, GenerationMode, GenerationRecord, SafetyResult
from provenance.manifest import Software, manifest_for
from provenance.prompt_policy import PromptPolicy, PromptRule, WithheldPrompts
from tests.assets.pictures import encoded

TEXT = GenerationRecord(model="tests/tiny", created_at=datetime(2026, 11, 22, 12, 0, 30, 999, tzinfo=UTC))
IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
WHEN = "2026-11-22T12:00:30Z"


def definition(record: GenerationRecord) -> dict[str, Any]:
    made = manifest_for(record, media_type="image/png", instance_id="xmp.iid:1", software=Software("Assay", "1.2"))
    return dict(made.definition)


def assertion(record: GenerationRecord, label: str) -> dict[str, Any]:
    (found,) = [a for a in definition(record)["assertions"] if a["label"] == label]
    assert found["created"] is True
    return dict(found["data"])


def actions(record: GenerationRecord) -> list[dict[str, Any]]:
    data = assertion(record, "c2pa.actions.v2")
    assert data["allActionsIncluded"] is True
    return list(data["actions"])


def made(term: str, mode: str, action: str) -> dict[str, Any]:
    return {
        "action": action,
        "when": WHEN,
        "softwareAgent": {"name": "tests/tiny"},
        "digitalSourceType": IPTC + term,
        "description": mode,
        "parameters": {"ingredientIds": ["model-0"]},
    }


def opened(index: int, action: str = "c2pa.opened") -> dict[str, Any]:
    return {"action": action, "when": WHEN, "parameters": {"ingredientIds": [f"parent-{index}"]}}


def test_text_to_image_is_created() -> None:
    assert actions(TEXT) == [made("trainedAlgorithmicMedia", "text-to-image", "c2pa.created")]


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_a_parent_is_opened_and_edited(mode: GenerationMode) -> None:
    record = dataclasses.replace(TEXT, mode=mode, parents=(encoded(),))
    assert actions(record) == [opened(0), made("compositeWithTrainedAlgorithmicMedia", mode.value, "c2pa.edited")]


def test_further_parents_are_placed() -> None:
    parents = (encoded(), encoded("image/jpeg"), encoded("image/webp"))
    record = dataclasses.replace(TEXT, mode=GenerationMode.INPAINTING, parents=parents)
    assert actions(record)[:3] == [opened(0), opened(1, "c2pa.placed"), opened(2, "c2pa.placed")]
    ingredients = manifest_for(record, media_type="image/png", instance_id="i", software=Software("A", "1")).ingredients
    assert [(i.label, i.relationship, i.asset) for i in ingredients] == [
        ("parent-0", "parentOf", parents[0]),
        ("parent-1", "componentOf", parents[1]),
        ("parent-2", "componentOf", parents[2]),
    ]


def test_definition_names_the_software_and_the_asset() -> None:
    found = definition(TEXT)
    assert found["claim_generator_info"] == [{"name": "Assay", "version": "1.2", "specVersion": "2.4.0"}]
    assert (found["claim_version"], found["format"], found["instance_id"]) == (2, "image/png", "xmp.iid:1")
    assert [a["label"] for a in found["assertions"]] == ["c2pa.actions.v2", "c2pa.ai-disclosure", "org.assay.generation"]


def test_everything_recorded_is_in_the_generation() -> None:
    record = dataclasses.replace(
        TEXT,
        provider="House",
        model_version="2",
        model_sha256="a" * 64,
        prompt="p",
        negative_prompt="n",
        seed=2**63 + 1,
        scheduler="DDIM",
        parameters={"steps": 4, "guidance_scale": 7.5},
        adapters=(Adapter("lora", 0.5),),
        safety=SafetyResult(checked=True, flagged=False),
    )
    assert assertion(record, "org.assay.generation") == {
        "provider": "House",
        "model": "tests/tiny",
        "time": WHEN,
        "id": "xmp.iid:1",
        "content": "created",
        "mode": "text-to-image",
        "parameters": {"steps": 4, "guidance_scale": 7.5},
        "adapters": [{"name": "lora", "weight": 0.5}],
        "safety": {"checked": True, "flagged": False},
        "modelVersion": "2",
        "modelSha256": "a" * 64,
        "seed": "9223372036854775809",
        "scheduler": "DDIM",
    }


def test_what_was_not_recorded_is_not_there() -> None:
    latent = {"provider", "model", "time", "id", "content"}
    assert set(assertion(TEXT, "org.assay.generation")) == latent | {"mode", "parameters", "adapters", "safety"}


def test_seed_zero_is_a_seed() -> None:
    assert assertion(dataclasses.replace(TEXT, seed=0), "org.assay.generation")["seed"] == "0"


@pytest.mark.parametrize(
    ("value", "written"), [(2**53, 2**53), (2**53 + 1, "9007199254740993"), (-(2**63), "-9223372036854775808")]
)
def test_large_parameters_are_written_exactly(value: int, written: object) -> None:
    record = dataclasses.replace(TEXT, parameters={"noise_seed": value, "flag": True})
    assert assertion(record, "org.assay.generation")["parameters"] == {"noise_seed": written, "flag": True}


def inputs(record: GenerationRecord) -> list[dict[str, Any]]:
    return list(definition(record)["ingredients"])


MODEL_TYPE = {"type": "c2pa.types.model"}
PROMPT = {"relationship": "inputTo", "format": "text/plain", "data_types": [{"type": "c2pa.types.generator.prompt"}]}


def test_model_and_adapters_are_inputs_of_the_action() -> None:
    record = dataclasses.replace(TEXT, model_version="2", model_sha256="a" * 64, adapters=(Adapter("lora", 0.5),))
    assert inputs(record) == [
        {"label": "model-0", "title": "tests/tiny", "relationship": "inputTo", "data_types": [{**MODEL_TYPE, "version": "2"}]},
        {"label": "model-1", "title": "lora", "relationship": "inputTo", "data_types": [MODEL_TYPE]},
    ]
    (action,) = actions(record)
    assert action["parameters"] == {"ingredientIds": ["model-0", "model-1"]}
    assert action["softwareAgent"] == {"name": "tests/tiny", "version": "2", "org.assay.weights_sha256": "a" * 64}


def test_every_prompt_is_an_input_of_its_own_and_nowhere_else() -> None:
    record = dataclasses.replace(TEXT, prompt="p", negative_prompt="", parameters={"prompt_2": "q", "prompts": 2})
    made = manifest_for(record, media_type="image/png", instance_id="i", software=Software("A", "1"))
    told = {"prompt": "prompt-70726f6d7074.txt", "prompt_2": "prompt-70726f6d70745f32.txt"}
    assert inputs(record)[1:] == [
        {**PROMPT, "label": f"prompt-{name}", "title": name, "data": {"format": "text/plain", "identifier": identifier}}
        for name, identifier in told.items()
    ]
    assert made.resources == {told["prompt"]: b"p", told["prompt_2"]: b"q"}
    assert assertion(record, "org.assay.generation")["parameters"] == {"prompts": 2}


@pytest.mark.parametrize("rule", [PromptRule(PromptPolicy.OMITTED), PromptRule(PromptPolicy.KEYED, b"k" * 32)])
def test_a_withheld_prompt_is_said_to_be_withheld(rule: PromptRule) -> None:
    record = dataclasses.replace(TEXT, prompt="secret", parameters={"prompt_2": "secret too"}).under(rule)
    made = manifest_for(record, media_type="image/png", instance_id="i", software=Software("A", "1"))
    assert inputs(record)[1:] == [{**PROMPT, "label": "prompt", "title": "prompt", "description": "not disclosed"}]
    assert "secret" not in repr(made)


def test_a_commitment_is_written_with_its_nonce() -> None:
    record = dataclasses.replace(TEXT, withheld=WithheldPrompts(b"n" * 16, {"prompt": "ab" * 32}))
    commitment = assertion(record, "org.assay.generation")["promptCommitment"]
    assert commitment == {"alg": "HMAC-SHA-256", "nonce": "6e" * 16, "prompt": "ab" * 32}


def test_without_a_prompt_none_is_withheld() -> None:
    assert [i["label"] for i in inputs(TEXT.under(PromptRule(PromptPolicy.OMITTED)))] == ["model-0"]


def test_control_pictures_are_inputs_and_not_placed() -> None:
    record = dataclasses.replace(TEXT, inputs=(encoded(),))
    made = manifest_for(record, media_type="image/png", instance_id="i", software=Software("A", "1"))
    assert [(i.label, i.relationship) for i in made.ingredients] == [("input-0", "inputTo")]
    (action,) = actions(record)
    assert (action["action"], action["parameters"]) == ("c2pa.created", {"ingredientIds": ["input-0", "model-0"]})


def test_altered_content_is_said_to_be_altered() -> None:
    record = dataclasses.replace(TEXT, mode=GenerationMode.INPAINTING, parents=(encoded(),))
    assert assertion(record, "org.assay.generation")["content"] == "altered"


def test_wishes_are_an_assertion_of_their_own() -> None:
    wishes = (
        UsageWish(Use.AI_TRAINING, Permission.NOT_ALLOWED),
        UsageWish(Use.DATA_MINING, Permission.CONSTRAINED, "https://example.org/terms"),
    )
    assert assertion(dataclasses.replace(TEXT, wishes=wishes), "cawg.training-mining") == {
        "entries": {
            "cawg.ai_training": {"use": "notAllowed"},
            "cawg.data_mining": {"use": "constrained", "constraint_info": "https://example.org/terms"},
        }
    }
