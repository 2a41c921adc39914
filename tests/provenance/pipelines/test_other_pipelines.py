"""Pipelines whose arguments mean something else than Stable Diffusion's."""

from __future__ import annotations

import io

import pytest

from provenance.asset import Asset
from provenance.errors import PipelineRefused
from provenance.generation import GenerationMode
from provenance.pixels import decode
from tests import tiny_pipelines
from tests.provenance.pipelines.conftest import picture
from tests.tiny_pipelines import SIZE


def test_a_control_map_is_no_parent(libraries, wrap):
    out = io.BytesIO()
    picture().save(out, "PNG")
    pipeline = wrap(tiny_pipelines.controlled())

    record = pipeline(
        "x", image=Asset.from_bytes(out.getvalue()), num_inference_steps=2, controlnet_conditioning_scale=0.7
    ).records[0]

    assert (record.mode, record.parents) == (GenerationMode.TEXT_TO_IMAGE, ())
    assert (record.parameters["image"], record.parameters["controlnet_conditioning_scale"]) == ("supplied", 0.7)


def test_a_batch_without_prompts(libraries, wrap):
    result = wrap(tiny_pipelines.unconditional())(batch_size=3, num_inference_steps=2)
    assert len({record.seed for record in result.records}) == 3
    assert [(record.prompt, record.parameters["width"]) for record in result.records] == [(None, 32)] * 3


@pytest.mark.parametrize("output_type", ["latent", "np"])
def test_flux_from_embeddings(output_type, libraries, wrap):
    import torch

    pipeline = wrap(tiny_pipelines.flux())
    call = {
        "prompt_embeds": torch.zeros(1, 8, 32),
        "pooled_prompt_embeds": torch.zeros(1, 32),
        "num_inference_steps": 2,
        "height": SIZE,
        "width": SIZE,
        "max_sequence_length": 8,
    }
    result = pipeline(**call, num_images_per_prompt=2)
    assert [decode(asset).shape for asset in result.assets] == [(SIZE, SIZE, 3)] * 2
    assert result.records[0].scheduler == "FlowMatchEulerDiscreteScheduler"
    with pytest.raises(PipelineRefused):
        pipeline(**call, output_type=output_type)


def test_a_finished_picture_may_start_the_next_pipeline(tiny, wrap):
    small = wrap(tiny("sd15"))("x", num_inference_steps=2, height=SIZE, width=SIZE)
    large = wrap(tiny("upscaler"))("x", image=small.images[0], num_inference_steps=2)
    assert large.records[0].mode is GenerationMode.UPSCALING
    assert large.records[0].parents == small.assets
