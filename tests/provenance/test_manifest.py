from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from provenance.generation import Adapter, GenerationMode, GenerationRecord, SafetyResult
from provenance.manifest import Software, manifest_for
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
    }


def opened(index: int, action: str = "c2pa.opened") -> dict[str, Any]:
    return {"action": action, "when": WHEN, "parameters": {"ingredientIds": [f"parent-{index}"]}}


def test_text_to_image_is_created() -> None:
    assert actions(TEXT) == [made("trainedAlgorithmicMedia", "text-to-image", "c2pa.created")]


@pytest.mark.parametrize(
    ("mode", "action"),
    [
        (GenerationMode.TEXT_TO_IMAGE, "c2pa.edited"),
        (GenerationMode.IMAGE_TO_IMAGE, "c2pa.edited"),
        (GenerationMode.INPAINTING, "c2pa.edited"),
        (GenerationMode.UPSCALING, "c2pa.enhanced"),
    ],
)
def test_a_parent_is_opened_and_edited(mode: GenerationMode, action: str) -> None:
    record = dataclasses.replace(TEXT, mode=mode, parents=(encoded(),))
    assert actions(record) == [opened(0), made("compositeWithTrainedAlgorithmicMedia", mode.value, action)]


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
    assert found["claim_generator_info"] == [{"name": "Assay", "version": "1.2", "specVersion": "2.3.0"}]
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
        "mode": "text-to-image",
        "parameters": {"steps": 4, "guidance_scale": 7.5},
        "adapters": [{"name": "lora", "weight": 0.5}],
        "safety": {"checked": True, "flagged": False},
        "modelVersion": "2",
        "modelSha256": "a" * 64,
        "prompt": "p",
        "negativePrompt": "n",
        "seed": "9223372036854775809",
        "scheduler": "DDIM",
    }


def test_what_was_not_recorded_is_not_there() -> None:
    assert set(assertion(TEXT, "org.assay.generation")) == {"provider", "mode", "parameters", "adapters", "safety"}


def test_seed_zero_is_a_seed() -> None:
    assert assertion(dataclasses.replace(TEXT, seed=0), "org.assay.generation")["seed"] == "0"


@pytest.mark.parametrize(
    ("value", "written"), [(2**53, 2**53), (2**53 + 1, "9007199254740993"), (-(2**63), "-9223372036854775808")]
)
def test_large_parameters_are_written_exactly(value: int, written: object) -> None:
    record = dataclasses.replace(TEXT, parameters={"noise_seed": value, "flag": True})
    assert assertion(record, "org.assay.generation")["parameters"] == {"noise_seed": written, "flag": True}
