"""Requests within limits, and the function that answers them for the command line and the worker."""

from __future__ import annotations

import io

import numpy as np
import pytest

from provenance.asset import Asset
from provenance.errors import GenerationInvalid, SignerUnavailable
from provenance.generation import MAX_TEXT_CHARACTERS, GenerationMode
from provenance.pipelines import GenerationRequest, generate
from provenance.pixels import decode
from provenance.verdict import require_trusted
from tests.fakes import FakeStamper
from tests.provenance.pipelines.conftest import picture
from tests.tiny_pipelines import SIZE

SMALL = {"prompt": "a red fox", "steps": 2, "width": SIZE, "height": SIZE}


def asset_of(image) -> Asset:
    out = io.BytesIO()
    image.save(out, "PNG")
    return Asset.from_bytes(out.getvalue())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("prompt", ""),
        ("prompt", " \n"),
        ("prompt", "x" * (MAX_TEXT_CHARACTERS + 1)),
        ("prompt", "a\x00b"),
        ("negative_prompt", "x" * (MAX_TEXT_CHARACTERS + 1)),
        ("seed", -1),
        ("seed", 2**53),
        ("seed", 1.5),
        ("seed", True),
        ("steps", 0),
        ("steps", 501),
        ("guidance_scale", -0.1),
        ("guidance_scale", 100.5),
        ("guidance_scale", float("nan")),
        ("guidance_scale", float("inf")),
        ("width", 56),
        ("width", 4104),
        ("height", 100),
        ("count", 0),
        ("count", 65),
        ("batch_size", 0),
        ("batch_size", 9),
        ("strength", 0.5),  # of no image
        ("mask", asset_of(picture())),  # of no image
    ],
)
def test_a_value_out_of_range_is_named(name, value):
    with pytest.raises(GenerationInvalid, match=name):
        GenerationRequest(**{"prompt": "a red fox", name: value})


@pytest.mark.parametrize("strength", [0.0, -0.5, 1.01, float("nan")])
def test_a_strength_out_of_range(strength):
    with pytest.raises(GenerationInvalid, match="strength"):
        GenerationRequest(prompt="x", image=asset_of(picture()), strength=strength)


@pytest.mark.parametrize(
    "ends", [{"seed": 0, "steps": 1, "guidance_scale": 0.0, "width": 64, "height": 4096}, {"seed": 2**53 - 1, "steps": 500}]
)
def test_the_ends_of_the_ranges_are_allowed(ends):
    assert GenerationRequest(prompt="x" * MAX_TEXT_CHARACTERS, **ends).count == 1


def test_the_last_seed_must_fit_too():
    with pytest.raises(GenerationInvalid, match="seed above"):
        GenerationRequest(prompt="x", seed=2**53 - 2, count=3)


def test_count_pictures_with_following_seeds_in_batches(tiny, wrap, stamper, examiner):
    seen = []
    request = GenerationRequest(**SMALL, negative_prompt="blue", seed=40, count=3, batch_size=2, guidance_scale=3.0)

    result = generate(wrap(tiny("sd15"), stamper), request, lambda *numbers: seen.append(numbers))

    assert [record.seed for record in result.records] == [40, 41, 42]
    assert [record.parameters["num_images_per_prompt"] for record in result.records] == [2, 2, 1]
    assert {record.parameters["guidance_scale"] for record in result.records} == {3.0}
    assert {record.negative_prompt for record in result.records} == {"blue"}
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    for asset in result.assets:
        require_trusted(examiner.examine(asset))


def test_one_picture_of_a_batch_can_be_made_again_alone(tiny, wrap):
    pipeline = wrap(tiny("sd15"))
    batch = generate(pipeline, GenerationRequest(**SMALL, seed=40, count=2, batch_size=2))
    alone = generate(pipeline, GenerationRequest(**SMALL, seed=41))
    assert np.abs(decode(alone.assets[0]).astype(int) - decode(batch.assets[1])).max() <= 1


def test_seeds_are_drawn_where_none_is_given(tiny, wrap):
    result = generate(wrap(tiny("sd15")), GenerationRequest(**SMALL, count=2))
    assert len({record.seed for record in result.records}) == 2


def test_what_is_left_open_is_the_pipelines_choice(tiny, wrap):
    record = generate(wrap(tiny("sd15")), GenerationRequest(prompt="x", width=SIZE, height=SIZE, steps=1)).records[0]
    assert record.parameters["guidance_scale"] == 7.5


def test_an_image_to_start_from_becomes_the_parent(tiny, wrap):
    source = asset_of(picture())
    request = GenerationRequest(prompt="x", image=source, strength=0.5, steps=4, count=2)
    result = generate(wrap(tiny("image_to_image")), request)
    assert [record.parents for record in result.records] == [(source,), (source,)]


def test_inpainting(tiny, wrap):
    source = asset_of(picture())
    request = GenerationRequest(**SMALL, image=source, mask=asset_of(picture(1)))
    assert generate(wrap(tiny("inpainting")), request).records[0].mode is GenerationMode.INPAINTING


@pytest.mark.parametrize(
    ("kind", "extra", "message"),
    [
        ("sd15", {"image": asset_of(picture())}, "takes no image"),
        ("image_to_image", {"image": asset_of(picture())}, "takes no width"),
        ("image_to_image", {"width": None, "height": None}, "needs an image"),
        ("inpainting", {"image": asset_of(picture())}, "needs a mask"),
    ],
)
def test_what_a_model_does_not_take_or_needs(kind, extra, message, tiny, wrap):
    with pytest.raises(GenerationInvalid, match=message):
        generate(wrap(tiny(kind)), GenerationRequest(**{**SMALL, **extra}))


def test_one_picture_that_cannot_be_stamped_keeps_the_request_back(tiny, wrap):
    with pytest.raises(SignerUnavailable):
        generate(wrap(tiny("sd15"), FakeStamper(fail_at=2)), GenerationRequest(**SMALL, count=3))


def test_a_request_is_cancelled_by_raising_in_progress(tiny, wrap):
    def stop_in_the_second_batch(done, total):
        if done > 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(wrap(tiny("sd15")), GenerationRequest(**SMALL, count=3), stop_in_the_second_batch)


class OnePicturePipeline:
    """Called like a pipeline, and too simple for seeds and batches."""

    def __init__(self):
        self.components = {}

    def __call__(self, prompt):
        return type("Output", (), {"images": [picture(len(prompt))]})()


def test_a_pipeline_without_seeds_and_batches(libraries, wrap):
    result = generate(wrap(OnePicturePipeline()), GenerationRequest(prompt="x", count=2))
    assert [record.seed for record in result.records] == [None, None]
    with pytest.raises(GenerationInvalid, match="batch_size"):
        generate(wrap(OnePicturePipeline()), GenerationRequest(prompt="x", count=2, batch_size=2))
