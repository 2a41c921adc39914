"""Whatever would let pixels or latents out without a stamp is refused before anything is generated."""

from __future__ import annotations

import pytest

from provenance.errors import GenerationInvalid, PipelineError, PipelineRefused
from provenance.pipelines import StampedPipeline, stamped
from tests import tiny_pipelines
from tests.fakes import FakeStamper
from tests.tiny_pipelines import SIZE

CALL = {"num_inference_steps": 2, "height": SIZE, "width": SIZE}


@pytest.mark.parametrize("output_type", ["latent", "np", "pt", "numpy", None])
def test_other_output_than_pictures(output_type, tiny, wrap):
    stamper = FakeStamper()
    with pytest.raises(PipelineRefused, match="output_type"):
        wrap(tiny("sd15"), stamper)("x", output_type=output_type, **CALL)
    assert stamper.records == []


@pytest.mark.parametrize(
    "name", ["callback_on_step_end", "callback", "callback_on_step_end_tensor_inputs", "prior_callback_on_step_end"]
)
def test_callbacks(name, tiny, wrap):
    with pytest.raises(PipelineRefused, match=name):
        wrap(tiny("sd15"))("x", **CALL, **{name: ["latents"] if name.endswith("inputs") else lambda *_: {}})


def test_latent_output_asked_for_by_position(tiny, wrap):
    # prompt, height, width, steps, timesteps, sigmas, guidance, negative, count, eta, generator, latents, four embeddings
    arguments = ["x", SIZE, SIZE, 2, None, None, 7.5, None, 1, 0.0, None, None, None, None, None, None, "latent"]
    with pytest.raises(PipelineRefused, match="latent"):
        wrap(tiny("sd15"))(*arguments)


def test_positional_arguments_are_bound_and_recorded(tiny, wrap):
    record = wrap(tiny("sd15"))("x", SIZE, SIZE, 3).records[0]
    assert record.parameters["steps"] == 3


def test_latents_in_place_of_a_source_picture(tiny, wrap):
    import torch

    with pytest.raises(PipelineRefused, match="parents="):
        wrap(tiny("image_to_image"))("x", image=torch.zeros(1, 4, 8, 8), num_inference_steps=2)


def test_a_source_that_nobody_named(tiny, wrap):
    with pytest.raises(GenerationInvalid, match="image="):
        wrap(tiny("image_to_image"))("x", num_inference_steps=2)


def test_outputs_whose_parent_is_not_certain(tiny, wrap):
    from tests.provenance.pipelines.conftest import picture

    pipeline = wrap(tiny("image_to_image"))
    with pytest.raises(PipelineRefused, match="not certain"):
        pipeline(["a", "b"], image=[picture(1), picture(2)], num_images_per_prompt=2, num_inference_steps=2)


def test_an_argument_the_pipeline_does_not_take(tiny, wrap):
    with pytest.raises(GenerationInvalid, match="'promt'"):
        wrap(tiny("sd15"))(promt="x")


def test_more_positions_than_there_are(tiny, wrap):
    with pytest.raises(GenerationInvalid, match="positional"):
        wrap(tiny("sd15"))(*["x"] * 40)


def test_what_the_pipeline_itself_refuses_keeps_its_cause(tiny, wrap):
    with pytest.raises(PipelineError, match="divisible by 8") as caught:
        wrap(tiny("sd15"))("x", height=65, width=65)
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize(("arguments", "message"), [({"prompt": []}, "0 images"), ({"num_images_per_prompt": -2}, "-2 images")])
def test_no_image_at_all(arguments, message, tiny, wrap):
    with pytest.raises(GenerationInvalid, match=message):
        wrap(tiny("sd15"))(**{"prompt": "x", **CALL, **arguments})


def test_a_failure_does_not_carry_latents_in_its_frames(tiny, wrap):
    raw = tiny_pipelines.sd15()
    raw.vae.decode = None  # fails once the latents are there
    with pytest.raises(PipelineError) as caught:
        wrap(raw)("x", **CALL)
    held, trace = [], caught.value.__cause__.__traceback__
    while trace:
        held += [name for name in ("latents", "noise_pred") if name in trace.tb_frame.f_locals]
        trace = trace.tb_next
    assert held == []


def test_a_plain_tuple_when_asked_for(tiny, wrap):
    images, flags = wrap(tiny("sd15"))("x", return_dict=False, **CALL)
    assert [image.size for image in images] == [(SIZE, SIZE)]
    assert images[0].info.get("stamped") is None  # pixels only; the stamp is in the asset
    assert flags is None


def test_a_plain_tuple_of_a_pipeline_without_a_safety_field(tiny, wrap):
    assert len(wrap(tiny("sdxl"))("x", return_dict=False, **CALL)) == 1


def test_nothing_of_the_pipeline_is_reached_in_passing(tiny, wrap):
    pipeline = wrap(tiny("sd15"))
    reached = [
        name for name in ("vae", "unet", "scheduler", "components", "image_processor", "pipeline") if hasattr(pipeline, name)
    ]
    assert reached == []


def test_the_public_surface_is_this():
    assert {name for name in vars(StampedPipeline) if not name.startswith("_")} == {
        "close",
        "device",
        "needs",
        "scheduler_config",
        "set_adapters",
        "submit",
        "takes",
        "to",
        "use_scheduler",
    }


def test_changing_the_scheduler_configuration_changes_a_copy(tiny, wrap):
    pipeline = wrap(tiny("sd15"))
    pipeline.scheduler_config["beta_start"] = 1.0  # type: ignore[index]
    assert pipeline.scheduler_config["beta_start"] == 0.00085


def test_what_is_no_pipeline():
    with pytest.raises(PipelineRefused, match="function is no diffusers pipeline"):
        stamped(lambda prompt: None, FakeStamper())


def test_a_format_that_is_none(tiny):
    with pytest.raises(GenerationInvalid, match="image/bmp"):
        stamped(tiny("sd15"), FakeStamper(), media_type="image/bmp")


class LeakyPipeline:
    """Called like a pipeline; gives what it was told to give."""

    def __init__(self, images):
        self.components = {}
        self._images = images

    def __call__(self, prompt=None, output_type="pil"):
        return type("Output", (), {"images": self._images})()


@pytest.mark.parametrize("images", [None, [], ["not an image"], "latents"])
def test_a_pipeline_that_gives_something_else_than_it_was_asked_for(images, libraries, wrap):
    with pytest.raises(PipelineRefused):
        wrap(LeakyPipeline(images))("x")
