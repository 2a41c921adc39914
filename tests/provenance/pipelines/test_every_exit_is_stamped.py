"""Real pipelines, the real stamper: what every kind of pipeline lets out reads back as what it is."""

from __future__ import annotations

import io
import json
from typing import Any

import c2pa
import numpy as np
import pytest

from provenance.asset import Asset
from provenance.digital_source_type import DigitalSourceType
from provenance.evidence import declarations
from provenance.generation import GenerationMode
from provenance.pixels import decode
from provenance.prompt_policy import PromptPolicy, PromptRule
from provenance.stamp import Stamper
from provenance.verdict import require_trusted
from tests.provenance.pipelines.conftest import picture
from tests.tiny_pipelines import SIZE

STEPS = {"num_inference_steps": 2}
SIDES = {"height": SIZE, "width": SIZE}

CALLS: dict[str, tuple[dict[str, Any], GenerationMode, int]] = {
    "sd15": ({**STEPS, **SIDES}, GenerationMode.TEXT_TO_IMAGE, SIZE),
    "sdxl": ({**STEPS, **SIDES}, GenerationMode.TEXT_TO_IMAGE, SIZE),
    "image_to_image": ({**STEPS, "image": picture(), "strength": 0.5}, GenerationMode.IMAGE_TO_IMAGE, SIZE),
    "inpainting": (
        {**STEPS, **SIDES, "image": picture(), "mask_image": picture(1).convert("L")},
        GenerationMode.INPAINTING,
        SIZE,
    ),
    "upscaler": ({**STEPS, "image": picture()}, GenerationMode.UPSCALING, 4 * SIZE),
}


def manifest_of(asset: Asset) -> dict[str, Any]:
    """The active manifest, by the SDK itself."""
    store = json.loads(c2pa.Reader(asset.media_type, io.BytesIO(asset.data)).json())
    return dict(store["manifests"][store["active_manifest"]])


def prompt_of(asset: Asset) -> str:
    reader = c2pa.Reader(asset.media_type, io.BytesIO(asset.data))
    (told,) = [i for i in manifest_of(asset)["ingredients"] if i.get("title") == "prompt"]
    out = io.BytesIO()
    reader.resource_to_stream(told["data"]["identifier"], out)
    return out.getvalue().decode()


def assertion(manifest: dict[str, Any], label: str) -> dict[str, Any]:
    return dict(next(a["data"] for a in manifest["assertions"] if a["label"] == label))


@pytest.mark.parametrize("kind", CALLS)
def test_every_image_of_every_kind_of_pipeline_reads_back_as_declared(kind, tiny, wrap, stamper, examiner):
    arguments, mode, side = CALLS[kind]
    pipeline = wrap(tiny(kind), stamper, model="acme/fox-1", provider="Acme")

    result = pipeline("a red fox", num_images_per_prompt=2, **arguments)

    assert len(result) == 2
    assert len({asset.sha256 for asset in result.assets}) == 2
    wanted = (
        DigitalSourceType.TRAINED_ALGORITHMIC_MEDIA
        if mode is GenerationMode.TEXT_TO_IMAGE
        else DigitalSourceType.COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA
    )
    for asset, record in zip(result.assets, result.records, strict=True):
        evidence = examiner.examine(asset)
        require_trusted(evidence)
        assert wanted in {d.digital_source_type for d in declarations(evidence)}
        assert decode(asset).shape == (side, side, 3)
        manifest = manifest_of(asset)
        declared = assertion(manifest, "org.assay.generation")
        assert declared["mode"] == mode
        assert prompt_of(asset) == "a red fox"
        assert declared["seed"] == str(record.seed)
        assert declared["modelSha256"] == record.model_sha256
        assert declared["parameters"]["steps"] == 2
        assert (declared["parameters"]["width"], declared["parameters"]["height"]) == (side, side)
        parents = [i for i in manifest.get("ingredients", []) if i["relationship"] == "parentOf"]
        assert len(parents) == (0 if mode is GenerationMode.TEXT_TO_IMAGE else 1)


def test_a_source_picture_without_a_file_becomes_a_lossless_parent(tiny, wrap):
    source = picture(3)

    record = wrap(tiny("image_to_image"))("x", image=source, strength=0.5, **STEPS).records[0]

    assert np.array_equal(decode(record.parents[0]), np.asarray(source))


@pytest.mark.parametrize("given", ["asset", "stamped_image", "parents"])
def test_a_stamped_source_keeps_its_own_manifest(given, tiny, wrap, stamper, examiner):
    first = wrap(tiny("sd15"), stamper)("a red fox", **STEPS, **SIDES)
    arguments = {
        "asset": {"image": first.assets[0]},
        "stamped_image": {"image": first.images[0]},
        "parents": {"image": first.images[0].resize((SIZE, SIZE)).convert("RGB"), "parents": first.assets},
    }[given]

    second = wrap(tiny("image_to_image"), stamper)("in snow", strength=0.5, **STEPS, **arguments)

    assert second.records[0].parents == first.assets
    require_trusted(examiner.examine(second.assets[0]))
    manifest = manifest_of(second.assets[0])
    parent = next(i for i in manifest["ingredients"] if i["relationship"] == "parentOf")
    assert parent["active_manifest"] == manifest_label(first.assets[0])


def manifest_label(asset: Asset) -> str:
    return str(json.loads(c2pa.Reader(asset.media_type, io.BytesIO(asset.data)).json())["active_manifest"])


def test_an_inpainting_mask_may_be_an_asset_and_is_no_parent(tiny, wrap):
    source = wrap(tiny("image_to_image"))("x", image=picture(), strength=0.5, **STEPS).assets[0]
    mask = wrap(tiny("image_to_image"))("y", image=picture(1), strength=0.5, **STEPS).assets[0]

    record = wrap(tiny("inpainting"))("x", image=source, mask_image=mask, **STEPS, **SIDES).records[0]

    assert (record.parents, record.inputs) == ((source,), (mask,))
    assert record.parameters["mask_image"] == "supplied"


def test_each_prompt_of_a_batch_with_its_own_picture_has_that_one_as_parent(tiny, wrap):
    sources = [picture(1), picture(2)]

    records = wrap(tiny("image_to_image"))(["a", "b"], image=sources, strength=0.5, **STEPS).records

    assert [np.array_equal(decode(r.parents[0]), np.asarray(s)) for r, s in zip(records, sources, strict=True)] == [True, True]
    assert [len(r.parents) for r in records] == [1, 1]


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp"])
def test_the_format_is_chosen_once_for_all_images(media_type, tiny, wrap, stamper, examiner):
    result = wrap(tiny("sd15"), stamper, media_type=media_type)("a red fox", **STEPS, **SIDES)

    assert result.assets[0].media_type == media_type
    require_trusted(examiner.examine(result.assets[0]))


@pytest.mark.parametrize("rule", [PromptRule(PromptPolicy.OMITTED), PromptRule(PromptPolicy.KEYED, b"k" * 32)])
def test_a_prompt_that_is_not_to_be_kept_is_nowhere_in_the_file(rule, tiny, wrap, stamper):
    pipeline = wrap(tiny("sdxl"), Stamper(stamper.signer, prompts=rule))

    result = pipeline("zanzibar", prompt_2="quokka", negative_prompt="ocelot", **STEPS, **SIDES)

    assert [word for word in (b"zanzibar", b"quokka", b"ocelot") if word in result.assets[0].data] == []
    assert result.records[0].parameters["steps"] == 2
